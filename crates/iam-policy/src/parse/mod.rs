//! From text to [`Document`]: everything that can be read is read, everything that is wrong is told with its place.

mod condition;
mod decode;
mod statement;

use std::collections::HashSet;

use crate::document::{Document, Version, position};
use crate::json::{self, Member, Node, Value};
use crate::problem::{Gravity, Position, Problem};
use crate::text::quoted;

/// The longest text that is read, in bytes. IAM's largest policies have 10,240 characters besides white space.
pub const MAX_BYTES: usize = 256 * 1024;

/// More problems than this are not told: nobody reads them.
const MAX_PROBLEMS: usize = 100;

/// What reading a document gave.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What could be read; `None` if not even the outermost object could.
    pub document: Option<Document>,
    /// What is wrong, in the order of the text; not many more than a hundred of it.
    pub problems: Vec<Problem>,
}

impl Parsed {
    /// Whether IAM would refuse the text as a policy document of any kind.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.document.as_ref().is_none_or(Document::is_refused)
    }

    /// Whether the text is a document that has one reading and no problem at all.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.document.is_some() && self.problems.is_empty()
    }
}

/// Reads a policy document, plain or percent-encoded (as `GetRole` returns it, RFC 3986).
///
/// Never panics; texts longer than [`MAX_BYTES`] or nested deeper than 64 levels are refused. Positions refer to
/// the decoded text.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    let text = match decode::decode(text) {
        Ok(text) => text,
        Err(problem) => {
            return Parsed {
                document: None,
                problems: vec![problem],
            };
        }
    };
    let (node, error) = json::read(&text);
    let mut reader = Reader {
        text: &text,
        problems: Vec::new(),
        refused: false,
        ambiguous: false,
        broken: error.is_some(),
    };
    if let Some(error) = error {
        reader.refuse(error.at, format!("found {}", error.found), error.expected);
    }
    let document = node.and_then(|node| reader.document(&node));
    let (mut problems, refused) = (reader.problems, reader.refused);
    problems.sort_by_key(|problem| problem.position);
    let document = document.map(|document| Document { refused, ..document });
    Parsed { document, problems }
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
    /// One of the problems is a reason for IAM to refuse the document.
    refused: bool,
    /// A key outside conditions stood twice.
    ambiguous: bool,
    /// The text breaks off: what is missing may have been in the rest.
    broken: bool,
}

