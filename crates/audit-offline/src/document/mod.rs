//! YAML and JSON: a text as documents, of which each is taken before the next one is read.

mod head;
pub(crate) mod intake;
mod json;
mod text;
mod yaml;

use std::io::Read;

use audit_core::text::reveal;
use serde_json::Value;

use crate::encoding::decode;
use crate::leftover::{Leftover, LeftoverKind, Reason};
use crate::paste;
use crate::problem::{InputProblem, Place};
use crate::source::{SetAside, Source};
use intake::Intake;
use json::{Json, JsonError};
#[cfg(test)]
pub(crate) use text::WINDOW;
use text::{Text, TextError};
pub(crate) use yaml::Ending;
use yaml::{Hints, Yaml, YamlError};

/// What was kept of one document of a text.
#[derive(Debug)]
pub(crate) struct Document<I> {
    pub(crate) place: Place,
    pub(crate) item: I,
    /// Where a text of YAML ends with it: how. It may lack its own end.
    pub(crate) ending: Option<Ending>,
}

/// What came of texts.
#[derive(Debug)]
pub(crate) struct ReadTexts<I> {
    /// What was kept of the documents, in their order.
    pub(crate) documents: Vec<Document<I>>,
    /// The texts of which nothing was.
    pub(crate) leftovers: Vec<Leftover>,
}

/// Reads all texts; what is malformed is a problem.
pub(crate) fn read_all<I: Intake>(
    sources: impl IntoIterator<Item = Source>,
    intake: &mut I,
    problems: &mut Vec<InputProblem>,
) -> ReadTexts<I::Item> {
    let (mut documents, mut leftovers) = (Vec::new(), Vec::new());
    for source in sources {
        match read(source, intake) {
            Ok(read) => documents.extend(read),
            Err(Unread::Problem(problem)) => problems.push(problem),
            Err(Unread::Leftover(leftover)) => leftovers.push(*leftover),
        }
    }
    ReadTexts { documents, leftovers }
}

/// Why nothing of a text is kept.
#[derive(Debug)]
enum Unread {
    Problem(InputProblem),
    Leftover(Box<Leftover>),
}

/// The documents of a text. A list at the top counts as the documents in it, which is how `jq -s` puts outputs together.
fn read<I: Intake>(source: Source, intake: &mut I) -> Result<Vec<Document<I::Item>>, Unread> {
    let place = source.place();
    let leftover = |kind, reason| Unread::Leftover(Box::new(Leftover::new(place.clone(), kind, reason)));
    let problem = |error: &TextError| Unread::Problem(InputProblem::error(place.clone(), explained(error)));
    if let Some(why) = source.set_aside {
        let (kind, reason) = set_aside(why, &source.name, source.contents);
        return Err(leftover(kind, reason));
    }
    let (head, contents) = head::peek(source.contents).map_err(|error| problem(&TextError::Io(error)))?;
    if let Some(reason) = head::not_a_text(&head) {
        return Err(leftover(LeftoverKind::Unreadable, reason));
    }
    let mut reading = Reading {
        text: Text::new(contents),
        intake,
        found: Vec::new(),
        has_marks: false,
        ending: None,
    };
    reading.all(&place).map_err(|failure| match failure {
        Failure::Problem(problem) => Unread::Problem(problem),
        Failure::Pasted(kind, reason) => leftover(kind, reason),
        Failure::Text(error) => problem(&error),
    })?;
    let Reading {
        found,
        has_marks,
        ending,
        ..
    } = reading;
    let (only_one, last) = (found.len() == 1, found.len());
    let mut documents = Vec::new();
    for (index, Found { line, items }) in found.into_iter().enumerate() {
        let mut place = place.clone();
        if !only_one {
            place = place.document(index + 1);
        }
        if line > 1 {
            place = place.line(line);
        }
        documents.extend(items.into_iter().map(|item| Document {
            place: place.clone(),
            item,
            ending: ending.filter(|_| index + 1 == last),
        }));
    }
    if documents.is_empty() {
        // A chart leaves comments where a value switches a manifest off; a command that failed leaves nothing.
        let (kind, reason) = if has_marks {
            (LeftoverKind::Foreign, ONLY_COMMENTS)
        } else {
            (LeftoverKind::Unreadable, EMPTY)
        };
        return Err(leftover(kind, reason));
    }
    Ok(documents)
}

