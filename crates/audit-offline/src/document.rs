//! YAML and JSON: a text as documents.

use audit_core::text::{quote, reveal};
use serde_json::Value;
use serde_json::error::Category;
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;

use crate::paste;
use crate::problem::{InputProblem, Place};
use crate::source::Source;

/// How deep YAML may nest: twice as deep as the schemas of large custom resources, and shallow enough for a thread's stack.
const MAX_DEPTH: usize = 64;

/// One document of a text.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// The documents of all texts, in their order; what cannot be read is a problem.
pub(crate) fn read_all(sources: &[Source], problems: &mut Vec<InputProblem>) -> Vec<Document> {
    let mut documents = Vec::new();
    for source in sources {
        match read(source) {
            Ok(read) => documents.extend(read),
            Err(problem) => problems.push(problem),
        }
    }
    documents
}

/// The documents of a text. A list at the top counts as the documents in it, which is how `jq -s` puts outputs together.
fn read(source: &Source) -> Result<Vec<Document>, InputProblem> {
    let text = source.text()?;
    let place = source.place();
    if let Some(instead) = paste::instead(&text) {
        return Err(InputProblem::unusable(place, instead));
    }
    let found = if text.trim_start().starts_with(['{', '[']) {
        // YAML knows braces as well, but who begins with one means JSON.
        json(&text, &place).or_else(|problem| yaml(&text, &place).map_err(|_| problem))?
    } else {
        yaml(&text, &place)?
    };
    let only_one = found.len() == 1;
    let mut documents = Vec::new();
    for (index, (line, value)) in found.into_iter().enumerate() {
        let mut place = place.clone();
        if !only_one {
            place = place.document(index + 1);
        }
        if line > 1 {
            place = place.line(line);
        }
        match value {
            Value::Array(values) => {
                documents.extend(values.into_iter().map(|value| Document {
                    place: place.clone(),
                    value,
                }));
            }
            Value::Null => {}
            value => documents.push(Document { place, value }),
        }
    }
    if documents.is_empty() {
        let message = "holds no document: is it the output of a command that failed?";
        // A chart leaves comments where a value switches a manifest off.
        let is_commented = text
            .lines()
            .any(|line| line.starts_with('#') || line.starts_with("---"));
        return if is_commented && !source.named {
            Ok(documents)
        } else {
            Err(InputProblem::unusable(place, message))
        };
    }
    Ok(documents)
}

/// Each document with its first line.
type Found = Vec<(u64, Value)>;

fn json(text: &str, place: &Place) -> Result<Found, InputProblem> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    loop {
        // What lies between two documents is white space.
        let begin = text.len() - text.get(at..).unwrap_or_default().trim_start().len();
        line += newlines(text.get(at..begin).unwrap_or_default());
        let Some(value) = values.next() else {
            return Ok(found);
        };
        let value = value.map_err(|error| {
            let what = match error.classify() {
                Category::Eof => "ends in the middle of a JSON document: was it cut off?".to_owned(),
                _ => format!("is no JSON: {}{}", quote(&error.to_string()), hint(text)),
            };
            InputProblem::error(place.document(found.len() + 1).line(error.line() as u64), what)
        })?;
        found.push((line, value));
        at = values.byte_offset();
        line += newlines(text.get(begin..at).unwrap_or_default());
    }
}

fn newlines(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b'\n').count() as u64
}

fn yaml(text: &str, place: &Place) -> Result<Found, InputProblem> {
    // Everything that is counted takes a byte at least: the text's own size bounds it, and aliases are bounded apart.
    let most = text.len().saturating_add(64);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_documents: most,
            max_events: most.saturating_mul(4),
            max_nodes: most,
            max_total_scalar_bytes: most,
        },
        // As kubectl does.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        leading_zero_numbers_as_strings: true,
        with_snippet: false,
    };
    let found: Vec<Spanned<Value>> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
            let line = error.location().map(|location| location.line());
            let place = line.map_or_else(|| place.clone(), |line| place.line(line));
            let message = error.render();
            let message = message.lines().next().unwrap_or_default();
            InputProblem::error(place, format!("is no YAML: {}{}", reveal(message), hint(text)))
        })?;
    Ok(found
        .into_iter()
        .map(|document| (document.referenced.line(), document.value))
        .collect())
}

