//! A ServiceAccount whose role does not admit it, and everyone who agrees to the repair but an approver.

use std::process::Command;

use audit_core::model::{BindingKey, IssuerUrl};
use audit_core::text::is_hidden;
use audit_remedy::{
    AdmissionGuard, ApprovalRecord, Authorities, BreakerLimits, ChangePhase, Journal, JournalRecord,
    LiveRole, NamespaceScope, Plan, RemediationMode, RemediationPolicy, RemedyOperation, RemedySubject,
    RoleTag, consent_key, record_name,
};
use iam_policy::RoleArn;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::session::RepairCase;

pub(super) const ISSUER: &str =
    "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
pub(super) const HOST: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/cart";
pub(super) const ME: &str = "system:serviceaccount:shop:cart";

/// Text that does something to a terminal or to a shell, if it leaves its place.
pub(super) const HOSTILE: &str = "'\"$(touched)`touched`;touched\u{1b}[2J\u{202e}\n#";

pub(super) fn at() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub(super) fn issuer() -> IssuerUrl {
    IssuerUrl::parse(ISSUER).unwrap()
}

pub(super) fn key() -> BindingKey {
    BindingKey::new("shop", "cart")
}

/// A statement for a subject of this cluster.
pub(super) fn allow(subject: &str) -> Value {
    json!({
        "Sid": "Others",
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{HOST}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{HOST}:sub"): subject, format!("{HOST}:aud"): "sts.amazonaws.com"}},
    })
}

pub(super) fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// What a case is made of.
pub(super) struct Stage {
    pub(super) subject: RemedySubject,
    pub(super) role: LiveRole,
    pub(super) authorities: Authorities,
    pub(super) operation: RemedyOperation,
}

impl Stage {
    /// A role that admits another ServiceAccount, with consent; only an approval is missing.
    pub(super) fn broken() -> Self {
        let policy = RemediationPolicy {
            name: "apps".to_owned(),
            roles: vec!["*".to_owned()],
            namespaces: NamespaceScope::Patterns(vec!["shop".to_owned()]),
            service_accounts: vec!["*".to_owned()],
            max_mode: RemediationMode::Automatic,
            paused: false,
            max_changes_per_hour: 10,
            allow_tool_owned: true,
        };
        Self {
            subject: RemedySubject {
                issuer: issuer(),
                namespace: "shop".to_owned(),
                name: "cart".to_owned(),
                service_account_uid: "sa-1".to_owned(),
                irsa_audit_uid: "ia-1".to_owned(),
                audience: "sts.amazonaws.com".to_owned(),
                role_arn: RoleArn::parse(ROLE).unwrap(),
                expected_role: None,
                opt_in: RemediationMode::RequireApproval,
            },
            role: LiveRole {
                arn: RoleArn::parse(ROLE).unwrap(),
                id: "AROAEXAMPLE".to_owned(),
                trust_text: document(&[allow("system:serviceaccount:other:app")]),
                tags: vec![RoleTag::new(consent_key(&issuer()), "shop/cart")],
                quota: 2048,
            },
            authorities: Authorities {
                policies: vec![policy],
                own_namespaces: vec!["irsa-audit".to_owned()],
                own_users: vec!["system:serviceaccount:irsa-audit:irsa-audit".to_owned()],
                approvals: Vec::new(),
                guard: AdmissionGuard::AsShipped,
                journal: Vec::new(),
                breaker: BreakerLimits::default(),
            },
            operation: RemedyOperation::Append,
        }
    }

    /// The same with a change.
    pub(super) fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut stage = Self::broken();
        change(&mut stage);
        stage
    }

    /// The same after the plan was carried out, for a rollback.
    pub(super) fn applied() -> Self {
        let mut stage = Self::broken();
        let plan = stage.plan();
        stage.role.trust_text.clone_from(&plan.edit.after);
        stage.authorities.journal = vec![record(&plan, ChangePhase::Applied)];
        stage.operation = RemedyOperation::Remove;
        stage
    }

    pub(super) fn plan(&self) -> Plan {
        self.case().planned.unwrap()
    }

    pub(super) fn case(&self) -> RepairCase {
        let journal = Journal::new(&self.authorities.journal);
        RepairCase {
            planned: Plan::new(self.operation, &self.subject, &self.role, &journal, at()),
            subject: self.subject.clone(),
            role: self.role.clone(),
            authorities: self.authorities.clone(),
            operation: self.operation,
            prefix: "eks.amazonaws.com".to_owned(),
            at: at(),
        }
    }
}

/// The record that carried a plan out.
pub(super) fn record(plan: &Plan, phase: ChangePhase) -> JournalRecord {
    JournalRecord {
        name: record_name(&plan.role.id, plan.sequence()),
        sequence: plan.sequence(),
        role_arn: plan.role.arn.to_string(),
        role_id: plan.role.id.clone(),
        issuer: plan.subject.issuer.as_str().to_owned(),
        namespace: plan.subject.namespace.clone(),
        service_account: plan.subject.name.clone(),
        operation: plan.operation(),
        statement: plan.edit.statement.clone(),
        before: plan.edit.before.clone(),
        after: plan.edit.after.clone(),
        hash: plan.hash.clone(),
        approval: None,
        policies: vec!["apps".to_owned()],
        phase,
        created: at(),
        changed: at(),
        writer: "writer-1".to_owned(),
        found: None,
        released: None,
    }
}

/// An approval of a plan by a person.
pub(super) fn approval(plan: &Plan) -> ApprovalRecord {
    ApprovalRecord {
        uid: "approval-1".to_owned(),
        namespace: "shop".to_owned(),
        service_account: "cart".to_owned(),
        plan_hash: plan.hash.to_string(),
        valid_for: SignedDuration::from_hours(1),
        approved_by: "jane".to_owned(),
        created: at(),
        is_guarded: true,
    }
}

/// Asserts that nothing in a text acts on a terminal.
pub(super) fn assert_shown(text: &str) {
    let hidden = text.chars().find(|c| is_hidden(*c) && *c != '\n');
    assert_eq!(hidden, None, "{text}");
}

/// What a shell does with a text: whether it ends well, and every call of `aws` that it makes, other programs cannot be found. Each word
/// of a call ends in `|`. `answer` is what `aws` prints.
pub(super) fn pasted(text: &str, answer: &str) -> (bool, Vec<String>) {
    let script = format!(
        "PATH=/nowhere\ntouched() {{ echo touched >&2; }}\naws() {{ printf '%s|' \"$@\" >&2; echo >&2; printf '%s\\n' \"$answer\"; }}\n{text}"
    );
    let output = Command::new("/bin/sh")
        .args(["-c", &script])
        .env("answer", answer)
        .output()
        .unwrap();
    let calls = String::from_utf8(output.stderr).unwrap();
    (
        output.status.success(),
        calls.lines().map(str::to_owned).collect(),
    )
}
