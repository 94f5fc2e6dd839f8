//! One write, from the first read to the closed record.
//!
//! | state | what is true in it |
//! |---|---|
//! | `FirstRead` | a plan is there; nothing was checked |
//! | `Settle` | the role is the plan's, and has its document |
//! | `SecondRead` | the settle time is over since the first read was answered |
//! | `FirstCheck` | the role was the same at both reads, with all its tags |
//! | `Create` | the plan was made again of what is live, has the same hash, and no authority objects |
//! | `SecondCheck` | our record is in the journal, so the approval is spent; nothing was sent |
//! | `FinalRead` | the plan was made again, no authority objects, and the record is as it was created |
//! | `Lease` | the role is still the same, a moment ago |
//! | `Write` | the lease outlasts the call; read and check are fresh until `not_after` |
//! | `Sent` | the write was given out, so it may have been sent |
//! | `ReadBack` | the write was accepted, or may have been: it is never sent again |
//! | `Close` | how it ended is known, or cannot be determined |
//! | `Stopped` | nothing was sent, and there is no record of ours |
//!
//! Each state knows one kind of outcome that leads on. Every other one ends the write: without a record while there is none; by
//! `Abandoned` while nothing was sent; by reading back once something may have been.

use jiff::Timestamp;

use super::closing::Closing;
use super::effect::{LiveCheck, StopReason, WriteAnswer, WriteOrder, WriterEffect, WriterEnd, WriterOutcome};
use super::read_back::{Proven, judge};
use super::timing::{WriteTiming, later};
use crate::block::{Blocker, WriteGrant, write_grant};
use crate::facts::LiveRole;
use crate::journal::{ChangePhase, Journal, JournalRecord, record_name};
use crate::plan::Plan;

/// So often the second check and the final read are made again because they have grown too old.
const REFRESHES: u32 = 2;

#[derive(Debug, Clone)]
enum State {
    FirstRead,
    Settle {
        until: Timestamp,
    },
    SecondRead,
    FirstCheck,
    Create(Box<JournalRecord>),
    SecondCheck(Box<JournalRecord>),
    FinalRead(Box<JournalRecord>),
    Lease(Box<JournalRecord>),
    Write {
        record: Box<JournalRecord>,
        not_after: Timestamp,
    },
    Sent {
        record: Box<JournalRecord>,
        not_after: Timestamp,
    },
    ReadBack(ReadBack),
    Close(Closing),
    Stopped(StopReason),
}

#[derive(Debug, Clone)]
struct ReadBack {
    record: Box<JournalRecord>,
    /// IAM has acknowledged the write, or its document was seen.
    was_in_effect: bool,
    decides: Timestamp,
    /// The next read is not asked for before.
    wait: Option<Timestamp>,
}

/// The write of one plan. The crate's documentation says what it promises.
#[derive(Debug, Clone)]
pub struct Execution {
    plan: Plan,
    writer: String,
    timing: WriteTiming,
    state: State,
    /// When the effect of this state was given out.
    asked: Timestamp,
    /// When the last check and the last read were asked for.
    checked: Timestamp,
    read: Timestamp,
    /// When the record was asked for: the shell asks for it only while it holds the lease.
    recorded: Timestamp,
    /// The role at the first read; at each read after that it is the same.
    role: Option<Box<LiveRole>>,
    refreshes: u32,
}

impl Execution {
    /// A write that is about to begin. `writer` is the identity under which this process holds the lease.
    #[must_use]
    pub fn new(plan: Plan, writer: impl Into<String>, timing: WriteTiming) -> Self {
        Self {
            plan,
            writer: writer.into(),
            timing,
            state: State::FirstRead,
            asked: Timestamp::MIN,
            checked: Timestamp::MIN,
            read: Timestamp::MIN,
            recorded: Timestamp::MIN,
            role: None,
            refreshes: 0,
        }
    }

