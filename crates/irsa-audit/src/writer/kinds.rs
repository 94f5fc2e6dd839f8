//! What the core says as short names for labels and log lines: none of them holds text of a cluster or an account.

use audit_remedy::{Blocker, StopReason};

/// What blocks a look before there is a plan: no way into the role's account, and no such role. The core has the names of the rest.
pub const BEFORE_PLAN: [&str; 2] = ["account", "role_missing"];

/// The names of several, each once, in a fixed order.
#[must_use]
pub fn blockers(all: &[Blocker]) -> Vec<&'static str> {
    let mut names: Vec<&str> = all.iter().map(Blocker::name).collect();
    names.sort_unstable();
    names.dedup();
    names
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
        StopReason::NoEdit(why) => why.name(),
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
