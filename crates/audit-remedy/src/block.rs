//! Who has to agree before a plan is carried out, and what each of them says: authority by authority.

use jiff::{SignedDuration, Timestamp};

use crate::approval::{AdmissionGuard, ApprovalRecord, ApprovalRefusal, valid_approval};
use crate::consent::ConsentRefusal;
use crate::edit::RemedyOperation;
use crate::journal::{
    BreakerLimits, CHANGE_LIMIT_SPAN, Journal, JournalRecord, RoleBackoff, open_breaker, role_backoff,
};
use crate::mode::RemediationMode;
use crate::ownership::OwningTool;
use crate::plan::Plan;
use crate::policy::{EmptySelector, RemediationPolicy, admin_grant};

/// What the writer reads live of everyone who has to agree. The team's opt-in is in the plan's subject, the role's consent and its
/// tools in the plan's role.
#[derive(Debug, Clone, PartialEq)]
pub struct Authorities {
    /// All `IrsaAuditPolicies` that speak of remediation.
    pub policies: Vec<RemediationPolicy>,
    /// The namespaces of the operator and the writer.
    pub own_namespaces: Vec<String>,
    /// The user names of the operator and the writer, which may not approve.
    pub own_users: Vec<String>,
    /// All `IrsaApprovals`.
    pub approvals: Vec<ApprovalRecord>,
    /// The admission policy and its binding.
    pub guard: AdmissionGuard,
    /// All `TrustPolicyChanges`.
    pub journal: Vec<JournalRecord>,
    /// When repeated failures stop all writes.
    pub breaker: BreakerLimits,
}

/// One reason why a plan is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocker {
    /// The team does not opt in: `spec.remediation` of the `IrsaAudit` is `Off` or `Propose`.
    TeamOptIn {
        /// What it is.
        mode: RemediationMode,
    },
    /// The namespace is a system namespace, or the operator's or writer's own: no policy matches there.
    ReservedNamespace,
    /// No admins' policy matches this role, namespace and ServiceAccount.
    NoPolicy,
    /// A matching policy allows less than a write.
    PolicyMode {
        /// The policy's name.
        policy: String,
        /// The most that it allows.
        max_mode: RemediationMode,
    },
    /// A policy has an empty selector: what it was meant to restrict is not known, so all is off.
    FaultyPolicy {
        /// The policy's name.
        policy: String,
        /// The selector.
        selector: EmptySelector,
    },
    /// A matching policy is paused.
    Paused {
        /// The policy's name.
        policy: String,
    },
    /// A matching policy's changes of this hour are used up.
    RateLimited {
        /// The policy's name.
        policy: String,
        /// How many it allows.
        limit: u32,
        /// When there is room for one more; `None` where it allows none at all.
        until: Option<Timestamp>,
    },
    /// The role does not consent.
    Consent(ConsentRefusal),
    /// A tool keeps the role, and a matching policy does not allow to edit such.
    ToolOwned {
        /// The tool whose source has to be edited.
        tool: OwningTool,
        /// The policy that does not allow it.
        policy: String,
    },
    /// The admission policy that makes approvals true is not seen, or is not what is shipped.
    Admission(AdmissionGuard),
    /// An approval is needed, and none counts.
    Approval {
        /// Why none counts.
        refusal: ApprovalRefusal,
        /// Why one is needed.
        needed: ApprovalNeeded,
    },
    /// The plan's hash was carried out, or tried, before.
    SpentHash {
        /// The record.
        change: String,
    },
    /// Another change of the role is going on.
    InFlight {
        /// The record.
        change: String,
    },
    /// Another actor changed the role during a write. A person has to look at it and release it.
    Latched {
        /// The record.
        change: String,
        /// Since when.
        since: Timestamp,
    },
    /// Writes failed again and again.
    BreakerOpen {
        /// How many in a row.
        failures: usize,
        /// When it closes.
        until: Timestamp,
    },
    /// The latest writes to the role failed, and it is left alone for a while; only where no person has approved the plan.
    RoleBackoff {
        /// The latest of the failed changes.
        change: String,
        /// Until when.
        until: Timestamp,
    },
    /// The role changed recently, or has not been observed for the settle time yet.
    Settling {
        /// When the settle time is over, if the role does not change until then.
        until: Timestamp,
    },
}