    /// What to do now. The write is given out once: asked again, this gives the read that says what came of it.
    pub fn next(&mut self, now: Timestamp) -> WriterEffect {
        self.asked = now;
        let role_name = self.plan.role.arn.name().to_owned();
        match &self.state {
            State::FirstRead | State::SecondRead | State::FinalRead(_) => {
                WriterEffect::ReadRole { role_name }
            }
            State::Settle { until } => WriterEffect::Wait { until: *until },
            State::FirstCheck | State::SecondCheck(_) => WriterEffect::Check,
            State::Create(record) => WriterEffect::CreateRecord(record.clone()),
            State::Lease(_) => WriterEffect::CheckLease,
            State::Write { record, not_after } => {
                let (record, not_after) = (record.clone(), *not_after);
                let order = WriteOrder {
                    role_name,
                    document: record.after.clone(),
                    not_after,
                    timeout: self.timing.call_timeout,
                    record: record.name.clone(),
                };
                self.state = State::Sent { record, not_after };
                WriterEffect::Write(Box::new(order))
            }
            State::Sent { record, not_after } => {
                self.state = self.lost(record.clone(), *not_after);
                WriterEffect::ReadRole { role_name }
            }
            State::ReadBack(back) => match back.wait {
                Some(until) => WriterEffect::Wait { until },
                None => WriterEffect::ReadRole { role_name },
            },
            State::Close(closing) => closing.next(now),
            State::Stopped(reason) => WriterEffect::Done(WriterEnd::Stopped(reason.clone())),
        }
    }

    /// What came of the effect that [`Execution::next`] gave last.
    pub fn observe(&mut self, outcome: WriterOutcome, now: Timestamp) {
        let state = std::mem::replace(&mut self.state, State::Stopped(StopReason::WrongOutcome));
        self.state = match state {
            State::FirstRead => self.first_read(outcome, now),
            State::Settle { until } if now < until => State::Settle { until },
            State::Settle { .. } => State::SecondRead,
            State::SecondRead => match self.same_role(outcome) {
                Ok(()) => State::FirstCheck,
                Err(reason) => State::Stopped(reason),
            },
            State::FirstCheck => match self.check(outcome, None, now) {
                Ok(grant) => State::Create(Box::new(self.record(grant, now))),
                Err(reason) => State::Stopped(reason),
            },
            State::Create(record) => match outcome {
                WriterOutcome::Created => {
                    self.recorded = self.asked;
                    State::SecondCheck(record)
                }
                WriterOutcome::Exists => State::Stopped(StopReason::OtherWriter),
                _ => State::Stopped(StopReason::RecordUnknown),
            },
            State::SecondCheck(record) => match self.check(outcome, Some(&record), now) {
                Ok(_) => State::FinalRead(record),
                Err(reason) => abandon(&record, reason),
            },
            State::FinalRead(record) => match self.same_role(outcome) {
                Ok(()) => State::Lease(record),
                Err(reason) => abandon(&record, reason),
            },
            State::Lease(record) => self.lease(record, &outcome, now),
            // Nobody has asked for it yet.
            State::Write { record, not_after } => State::Write { record, not_after },
            State::Sent { record, not_after } => self.written(record, not_after, outcome, now),
            State::ReadBack(back) => self.read_back(back, &outcome, now),
            State::Close(mut closing) => {
                closing.observe(&outcome, &self.timing, now);
                State::Close(closing)
            }
            State::Stopped(reason) => State::Stopped(reason),
        };
    }

    /// The role is the plan's, and has the document and the tags that the plan was made for.
    fn first_read(&mut self, outcome: WriterOutcome, now: Timestamp) -> State {
        let role = match outcome {
            WriterOutcome::Role(role) => role,
            WriterOutcome::RoleGone => return State::Stopped(StopReason::RoleGone),
            WriterOutcome::Failed => return State::Stopped(StopReason::RoleUnreadable),
            _ => return State::Stopped(StopReason::WrongOutcome),
        };
        if !role.is_same(&self.plan.role) {
            return State::Stopped(StopReason::RoleChanged);
        }
        self.role = Some(role);
        State::Settle {
            until: later(now, self.timing.settle_time()),
        }
    }

