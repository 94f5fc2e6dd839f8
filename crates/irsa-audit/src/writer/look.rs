//! One look at a binding: is there something to repair, and does everyone agree? Nothing is written here, and an execution asks all of
//! this anew.

use audit_core::model::BindingKey;
use audit_remedy::{
    AdmissionGuard, Authorities, EditRefusal, LiveRole, Plan, RemediationMode, RemedySubject, admin_grant,
    next_plan, write_grant,
};
use jiff::Timestamp;

use super::kinds;
use crate::remediation::{LiveReader, RoleEditors};

/// The most characters of an error in a line of the log.
const MOST_LOGGED: usize = 512;

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
        Err(error) => return unread(&error.to_string()),
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
        Err(failure) => unread(&format!("cannot read the role: {}", failure.message)),
    }
}

/// Why something could not be read, cut to what a line of the log should hold.
fn unread(error: &str) -> Look {
    Look::Unread(error.chars().take(MOST_LOGGED).collect())
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
    match next_plan(subject, role, view, now) {
        Ok(plan) => granted(plan, view, now),
        Err(EditRefusal::AlreadyAdmitted) => Look::Admitted,
        Err(refusal) => Look::NotPlanned(refusal.name()),
    }
}

fn granted(plan: Plan, view: &Authorities, now: Timestamp) -> Look {
    match write_grant(&plan, view, None, now) {
        Ok(_) => Look::Agreed(Box::new(plan)),
        Err(blockers) => Look::Blocked(kinds::blockers(&blockers)),
    }
}

#[cfg(test)]
mod tests {
    use audit_core::model::IssuerUrl;
    use audit_remedy::{BreakerLimits, NamespaceScope, RemediationPolicy};
    use iam_policy::RoleArn;

    use super::*;

    fn subject(namespace: &str) -> RemedySubject {
        RemedySubject {
            issuer: IssuerUrl::parse("https://issuer.example").unwrap(),
            namespace: namespace.to_owned(),
            name: "cart".to_owned(),
            service_account_uid: "sa-1".to_owned(),
            irsa_audit_uid: "audit-1".to_owned(),
            audience: "sts.amazonaws.com".to_owned(),
            role_arn: RoleArn::parse("arn:aws:iam::111122223333:role/app").unwrap(),
            expected_role: None,
            opt_in: RemediationMode::Automatic,
        }
    }

    fn policy() -> RemediationPolicy {
        RemediationPolicy {
            name: "shop".to_owned(),
            roles: vec!["arn:aws:iam::111122223333:role/*".to_owned()],
            namespaces: NamespaceScope::Selected(vec!["shop".to_owned(), "kube-shop".to_owned()]),
            service_accounts: vec!["*".to_owned()],
            max_mode: RemediationMode::Automatic,
            paused: false,
            max_changes_per_hour: 10,
            allow_tool_owned: false,
        }
    }

    fn view(policies: Vec<RemediationPolicy>) -> Authorities {
        Authorities {
            policies,
            own_namespaces: vec!["irsa-audit".to_owned()],
            own_users: Vec::new(),
            approvals: Vec::new(),
            guard: AdmissionGuard::AsShipped,
            journal: Vec::new(),
            breaker: BreakerLimits::default(),
        }
    }

    #[test]
    fn no_role_is_read_for_whom_nothing_may_be_written() {
        assert!(before_reading(&subject("shop"), &view(vec![policy()])).is_empty());
        let team = RemedySubject {
            opt_in: RemediationMode::Propose,
            ..subject("shop")
        };
        let paused = RemediationPolicy {
            paused: true,
            ..policy()
        };
        let low = RemediationPolicy {
            max_mode: RemediationMode::Propose,
            ..policy()
        };
        let faulty = RemediationPolicy {
            roles: Vec::new(),
            ..policy()
        };
        let unbound = Authorities {
            guard: AdmissionGuard::BindingMissing,
            ..view(vec![policy()])
        };
        for (subject, view, by) in [
            (team, view(vec![policy()]), "team"),
            (subject("kube-shop"), view(vec![policy()]), "namespace"),
            (subject("irsa-audit"), view(vec![policy()]), "namespace"),
            (subject("other"), view(vec![policy()]), "no_policy"),
            (subject("shop"), view(vec![]), "no_policy"),
            (subject("shop"), view(vec![policy(), low]), "policy_mode"),
            (subject("shop"), view(vec![policy(), faulty]), "faulty_policy"),
            (subject("shop"), view(vec![paused]), "paused"),
            (subject("shop"), unbound, "admission"),
        ] {
            assert_eq!(before_reading(&subject, &view), [by]);
        }
    }
}
