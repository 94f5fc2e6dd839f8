//! What a new leader does with a record that its predecessor left open, and a writer with one that it could not close.
//!
//! It waits until the predecessor's lease is over and every call that was made under it has taken effect or never will. Then one read
//! decides: the proposed document is there: done. The old one is there: the change never happened, its record is closed, and a new
//! plan has a new hash. Anything else: stop, latch, alert. Nothing is written to the role.

use jiff::Timestamp;

use super::closing::Closing;
use super::effect::{WriterEffect, WriterOutcome};
use super::read_back::{Proven, judge};
use super::timing::{WriteTiming, later};
use crate::journal::{ChangePhase, JournalRecord};

#[derive(Debug, Clone)]
enum Stage {
    Wait { until: Timestamp },
    Read,
    Close(Box<Closing>),
}

/// The recovery of one open record.
#[derive(Debug, Clone)]
pub struct Recovery {
    record: JournalRecord,
    role_name: String,
    timing: WriteTiming,
    decides: Timestamp,
    asked: Timestamp,
    stage: Stage,
}

impl Recovery {
    /// The recovery of a record in phase `Prepared`. `acquired` is when this process acquired its lease, or ended the execution that left
    /// the record, whichever is later.
    #[must_use]
    pub fn new(record: JournalRecord, acquired: Timestamp, timing: WriteTiming) -> Self {
        let decides = timing.decided_after_takeover(acquired);
        // What follows the path is the name.
        let role_name = record.role_arn.rsplit('/').next().unwrap_or_default().to_owned();
        Self {
            record,
            role_name,
            timing,
            decides,
            asked: Timestamp::MIN,
            stage: Stage::Wait { until: decides },
        }
    }

    /// What to do now.
    pub fn next(&mut self, now: Timestamp) -> WriterEffect {
        self.asked = now;
        match &self.stage {
            Stage::Wait { until } => WriterEffect::Wait { until: *until },
            Stage::Read => WriterEffect::ReadRole {
                role_name: self.role_name.clone(),
            },
            Stage::Close(closing) => closing.next(now),
        }
    }

    /// What came of the effect that [`Recovery::next`] gave last.
    pub fn observe(&mut self, outcome: &WriterOutcome, now: Timestamp) {
        match &mut self.stage {
            Stage::Wait { until } => {
                if now >= *until {
                    self.stage = Stage::Read;
                }
            }
            Stage::Read => self.stage = self.judged(outcome, now),
            Stage::Close(closing) => closing.observe(outcome, &self.timing, now),
        }
    }

    fn judged(&self, outcome: &WriterOutcome, now: Timestamp) -> Stage {
        let role = match outcome {
            WriterOutcome::Role(role) => Some(&**role),
            WriterOutcome::RoleGone => None,
            _ => {
                // Unread is undecided: the record stays open, and its role in flight.
                return if now >= later(self.decides, self.timing.give_up) {
                    self.close(ChangePhase::Prepared, None)
                } else {
                    Stage::Wait {
                        until: later(now, self.timing.retry_every),
                    }
                };
            }
        };
        // Whether IAM acknowledged the write is not known.
        match judge(&self.record, false, self.decides, role, self.asked) {
            Proven::Applied => self.close(ChangePhase::Applied, None),
            Proven::NotApplied => self.close(ChangePhase::NotApplied, None),
            Proven::Foreign(found) => self.close(ChangePhase::Latched, found),
            Proven::NotYet | Proven::InEffect => Stage::Wait { until: self.decides },
        }
    }

    fn close(&self, phase: ChangePhase, found: Option<String>) -> Stage {
        Stage::Close(Box::new(Closing::new(&self.record, phase, found, None)))
    }
}
