//! What serde says of a value that it cannot decode, in words for people.
//!
//! Its messages are made for programmers: ``invalid type: integer `5`, expected a string``. Untrusted values in them have to be made safe to
//! show afterwards, by [`crate::text::quote`]; the backticks around them would then be hidden characters in a quotation.

/// A message of serde without backticks: what was expected first, then what was found.
///
/// The types of serde's data model get the names that JSON and YAML have for them.
#[must_use]
pub fn plain(message: &str) -> String {
    let words = message.replace('`', "'");
    let mismatch = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|begin| words.strip_prefix(begin))
        .and_then(|rest| rest.rsplit_once(", expected "));
    match mismatch {
        Some((found, expected)) => format!("expected {}, found {}", named(expected), named(found)),
        None => named(&words),
    }
}

/// The names that types have in JSON and YAML.
fn named(text: &str) -> String {
    const NAMES: [(&str, &str); 9] = [
        ("a borrowed string", "a text"),
        ("a sequence", "a list"),
        ("sequence", "a list"),
        ("a map", "an object"),
        ("map", "an object"),
        ("unit", "null"),
        ("a string", "a text"),
        ("usize", "a whole number that is not negative"),
        ("u32", "a whole number that is not negative"),
    ];
    if let Some((_, name)) = NAMES.iter().find(|(word, _)| *word == text) {
        return (*name).to_owned();
    }
    let kinds = [
        ("integer ", "the number "),
        ("floating point ", "the number "),
        ("string ", "the text "),
        ("boolean ", "the value "),
    ];
    let known = kinds
        .iter()
        .find_map(|(word, name)| Some(format!("{name}{}", text.strip_prefix(word)?)));
    if let Some(known) = known {
        return known;
    }
    match text.strip_prefix("struct ") {
        Some(_) => "an object".to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_expected_comes_first_and_no_backtick_is_left() {
        for (message, expected) in [
            (
                "invalid type: integer `5`, expected a string",
                "expected a text, found the number '5'",
            ),
            (
                "invalid type: null, expected a sequence",
                "expected a list, found null",
            ),
            (
                "invalid type: map, expected a sequence",
                "expected a list, found an object",
            ),
            (
                "invalid type: string \"x, expected y\", expected a map",
                "expected an object, found the text \"x, expected y\"",
            ),
            (
                "invalid type: sequence, expected struct Raw",
                "expected an object, found a list",
            ),
            ("missing field `Arn`", "missing field 'Arn'"),
            ("expected `,` or `]`", "expected ',' or ']'"),
        ] {
            assert_eq!(plain(message), expected);
        }
    }
}