impl Blocker {
    /// The names of all blockers, sorted: what [`Blocker::name`] may give.
    pub const NAMES: &'static [&'static str] = &[
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
        "role_backoff",
        "settling",
        "spent",
        "team",
        "tool",
    ];

    /// A short name for labels, fields and log lines: it holds no text of a cluster or an account. It is a contract and stays.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::TeamOptIn { .. } => "team",
            Self::ReservedNamespace => "namespace",
            Self::NoPolicy => "no_policy",
            Self::PolicyMode { .. } => "policy_mode",
            Self::FaultyPolicy { .. } => "faulty_policy",
            Self::Paused { .. } => "paused",
            Self::RateLimited { .. } => "rate_limit",
            Self::Consent(_) => "consent",
            Self::ToolOwned { .. } => "tool",
            Self::Admission(_) => "admission",
            Self::Approval { .. } => "approval",
            Self::SpentHash { .. } => "spent",
            Self::InFlight { .. } => "in_flight",
            Self::Latched { .. } => "latched",
            Self::BreakerOpen { .. } => "breaker",
            Self::RoleBackoff { .. } => "role_backoff",
            Self::Settling { .. } => "settling",
        }
    }
}

/// Why a plan needs an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalNeeded {
    /// The mode is `RequireApproval`.
    Mode,
    /// A rollback always does.
    Rollback,
    /// The role had a statement of ours for this ServiceAccount and no longer has it: another actor removed or edited it, or a person
    /// approved a rollback.
    Vanished {
        /// The record of the statement.
        change: String,
    },
    /// The role has a statement of ours for this ServiceAccount, with another audience. An editor of the namespace chooses the audience,
    /// and would fill the document with them.
    Second {
        /// The record of the statement.
        change: String,
    },
}

/// What a write is carried out with, once nothing blocks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteGrant {
    /// The UID of the approval that the write spends; `None` in `Automatic`.
    pub approval: Option<String>,
    /// The names of the policies that allow it.
    pub policies: Vec<String>,
}

/// Whether a plan may be carried out at a time. `own_record` is the name of the record that the writer has created for this very plan.
///
/// # Errors
/// Everything that blocks it, in a fixed order.
pub fn write_grant(
    plan: &Plan,
    authorities: &Authorities,
    own_record: Option<&str>,
    now: Timestamp,
) -> Result<WriteGrant, Vec<Blocker>> {
    let journal = Journal::new(&authorities.journal);
    let journal = own_record.map_or(journal, |name| journal.before(name));
    let mut blockers = Vec::new();
    let (mode, policies) = of_admins(plan, authorities, &journal, now, &mut blockers);
    of_role(plan, &mut blockers);
    if authorities.guard != AdmissionGuard::AsShipped {
        blockers.push(Blocker::Admission(authorities.guard));
    }
    let valid = || {
        valid_approval(
            &authorities.approvals,
            plan,
            &journal,
            &authorities.own_users,
            now,
        )
        .map(|approval| approval.uid.clone())
    };
    let mut approval = None;
    let backoff = role_backoff(&journal, &plan.role, authorities.breaker, now);
    match (approval_needed(plan, &journal, mode), backoff) {
        (Some(needed), _) => match valid() {
            Ok(uid) => approval = Some(uid),
            Err(refusal) => blockers.push(Blocker::Approval { refusal, needed }),
        },
        // A person may know better than the clock.
        (None, Some(RoleBackoff { change, until })) => match valid() {
            Ok(uid) => approval = Some(uid),
            Err(_) => blockers.push(Blocker::RoleBackoff { change, until }),
        },
        (None, None) => {}
    }
    of_journal(plan, &journal, authorities.breaker, now, &mut blockers);
    if blockers.is_empty() {
        Ok(WriteGrant { approval, policies })
    } else {
        Err(blockers)
    }
}

/// When a role that was read unchanged since a time has settled, if it has not yet: `unchanged_since` is when the first of the equal
/// reads was asked for.
#[must_use]
pub fn settling(
    unchanged_since: Option<Timestamp>,
    settle: SignedDuration,
    now: Timestamp,
) -> Option<Blocker> {
    let since = unchanged_since.unwrap_or(now);
    let until = since.checked_add(settle).unwrap_or(Timestamp::MAX);
    (now < until).then_some(Blocker::Settling { until })
}

