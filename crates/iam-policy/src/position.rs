//! Lines and columns of a text.

use crate::problem::Position;

/// So many bytes lie between two places whose line and column are remembered.
const STEP: usize = 256;

/// Finds lines and columns after one pass over the text: a search begins at the place remembered before, wherever the
/// line began. So what is said of a document costs no more than the document's length and its own.
#[derive(Debug, Clone)]
pub(crate) struct Positions {
    /// Line and column at every [`STEP`]th byte, or at the first character after it.
    remembered: Box<[(u32, u32)]>,
}

impl Positions {
    /// The index of a text of less than 4 GiB.
    pub(crate) fn new(text: &str) -> Self {
        let mut remembered = Vec::with_capacity(text.len() / STEP + 1);
        let (mut line, mut column) = (1, 1);
        for (at, c) in text.char_indices() {
            if at >= remembered.len() * STEP {
                remembered.push((line, column));
            }
            (line, column) = next((line, column), c);
        }
        Self {
            remembered: remembered.into(),
        }
    }

    /// The line and column of a byte offset in the same text.
    pub(crate) fn find(&self, text: &str, offset: usize) -> Position {
        let mut block = (offset / STEP).min(self.remembered.len().saturating_sub(1));
        let mut start = char_boundary(text, block * STEP);
        if start > offset {
            block = block.saturating_sub(1);
            start = char_boundary(text, block * STEP);
        }
        let from = self.remembered.get(block).copied().unwrap_or((1, 1));
        let between = text.get(start..offset.min(text.len())).unwrap_or_default();
        #[cfg(test)]
        work::count(between.len());
        let (line, column) = between.chars().fold(from, next);
        let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        Position {
            line: number(line),
            column: number(column),
        }
    }
}

/// Where the character after this one stands.
fn next((line, column): (u32, u32), c: char) -> (u32, u32) {
    if c == '\n' {
        (line + 1, 1)
    } else {
        (line, column + 1)
    }
}

/// The first place from `at` on where a character begins.
fn char_boundary(text: &str, at: usize) -> usize {
    (at..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
}

/// Counts the bytes that searches walk over.
#[cfg(test)]
pub(crate) mod work {
    use std::cell::Cell;

    thread_local! { static WALKED: Cell<usize> = const { Cell::new(0) }; }

    pub(super) fn count(bytes: usize) {
        WALKED.with(|walked| walked.set(walked.get() + bytes));
    }

    /// How many bytes were walked over in `work`, on this thread.
    pub(crate) fn of(work: impl FnOnce()) -> usize {
        let before = WALKED.with(Cell::get);
        work();
        WALKED.with(Cell::get) - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Principal, Request, Unlisted, explain, parse};

    #[test]
    fn positions_are_those_of_counting_from_the_start() {
        for text in [
            String::new(),
            "a".to_owned(),
            "ab\nc\n\nd".to_owned(),
            "é\n".repeat(400),
            "\u{1F600}".repeat(300),
            format!("{}\n{}", "x".repeat(255), "é".repeat(600)),
            "x".repeat(STEP * 2),
        ] {
            let positions = Positions::new(&text);
            let places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            let (mut line, mut column) = (1, 1);
            let mut characters = text.chars();
            for at in places {
                assert_eq!(
                    positions.find(&text, at),
                    Position { line, column },
                    "{at} of {text:?}"
                );
                match characters.next() {
                    Some('\n') => (line, column) = (line + 1, 1),
                    _ => column += 1,
                }
            }
        }
    }

    /// A document of one line with many conditions, explained: what is walked over grows as the document does.
    #[test]
    fn explaining_walks_no_further_than_the_document_is_long() {
        let walked = |clauses: usize| {
            let keys: Vec<String> = (0..clauses).map(|at| format!("\"aws:é{at}\":\"x\"")).collect();
            let text = format!(
                r#"{{"Statement":{{"Effect":"Allow","Principal":"*","Action":"sts:*","Condition":{{"StringEquals":{{{}}}}}}}}}"#,
                keys.join(",")
            );
            let document = parse(&text).document.unwrap();
            let request = Request {
                principal: Some(Principal::Service("ec2.amazonaws.com".to_owned())),
                action: "sts:AssumeRole".to_owned(),
                resource: None,
                context: Context::new(Unlisted::Unknown),
            };
            work::of(|| assert_eq!(explain(&document, &request).statements[0].clauses.len(), clauses))
        };
        let (few, many) = (walked(1_000), walked(8_000));
        assert!(
            few <= 1_000 * STEP && many <= few * 8 + 8 * STEP,
            "{few} and {many} bytes"
        );
    }
}
