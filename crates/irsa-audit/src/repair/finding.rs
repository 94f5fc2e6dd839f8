//! What the audit's rules say about a role's trust policy, with the text of the fix: for a trust policy that needs a different edit from
//! the one that is planned.

use std::sync::Arc;

use audit_core::finding::Link;
use audit_core::model::{
    Account, AuditRequest, BindingKey, ClusterIssuer, IssuerSource, LastUsed, Observed, Role, RoleLookup,
    ServiceAccount,
};
use audit_core::snapshot::Cluster;
use audit_core::{Config, Finding, Severity, Snapshot, audit_binding};
use audit_remedy::{LiveRole, RemedySubject};
use jiff::Timestamp;

/// The findings about the annotation, the role and its trust policy that break the binding or expose the role. Nothing else was read, so
/// the rules know nothing else: neither pods nor permissions nor the provider.
pub(super) fn trust_findings(
    subject: &RemedySubject,
    role: &LiveRole,
    prefix: &str,
    at: Timestamp,
) -> Vec<Finding> {
    let key = BindingKey::new(subject.namespace.clone(), subject.name.clone());
    let config = Config {
        annotation_prefix: prefix.to_owned(),
        ..Config::default()
    };
    let snapshot = snapshot(subject, role, &key, prefix, at);
    let report = audit_binding(&snapshot, &config, &key, at);
    let is_about_trust = |finding: &Finding| {
        matches!(finding.link, Link::ServiceAccount | Link::Role | Link::Trust)
            && matches!(finding.severity, Severity::Broken | Severity::Risk)
    };
    report.findings.into_iter().filter(is_about_trust).collect()
}

fn snapshot(
    subject: &RemedySubject,
    role: &LiveRole,
    key: &BindingKey,
    prefix: &str,
    at: Timestamp,
) -> Snapshot {
    let mut cluster = Cluster::partial();
    cluster.put_service_account(ServiceAccount {
        key: key.clone(),
        uid: subject.service_account_uid.clone(),
        created: None,
        annotations: [
            (format!("{prefix}/role-arn"), subject.role_arn.to_string()),
            (format!("{prefix}/audience"), subject.audience.clone()),
        ]
        .into_iter()
        .collect(),
        automount_off: false,
    });
    let request = AuditRequest {
        name: subject.name.clone(),
        service_account: subject.name.clone(),
        role_arn: subject.expected_role.clone(),
        declared: true,
        ..AuditRequest::default()
    };
    cluster.put_request(&subject.namespace, request);
    let found = RoleLookup::Found(Arc::new(Role {
        arn: role.arn.clone(),
        id: role.id.clone(),
        boundary: None,
        tags: None,
        trust_text: role.trust_text.as_str().into(),
        created: None,
        last_used: LastUsed::Unseen,
        told_after: None,
    }));
    let account = Account {
        roles: [(role.arn.name().to_owned(), Observed::known(found, at))]
            .into_iter()
            .collect(),
        trust_quota: Observed::known(role.quota, at),
        ..Account::default()
    };
    Snapshot {
        cluster,
        issuer: Some(ClusterIssuer {
            url: subject.issuer.clone(),
            source: IssuerSource::Flag,
        }),
        accounts: [(role.arn.account().to_owned(), account)].into(),
        ..Snapshot::default()
    }
}
