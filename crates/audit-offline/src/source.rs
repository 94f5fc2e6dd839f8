//! A text, from bytes.

use audit_core::text::quote;

use crate::problem::{InputProblem, Place};

/// The most bytes of one text. A list of ten thousand pods, as kubectl prints it, has about a hundred million.
pub const MAX_BYTES: usize = 256 << 20;

/// What somebody gave: a file, or standard input.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name, for messages.
    pub name: String,
    /// Its contents.
    pub bytes: Vec<u8>,
    /// It was named, and not found in a directory: that nothing in it can be used is an error then.
    pub named: bool,
}

impl Source {
    /// A text that was named.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: text.into(),
            named: true,
        }
    }

    /// The text: UTF-8, or UTF-16 with a byte order mark, which is what Windows `PowerShell` redirects into a file.
    pub(crate) fn text(&self) -> Result<String, InputProblem> {
        let fail = |message: String| InputProblem::error(self.place(), message);
        if self.bytes.len() > MAX_BYTES {
            return Err(fail(format!("is larger than {} MiB: split it", MAX_BYTES >> 20)));
        }
        let utf16 = |of: fn([u8; 2]) -> u16| {
            let units = self.bytes.as_chunks().0.iter().skip(1).map(|pair| of(*pair));
            char::decode_utf16(units)
                .collect::<Result<String, _>>()
                .map_err(|_| {
                    fail("is no UTF-16 text, although it begins like one: save it as UTF-8".to_owned())
                })
        };
        match self.bytes.as_slice() {
            [0xff, 0xfe, ..] => utf16(u16::from_le_bytes),
            [0xfe, 0xff, ..] => utf16(u16::from_be_bytes),
            bytes => {
                let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
                let text = std::str::from_utf8(bytes).map_err(|error| {
                    let line = 1 + bytes
                        .iter()
                        .take(error.valid_up_to())
                        .filter(|b| **b == b'\n')
                        .count();
                    fail(format!("is no UTF-8 text at line {line}: give YAML or JSON"))
                })?;
                Ok(text.to_owned())
            }
        }
    }

    /// Somewhere in it.
    pub(crate) fn place(&self) -> Place {
        Place::within(&self.shown(), self.named, self.folder())
    }

    /// The directory in which it lies; its whole name where it lies in none.
    pub(crate) fn folder(&self) -> &str {
        self.name
            .rsplit_once(['/', '\\'])
            .map_or(&self.name, |(folder, _)| folder)
    }

    /// Its name, safe to show.
    pub(crate) fn shown(&self) -> String {
        if self.name == "-" {
            "standard input".to_owned()
        } else {
            quote(&self.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Option<String> {
        Source::new("a.yaml", bytes).text().ok()
    }

    #[test]
    fn a_text_is_utf_8_or_utf_16() {
        for (bytes, expected) in [
            (&b"a: \xc3\xa9"[..], Some("a: é")),
            (b"\xef\xbb\xbfa", Some("a")),
            (b"\xff\xfea\0\xe9\0", Some("aé")),
            (b"\xfe\xff\0a", Some("a")),
            (b"\xff\xfe\0\xd8", None),
            (b"a\n\xff", None),
            (b"", Some("")),
        ] {
            assert_eq!(text(bytes).as_deref(), expected, "{bytes:?}");
        }
        let problem = Source::new("a\u{1b}.yaml", b"a\n\xff".to_vec())
            .text()
            .unwrap_err();
        let shown = problem.to_string();
        assert!(shown.contains("line 2") && !shown.contains('\u{1b}'), "{shown}");
    }
}
