//! Percent-encoding: decode what is encoded, and only that.

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
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map_err(|e| {
            refusal(
                format!(
                    "the percent-encoded text is not UTF-8 at byte {}",
                    e.valid_up_to()
                ),
                "UTF-8",
            )
        })
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
