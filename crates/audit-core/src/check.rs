//! What a rule is: its entry in the catalogue, and what looks for it.

use jiff::Timestamp;

use crate::chain::Chain;
use crate::config::Config;
use crate::finding::{Entry, Finding};
use crate::model::{Access, Account, ReadFailure};
use crate::snapshot::Snapshot;

/// Looks at one binding. One cause, one finding.
pub type BindingCheck = fn(&Chain<'_>) -> Option<Finding>;

/// What looks for a finding, by what the finding is about.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// About one binding.
    Binding(BindingCheck),
    /// About one AWS account.
    Account(fn(&AccountEvidence<'_>) -> Vec<Finding>),
    /// About the whole cluster, or about all accounts together, at a time.
    Cluster(fn(&Snapshot, &Config, Timestamp) -> Vec<Finding>),
}

/// A rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its place in the catalogue.
    pub entry: &'static Entry,
    /// What looks for it.
    pub checks: &'static [Check],
}

/// What there is to know of one account.
#[derive(Debug, Clone)]
pub struct AccountEvidence<'a> {
    /// Everything that was observed.
    pub snapshot: &'a Snapshot,
    /// The settings.
    pub config: &'a Config,
    /// The account's number.
    pub id: &'a str,
    /// What was read of it.
    pub account: &'a Account,
    /// The time.
    pub now: Timestamp,
    /// The failures that are going on, the gravest first, and of each kind the one that began first.
    pub failures: Vec<&'a ReadFailure>,
}

impl<'a> AccountEvidence<'a> {
    /// Gathers what a snapshot has of an account.
    #[must_use]
    pub fn of(
        snapshot: &'a Snapshot,
        config: &'a Config,
        now: Timestamp,
        id: &'a str,
        account: &'a Account,
    ) -> Self {
        let mut failures: Vec<_> = account.failures().collect();
        failures.sort_by(|a, b| a.kind.rank().cmp(&b.kind.rank()).then(a.since.cmp(&b.since)));
        failures.dedup_by(|a, b| a.kind == b.kind);
        Self {
            snapshot,
            config,
            id,
            account,
            now,
            failures,
        }
    }

    /// Whether the operator has a way into the account.
    #[must_use]
    pub fn is_accessible(&self) -> bool {
        self.account.access != Access::NotConfigured
    }
}
