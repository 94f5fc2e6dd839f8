//! Percent-encoding: decode what is encoded, and only that.
//!
//! Source: GetRole: policies come URL-encoded as of RFC 3986,
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>.

use std::borrow::Cow;

use super::MAX_BYTES;
use crate::problem::{Gravity, Position, Problem};

/// The plain text of a document.
///
/// A JSON object begins with `{`, which percent-encoding never leaves as it is: a text is encoded exactly if its
/// first character is a `%`. A `+` stays a `+`.
pub(super) fn decode(text: &str) -> Result<Cow<'_, str>, Problem> {
    if text.len() > MAX_BYTES {
        return Err(refusal(
            format!("the text has {} bytes", text.len()),
            "at most 262144",
        ));
    }
    if !text.trim_start().starts_with('%') {
        return Ok(Cow::Borrowed(text));
    }
    let decoded = String::from_utf8(decoded(text)).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        refusal(
            format!("the percent-encoded text is not UTF-8 at byte {at}"),
            "UTF-8",
        )
    })?;
    Ok(Cow::Owned(decoded))
}

/// Each `%` that two hexadecimal digits follow, with them, as the byte that they stand for; the rest as it is.
///
/// Of a policy that IAM gives out, every third byte belongs to an escape, which takes two thirds of the reading when
/// each byte is asked for its value as a digit and space is made as one goes.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    loop {
        match bytes {
            [b'%', high, low, rest @ ..] => {
                let (high, low) = (digit(*high), digit(*low));
                if (high | low) < 16 {
                    decoded.push(high << 4 | low);
                    bytes = rest;
                } else {
                    decoded.push(b'%');
                    bytes = bytes.get(1..).unwrap_or_default();
                }
            }
            [byte, rest @ ..] => {
                decoded.push(*byte);
                bytes = rest;
            }
            [] => return decoded,
        }
    }
}

/// The value of a hexadecimal digit; of anything else, more than any has.
fn digit(byte: u8) -> u8 {
    if byte.is_ascii_hexdigit() {
        (byte & 0xf) + 9 * (byte >> 6)
    } else {
        u8::MAX
    }
}

fn refusal(message: String, expected: &str) -> Problem {
    let position = Position { line: 1, column: 1 };
    Problem {
        message,
        expected: expected.to_owned(),
        position,
        gravity: Gravity::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn decodes_as_the_library_does(text in "([%0-9a-fA-Fg{é]|%[0-9a-fA-F]{2}){0,24}") {
            let expected: Vec<u8> = percent_encoding::percent_decode_str(&text).collect();
            assert_eq!(decoded(&text), expected, "{text}");
        }
    }
}
