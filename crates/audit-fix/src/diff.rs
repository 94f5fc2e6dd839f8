//! The repair of a policy as a unified diff of the indented document.

use std::fmt::Write as _;

use crate::alternative::{Alternative, Form};
use crate::text::indented;

/// Lines that stand around a change.
const CONTEXT: usize = 3;

/// The most pairs of lines that are compared; a longer middle part counts as replaced whole.
const MOST_PAIRS: usize = 1 << 20;

/// The diff from one text of a policy to another; `name` is safe to show.
#[must_use]
pub fn alternative(name: &str, old: &str, new: &str) -> Alternative {
    let (old, new) = (indented(old), indented(new));
    let hunks = unified(&lines(&old), &lines(&new));
    Alternative::new(
        Form::Diff,
        format!("--- {name}, as it is\n+++ {name}, repaired\n{hunks}"),
    )
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// What happens to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step<'a> {
    Keep(&'a str),
    Remove(&'a str),
    Add(&'a str),
}

/// The hunks of the difference, as `patch` takes them.
fn unified(old: &[&str], new: &[&str]) -> String {
    let steps = steps(old, new);
    let is_near = |at: usize| {
        let from = at.saturating_sub(CONTEXT);
        let around = steps.get(from..(at + CONTEXT + 1).min(steps.len()));
        around.is_some_and(|around| around.iter().any(|step| !matches!(step, Step::Keep(_))))
    };
    let mut text = String::new();
    let mut hunk: Option<Hunk> = None;
    let (mut before, mut after) = (0, 0);
    for (at, step) in steps.iter().enumerate() {
        if is_near(at) {
            hunk.get_or_insert_with(|| Hunk::at(before, after)).push(*step);
        } else if let Some(hunk) = hunk.take() {
            hunk.finish(&mut text);
        }
        before += usize::from(!matches!(step, Step::Add(_)));
        after += usize::from(!matches!(step, Step::Remove(_)));
    }
    if let Some(hunk) = hunk {
        hunk.finish(&mut text);
    }
    text
}

/// Neighbouring changes, with what is around them: of each text the lines before it, and its own lines.
struct Hunk {
    old: (usize, usize),
    new: (usize, usize),
    lines: String,
}

impl Hunk {
    fn at(before: usize, after: usize) -> Self {
        Self {
            old: (before, 0),
            new: (after, 0),
            lines: String::new(),
        }
    }

    fn push(&mut self, step: Step<'_>) {
        let (sign, line) = match step {
            Step::Keep(line) => (' ', line),
            Step::Remove(line) => ('-', line),
            Step::Add(line) => ('+', line),
        };
        self.old.1 += usize::from(sign != '+');
        self.new.1 += usize::from(sign != '-');
        let _ = writeln!(self.lines, "{sign}{line}");
    }

    fn finish(self, text: &mut String) {
        // Lines count from 1; an empty range stands behind the line before it.
        let range = |(before, count): (usize, usize)| format!("{},{count}", before + usize::from(count > 0));
        let (old, new) = (range(self.old), range(self.new));
        let _ = write!(text, "@@ -{old} +{new} @@\n{}", self.lines);
    }
}

/// The fewest steps from one list of lines to another.
fn steps<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Step<'a>> {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (head, old) = old.split_at(same);
    let (_, new) = new.split_at(same);
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (old, end) = old.split_at(old.len() - tail);
    let (new, _) = new.split_at(new.len() - tail);
    let mut steps: Vec<Step<'a>> = head.iter().copied().map(Step::Keep).collect();
    steps.extend(middle(old, new));
    steps.extend(end.iter().copied().map(Step::Keep));
    steps
}

/// By the longest common subsequence.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Step<'a>> {
    if old.len().saturating_mul(new.len()) > MOST_PAIRS {
        let removed = old.iter().copied().map(Step::Remove);
        return removed.chain(new.iter().copied().map(Step::Add)).collect();
    }
    // `common[i][j]`: how many lines `old[i..]` and `new[j..]` have in common.
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    let at = |common: &[u32], i: usize, j: usize| common.get(i * width + j).copied().unwrap_or_default();
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let best = if a == b {
                at(&common, i + 1, j + 1) + 1
            } else {
                at(&common, i + 1, j).max(at(&common, i, j + 1))
            };
            if let Some(cell) = common.get_mut(i * width + j) {
                *cell = best;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut steps = Vec::new();
    loop {
        match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b => {
                steps.push(Step::Keep(a));
                (i, j) = (i + 1, j + 1);
            }
            (Some(a), b) if b.is_none() || at(&common, i + 1, j) >= at(&common, i, j + 1) => {
                steps.push(Step::Remove(a));
                i += 1;
            }
            (_, Some(b)) => {
                steps.push(Step::Add(b));
                j += 1;
            }
            (_, None) => return steps,
        }
    }
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
