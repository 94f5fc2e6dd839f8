//! The first bytes of a source, which show what cannot be a text.

use std::io::{self, Cursor, Read};

use crate::encoding::Encoding;
use crate::leftover::Reason;

/// How many bytes are looked at; a tar archive names itself behind the first 257.
const LENGTH: u64 = 512;

/// The first bytes of the formats that compress files, and what unpacks them. Sources: RFC 1952, RFC 8878, the PKWARE `APPNOTE`, and the
/// file formats of `bzip2` and `xz`.
static COMPRESSED: [(&[u8], Reason); 6] = [
    (
        b"\x1f\x8b",
        Reason::new("is compressed with gzip", "unpack it with `gunzip` first"),
    ),
    (
        b"\x28\xb5\x2f\xfd",
        Reason::new("is compressed with zstd", "unpack it with `unzstd` first"),
    ),
    (
        b"PK\x03\x04",
        Reason::new("is a zip archive", "unpack it with `unzip` first"),
    ),
    (
        b"PK\x05\x06",
        Reason::new("is an empty zip archive", "give the files themselves"),
    ),
    (
        b"BZh",
        Reason::new("is compressed with bzip2", "unpack it with `bunzip2` first"),
    ),
    (
        b"\xfd7zXZ\0",
        Reason::new("is compressed with xz", "unpack it with `unxz` first"),
    ),
];

/// Reads the first bytes of a source. Returns them, and the source as it was.
pub(super) fn peek(mut source: Box<dyn Read>) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut head = Vec::new();
    (&mut source).take(LENGTH).read_to_end(&mut head)?;
    let whole = Cursor::new(head.clone()).chain(source);
    Ok((head, Box::new(whole)))
}

/// That what begins so is compressed, or an archive, and what helps.
pub(super) fn packed(head: &[u8]) -> Option<Reason> {
    let compressed = COMPRESSED.iter().find(|(magic, _)| head.starts_with(magic));
    if let Some((_, reason)) = compressed {
        return Some(reason.clone());
    }
    (head.get(257..262) == Some(b"ustar"))
        .then(|| Reason::new("is a tar archive", "unpack it with `tar -x` first"))
}

/// Why what begins so is not a text, and what helps; `None` for what may be one.
pub(super) fn not_a_text(head: &[u8]) -> Option<Reason> {
    let packed = packed(head);
    if packed.is_some() {
        return packed;
    }
    let is_utf16 = matches!(Encoding::of(head), (Encoding::Utf16(_), _));
    (head.contains(&0) && !is_utf16).then(|| Reason::new("is a binary file", "give YAML or JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_text_shows_by_its_first_bytes() {
        let mut tar = vec![b'a'; 257];
        tar.extend(b"ustar\0");
        for (head, expected) in [
            (&b"\x1f\x8b\x08"[..], Some("gzip")),
            (b"\x28\xb5\x2f\xfd\x04", Some("zstd")),
            (b"PK\x03\x04\x14", Some("zip")),
            (b"BZh91AY", Some("bzip2")),
            (b"\xfd7zXZ\0\0", Some("xz")),
            (&tar, Some("tar")),
            (b"\x7fELF\x02\x01\x01\0\0", Some("binary")),
            (b"k8s\0\n\x0c\n\x02v1", Some("binary")),
            (b"", None),
            (b"apiVersion: v1", None),
            (b"\xff\xfea\0\0\x01", None),
            (b"{\0\"\0a\0", None),
            (b"\0{\0\"\0a", None),
        ] {
            let told = not_a_text(head);
            assert_eq!(told.is_some(), expected.is_some(), "{head:?}");
            let told = told.map(|reason| reason.to_string()).unwrap_or_default();
            assert!(told.contains(expected.unwrap_or_default()), "{head:?}: {told}");
        }
    }

    #[test]
    fn nothing_is_lost_by_a_look_at_the_beginning() {
        for length in [0, 1, 511, 512, 513, 5_000] {
            let bytes = vec![b'x'; length];
            let (head, mut source) = peek(Box::new(Cursor::new(bytes.clone()))).unwrap();
            let mut read = Vec::new();
            source.read_to_end(&mut read).unwrap();
            assert!(head.len() == length.min(512) && read == bytes, "{length}");
        }
    }
}