    /// The role is what it was at the first read, to the letter.
    fn same_role(&mut self, outcome: WriterOutcome) -> Result<(), StopReason> {
        match outcome {
            WriterOutcome::Role(role) if self.role.as_ref().is_some_and(|first| first.is_same(&role)) => {
                self.read = self.asked;
                Ok(())
            }
            WriterOutcome::Role(_) => Err(StopReason::RoleChanged),
            WriterOutcome::RoleGone => Err(StopReason::RoleGone),
            WriterOutcome::Failed => Err(StopReason::RoleUnreadable),
            _ => Err(StopReason::WrongOutcome),
        }
    }

    /// The plan, made again of what is live, has the same hash, and no authority objects. If there is a record, the journal has it as
    /// it was created, and the grant is the one that it names.
    fn check(
        &mut self,
        outcome: WriterOutcome,
        record: Option<&JournalRecord>,
        now: Timestamp,
    ) -> Result<WriteGrant, StopReason> {
        let LiveCheck { subject, authorities } = match outcome {
            WriterOutcome::Checked(check) => *check,
            WriterOutcome::Failed => return Err(StopReason::Unchecked),
            _ => return Err(StopReason::WrongOutcome),
        };
        let subject = subject.ok_or(StopReason::SubjectGone)?;
        let role = self.role.as_ref().ok_or(StopReason::WrongOutcome)?;
        let own = record.map(|record| record.name.as_str());
        let journal = Journal::new(&authorities.journal);
        if let Some(record) = record
            && !journal.records().any(|found| is_as_created(found, record))
        {
            return Err(StopReason::RecordChanged);
        }
        let journal = own.map_or(journal, |name| journal.before(name));
        let plan =
            Plan::new(self.plan.operation(), &subject, role, &journal, now).map_err(StopReason::NoEdit)?;
        if plan.hash != self.plan.hash {
            return Err(StopReason::PlanChanged);
        }
        let grant = write_grant(&plan, &authorities, own, now).map_err(StopReason::Blocked)?;
        // A latch ends the read-back of a write at once, also of one that may yet take effect.
        let decided = journal
            .last_latch(role)
            .map_or(now, |latched| self.timing.decided_after_lost(latched));
        if now < decided {
            return Err(StopReason::Blocked(vec![Blocker::Settling { until: decided }]));
        }
        if record.is_some_and(|record| record.approval != grant.approval || record.policies != grant.policies)
        {
            return Err(StopReason::GrantChanged);
        }
        // What is written is what was planned last.
        self.plan = plan;
        self.checked = self.asked;
        Ok(grant)
    }

    fn record(&self, grant: WriteGrant, now: Timestamp) -> JournalRecord {
        let (subject, role, edit) = (&self.plan.subject, &self.plan.role, &self.plan.edit);
        let sequence = self.plan.sequence();
        JournalRecord {
            name: record_name(&role.id, sequence),
            sequence,
            role_arn: role.arn.to_string(),
            role_id: role.id.clone(),
            issuer: subject.issuer.as_str().to_owned(),
            namespace: subject.namespace.clone(),
            service_account: subject.name.clone(),
            operation: edit.operation,
            statement: edit.statement.clone(),
            before: edit.before.clone(),
            after: edit.after.clone(),
            hash: self.plan.hash.clone(),
            approval: grant.approval,
            policies: grant.policies,
            phase: ChangePhase::Prepared,
            created: now,
            changed: now,
            writer: self.writer.clone(),
            found: None,
            released: None,
        }
    }

