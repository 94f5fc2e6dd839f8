//! The length and hash of what is written.

use std::fmt::Write as _;
use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

/// Counts and hashes bytes.
#[derive(Debug, Default)]
pub struct Digest {
    bytes: u64,
    hash: Sha256,
}

impl Digest {
    /// How many bytes there were, and their SHA-256 in hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> (u64, String) {
        let mut text = String::new();
        for byte in self.hash.finalize() {
            let _ = write!(text, "{byte:02x}");
        }
        (self.bytes, text)
    }
}

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_and_hashed() {
        let mut digest = Digest::default();
        digest.write_all(b"a").unwrap();
        digest.write_all(b"bc").unwrap();
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.finish(), (3, hash.to_owned()));
    }
}
