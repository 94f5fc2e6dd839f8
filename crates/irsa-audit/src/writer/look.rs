//! One look at a binding: is there something to repair, and does everyone agree? Nothing is written here, and an execution asks all of
//! this anew.

use audit_core::model::BindingKey;
use audit_remedy::{
    AdmissionGuard, Authorities, Journal, LiveRole, Plan, RemediationMode, RemedyOperation, RemedySubject,
    admin_grant, write_grant,
};
use jiff::Timestamp;

use super::kinds;
use crate::remediation::{LiveReader, RoleEditors};

/// What a look finds.
#[derive(Debug)]
pub enum Look {
    /// ServiceAccount or `IrsaAudit` is gone, or no role is named.
    Nothing,
    /// The role admits the ServiceAccount, and nobody approved that this ends.
    Admitted,
    /// Somebody does not agree.
    Blocked(Vec<&'static str>),
    /// There is no edit for it.
    NotPlanned(&'static str),
    /// Something could not be read.
    Unread(String),
    /// Everyone agrees.
    Agreed(Box<Plan>),
}

/// Looks at a binding. `view` is who has to agree, as it was read for this round.
pub async fn look(
    reader: &LiveReader,
    roles: &RoleEditors,
    view: &Authorities,
    binding: &BindingKey,
) -> Look {
    let subject = match reader.subject(&binding.namespace, &binding.service_account).await {
        Ok(Some(subject)) => subject,
        Ok(None) => return Look::Nothing,
        Err(error) => return Look::Unread(error.to_string()),
    };
    // Nothing is asked of AWS for whom nothing may be written.
    let blocked = before_reading(&subject, view);
    if !blocked.is_empty() {
        return Look::Blocked(blocked);
    }
    let Some(editor) = roles.of(&subject.role_arn) else {
        return Look::Blocked(vec!["account"]);
    };
    match editor.read(subject.role_arn.name()).await {
        Ok(Some(role)) => judge(&subject, &role, view, Timestamp::now()),
        Ok(None) => Look::Blocked(vec!["role_missing"]),
        Err(failure) => Look::Unread(format!("cannot read the role: {}", failure.message)),
    }
}

/// Who does not agree, as far as it can be said without the role.
fn before_reading(subject: &RemedySubject, view: &Authorities) -> Vec<&'static str> {
    let mut by = Vec::new();
    if subject.opt_in < RemediationMode::RequireApproval {
        by.push("team");
    }
    let grant = admin_grant(&view.policies, subject, &view.own_namespaces);
    if grant.is_reserved {
        by.push("namespace");
    } else if !grant.faulty.is_empty() {
        by.push("faulty_policy");
    } else if grant.matching.is_empty() {
        by.push("no_policy");
    } else if grant.max_mode() < RemediationMode::RequireApproval {
        by.push("policy_mode");
    }
    if grant.matching.iter().any(|policy| policy.paused) {
        by.push("paused");
    }
    if view.guard != AdmissionGuard::AsShipped {
        by.push("admission");
    }
    by
}

/// What there is to do with a role that was read.
fn judge(subject: &RemedySubject, role: &LiveRole, view: &Authorities, now: Timestamp) -> Look {
    let journal = Journal::new(&view.journal);
    let refusal = match Plan::new(RemedyOperation::Append, subject, role, &journal, now) {
        Ok(plan) => return granted(plan, view, now),
        Err(refusal) => refusal,
    };
    // A rollback is never made by itself: a person has to have named its hash.
    if let Ok(plan) = Plan::new(RemedyOperation::Remove, subject, role, &journal, now)
        && view
            .approvals
            .iter()
            .any(|approval| approval.plan_hash == plan.hash.as_str())
    {
        return granted(plan, view, now);
    }
    match kinds::refusal(&refusal) {
        "already_admitted" => Look::Admitted,
        kind => Look::NotPlanned(kind),
    }
}

fn granted(plan: Plan, view: &Authorities, now: Timestamp) -> Look {
    match write_grant(&plan, view, None, now) {
        Ok(_) => Look::Agreed(Box::new(plan)),
        Err(blockers) => Look::Blocked(kinds::blockers(&blockers)),
    }
}