const ONLY_COMMENTS: Reason = Reason::new("holds no document, only comments", "");

const EMPTY: Reason = Reason::new(
    "holds no document",
    "the command that wrote it probably failed; run it again and check its error output",
);

/// What a file may be that is not read: where it looks like input under a name that is not read, what it holds is missing.
fn set_aside(why: SetAside, name: &str, contents: Box<dyn Read>) -> (LeftoverKind, Reason) {
    let reason = Reason::new(why.told(), "");
    match why {
        SetAside::Extension => {}
        // The manifest says what belongs to the snapshot.
        SetAside::NotInSnapshot => return (LeftoverKind::Unneeded, reason),
        _ => return (LeftoverKind::Foreign, reason),
    }
    let Ok((head, _)) = head::peek(contents) else {
        return (LeftoverKind::Foreign, reason);
    };
    if let Some(reason) = head::packed(&head) {
        // An archive beside its own contents is no loss.
        let lower = name.to_ascii_lowercase();
        let is_input = [".yaml.", ".yml.", ".json."]
            .iter()
            .any(|end| lower.contains(end));
        let kind = if is_input {
            LeftoverKind::Unreadable
        } else {
            LeftoverKind::Foreign
        };
        return (kind, reason);
    }
    let text = decode(&head).unwrap_or_else(|valid| valid);
    if let Some(pasted) = paste::instead(&text) {
        return pasted;
    }
    let text = text.trim_start();
    let begins = ["{", "[", "apiVersion:", "kind:", "---\n", "---\r\n"];
    if !begins.iter().any(|begin| text.starts_with(begin)) {
        return (LeftoverKind::Foreign, reason);
    }
    let told = "looks like input and is not read, since its name does not end in .yaml, .yml or .json";
    let kind = if text.contains("apiVersion") {
        LeftoverKind::Unreadable
    } else {
        LeftoverKind::Foreign
    };
    (kind, Reason::new(told, "rename it"))
}

/// One document, or a list of documents.
struct Found<T> {
    /// The line at which it begins, counted from one.
    line: u64,
    items: Vec<T>,
}

/// A text, with what was read of it so far.
struct Reading<'i, I: Intake> {
    text: Text,
    intake: &'i mut I,
    found: Vec<Found<I::Item>>,
    /// Some line of YAML is a comment, or begins a document.
    has_marks: bool,
    /// How YAML ends, if it may lack its end.
    ending: Option<Ending>,
}

/// Why a text cannot be read.
enum Failure {
    Text(TextError),
    Problem(InputProblem),
    /// It is made for people to read.
    Pasted(LeftoverKind, Reason),
}

impl From<TextError> for Failure {
    fn from(error: TextError) -> Self {
        Self::Text(error)
    }
}