/// The team's opt-in and the admins' policies: the mode, and the policies that match.
fn of_admins(
    plan: &Plan,
    authorities: &Authorities,
    journal: &Journal<'_>,
    now: Timestamp,
    blockers: &mut Vec<Blocker>,
) -> (RemediationMode, Vec<String>) {
    let opt_in = plan.subject.opt_in;
    if opt_in < RemediationMode::RequireApproval {
        blockers.push(Blocker::TeamOptIn { mode: opt_in });
    }
    let grant = admin_grant(&authorities.policies, &plan.subject, &authorities.own_namespaces);
    for (policy, selector) in &grant.faulty {
        blockers.push(Blocker::FaultyPolicy {
            policy: policy.name.clone(),
            selector: *selector,
        });
    }
    if grant.is_reserved {
        blockers.push(Blocker::ReservedNamespace);
    } else if grant.matching.is_empty() {
        blockers.push(Blocker::NoPolicy);
    }
    for policy in &grant.matching {
        let name = || policy.name.clone();
        if policy.max_mode < RemediationMode::RequireApproval {
            blockers.push(Blocker::PolicyMode {
                policy: name(),
                max_mode: policy.max_mode,
            });
        }
        if policy.paused {
            blockers.push(Blocker::Paused { policy: name() });
        }
        blockers.extend(used_up(policy, journal, now));
        if let Some(first) = plan.tools.first().filter(|_| !policy.allow_tool_owned) {
            blockers.push(Blocker::ToolOwned {
                tool: first.tool,
                policy: name(),
            });
        }
    }
    let names = grant.matching.iter().map(|policy| policy.name.clone()).collect();
    (grant.mode(opt_in), names)
}

/// That a policy's changes of this hour are used up, if they are.
fn used_up(policy: &RemediationPolicy, journal: &Journal<'_>, now: Timestamp) -> Option<Blocker> {
    let limit = usize::try_from(policy.max_changes_per_hour).unwrap_or(usize::MAX);
    let changes = journal.within_hour(&policy.name, now);
    let over = changes.len().checked_sub(limit)?;
    Some(Blocker::RateLimited {
        policy: policy.name.clone(),
        limit: policy.max_changes_per_hour,
        // The oldest of them that has to be an hour ago before there is room for one.
        until: changes
            .get(over)
            .and_then(|oldest| oldest.checked_add(CHANGE_LIMIT_SPAN).ok()),
    })
}

/// The role's own word. A rollback takes back what the role consented to once, also where the consent is gone.
fn of_role(plan: &Plan, blockers: &mut Vec<Blocker>) {
    if plan.operation() == RemedyOperation::Append
        && let Err(refusal) = &plan.consent
    {
        blockers.push(Blocker::Consent(refusal.clone()));
    }
}

/// Why the plan needs an approval, if it does. In modes that write nothing, an approval would not help.
fn approval_needed(plan: &Plan, journal: &Journal<'_>, mode: RemediationMode) -> Option<ApprovalNeeded> {
    if plan.operation() == RemedyOperation::Remove {
        return Some(ApprovalNeeded::Rollback);
    }
    if let Some(record) = journal.vanished(&plan.role, &plan.subject) {
        return Some(ApprovalNeeded::Vanished {
            change: record.name.clone(),
        });
    }
    if let Some(record) = journal.removable(&plan.role, &plan.subject) {
        return Some(ApprovalNeeded::Second {
            change: record.name.clone(),
        });
    }
    (mode < RemediationMode::Automatic).then_some(ApprovalNeeded::Mode)
}

/// What the journal says against it.
fn of_journal(
    plan: &Plan,
    journal: &Journal<'_>,
    breaker: BreakerLimits,
    now: Timestamp,
    blockers: &mut Vec<Blocker>,
) {
    if let Some(record) = journal.spent_hash(&plan.hash) {
        blockers.push(Blocker::SpentHash {
            change: record.name.clone(),
        });
    }
    if let Some(record) = journal.in_flight(&plan.role) {
        blockers.push(Blocker::InFlight {
            change: record.name.clone(),
        });
    }
    if let Some(record) = journal.latched(&plan.role) {
        blockers.push(Blocker::Latched {
            change: record.name.clone(),
            since: record.changed,
        });
    }
    if let Some(open) = open_breaker(journal, breaker, now) {
        blockers.push(Blocker::BreakerOpen {
            failures: open.failures,
            until: open.until,
        });
    }
}

#[cfg(test)]
#[path = "../tests/unit/block.rs"]
mod tests;
