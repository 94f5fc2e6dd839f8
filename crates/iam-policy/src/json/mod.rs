//! A JSON reader that knows where everything stands, notices duplicate keys, and keeps what it has read when the
//! text breaks off.
//!
//! `serde_json` gives neither positions of values nor half a document; both are what a person needs to mend one.
//!
//! What is read is one flat list of entries, each with its place in the text: containers come before what they
//! contain. Nothing is copied out of the text, and no value has an allocation of its own.

mod plain;
mod reader;
#[cfg(test)]
#[path = "../../tests/unit/json.rs"]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

pub(crate) use reader::{SyntaxError, read};

/// The deepest nesting that is read. A policy needs six levels.
pub(crate) const MAX_DEPTH: usize = 64;

/// A text, read.
#[derive(Debug)]
pub(crate) struct Tree<'t> {
    text: &'t str,
    entries: Vec<Entry>,
    /// Where the text stops being JSON; what was complete before is there.
    pub(crate) error: Option<SyntaxError>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: Kind,
    /// The bytes that it takes in the text.
    start: u32,
    end: u32,
    /// The entry that follows what this one contains.
    after: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Bool,
    Number,
    /// A string as it stands in the text.
    Plain,
    /// A string with escapes.
    Escaped,
    Array,
    /// A key, its value, the next key, ...
    Object,
}

/// A value, or a key of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'t> {
    tree: &'t Tree<'t>,
    at: usize,
    entry: Entry,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Value<'t> {
    Null,
    Bool,
    Number,
    String,
    Array(Items<'t>),
    Object(Members<'t>),
}

/// A member of an object; duplicates are all there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'t> {
    pub(crate) key: Node<'t>,
    pub(crate) value: Node<'t>,
}

impl<'t> Tree<'t> {
    /// The outermost value; `None` if not even that could be read.
    pub(crate) fn root(&'t self) -> Option<Node<'t>> {
        self.node(0)
    }

    fn node(&'t self, at: usize) -> Option<Node<'t>> {
        let entry = *self.entries.get(at)?;
        Some(Node {
            tree: self,
            at,
            entry,
        })
    }
}

impl<'t> Node<'t> {
    /// The bytes that it takes in the text, quotation marks included.
    pub(crate) fn span(&self) -> Range<usize> {
        self.start()..index(self.entry.end)
    }

    /// Where it begins.
    pub(crate) fn start(&self) -> usize {
        index(self.entry.start)
    }

    pub(crate) fn value(&self) -> Value<'t> {
        let inside = Items {
            tree: self.tree,
            at: self.at + 1,
            end: index(self.entry.after),
        };
        match self.entry.kind {
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool,
            Kind::Number => Value::Number,
            Kind::Plain | Kind::Escaped => Value::String,
            Kind::Array => Value::Array(inside),
            Kind::Object => Value::Object(Members(inside)),
        }
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(self.entry.kind, Kind::Plain | Kind::Escaped)
    }

    /// Where the text of a string stands, if nothing in it is escaped; of another value where that stands.
    pub(crate) fn plain_span(&self) -> Option<Range<usize>> {
        let span = self.span();
        match self.entry.kind {
            Kind::Plain => Some(span.start + 1..span.end - 1),
            Kind::Escaped => None,
            _ => Some(span),
        }
    }

    /// The text of a string in which nothing is escaped; of another value its JSON text.
    pub(crate) fn plain(&self) -> Option<&'t str> {
        self.tree.text.get(self.plain_span()?)
    }

    /// The text of a string; of another value its JSON text.
    pub(crate) fn text(&self) -> Cow<'t, str> {
        match self.plain() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(reader::unescaped(self.tree.text, self.start())),
        }
    }

    /// Whether it is this string.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.is_string() && self.text() == text
    }

    /// What kind of value it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.entry.kind {
            Kind::Null => "null",
            Kind::Bool => "a boolean",
            Kind::Number => "a number",
            Kind::Plain | Kind::Escaped => "a string",
            Kind::Array => "a list",
            Kind::Object => "an object",
        }
    }

    /// The items of a list; another value by itself.
    pub(crate) fn one_or_many(&self) -> Items<'t> {
        match self.value() {
            Value::Array(items) => items,
            _ => Items {
                tree: self.tree,
                at: self.at,
                end: index(self.entry.after),
            },
        }
    }
}

/// The items of a list, in order.
#[derive(Debug, Clone)]
pub(crate) struct Items<'t> {
    tree: &'t Tree<'t>,
    at: usize,
    end: usize,
}

impl<'t> Iterator for Items<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        let node = self.tree.node(self.at).filter(|_| self.at < self.end)?;
        self.at = index(node.entry.after);
        Some(node)
    }
}

/// The members of an object, in order.
#[derive(Debug, Clone)]
pub(crate) struct Members<'t>(Items<'t>);

impl<'t> Iterator for Members<'t> {
    type Item = Member<'t>;

    fn next(&mut self) -> Option<Member<'t>> {
        let (key, value) = (self.0.next()?, self.0.next()?);
        Some(Member { key, value })
    }
}

fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}
