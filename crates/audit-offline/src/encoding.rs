//! How the bytes of a text are encoded: UTF-8, or UTF-16 as Windows `PowerShell` redirects it into a file.

use std::io::{self, Cursor, Read};

/// How bytes are written as a text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Encoding {
    Utf8,
    /// With the order of its bytes.
    Utf16(fn([u8; 2]) -> u16),
}

impl Encoding {
    /// The encoding of a text that begins so, and how many bytes its mark takes.
    pub(crate) fn of(head: &[u8]) -> (Self, usize) {
        match head {
            [0xff, 0xfe, ..] => (Self::Utf16(u16::from_le_bytes), 2),
            [0xfe, 0xff, ..] => (Self::Utf16(u16::from_be_bytes), 2),
            [0xef, 0xbb, 0xbf, ..] => (Self::Utf8, 3),
            // Without a mark, the zeros of the first two characters tell, which are ASCII in YAML and JSON (YAML 1.2, 5.2).
            [1..=0x7f, 0, 1..=0x7f, 0, ..] => (Self::Utf16(u16::from_le_bytes), 0),
            [0, 1..=0x7f, 0, 1..=0x7f, ..] => (Self::Utf16(u16::from_be_bytes), 0),
            _ => (Self::Utf8, 0),
        }
    }
}

/// A whole text in UTF-8 or UTF-16, without its byte order mark.
///
/// # Errors
/// The bytes that are valid, where the others are not text of that encoding.
pub fn decode(bytes: &[u8]) -> Result<String, String> {
    let (encoding, mark) = Encoding::of(bytes);
    let text = bytes.get(mark..).unwrap_or_default();
    let of = match encoding {
        Encoding::Utf8 => {
            return match std::str::from_utf8(text) {
                Ok(text) => Ok(text.to_owned()),
                Err(error) => {
                    let valid = text.get(..error.valid_up_to()).unwrap_or_default();
                    Err(String::from_utf8_lossy(valid).into_owned())
                }
            };
        }
        Encoding::Utf16(of) => of,
    };
    let (pairs, odd) = text.as_chunks();
    let mut decoded = String::new();
    for unit in char::decode_utf16(pairs.iter().map(|pair| of(*pair))) {
        match unit {
            Ok(character) => decoded.push(character),
            Err(_) => return Err(decoded),
        }
    }
    if odd.is_empty() { Ok(decoded) } else { Err(decoded) }
}

/// The bytes of a text in UTF-8 or UTF-16 as UTF-8, without a byte order mark. UTF-8 is passed on as it is read, and not checked.
///
/// # Errors
/// Those of the source, and where it begins like UTF-16 and is not.
pub fn utf8<'r>(mut source: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut head = Vec::new();
    (&mut source).take(4).read_to_end(&mut head)?;
    Ok(match Encoding::of(&head) {
        (Encoding::Utf8, mark) => {
            head.drain(..mark);
            Box::new(Cursor::new(head).chain(source))
        }
        (Encoding::Utf16(_), _) => {
            source.read_to_end(&mut head)?;
            let decoded = decode(&head);
            let decoded =
                decoded.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-16 text"))?;
            Box::new(Cursor::new(decoded))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_passed_on_as_utf_8() {
        for (bytes, expected) in [
            (&b"{\"a\": 1}\n"[..], "{\"a\": 1}\n"),
            (b"\xef\xbb\xbf{}", "{}"),
            (b"\xff\xfe{\0}\0", "{}"),
            (b"{\0}\0", "{}"),
            (b"", ""),
        ] {
            let read = io::read_to_string(utf8(bytes).unwrap());
            assert_eq!(read.unwrap(), expected, "{bytes:?}");
        }
        assert!(utf8(&b"\xff\xfe\0\xd8"[..]).is_err());
    }

    #[test]
    fn a_text_may_have_a_mark_and_be_utf_16() {
        for (bytes, expected) in [
            (&b"{\"a\": 1}"[..], Ok("{\"a\": 1}")),
            (b"\xef\xbb\xbfa", Ok("a")),
            (b"\xff\xfea\0\xe9\0", Ok("a\u{e9}")),
            (b"\xfe\xff\0a", Ok("a")),
            (b"{\0\"\0", Ok("{\"")),
            (b"", Ok("")),
            (b"ab\xff", Err("ab")),
            (b"\xff\xfea\0\0\xd8", Err("a")),
            (b"\xff\xfea\0b", Err("a")),
        ] {
            let decoded = decode(bytes);
            assert_eq!(decoded.as_deref().map_err(String::as_str), expected, "{bytes:?}");
        }
    }
}
