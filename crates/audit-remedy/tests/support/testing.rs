//! A ServiceAccount, a role that consents to it, and admins who allow everything, for unit tests.

use audit_core::model::IssuerUrl;
use iam_policy::RoleArn;
use jiff::{SignedDuration, Timestamp};

use crate::approval::{AdmissionGuard, ApprovalRecord};
use crate::block::Authorities;
use crate::consent::consent_key;
use crate::edit::RemedyOperation;
use crate::facts::{LiveRole, RemedySubject, RoleTag};
use crate::journal::{BreakerLimits, ChangePhase, Journal, JournalRecord, record_name};
use crate::mode::RemediationMode;
use crate::plan::Plan;
use crate::policy::{NamespaceScope, RemediationPolicy};

pub const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
pub const HOST_PATH: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
pub const ROLE: &str = "arn:aws:iam::111122223333:role/app";

/// The second that tests begin at, and some later.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub fn subject() -> RemedySubject {
    RemedySubject {
        issuer: IssuerUrl::parse(ISSUER).unwrap(),
        namespace: "shop".to_owned(),
        name: "cart".to_owned(),
        service_account_uid: "sa-1".to_owned(),
        irsa_audit_uid: "ia-1".to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
        role_arn: RoleArn::parse(ROLE).unwrap(),
        expected_role: None,
        opt_in: RemediationMode::Automatic,
    }
}

/// A document of these statements, in a list.
pub fn document(statements: &[&str]) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#,
        statements.join(", ")
    )
}

/// A statement for an EC2 instance.
pub const EC2: &str =
    r#"{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}"#;

pub fn role_of(trust_text: &str) -> LiveRole {
    LiveRole {
        arn: RoleArn::parse(ROLE).unwrap(),
        id: "AROAEXAMPLE".to_owned(),
        trust_text: trust_text.to_owned(),
        tags: vec![RoleTag::new(consent_key(&subject().issuer), "shop/cart")],
        quota: 2048,
    }
}

pub fn role() -> LiveRole {
    role_of(&document(&[EC2]))
}

pub fn policy() -> RemediationPolicy {
    RemediationPolicy {
        name: "apps".to_owned(),
        roles: vec!["arn:aws:iam::111122223333:role/*".to_owned()],
        namespaces: NamespaceScope::Patterns(vec!["shop".to_owned()]),
        service_accounts: vec!["*".to_owned()],
        max_mode: RemediationMode::Automatic,
        paused: false,
        max_changes_per_hour: 10,
        allow_tool_owned: false,
    }
}

pub fn authorities() -> Authorities {
    Authorities {
        policies: vec![policy()],
        own_namespaces: vec!["irsa-audit".to_owned()],
        own_users: vec!["system:serviceaccount:irsa-audit:writer".to_owned()],
        approvals: Vec::new(),
        guard: AdmissionGuard::AsShipped,
        journal: Vec::new(),
        breaker: BreakerLimits::default(),
    }
}

pub fn plan_with(subject: &RemedySubject, role: &LiveRole, records: &[JournalRecord]) -> Plan {
    Plan::new(
        RemedyOperation::Append,
        subject,
        role,
        &Journal::new(records),
        at(0),
    )
    .unwrap()
}

pub fn plan() -> Plan {
    plan_with(&subject(), &role(), &[])
}

pub fn approval(plan: &Plan) -> ApprovalRecord {
    ApprovalRecord {
        uid: "approval-1".to_owned(),
        namespace: "shop".to_owned(),
        service_account: "cart".to_owned(),
        plan_hash: plan.hash.to_string(),
        valid_for: SignedDuration::from_hours(1),
        approved_by: "alice".to_owned(),
        created: at(0),
        is_guarded: true,
    }
}

/// The record that carried a plan out.
pub fn record(plan: &Plan, phase: ChangePhase) -> JournalRecord {
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
        created: at(0),
        changed: at(0),
        writer: "writer-1".to_owned(),
        found: None,
        released: None,
    }
}
