//! YAML with the same content as the JSON. Text stands plain where nothing in it could be taken for anything else, as a block
//! where it has several lines, and else in double quotes, with JSON's escapes, all of which YAML knows.

use serde_json::Value;

use crate::json;
use crate::presentation::Presentation;
use crate::text::is_escaped;

/// Renders a report.
#[must_use]
pub fn render(presentation: &Presentation<'_>) -> String {
    let mut out = String::new();
    write_fields(&mut out, &json::value(presentation), 0);
    out
}

/// The fields of an object, each on a line at this depth.
fn write_fields(out: &mut String, value: &Value, depth: usize) {
    for (number, (name, value)) in value.as_object().into_iter().flatten().enumerate() {
        // The first stands behind the dash of its list.
        if number > 0 || !out.ends_with("- ") {
            indent(out, depth);
        }
        out.push_str(name);
        out.push(':');
        write_value(out, value, depth);
    }
}

/// What stands behind a field's colon or a list's dash.
fn write_value(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            write_fields(out, value, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                indent(out, depth);
                out.push_str("- ");
                if item.as_object().is_some_and(|fields| !fields.is_empty()) {
                    write_fields(out, item, depth + 1);
                } else {
                    out.truncate(out.len() - 1);
                    write_value(out, item, depth + 1);
                }
            }
        }
        Value::String(text) => {
            out.push(' ');
            write_text(out, text, depth);
            out.push('\n');
        }
        other => {
            out.push(' ');
            out.push_str(&other.to_string());
            out.push('\n');
        }
    }
}

fn write_text(out: &mut String, text: &str, depth: usize) {
    if is_plain(text) {
        out.push_str(text);
    } else if is_block(text) {
        // Whether it ends with a line break is part of the text.
        out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
        for line in text.trim_end_matches('\n').split('\n') {
            out.push('\n');
            if !line.is_empty() {
                indent(out, depth + 1);
                out.push_str(line);
            }
        }
    } else {
        for c in Value::from(text).to_string().chars() {
            if is_escaped(c) {
                json::escape(out, c);
            } else {
                out.push(c);
            }
        }
    }
}

/// Whether nobody takes a text for anything but a text: it begins with a letter, holds nothing that means anything to YAML,
/// and is no word that stands for a value.
fn is_plain(text: &str) -> bool {
    let words = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf",
    ];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./:@".contains(c))
        && !text.ends_with(':')
        && !words.contains(&text.to_ascii_lowercase().as_str())
}

/// Whether a text of several lines can stand as it is: its first line must show how far it is indented, and what is at the
/// end of a block is easily lost.
fn is_block(text: &str) -> bool {
    let visible = !text.chars().any(|c| is_escaped(c) && c != '\n');
    visible
        && text.contains('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n'])
        && text
            .trim_end_matches('\n')
            .lines()
            .all(|line| !line.ends_with(' '))
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::*;

    fn written(value: &Value) -> String {
        let mut out = String::new();
        write_fields(&mut out, value, 0);
        out
    }

    #[test]
    fn it_is_what_people_would_write() {
        let value = json!({"a": [{"b": 1, "c": "x y"}, {"d": []}], "e": {"f": null, "g": {}}, "h": "l1\nl2", "i": "on"});
        let expected =
            "a:\n- b: 1\n  c: \"x y\"\n- d: []\ne:\n  f: null\n  g: {}\nh: |-\n  l1\n  l2\ni: \"on\"\n";
        assert_eq!(written(&value), expected);
    }

    #[test]
    fn it_says_what_the_json_says() {
        let report = report(vec![broken(), working("web")]);
        let presentation = presented(&report);
        let yaml: Value = serde_saphyr::from_str(&render(&presentation)).unwrap();
        assert_eq!(
            yaml,
            serde_json::from_str::<Value>(&json::render(&presentation)).unwrap()
        );
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "[ a-z:#\\-\\n\"'\\[\\]{}&*!|>%@`,?~0-9.]{0,12}",
            "\\PC{0,8}",
            Just("Null".to_owned()),
            Just("0x1".to_owned()),
            Just("1e3".to_owned()),
            Just("\t\u{85}\u{2028}".to_owned()),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u32>().prop_map(Value::from),
            text.prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{2,4}x", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_comes_back(value in any_value()) {
            let whole = json!({"value": value});
            let text = written(&whole);
            let read: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
            prop_assert_eq!(read, whole, "{:?}", text);
        }
    }
}
