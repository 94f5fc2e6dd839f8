//! The text of a JSON string.

use std::borrow::Cow;

/// The text of a JSON value of which serde has said that it is one; `None` if it is no string, and where an escape
/// stands for no character.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(json).ok().map(Cow::Owned)
}

/// The text of a string without escapes, such as a percent-encoded policy, up to the quotation mark that ends it. `None` if an escape
/// or a control character comes first, or no such mark.
pub(super) fn plain(string: &str) -> Option<&str> {
    let bytes = string.as_bytes();
    let (eights, _) = bytes.as_chunks::<8>();
    let whole = eights
        .iter()
        .take_while(|eight| plain_bytes(**eight) == 8)
        .count();
    let rest = bytes.get(whole * 8..)?;
    let end = whole * 8
        + rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
    (bytes.get(end) == Some(&b'"'))
        .then(|| string.get(..end))
        .flatten()
}

/// Puts the text of a string into `text`, which is emptied first, and gives the place of the quotation mark that ends
/// it. `None` if none does, and for control characters and escapes by number.
///
/// A policy within a string is little else than escaped quotation marks. So eight bytes are copied at once, and taken
/// back as far as they go beyond the next escape: that takes half the time of copying what lies between two escapes.
pub(super) fn unescape(string: &[u8], text: &mut Vec<u8>) -> Option<usize> {
    text.clear();
    text.reserve(string.len());
    let mut at = 0;
    while let Some(eight) = string.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        text.extend_from_slice(eight);
        match plain_bytes(*eight) {
            8 => at += 8,
            plain => {
                text.truncate(text.len() + plain - 8);
                at += plain;
                match escape(string, at)? {
                    Some(byte) => text.push(byte),
                    None => return Some(at),
                }
                at += 2;
            }
        }
    }
    loop {
        match *string.get(at)? {
            b'"' | b'\\' | ..b' ' => match escape(string, at)? {
                Some(byte) => text.push(byte),
                None => return Some(at),
            },
            byte => {
                text.push(byte);
                at += 1;
                continue;
            }
        }
        at += 2;
    }
}

/// What the escape at this place stands for; `Some(None)` for the quotation mark that ends the string.
#[expect(clippy::option_option, reason = "the outer one is for what is left to serde")]
fn escape(string: &[u8], at: usize) -> Option<Option<u8>> {
    if *string.get(at)? == b'"' {
        return Some(None);
    }
    match (*string.get(at)?, *string.get(at + 1)?) {
        (b'\\', byte @ (b'"' | b'\\' | b'/')) => Some(Some(byte)),
        (b'\\', b'n') => Some(Some(b'\n')),
        (b'\\', b'r') => Some(Some(b'\r')),
        (b'\\', b't') => Some(Some(b'\t')),
        _ => None,
    }
}

/// How many of eight bytes come before the first quotation mark, backslash or control character.
fn plain_bytes(eight: [u8; 8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = u64::from_le_bytes([0x80; 8]);
    let eight = u64::from_le_bytes(eight);
    // The highest bit of a byte: whether it is below a limit. Bytes after the first that is may be marked wrongly.
    let below = |bytes: u64, limit: u8| bytes.wrapping_sub(ONES * u64::from(limit)) & !bytes;
    let is = |byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
    let ending = (below(eight, b' ') | is(b'"') | is(b'\\')) & HIGHEST;
    ending.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_that_serde_reads() {
        for json in [
            r#""""#,
            r#""plain é""#,
            r#""\"""#,
            r#""\\""#,
            r#""\\\"\\""#,
            r#""{\"a\": \"é\\n\"}\r\n\t\/""#,
            r#""\b\f\u00e9\ud83d\ude00 \"""#,
            r#""\ud83d""#,
            r#""a\ude00""#,
            "1",
            "{}",
        ] {
            let expected: Option<String> = serde_json::from_str(json).ok();
            assert_eq!(text(json).as_deref(), expected.as_deref(), "{json}");
        }
    }

    #[test]
    fn what_is_unescaped_is_what_serde_reads() {
        let mut space = b"old".to_vec();
        let mut check = |inside: &str, is_usual: bool| {
            let line = format!("{inside}\", \"more\": \"0123456789");
            let length = unescape(line.as_bytes(), &mut space);
            assert_eq!(length, is_usual.then_some(inside.len()), "{inside}");
            let has_none = is_usual && !inside.contains('\\');
            assert_eq!(plain(&line), has_none.then_some(inside), "{inside}");
            if is_usual {
                let expected: String = serde_json::from_str(&format!("\"{inside}\"")).unwrap();
                assert_eq!(space, expected.as_bytes(), "{inside}");
            }
        };
        for before in 0..18 {
            let before = "é".repeat(before / 2) + "a".repeat(before % 2).as_str();
            for escaped in ["", r#"\""#, r"\\", r#"\\\"\\"#, r"\n\r\t\/", r#"\"a\"b\"c\"d"#] {
                for after in ["", "x", "0123456789"] {
                    check(&format!("{before}{escaped}{after}"), true);
                }
            }
            for unusual in [r"\u00e9", r"\b", r"\f", r"\x", "\u{1}", "\n"] {
                check(&format!("{before}{unusual}"), false);
            }
        }
        for unfinished in ["", "abc", r"\", "0123456789", r"0123456789\"] {
            assert_eq!(unescape(unfinished.as_bytes(), &mut space), None);
            assert_eq!(plain(unfinished), None);
        }
    }
}
