//! How a change ends: it is published, then its record is closed.
//!
//! In this order, so that a crash in between publishes twice rather than never.

use jiff::Timestamp;

use super::effect::{RecordClosing, RemedyNotice, StopReason, WriterEffect, WriterEnd, WriterOutcome};
use super::timing::{WriteTiming, later};
use crate::journal::{ChangePhase, JournalRecord};

/// So often the record is tried to be closed.
const TRIES: u32 = 5;

#[derive(Debug, Clone)]
enum Stage {
    Announce,
    Close { tries: u32 },
    Wait { until: Timestamp, tries: u32 },
    End(WriterEnd),
}

/// The end of a change.
#[derive(Debug, Clone)]
pub(super) struct Closing {
    notice: RemedyNotice,
    phase: ChangePhase,
    end: WriterEnd,
    stage: Stage,
}

impl Closing {
    /// The change ends in a phase. `Prepared` leaves the record open, for a recovery.
    pub(super) fn new(
        record: &JournalRecord,
        phase: ChangePhase,
        found: Option<String>,
        refused: Option<String>,
    ) -> Self {
        Self {
            notice: RemedyNotice {
                record: record.name.clone(),
                role_arn: record.role_arn.clone(),
                namespace: record.namespace.clone(),
                service_account: record.service_account.clone(),
                operation: record.operation,
                phase,
                found,
                refused,
            },
            phase,
            end: if phase.is_open() {
                WriterEnd::Undecided
            } else {
                WriterEnd::Closed(phase)
            },
            stage: Stage::Announce,
        }
    }

    /// The change was given up before its write was sent.
    pub(super) fn abandoned(record: &JournalRecord, reason: StopReason) -> Self {
        Self {
            end: WriterEnd::Stopped(reason),
            ..Self::new(record, ChangePhase::Abandoned, None, None)
        }
    }

    pub(super) fn next(&self, now: Timestamp) -> WriterEffect {
        match &self.stage {
            Stage::Announce => WriterEffect::Announce(Box::new(self.notice.clone())),
            Stage::Close { .. } => WriterEffect::CloseRecord(RecordClosing {
                name: self.notice.record.clone(),
                phase: self.phase,
                changed: now,
                found: self.notice.found.clone(),
                refused: self.notice.refused.clone(),
            }),
            Stage::Wait { until, .. } => WriterEffect::Wait { until: *until },
            Stage::End(end) => WriterEffect::Done(end.clone()),
        }
    }

    pub(super) fn observe(&mut self, outcome: &WriterOutcome, timing: &WriteTiming, now: Timestamp) {
        self.stage = match &self.stage {
            // It is at most not published twice: the record says it as well.
            Stage::Announce if self.phase.is_open() => Stage::End(self.end.clone()),
            Stage::Announce => Stage::Close { tries: 1 },
            Stage::Close { tries } => match outcome {
                WriterOutcome::Closed => Stage::End(self.end.clone()),
                WriterOutcome::Conflict => Stage::End(WriterEnd::Superseded),
                _ if *tries >= TRIES => Stage::End(WriterEnd::Unrecorded(self.phase)),
                _ => Stage::Wait {
                    until: later(now, timing.retry_every),
                    tries: tries.saturating_add(1),
                },
            },
            Stage::Wait { until, .. } if now < *until => return,
            Stage::Wait { tries, .. } => Stage::Close { tries: *tries },
            Stage::End(end) => Stage::End(end.clone()),
        };
    }
}
