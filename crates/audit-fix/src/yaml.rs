//! Writing manifests, in YAML.

use std::fmt::Write as _;

/// A string as a scalar of one line, quoted wherever any reader of YAML, old or new, could take it for something else.
///
/// It may stand as a value, as a key, and inside `[…]`.
#[must_use]
pub fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            _ if u32::from(c) <= 0xffff => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            _ => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// A list of strings on one line.
#[must_use]
pub fn list<S: AsRef<str>>(texts: &[S]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| scalar(text.as_ref())).collect();
    format!("[{}]", texts.join(", "))
}

/// Whether a text means itself without quotes: a word that is no number, no truth value and no nothing, in YAML 1.1 either.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 11] = [
        "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf",
    ];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn words_stay_readable_and_the_rest_is_quoted() {
        for text in ["cart", "rbac.authorization.k8s.io/v1", "pods/log", "a-b_c"] {
            assert_eq!(scalar(text), text);
        }
        for text in [
            "", "*", "no", "Y", "null", "1e3", "0x1", "12:30", "~", "- a", "a: b", "a #b", "-x",
        ] {
            assert_eq!(scalar(text), format!("\"{text}\""));
        }
        assert_eq!(scalar("a\n\u{202e}\"\u{1f600}"), r#""a\u000a\u202e\"\U0001f600""#);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in r#"([-?:,\[\]{}#&*!|>'"%@`~ \n\\.0-9a]|\PC|.){0,12}"#) {
            let manifest = format!("{}: {}\nlist: {}\n", scalar("key"), scalar(&text), list(&[&text, "x"]));
            prop_assert!(manifest.is_ascii());
            let read: Value = serde_saphyr::from_str(&manifest).unwrap();
            prop_assert_eq!(read, json!({ "key": text, "list": [text, "x"] }));
        }

        #[test]
        fn so_does_any_key(text in r#"([-?:,#&*!|>'"%@`~ \n\\.0-9a]|\PC){0,12}"#) {
            let read: Value = serde_saphyr::from_str(&format!("{}: 1\n", scalar(&text))).unwrap();
            prop_assert_eq!(read, json!({ text: 1 }));
        }
    }
}