impl<I: Intake> Reading<'_, I> {
    /// Reads all documents.
    fn all(&mut self, place: &Place) -> Result<(), Failure> {
        self.text.more()?;
        if let Some((kind, reason)) = paste::instead(self.text.rest()) {
            self.drain(&mut Hints::default())?;
            return Err(Failure::Pasted(kind, reason));
        }
        // YAML knows braces as well, but who begins with one means JSON.
        if self.text.rest().trim_start().starts_with(['{', '[']) {
            self.json(place)
        } else {
            self.yaml(place)
        }
    }

    /// Reads JSON documents. A document that is not JSON may be YAML, if it is the first one or set apart as YAML does it.
    fn json(&mut self, place: &Place) -> Result<(), Failure> {
        let error = loop {
            let mut json = Json {
                text: &mut self.text,
                intake: &mut *self.intake,
            };
            match json.next() {
                Ok(Some(found)) => self.found.push(found),
                Ok(None) => return Ok(()),
                Err(JsonError::Text(error)) => return Err(Failure::Text(error)),
                Err(error) => break error,
            }
        };
        let place = place.document(self.found.len() + 1);
        let is_in_memory = self.text.go_back();
        let mut hints = Hints::default();
        hints.take(self.text.rest());
        if is_in_memory && (self.found.is_empty() || self.text.rest().starts_with(['-', '#'])) {
            let before = self.found.len();
            match self.yaml(&place) {
                Err(Failure::Problem(_)) => self.found.truncate(before),
                read => return read,
            }
        }
        self.drain(&mut hints)?;
        let (line, what) = match error {
            JsonError::Malformed { line, why } => (line, format!("is not JSON: {why}{}", hints.text())),
            JsonError::CutOff { line } => (
                line,
                "ends in the middle of a JSON document: was it cut off?".to_owned(),
            ),
            JsonError::Text(error) => return Err(Failure::Text(error)),
        };
        Err(Failure::Problem(InputProblem::error(place.line(line), what)))
    }

    /// Reads YAML documents.
    fn yaml(&mut self, place: &Place) -> Result<(), Failure> {
        let mut yaml = Yaml::new(&mut self.text);
        let error = loop {
            match yaml.next() {
                Ok(Some(documents)) => {
                    for (line, value) in documents {
                        let values = match value {
                            Value::Array(values) => values,
                            Value::Null => Vec::new(),
                            value => vec![value],
                        };
                        let items = values.into_iter().map(|value| self.intake.document(value));
                        let items = items.collect();
                        self.found.push(Found { line, items });
                    }
                }
                Ok(None) => {
                    (self.has_marks, self.ending) = (yaml.has_marks, yaml.ending);
                    return Ok(());
                }
                Err(YamlError::Text(error)) => return Err(Failure::Text(error)),
                Err(error) => break error,
            }
        };
        let mut hints = yaml.hints;
        self.drain(&mut hints)?;
        let problem = match error {
            YamlError::Malformed { line, why } => {
                let place = line.map_or_else(|| place.clone(), |line| place.line(line));
                InputProblem::error(place, format!("is not YAML: {why}{}", hints.text()))
            }
            YamlError::TooLarge => InputProblem::error(
                place.clone(),
                "holds a YAML document of more than 1 GiB: give JSON (`-o json`), of which one item is read at a time",
            ),
            YamlError::Text(error) => return Err(Failure::Text(error)),
        };
        Err(Failure::Problem(problem))
    }

    /// Reads on to the end without taking anything: of what is not a text, nothing else is said.
    fn drain(&mut self, hints: &mut Hints) -> Result<(), TextError> {
        loop {
            hints.take(self.text.rest());
            self.text.advance(usize::MAX);
            if !self.text.more()? {
                return Ok(());
            }
        }
    }
}

