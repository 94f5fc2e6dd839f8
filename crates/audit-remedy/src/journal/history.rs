//! What the records together say.

use jiff::{SignedDuration, Timestamp};

use super::record::{ChangePhase, JournalRecord};
use crate::edit::{RemedyOperation, statements};
use crate::facts::{LiveRole, RemedySubject};
use crate::plan::PlanHash;

/// For how long a change counts against `maxChangesPerHour`.
pub const CHANGE_LIMIT_SPAN: SignedDuration = SignedDuration::from_hours(1);

/// All records of this cluster's journal, read live, in any order.
#[derive(Debug, Clone, Copy)]
pub struct Journal<'j> {
    records: &'j [JournalRecord],
    own: Option<&'j str>,
}

impl<'j> Journal<'j> {
    /// The journal of these records.
    #[must_use]
    pub fn new(records: &'j [JournalRecord]) -> Self {
        Self { records, own: None }
    }

    /// The journal as it was before the record `name`: for the writer, which looks again after it has created its own.
    #[must_use]
    pub fn before(self, name: &'j str) -> Self {
        Self {
            own: Some(name),
            ..self
        }
    }

    /// The records.
    pub fn records(&self) -> impl Iterator<Item = &'j JournalRecord> {
        let own = self.own;
        self.records
            .iter()
            .filter(move |record| own != Some(record.name.as_str()))
    }

    /// The records of a role, by its id or its ARN: what is known of a role that was deleted counts for its successor.
    pub(super) fn of_role(&self, role: &LiveRole) -> impl Iterator<Item = &'j JournalRecord> {
        let (id, arn) = (role.id.clone(), role.arn.to_string());
        self.records()
            .filter(move |record| record.role_id == id || record.role_arn == arn)
    }

    /// The role's change counter: the highest sequence that it has, 0 where it has none. It never falls while records are kept, and each
    /// record raises it.
    #[must_use]
    pub fn counter(&self, role: &LiveRole) -> u64 {
        self.of_role(role)
            .map(|record| record.sequence)
            .max()
            .unwrap_or(0)
    }

    /// The record that spent a plan's hash.
    #[must_use]
    pub fn spent_hash(&self, hash: &PlanHash) -> Option<&'j JournalRecord> {
        self.records().find(|record| record.hash == *hash)
    }

    /// The record that spent an approval.
    #[must_use]
    pub fn spent_approval(&self, uid: &str) -> Option<&'j JournalRecord> {
        self.records()
            .find(|record| record.approval.as_deref() == Some(uid))
    }

    /// The change of the role that is going on.
    #[must_use]
    pub fn in_flight(&self, role: &LiveRole) -> Option<&'j JournalRecord> {
        self.of_role(role).find(|record| record.phase.is_open())
    }

    /// The change that latched the role.
    #[must_use]
    pub fn latched(&self, role: &LiveRole) -> Option<&'j JournalRecord> {
        self.of_role(role).find(|record| record.is_latched())
    }

    /// When the role was latched last, also if a person has released it since. The write of that change may have been on its way.
    #[must_use]
    pub fn last_latch(&self, role: &LiveRole) -> Option<Timestamp> {
        self.of_role(role)
            .filter(|record| record.phase == ChangePhase::Latched)
            .map(|record| record.changed)
            .max()
    }

    /// The newest record of the role.
    #[must_use]
    pub fn newest(&self, role: &LiveRole) -> Option<&'j JournalRecord> {
        self.of_role(role).max_by_key(|record| record.sequence)
    }

    /// The newest record of the role for the ServiceAccount, with our statement appended or removed.
    #[must_use]
    pub fn newest_of(&self, role: &LiveRole, subject: &RemedySubject) -> Option<&'j JournalRecord> {
        self.of_role(role)
            .filter(|record| record.is_for(subject))
            .max_by_key(|record| record.sequence)
    }

    /// When the changes that a policy allowed within the hour before `now` were recorded, in any phase, oldest first. One from the
    /// future counts: a clock is wrong, and no reason to write more.
    #[must_use]
    pub fn within_hour(&self, policy: &str, now: Timestamp) -> Vec<Timestamp> {
        let mut times: Vec<Timestamp> = self
            .records()
            .filter(|record| record.policies.iter().any(|name| name == policy))
            .map(|record| record.created)
            .filter(|created| now.duration_since(*created) < CHANGE_LIMIT_SPAN)
            .collect();
        times.sort_unstable();
        times
    }

    /// The record of a statement of ours that the role had for the ServiceAccount and no longer has. Another actor removed it, or a
    /// rollback that a person approved. Both are decisions, so it is never appended again without a new approval.
    #[must_use]
    pub fn vanished(&self, role: &LiveRole, subject: &RemedySubject) -> Option<&'j JournalRecord> {
        let live = statements(&role.trust_text);
        self.appended(role, subject)
            .find(|record| !live.contains(&record.statement))
    }

    /// The newest statement of ours for the ServiceAccount that the live document has: what may be rolled back. Statements of other
    /// clusters and of people are never among them.
    #[must_use]
    pub fn removable(&self, role: &LiveRole, subject: &RemedySubject) -> Option<&'j JournalRecord> {
        let live = statements(&role.trust_text);
        self.appended(role, subject)
            .filter(|record| record.role_id == role.id && live.contains(&record.statement))
            .max_by_key(|record| record.sequence)
    }

    /// The records of statements that were, or may have been, appended for the ServiceAccount.
    fn appended(&self, role: &LiveRole, subject: &RemedySubject) -> impl Iterator<Item = &'j JournalRecord> {
        let subject = subject.clone();
        self.of_role(role).filter(move |record| {
            record.operation == RemedyOperation::Append && record.may_have_acted() && record.is_for(&subject)
        })
    }

    /// The open records, which a new leader has to settle before it writes anything.
    pub fn open(&self) -> impl Iterator<Item = &'j JournalRecord> {
        self.records()
            .filter(|record| record.phase == ChangePhase::Prepared)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/history.rs"]
mod tests;
