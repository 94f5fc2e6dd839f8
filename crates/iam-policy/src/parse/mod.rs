//! From text to [`Document`]: everything that can be read is read, everything that is wrong is told with its place.
//!
//! Source: IAM User Guide, grammar of the JSON policy language,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>.

mod condition;
mod decode;
mod statement;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use crate::document::{Document, Version};
use crate::json::{self, Items, Member, Members, Node, Value};
use crate::position::Positions;
use crate::problem::{Gravity, Problem};
use crate::text::quoted;
use crate::written::Written;

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
    let text: Arc<str> = match decode::decode(text) {
        Ok(text) => text.into(),
        Err(problem) => {
            return Parsed {
                document: None,
                problems: vec![problem],
            };
        }
    };
    let tree = json::read(&text);
    let mut reader = Reader {
        text: Arc::clone(&text),
        positions: OnceLock::new(),
        problems: Vec::new(),
        refused: false,
        ambiguous: false,
        broken: tree.error.is_some(),
    };
    if let Some(error) = &tree.error {
        reader.refuse(error.at, format!("found {}", error.found), error.expected);
    }
    let mut document = tree.root().and_then(|node| reader.document(node));
    let (mut problems, refused) = (reader.problems, reader.refused);
    problems.sort_by_key(|problem| problem.position);
    if let Some(document) = &mut document {
        document.refused = refused;
    }
    Parsed { document, problems }
}

struct Reader {
    text: Arc<str>,
    positions: OnceLock<Positions>,
    problems: Vec<Problem>,
    /// One of the problems is a reason for IAM to refuse the document.
    refused: bool,
    /// A key outside conditions stood twice.
    ambiguous: bool,
    /// The text breaks off: what is missing may have been in the rest.
    broken: bool,
}

impl Reader {
    fn refuse(&mut self, at: usize, message: String, expected: &str) {
        self.report(at, message, expected, Gravity::Refused);
    }

    fn report(&mut self, at: usize, message: String, expected: &str, gravity: Gravity) {
        let is_first_refusal = gravity == Gravity::Refused && !self.refused;
        self.refused |= gravity == Gravity::Refused;
        if self.problems.len() < MAX_PROBLEMS || is_first_refusal {
            let positions = self.positions.get_or_init(|| Positions::new(&self.text));
            let position = positions.find(&self.text, at);
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

    fn wrong_kind(&mut self, what: &str, node: Node<'_>, expected: &str) {
        self.refuse(node.start(), format!("{what} is {}", node.kind()), expected);
    }

    /// The text of a string or a key, or a number or boolean as it is written.
    fn text_of(&self, node: Node<'_>) -> Written {
        match node.plain_span() {
            Some(span) => Written::part(&self.text, span),
            None => Written::from(&*node.text()),
        }
    }

    /// The JSON text of a value.
    fn source(&self, node: Node<'_>) -> String {
        self.text.get(node.span()).unwrap_or_default().to_owned()
    }

    /// Reports keys that stand twice, and gives them.
    fn duplicates<'t>(&mut self, members: &Members<'t>) -> Vec<Cow<'t, str>> {
        let twice = standing_twice(members);
        for key in &twice {
            self.report(
                key.start(),
                format!("the key {} stands twice in one object", quoted(&key.text())),
                "each key once",
                Gravity::Ambiguous,
            );
        }
        twice.into_iter().map(|key| key.text()).collect()
    }

    fn document(&mut self, node: Node<'_>) -> Option<Document> {
        let Value::Object(members) = node.value() else {
            self.wrong_kind("the document", node, "an object with `Version` and `Statement`");
            return None;
        };
        self.ambiguous |= !self.duplicates(&members).is_empty();
        let version = self.version(members.clone());
        let mut document = Document {
            text: Arc::clone(&self.text),
            positions: OnceLock::new(),
            version,
            id: None,
            statements: Vec::new(),
            is_list: false,
            statements_span: node.span().end..node.span().end,
            refused: false,
            ambiguous: false,
            unknown: Vec::new(),
        };
        let mut has_statement = false;
        for Member { key, value } in members {
            match &*key.text() {
                "Version" => {}
                "Id" => document.id = self.string("`Id`", value),
                "Statement" => {
                    has_statement = true;
                    document.statements_span = value.span();
                    document.is_list = matches!(value.value(), Value::Array(_));
                    let statements = value.one_or_many();
                    document.statements = Vec::with_capacity(statements.clone().count());
                    document
                        .statements
                        .extend(statements.filter_map(|item| self.statement(item, version)));
                }
                other => {
                    document.unknown.push((other.to_owned(), self.source(value)));
                    self.refuse(
                        key.start(),
                        format!("unknown element {}", quoted(other)),
                        "`Version`, `Id` or `Statement`",
                    );
                }
            }
        }
        if !has_statement {
            self.missing(
                node.start(),
                "the document has no `Statement`",
                "`Statement`: one statement or a list",
            );
        }
        document.ambiguous = self.ambiguous;
        Some(document)
    }

    fn version(&mut self, members: Members<'_>) -> Version {
        const EXPECTED: &str = "`2012-10-17` or `2008-10-17`";
        let mut version = Version::V2008;
        for Member { key, value } in members {
            if !key.is("Version") {
                continue;
            }
            if !value.is_string() {
                self.wrong_kind("`Version`", value, EXPECTED);
                continue;
            }
            match &*value.text() {
                "2012-10-17" => version = Version::V2012,
                "2008-10-17" => version = Version::V2008,
                text => {
                    self.refuse(
                        value.start(),
                        format!("unknown version {}", quoted(text)),
                        EXPECTED,
                    );
                }
            }
        }
        version
    }

    fn string(&mut self, what: &str, node: Node<'_>) -> Option<Written> {
        if node.is_string() {
            return Some(self.text_of(node));
        }
        self.wrong_kind(what, node, "a string");
        None
    }

    /// Reports a list without elements, whose meaning is documented in two ways: IAM Access Analyzer says that such a
    /// list "does not affect the policy", the grammar that there is at least one element.
    fn is_empty(&mut self, what: &str, node: Node<'_>) -> bool {
        let is_empty = node.one_or_many().next().is_none();
        if is_empty {
            self.report(
                node.start(),
                format!("the list of {what} is empty"),
                "at least one element",
                Gravity::Ambiguous,
            );
        }
        is_empty
    }

    /// The nodes of a string or a list of strings.
    fn strings<'t>(&mut self, what: &str, node: Node<'t>) -> impl Iterator<Item = Node<'t>> + use<'t> {
        let items: Items<'t> = node.one_or_many();
        for item in items.clone().filter(|item| !item.is_string()) {
            self.wrong_kind(what, item, "a string or a list of strings");
        }
        items.filter(Node::is_string)
    }
}

/// The keys that stood before. Objects of policies are small: only for others, or with escapes, a set is worth its
/// price.
fn standing_twice<'t>(members: &Members<'t>) -> Vec<Node<'t>> {
    const SMALL: usize = 16;
    let keys = || members.clone().map(|member| member.key);
    if keys().nth(1).is_none() {
        return Vec::new();
    }
    let mut before = [""; SMALL];
    let mut twice = Vec::new();
    for (at, key) in keys().enumerate() {
        let (Some(text), Some((place, earlier))) = (
            key.plain(),
            before.get_mut(..=at).and_then(|known| known.split_last_mut()),
        ) else {
            let mut seen = HashSet::new();
            return keys().filter(|key| !seen.insert(key.text())).collect();
        };
        if earlier.contains(&text) {
            twice.push(key);
        }
        *place = text;
    }
    twice
}