impl Reader<'_> {
    fn refuse(&mut self, at: usize, message: String, expected: &str) {
        self.report(at, message, expected, Gravity::Refused);
    }

    fn report(&mut self, at: usize, message: String, expected: &str, gravity: Gravity) {
        let is_first_refusal = gravity == Gravity::Refused && !self.refused;
        self.refused |= gravity == Gravity::Refused;
        if self.problems.len() < MAX_PROBLEMS || is_first_refusal {
            let position = self.position(at);
            let expected = expected.to_owned();
            self.problems.push(Problem {
                message,
                expected,
                position,
                gravity,
            });
        }
    }

    fn missing(&mut self, at: usize, message: &str, expected: &str) {
        if !self.broken {
            self.refuse(at, message.to_owned(), expected);
        }
    }

    fn wrong_kind(&mut self, what: &str, node: &Node<'_>, expected: &str) {
        self.refuse(node.start, format!("{what} is {}", node.value.kind()), expected);
    }

    fn position(&self, at: usize) -> Position {
        position(self.text, at)
    }

    /// The JSON text of a value.
    fn source(&self, node: &Node<'_>) -> String {
        self.text.get(node.start..node.end).unwrap_or_default().to_owned()
    }

    /// Reports keys that stand twice, and gives them.
    fn duplicates<'m>(&mut self, members: &'m [Member<'_>]) -> Vec<&'m str> {
        let twice = standing_twice(members);
        for member in &twice {
            self.report(
                member.key_start,
                format!("the key {} stands twice in one object", quoted(&member.key)),
                "each key once",
                Gravity::Ambiguous,
            );
        }
        twice.into_iter().map(|member| member.key.as_ref()).collect()
    }

    fn document(&mut self, node: &Node<'_>) -> Option<Document> {
        let Value::Object(members) = &node.value else {
            self.wrong_kind("the document", node, "an object with `Version` and `Statement`");
            return None;
        };
        self.ambiguous |= !self.duplicates(members).is_empty();
        let version = self.version(members);
        let mut document = Document {
            text: self.text.into(),
            version,
            id: None,
            statements: Vec::new(),
            is_list: false,
            statements_span: node.end..node.end,
            refused: false,
            ambiguous: false,
            unknown: Vec::new(),
        };
        let mut has_statement = false;
        for Member {
            key,
            key_start,
            value,
            ..
        } in members
        {
            match key.as_ref() {
                "Version" => {}
                "Id" => document.id = self.string("`Id`", value),
                "Statement" => {
                    has_statement = true;
                    document.statements_span = value.start..value.end;
                    document.is_list = matches!(value.value, Value::Array(_));
                    document.statements = self.statements(value, version);
                }
                _ => {
                    document.unknown.push((key.to_string(), self.source(value)));
                    self.refuse(
                        *key_start,
                        format!("unknown element {}", quoted(key)),
                        "`Version`, `Id` or `Statement`",
                    );
                }
            }
        }
        if !has_statement {
            self.missing(
                node.start,
                "the document has no `Statement`",
                "`Statement`: one statement or a list",
            );
        }
        document.ambiguous = self.ambiguous;
        Some(document)
    }

    fn version(&mut self, members: &[Member<'_>]) -> Version {
        let mut version = Version::V2008;
        for Member { key, value, .. } in members {
            if key == "Version" {
                match &value.value {
                    Value::String(text) if text == "2012-10-17" => version = Version::V2012,
                    Value::String(text) if text == "2008-10-17" => version = Version::V2008,
                    Value::String(text) => {
                        self.refuse(
                            value.start,
                            format!("unknown version {}", quoted(text)),
                            "`2012-10-17` or `2008-10-17`",
                        );
                    }
                    _ => self.wrong_kind("`Version`", value, "`2012-10-17` or `2008-10-17`"),
                }
            }
        }
        version
    }

    fn statements(&mut self, node: &Node<'_>, version: Version) -> Vec<crate::document::Statement> {
        match &node.value {
            Value::Array(items) => items
                .iter()
                .filter_map(|item| self.statement(item, version))
                .collect(),
            _ => self.statement(node, version).into_iter().collect(),
        }
    }

    fn string(&mut self, what: &str, node: &Node<'_>) -> Option<String> {
        if let Value::String(text) = &node.value {
            return Some(text.to_string());
        }
        self.wrong_kind(what, node, "a string");
        None
    }

    /// A string or a list of strings, each with its node.
    fn strings<'n, 't>(&mut self, what: &str, node: &'n Node<'t>) -> Vec<(&'n str, &'n Node<'t>)> {
        let items = match &node.value {
            Value::Array(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut strings = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::String(text) => strings.push((text.as_ref(), item)),
                _ => self.wrong_kind(what, item, "a string or a list of strings"),
            }
        }
        strings
    }
}

/// The members whose key stood before. Objects of policies are small: only for others a set is worth its price.
fn standing_twice<'m, 't>(members: &'m [Member<'t>]) -> Vec<&'m Member<'t>> {
    const SMALL: usize = 16;
    if members.len() <= SMALL {
        let before = |at: usize| members.iter().take(at);
        let repeated = |(at, member): &(usize, &Member<'t>)| before(*at).any(|other| other.key == member.key);
        return members
            .iter()
            .enumerate()
            .filter(repeated)
            .map(|(_, member)| member)
            .collect();
    }
    let mut seen = HashSet::with_capacity(members.len());
    members
        .iter()
        .filter(|member| !seen.insert(&member.key))
        .collect()
}