fn explained(error: &TextError) -> String {
    match error {
        TextError::Io(error) => format!("cannot be read: {}", reveal(&error.to_string())),
        TextError::NotUtf8(line) => format!("is not UTF-8 text at line {line}: give YAML or JSON"),
        TextError::NotUtf16 => "is not UTF-16 text, although it begins like one: save it as UTF-8".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::intake::{Fields, ListOf, Lists};
    use super::*;

    /// Keeps documents whole.
    struct Whole;

    impl Intake for Whole {
        type Item = Value;

        fn is_list(&self, field: &str) -> bool {
            field == "items"
        }

        fn document(&mut self, value: Value) -> Value {
            value
        }

        fn large(&mut self, mut fields: Fields, lists: Lists<Value>) -> Value {
            fields.extend(lists.into_iter().map(|(name, items)| (name, items.into())));
            fields.into()
        }

        fn read(&mut self, text: &str, _: Option<&ListOf<'_>>) -> serde_json::Result<(Value, usize)> {
            let mut values = serde_json::Deserializer::from_str(text).into_iter();
            let value = values.next().unwrap_or_else(|| serde_json::from_str(""))?;
            Ok((value, values.byte_offset()))
        }
    }

    fn read(source: Source) -> Result<Vec<Document<Value>>, Unread> {
        super::read(source, &mut Whole)
    }

    fn values(text: &str) -> Vec<Value> {
        let documents = read(Source::new("a.yaml", text)).unwrap();
        documents.into_iter().map(|document| document.item).collect()
    }

    fn problem(text: &str) -> String {
        match read(Source::new("a.yaml", text)).unwrap_err() {
            Unread::Problem(problem) => problem.to_string(),
            Unread::Leftover(leftover) => format!("{}: {}", leftover.place, leftover.reason),
        }
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
            let documents = read(Source::new("a.yaml", text)).unwrap();
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
        let alone = read(Source::new("-", "a: 1")).unwrap();
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
    fn anchors_may_be_used_as_often_as_somebody_means_them() {
        let uses: String = (0..20_000).fold(String::new(), |mut text, n| {
            let _ = write!(text, "\nk{n}:\n  <<: *x\n  c: *y");
            text
        });
        let text = format!("x: &x {{a: 1}}\ny: &y [1, 2]{uses}");
        let found = values(&text);
        assert_eq!(found[0]["k19999"], json!({"a": 1, "c": [1, 2]}));
    }

    #[test]
    fn limits_are_told_in_words_of_the_document() {
        for (text, expected) in [
            ("a: [".repeat(100) + &"]".repeat(100), "64 levels"),
            (
                format!(
                    "a: &a [{}]\nb: [{}]\n",
                    vec!["x"; 2_000].join(", "),
                    vec!["*a"; 2_000].join(", ")
                ),
                "aliases",
            ),
        ] {
            let problem = problem(&text);
            assert!(
                problem.contains(expected) && !problem.to_lowercase().contains("budget"),
                "{problem}"
            );
        }
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
    fn a_text_without_documents_is_told_apart_from_one_with_comments() {
        let kind = |text: &[u8]| match read(Source::new("a.yaml", text)) {
            Err(Unread::Leftover(leftover)) => leftover.kind,
            other => panic!("{text:?}: {other:?}"),
        };
        for text in ["# nothing\n", "---\n# Source: templates/a.yaml\n", "---\n"] {
            assert_eq!(kind(text.as_bytes()), LeftoverKind::Foreign, "{text:?}");
        }
        for text in [
            &b""[..],
            b"\n",
            b"null\n",
            b"[]",
            b"\x1f\x8b\x08\0",
            b"PK\x03\x04",
            b"\x7fELF\0",
            b"Error from server (Forbidden): pods is forbidden\n",
            b"NAME   READY   STATUS   RESTARTS   AGE\n",
        ] {
            assert_eq!(kind(text), LeftoverKind::Unreadable, "{text:?}");
        }
    }

    #[test]
    fn of_a_file_that_is_not_read_it_is_told_whether_it_looks_like_input() {
        use LeftoverKind::{Foreign, SpoiledOutput, Unreadable};
        let kind = |why, name: &str, text: &[u8]| {
            let source = Source {
                set_aside: Some(why),
                ..Source::new(name, text)
            };
            match read(source) {
                Err(Unread::Leftover(leftover)) => leftover.kind,
                other => panic!("{text:?}: {other:?}"),
            }
        };
        for (name, text, expected) in [
            ("pods", &b"{\"apiVersion\": \"v1\"}"[..], Unreadable),
            ("pods.txt", b"apiVersion: v1\n", Unreadable),
            ("pods.txt", b"NAME   READY\n", Unreadable),
            ("pods.yaml.gz", b"\x1f\x8b\x08", Unreadable),
            ("dump.tar.gz", b"\x1f\x8b\x08", Foreign),
            ("terraform.tfstate", b"{\"version\": 4}", Foreign),
            ("NOTES", b"# Notes\n", Foreign),
            ("x.log", b"An error occurred (AccessDenied)", SpoiledOutput),
        ] {
            assert_eq!(kind(SetAside::Extension, name, text), expected, "{name}");
            assert_eq!(kind(SetAside::Hidden, name, text), Foreign, "{name}");
        }
    }
}