/// What helps, where it is plain what was given in place of a manifest.
fn hint(text: &str) -> &'static str {
    if text.contains("{{") {
        "; a chart's templates are no manifests yet: give the output of `helm template`"
    } else if text.contains("<<<<<<<") {
        "; it holds marks of a merge conflict"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    fn values(text: &str) -> Vec<Value> {
        let documents = read(&Source::new("a.yaml", text)).unwrap();
        documents.into_iter().map(|document| document.value).collect()
    }

    fn problem(text: &str) -> String {
        read(&Source::new("a.yaml", text)).unwrap_err().to_string()
    }

    #[test]
    fn a_text_holds_documents_of_either_kind() {
        for (text, expected) in [
            ("a: 1", vec![json!({"a": 1})]),
            (
                "---\na: 1\n---\n---\n# nothing\n---\nb: 'on'\n",
                vec![json!({"a": 1}), json!({"b": "on"})],
            ),
            ("{\"a\": 1}\n{\"b\": 2}", vec![json!({"a": 1}), json!({"b": 2})]),
            ("[{\"a\": 1}, {\"b\": 2}]", vec![json!({"a": 1}), json!({"b": 2})]),
            ("{a: 1, b: [x]}", vec![json!({"a": 1, "b": ["x"]})]),
            (
                "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2",
                vec![json!({"a": {"b": 1}, "c": {"b": 1, "d": 2}})],
            ),
            ("a: 1\na: 2", vec![json!({"a": 2})]),
            ("a: 012345678901", vec![json!({"a": "012345678901"})]),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn each_document_knows_its_place() {
        for text in ["---\na: 1\n---\n\nb: 2\n", "\n{\"a\":\n1}\n\n{\"b\": 2}"] {
            let documents = read(&Source::new("a.yaml", text)).unwrap();
            let places: Vec<String> = documents
                .iter()
                .map(|document| document.place.to_string())
                .collect();
            assert_eq!(
                places,
                ["a.yaml, document 1, line 2", "a.yaml, document 2, line 5"],
                "{text}"
            );
        }
        let alone = read(&Source::new("-", "a: 1")).unwrap();
        assert_eq!(alone.first().unwrap().place.to_string(), "standard input");
    }

    #[test]
    fn what_cannot_be_read_says_where_and_what_helps() {
        for (text, expected) in [
            ("a: 1\nb: [", "line"),
            ("a: 1\n  b: 2", "line 2"),
            ("{\"a\": 1}\n{\"b\": ", "document 2, line 2: ends in the middle"),
            ("{{- if .Values.x }}\na: 1\n{{- end }}", "helm template"),
            ("a: {{ .Values.x }}\n", "helm template"),
            ("", "holds no document"),
            ("# nothing\n", "holds no document"),
            ("a: *b", "line 1"),
        ] {
            let problem = problem(text);
            assert!(
                problem.starts_with("a.yaml") && problem.contains(expected),
                "{text:?}: {problem}"
            );
            assert!(!problem.contains('\n'), "{problem}");
        }
    }

    #[test]
    fn neither_depth_nor_aliases_exhaust_anything() {
        for deep in [
            "[".repeat(100_000),
            "{\"a\":".repeat(100_000),
            "- ".repeat(100_000),
            "a: [".repeat(5_000),
        ] {
            problem(&deep);
        }
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (next, last) in ('b'..='k').zip('a'..='j') {
            let _ = writeln!(
                bomb,
                "{next}: &{next} [{}]",
                vec![format!("*{last}"); 9].join(", ")
            );
        }
        problem(&bomb);
    }

    #[test]
    fn long_values_and_line_ends_of_windows_are_read() {
        let long = format!("{{\"a\": \"{}\"}}", "x".repeat(100_000));
        for text in [
            format!("a: '{long}'\nb: 1\n"),
            format!("a: |-\n  {long}\nb: 1\n"),
            format!("b: 1\r\na: '{long}'\r\n"),
            json!({"a": long, "b": 1}).to_string(),
            format!("# {long}\n{}", json!({"a": long, "b": 1})),
        ] {
            assert_eq!(values(&text), [json!({"a": long, "b": 1})], "{}", &text[..20]);
        }
    }

    #[test]
    fn a_file_in_a_directory_may_hold_comments_alone() {
        let found = |text: &str| {
            read(&Source {
                named: false,
                ..Source::new("a.yaml", text)
            })
        };
        for text in ["# nothing\n", "---\n# Source: templates/a.yaml\n", "---\n"] {
            assert!(found(text).unwrap().is_empty(), "{text:?}");
        }
        for text in ["", "\n", "null\n", "[]"] {
            let problem = found(text).unwrap_err();
            assert_eq!(problem.weight, crate::problem::Weight::Warning, "{text:?}");
            assert!(problem.to_string().contains("command that failed"), "{problem}");
        }
    }
}
