//! Binary values, written in base64.
//!
//! Source: IAM User Guide, binary condition operators,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_BinaryEquals>.

/// The bytes of a base64 text (RFC 4648, standard alphabet, padding optional, no stray bits at the end).
pub(crate) fn parse(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if digits.len() % 4 == 1 || (padding > 0 && (padding > 2 || !text.len().is_multiple_of(4))) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut buffer, mut bits) = (0_u32, 0);
    for digit in digits.bytes() {
        buffer = (buffer << 6) | value_of(digit)?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.extend(u8::try_from((buffer >> bits) & 0xff));
            buffer &= (1 << bits) - 1;
        }
    }
    (buffer == 0).then_some(bytes)
}

fn value_of(digit: u8) -> Option<u32> {
    Some(match digit {
        b'A'..=b'Z' => u32::from(digit - b'A'),
        b'a'..=b'z' => u32::from(digit - b'a') + 26,
        b'0'..=b'9' => u32::from(digit - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_with_and_without_padding() {
        for (text, expected) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zg", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9vYmFy", b"foobar"),
            ("+/+/", b"\xfb\xff\xbf"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["Z", "Zg=", "Zg===", "Z-==", "Zg==Zg==", "Zm9v=", "Zh==", "10"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
