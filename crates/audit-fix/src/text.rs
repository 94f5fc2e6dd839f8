//! Showing text that nobody vouches for: names, annotations and policies come from people who may wish the reader ill.

use std::fmt::Write as _;

pub use iam_policy::is_hidden;

/// The most characters of one untrusted value that a message shows; an ARN or a subject fits.
const SHOWN: usize = 200;

/// Makes a value safe to show on a terminal, in a log line or in an Event: control and invisible formatting
/// characters are escaped, and long values cut.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(SHOWN) + 2);
    for (count, c) in text.chars().enumerate() {
        if count == SHOWN {
            shown.push('…');
            break;
        }
        if is_hidden(c) || c == '`' {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// JSON in ASCII without control characters, so that no terminal shows anything else than what is pasted. Such a text is a
/// literal in jq's language as well.
#[must_use]
pub fn ascii_json(value: &serde_json::Value) -> String {
    let json = value.to_string();
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        push_within_string(&mut ascii, c);
    }
    ascii
}

/// A JSON text with a line for each value, in the order in which it was, in ASCII without control characters.
#[must_use]
pub fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json.chars().peekable();
    let line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => {}
            '{' | '[' => {
                text.push(c);
                while rest.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = rest.next_if(|c| matches!(c, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            '"' => {
                text.push(c);
                while let Some(c) = rest.next() {
                    push_within_string(&mut text, c);
                    match c {
                        '\\' => text.extend(rest.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            _ => text.push(c),
        }
    }
    text
}

fn push_within_string(text: &mut String, c: char) {
    if (' '..='~').contains(&c) {
        text.push(c);
    } else {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
}

/// Makes a message safe to show that repeats parts of untrusted values in backticks of its own.
#[must_use]
pub fn reveal(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    for c in message.chars() {
        if is_hidden(c) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Quotes several values, joined by commas; at most `most` of them, then how many more there are.
#[must_use]
pub fn quote_list<S: AsRef<str>>(values: &[S], most: usize) -> String {
    quote_first(values, most, values.len())
}

/// The same for so many values that only those that are shown should be made.
#[must_use]
pub fn quote_first<S: AsRef<str>>(values: impl IntoIterator<Item = S>, most: usize, count: usize) -> String {
    let mut shown: Vec<String> = values
        .into_iter()
        .take(most)
        .map(|v| format!("`{}`", quote(v.as_ref())))
        .collect();
    if count > most {
        shown.push(format!("{} more", count - most));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_are_escaped() {
        assert_eq!(
            quote("a\u{1b}[31m\n\u{202e}`b"),
            "a\\u{1b}[31m\\u{a}\\u{202e}\\u{60}b"
        );
    }

    #[test]
    fn a_message_keeps_its_backticks() {
        assert_eq!(
            reveal("found `a\u{200b}`, expected `b`"),
            "found `a\\u{200b}`, expected `b`"
        );
    }

    #[test]
    fn json_in_ascii_means_the_same() {
        let value = serde_json::json!({"é\u{202e}": ["\u{1f600}", "\u{7f}\n\"\\", 1.5, null]});
        let text = ascii_json(&value);
        assert!(text.is_ascii() && !text.chars().any(is_hidden), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(quote(&"é".repeat(500)).chars().count(), SHOWN + 1);
    }

    #[test]
    fn a_list_says_how_much_it_left_out() {
        assert_eq!(quote_list(&["a", "b", "c"], 2), "`a`, `b`, 1 more");
    }
}
