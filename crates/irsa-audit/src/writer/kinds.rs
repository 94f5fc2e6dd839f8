//! Reasons of the core as short names for labels and log lines: none of them holds text of a cluster or an account.

use audit_remedy::{Blocker, EditRefusal, StopReason};

/// The names of all that may block.
pub const BLOCKERS: &[&str] = &[
    "account",
    "admission",
    "approval",
    "breaker",
    "consent",
    "faulty_policy",
    "in_flight",
    "latched",
    "namespace",
    "no_policy",
    "paused",
    "policy_mode",
    "rate_limit",
    "role_missing",
    "settling",
    "spent",
    "team",
    "tool",
];

/// The name of a blocker.
#[must_use]
pub fn blocker(blocker: &Blocker) -> &'static str {
    match blocker {
        Blocker::TeamOptIn { .. } => "team",
        Blocker::ReservedNamespace => "namespace",
        Blocker::NoPolicy => "no_policy",
        Blocker::PolicyMode { .. } => "policy_mode",
        Blocker::FaultyPolicy { .. } => "faulty_policy",
        Blocker::Paused { .. } => "paused",
        Blocker::RateLimited { .. } => "rate_limit",
        Blocker::Consent(_) => "consent",
        Blocker::ToolOwned { .. } => "tool",
        Blocker::Admission(_) => "admission",
        Blocker::Approval { .. } => "approval",
        Blocker::SpentHash { .. } => "spent",
        Blocker::InFlight { .. } => "in_flight",
        Blocker::Latched { .. } => "latched",
        Blocker::BreakerOpen { .. } => "breaker",
        Blocker::Settling { .. } => "settling",
    }
}

/// The names of several, each once, in a fixed order.
#[must_use]
pub fn blockers(all: &[Blocker]) -> Vec<&'static str> {
    let mut names: Vec<&str> = all.iter().map(blocker).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The name of the reason why there is no edit.
#[must_use]
pub fn refusal(refusal: &EditRefusal) -> &'static str {
    match refusal {
        EditRefusal::KeptByAws(_) => "kept_by_aws",
        EditRefusal::OtherRole { .. } => "other_role",
        EditRefusal::ExpectsAnother { .. } => "expects_another",
        EditRefusal::NotWhole(_) => "document_not_whole",
        EditRefusal::NotATrustPolicy => "not_a_trust_policy",
        EditRefusal::OddIdentity => "odd_identity",
        EditRefusal::SidTaken => "sid_taken",
        EditRefusal::AlreadyAdmitted => "already_admitted",
        EditRefusal::DependsOnConditions => "depends_on_conditions",
        EditRefusal::Denied => "denied",
        EditRefusal::MayBeDenied => "may_be_denied",
        EditRefusal::OverQuota { .. } => "over_quota",
        EditRefusal::NotOurs => "not_ours",
        EditRefusal::NotOnce(_) => "not_once",
        EditRefusal::OnlyStatement => "only_statement",
        EditRefusal::NothingToRemove => "nothing_to_remove",
        EditRefusal::Unproven(_) => "unproven",
    }
}

/// The name of the reason why nothing was written; of blockers, their names.
#[must_use]
pub fn stop_reason(reason: &StopReason) -> String {
    let name = match reason {
        StopReason::RoleChanged => "role_changed",
        StopReason::RoleGone => "role_gone",
        StopReason::RoleUnreadable => "role_unreadable",
        StopReason::Unchecked => "unchecked",
        StopReason::SubjectGone => "subject_gone",
        StopReason::NoEdit(why) => refusal(why),
        StopReason::PlanChanged => "plan_changed",
        StopReason::Blocked(all) => return format!("blocked by {}", blockers(all).join(",")),
        StopReason::GrantChanged => "grant_changed",
        StopReason::OtherWriter => "other_writer",
        StopReason::RecordUnknown => "record_unknown",
        StopReason::RecordChanged => "record_changed",
        StopReason::NoLease => "no_lease",
        StopReason::TooSlow => "too_slow",
        StopReason::WrongOutcome => "wrong_outcome",
    };
    name.to_owned()
}
