//! Many requests, one JSON object a line, answered in order.
//!
//! A line has these members; others are passed over, and `null` counts as left out:
//!
//! | member | what it is |
//! |---|---|
//! | `id` | any value, echoed as it is written; `null` if left out |
//! | `policy` | the document: an object, or a string with its text, plain or percent-encoded |
//! | `principal` | who asks: the ARN of an identity provider, user, role or session, or the name of a service |
//! | `action` | what is asked for, `sts:AssumeRoleWithWebIdentity` if left out |
//! | `context` | condition keys: a string, number or boolean, or a list of them. An empty list is an absent key |
//! | `closed` | `true`: keys that are not given are absent. Else those of the provider's issuer are, the others unknown |
//!
//! The answer has `id` and `decision`; `keys` where they are what is not known; `problem` where the policy's text is
//! what is wrong; `cause` where it was asked for. A line that asks nothing is answered by its number, from 1, its `id`
//! where that could be read, and an `error`. Blank lines count and are not answered. Lines have at most [`MAX_LINE`]
//! bytes.
//!
//! Memory does not grow with the batch, and no answer is held back while the input is waited for.

mod answer;
mod bad_line;
mod cache;
mod given;
mod json_text;
mod lines;
mod members;
mod principal;
mod question;

use std::io::{self, Read, Write};

use answer::{Answer, Refusal};
use bad_line::BadLine;
use cache::Cache;
pub use lines::MAX_LINE;
use lines::{Line, Lines};
use members::Members;
use serde::Serialize;
use serde_json::value::RawValue;

/// Answers are written when so many bytes of them are waiting, or before the input is waited for.
const WRITTEN_AT_ONCE: usize = 64 * 1024;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchSummary {
    /// Lines that were answered with a decision.
    pub answered: u64,
    /// Lines that asked nothing.
    pub bad: u64,
}

/// Why a batch ended early.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The input could not be read.
    #[error("the batch could not be read: {0}")]
    Read(#[source] io::Error),
    /// The answers could not be written.
    #[error("the answers could not be written: {0}")]
    Write(#[source] io::Error),
}

/// Answers every line of `input` on `output`; with `explain` also why, unless it is allowed, which takes several times
/// as long.
///
/// # Errors
/// When the input cannot be read or the output cannot be written; what was answered until then is written.
pub fn evaluate(input: impl Read, mut output: impl Write, explain: bool) -> Result<BatchSummary, BatchError> {
    let mut lines = Lines::new(audit_offline::utf8(input).map_err(BatchError::Read)?);
    let mut batch = Batch {
        explain,
        cache: Cache::new(),
        waiting: Vec::new(),
        summary: BatchSummary::default(),
    };
    let mut number = 0;
    let mut space = Vec::new();
    loop {
        while let Some(line) = lines.buffered() {
            number += 1;
            match line {
                Line::Bytes(bytes) if bytes.trim_ascii().is_empty() => continue,
                Line::Bytes(bytes) => batch.answer(number, bytes, &mut space),
                Line::TooLong => batch.refuse(number, None, &BadLine::TooLong),
            }
            if batch.waiting.len() >= WRITTEN_AT_ONCE {
                batch.write(&mut output)?;
            }
        }
        // Somebody may be waiting for these before they ask on.
        batch.write(&mut output)?;
        if !lines.read().map_err(BatchError::Read)? {
            return Ok(batch.summary);
        }
    }
}

struct Batch {
    explain: bool,
    cache: Cache,
    /// Answers that are not written yet.
    waiting: Vec<u8>,
    summary: BatchSummary,
}

impl Batch {
    fn answer(&mut self, number: u64, line: &[u8], space: &mut Vec<u8>) {
        let members = match Members::read(line, space) {
            Ok(members) => members,
            Err(error) => return self.refuse(number, None, &error),
        };
        let id = members.id;
        match members.question(self.explain) {
            Ok(question) => {
                let parsed = self.cache.policy(&question.policy);
                let answer = Answer::to(id, parsed, &question, self.explain);
                self.summary.answered += 1;
                self.append(&answer);
            }
            Err(error) => self.refuse(number, id, &error),
        }
    }

    fn refuse(&mut self, line: u64, id: Option<&RawValue>, error: &BadLine) {
        self.summary.bad += 1;
        self.append(&Refusal {
            line,
            id,
            error: error.to_string(),
        });
    }

    fn append(&mut self, line: &impl Serialize) {
        // Writing JSON into memory does not fail where every key is a string.
        let _ = serde_json::to_writer(&mut self.waiting, line);
        self.waiting.push(b'\n');
    }

    fn write(&mut self, output: &mut impl Write) -> Result<(), BatchError> {
        output
            .write_all(&self.waiting)
            .and_then(|()| output.flush())
            .map_err(BatchError::Write)?;
        self.waiting.clear();
        Ok(())
    }
}
