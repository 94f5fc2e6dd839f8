//! What is wrong with a document's text, and where.

use std::fmt;

/// A place in the decoded text of a document. Both numbers start at 1; columns count characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// How much a [`Problem`] takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gravity {
    /// IAM refuses such a document (`MalformedPolicyDocument`): as a whole it grants and denies nothing.
    Refused,
    /// A key is there twice in one object, or a list has no elements. Which of the two IAM uses, and what the list
    /// means, is documented nowhere or in two ways, so what depends on it is undetermined.
    Ambiguous,
}

/// One thing wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What stands there, lowercase, with the input in backticks and its control characters escaped.
    pub message: String,
    /// What was expected in its place.
    pub expected: String,
    /// Where, in the decoded text.
    pub position: Position,
    /// Whether IAM would refuse the document for it.
    pub gravity: Gravity,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}; expected {}",
            self.position, self.message, self.expected
        )
    }
}