    /// The lease outlasts the call, what was read and checked is fresh, and the record is not older than a lease. A lease that is held
    /// may be a new one: whoever held it in between judges the record, and does so no sooner than a lease, a call and all that a call may
    /// be late after the record was asked for.
    fn lease(&mut self, record: Box<JournalRecord>, outcome: &WriterOutcome, now: Timestamp) -> State {
        let WriterOutcome::Lease(Some(held_until)) = outcome else {
            return abandon(&record, StopReason::NoLease);
        };
        let timing = &self.timing;
        let unjudged = later(self.recorded, timing.lease);
        if now > unjudged {
            return abandon(&record, StopReason::TooSlow);
        }
        let covered = later(*held_until, -(timing.call_timeout + timing.lease_margin));
        if now > covered {
            return abandon(&record, StopReason::NoLease);
        }
        let fresh = later(self.read, timing.max_window).min(later(self.checked, timing.max_check_age));
        if now > fresh {
            if self.refreshes >= REFRESHES {
                return abandon(&record, StopReason::TooSlow);
            }
            self.refreshes += 1;
            return State::SecondCheck(record);
        }
        State::Write {
            record,
            not_after: covered.min(fresh).min(unjudged),
        }
    }

    /// Once an answer may have been lost, the write may have been sent: it is never sent again.
    fn written(
        &self,
        record: Box<JournalRecord>,
        not_after: Timestamp,
        outcome: WriterOutcome,
        now: Timestamp,
    ) -> State {
        match outcome {
            WriterOutcome::Written(WriteAnswer::Accepted) => State::ReadBack(ReadBack {
                record,
                was_in_effect: true,
                decides: self.timing.decided_after_answer(now),
                wait: None,
            }),
            WriterOutcome::Written(WriteAnswer::Refused { code }) => {
                State::Close(Closing::new(&record, ChangePhase::Refused, None, Some(code)))
            }
            WriterOutcome::Written(WriteAnswer::TooLate) => abandon(&record, StopReason::TooSlow),
            _ => self.lost(record, not_after),
        }
    }

    /// The write may have been sent until `not_after`, and its outcome is unknown.
    fn lost(&self, record: Box<JournalRecord>, not_after: Timestamp) -> State {
        State::ReadBack(ReadBack {
            record,
            was_in_effect: false,
            decides: self.timing.decided_after_lost(not_after),
            wait: None,
        })
    }

    fn read_back(&self, back: ReadBack, outcome: &WriterOutcome, now: Timestamp) -> State {
        if let Some(until) = back.wait {
            let wait = (now < until).then_some(until);
            return State::ReadBack(ReadBack { wait, ..back });
        }
        let judged = |role| judge(&back.record, back.was_in_effect, back.decides, role, self.asked);
        let proven = match outcome {
            WriterOutcome::Role(role) => judged(Some(&**role)),
            WriterOutcome::RoleGone => judged(None),
            _ => Proven::NotYet,
        };
        let close = |phase, found| State::Close(Closing::new(&back.record, phase, found, None));
        let is_in_effect = proven == Proven::InEffect;
        match proven {
            Proven::Applied => close(ChangePhase::Applied, None),
            Proven::NotApplied => close(ChangePhase::NotApplied, None),
            Proven::Foreign(found) => close(ChangePhase::Latched, found),
            Proven::NotYet | Proven::InEffect if now >= later(back.decides, self.timing.give_up) => {
                close(ChangePhase::Prepared, None)
            }
            Proven::NotYet | Proven::InEffect => State::ReadBack(ReadBack {
                was_in_effect: back.was_in_effect || is_in_effect,
                wait: Some(later(now, self.timing.retry_every)),
                ..back
            }),
        }
    }
}

/// Whether the journal's record is the one that was created, but for the time that the API server gives it.
fn is_as_created(found: &JournalRecord, record: &JournalRecord) -> bool {
    let times = JournalRecord {
        created: record.created,
        changed: record.changed,
        ..found.clone()
    };
    times == *record
}

fn abandon(record: &JournalRecord, reason: StopReason) -> State {
    State::Close(Closing::abandoned(record, reason))
}
