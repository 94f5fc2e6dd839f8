//! Two texts of a policy as a unified diff of the indented documents.

use std::fmt::Write as _;
use std::ops::Range;

use similar::{Algorithm, capture_diff_slices, group_diff_ops};

use crate::alternative::{Alternative, Form};
use crate::text::indented;

/// Lines that stand around a change.
const CONTEXT: usize = 3;

/// The diff from one text of a policy to another; `name` is safe to show.
#[must_use]
pub fn alternative(name: &str, old: &str, new: &str) -> Alternative {
    let names = (format!("{name}, as it is"), format!("{name}, repaired"));
    Alternative::new(Form::Diff, documents(&names.0, old, &names.1, new))
}

/// The diff from one document to another, as `patch` takes it. The names are safe to show; the documents are JSON.
#[must_use]
pub fn documents(old_name: &str, old: &str, new_name: &str, new: &str) -> String {
    let (old, new) = (indented(old), indented(new));
    let hunks = unified(&lines(&old), &lines(&new));
    format!("--- {old_name}\n+++ {new_name}\n{hunks}")
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// The hunks of the difference, as `patch` takes them.
fn unified(old: &[&str], new: &[&str]) -> String {
    // Lines count from 1; an empty range stands behind the line before it.
    let shown = |range: Range<usize>| {
        let first = range.start + usize::from(!range.is_empty());
        format!("{first},{}", range.len())
    };
    let mut text = String::new();
    for hunk in group_diff_ops(capture_diff_slices(Algorithm::Myers, old, new), CONTEXT) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else {
            continue;
        };
        let old_range = first.old_range().start..last.old_range().end;
        let new_range = first.new_range().start..last.new_range().end;
        let _ = writeln!(text, "@@ -{} +{} @@", shown(old_range), shown(new_range));
        for change in hunk.iter().flat_map(|op| op.iter_changes(old, new)) {
            let _ = writeln!(text, "{}{}", change.tag(), change.value());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// What `patch` does.
    fn patched(old: &str, diff: &str) -> String {
        let old = lines(old);
        let mut new: Vec<&str> = Vec::new();
        let mut next = 0;
        for line in diff
            .lines()
            .filter(|line| !line.starts_with("---") && !line.starts_with("+++"))
        {
            if let Some(head) = line.strip_prefix("@@ -") {
                let (from, count) = head.split_once(' ').unwrap().0.split_once(',').unwrap();
                let from = from.parse::<usize>().unwrap() - usize::from(count != "0");
                new.extend(&old[next..from]);
                next = from;
                continue;
            }
            let text = &line[1..];
            if !line.starts_with('+') {
                assert_eq!(old[next], text);
                next += 1;
            }
            if !line.starts_with('-') {
                new.push(text);
            }
        }
        new.extend(&old[next..]);
        new.join("\n")
    }

    #[test]
    fn a_diff_shows_the_change_and_what_is_around_it() {
        let old =
            json!({ "Statement": [{ "Condition": { "StringEquals": { "k:aud": "sts", "k:sub": "a" } } }] });
        let new =
            json!({ "Statement": [{ "Condition": { "StringEquals": { "k:aud": "sts", "k:sub": "b" } } }] });
        let diff = alternative("trust policy of cart", &old.to_string(), &new.to_string()).text;
        let shown = [
            "--- trust policy of cart, as it is",
            "+++ trust policy of cart, repaired",
            "@@ -4,7 +4,7 @@",
            r#"       "Condition": {"#,
            r#"         "StringEquals": {"#,
            r#"           "k:aud": "sts","#,
            r#"-          "k:sub": "a""#,
            r#"+          "k:sub": "b""#,
            "         }",
            "       }",
            "     }",
            "",
        ];
        assert_eq!(diff, shown.join("\n"));
    }

    #[test]
    fn order_and_meaning_stay_and_nothing_acts_on_a_terminal() {
        let text = "{ \"b\":[ ],\"a\" : [1,\"\u{202e}\u{1f600} \\\"\\\\\"], \"c\": {} }";
        let pretty = indented(text);
        assert!(pretty.is_ascii());
        assert!(pretty.find("\"b\"") < pretty.find("\"a\""), "{pretty}");
        let (before, after): (Value, Value) = (
            serde_json::from_str(text).unwrap(),
            serde_json::from_str(&pretty).unwrap(),
        );
        assert_eq!(before, after);
    }

    proptest! {
        #[test]
        fn a_patched_text_is_the_new_one(old in "([abc]\n){0,24}", new in "([abc]\n){0,24}") {
            let diff = unified(&lines(&old), &lines(&new));
            prop_assert_eq!(patched(&old, &diff), lines(&new).join("\n"));
        }

        #[test]
        fn any_value_survives_indentation(key in r#"[\\"{}\[\],: a\PC]{0,8}"#, value in r#"[\\"{}\[\],: a\PC]{0,8}"#) {
            let json = json!({ &*key: [&*value, { &*value: null }, []] });
            let read: Value = serde_json::from_str(&indented(&json.to_string())).unwrap();
            prop_assert_eq!(read, json);
        }
    }
}
