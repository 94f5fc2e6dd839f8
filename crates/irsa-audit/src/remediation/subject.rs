//! The ServiceAccount and its `IrsaAudit` as the core's subject.

use std::collections::BTreeMap;

use audit_api::AUTOMATIC_LABEL;
use audit_api::irsa_audit::RemediationName;
use audit_api::remediation::mode;
use audit_core::model::{AuditRequest, BindingKey, IssuerUrl};
use audit_remedy::{RemediationMode, RemedySubject};
use iam_policy::{RoleArn, RoleArnError};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use kube::api::ObjectMeta;
use serde::Deserialize;

/// Which subjects there are.
#[derive(Debug, Clone)]
pub struct SubjectScope {
    /// The issuer of the cluster's tokens.
    pub issuer: IssuerUrl,
    /// The prefix of the webhook's annotations.
    pub prefix: String,
    /// The audience for which the webhook asks where no annotation says otherwise.
    pub audience: String,
}

/// An `IrsaAudit`, reduced to what remediation reads of it. Nothing else is parsed: whoever edits a namespace writes these objects, and
/// one that does not parse must trouble no other namespace.
#[derive(Debug, Clone)]
pub struct RemedyAudit {
    /// Its metadata.
    pub metadata: ObjectMeta,
    spec: RemedyAuditSpec,
}

#[derive(Deserialize)]
struct RemedyAuditText {
    metadata: RemedyAuditMetadata,
    spec: RemedyAuditSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RemedyAuditMetadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RemedyAuditSpec {
    service_account_name: String,
    #[serde(default)]
    suspend: bool,
    #[serde(default)]
    remediation: Option<RemediationName>,
    #[serde(default)]
    expect: Option<RemedyExpect>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RemedyExpect {
    #[serde(default)]
    role_arn: Option<String>,
}

impl RemedyAudit {
    /// Reads an object. Of its metadata only what is asked for is read and kept: all `IrsaAudit`s of a namespace are held at once, and
    /// their editors write any depth and any year into `managedFields`.
    ///
    /// # Errors
    /// If its spec is not what the definition allows.
    pub fn read(object: &str) -> Result<Self, serde_json::Error> {
        let RemedyAuditText { metadata, spec } = serde_json::from_str(object)?;
        let label = metadata
            .labels
            .and_then(|mut labels| labels.remove_entry(AUTOMATIC_LABEL));
        Ok(Self {
            metadata: ObjectMeta {
                name: metadata.name,
                namespace: metadata.namespace,
                uid: metadata.uid,
                labels: label.map(|label| BTreeMap::from([label])),
                creation_timestamp: metadata.creation_timestamp,
                deletion_timestamp: metadata.deletion_timestamp,
                ..ObjectMeta::default()
            },
            spec,
        })
    }

    /// The binding that it is about.
    #[must_use]
    pub fn binding(&self) -> BindingKey {
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        BindingKey::new(namespace, &self.spec.service_account_name)
    }

    /// What the team opts into: nothing while the audit is suspended, or is being deleted.
    #[must_use]
    pub fn opt_in(&self) -> RemediationMode {
        if self.spec.suspend || self.is_deleted() {
            return RemediationMode::Off;
        }
        self.spec.remediation.map_or(RemediationMode::Propose, mode)
    }

    fn is_deleted(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// As the core compares several for one ServiceAccount.
    fn request(&self) -> AuditRequest {
        let labels = self.metadata.labels.as_ref();
        let is_automatic = labels
            .and_then(|labels| labels.get(AUTOMATIC_LABEL))
            .map(String::as_str)
            == Some("true");
        AuditRequest {
            name: self.metadata.name.clone().unwrap_or_default(),
            created: self.metadata.creation_timestamp.as_ref().map(|time| time.0),
            declared: !is_automatic,
            ..AuditRequest::default()
        }
    }
}

/// Of several `IrsaAudit`s that name the ServiceAccount, the one that the operator audits. One that is being deleted counts as gone.
#[must_use]
pub fn audit_of<'a>(audits: &'a [RemedyAudit], service_account: &str) -> Option<&'a RemedyAudit> {
    let named = audits
        .iter()
        .filter(|audit| !audit.is_deleted() && audit.spec.service_account_name == service_account);
    named.min_by(|one, other| one.request().precedence(&other.request()))
}

/// Why a ServiceAccount has no subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectGap {
    /// There is no such ServiceAccount.
    NoServiceAccount,
    /// It is being deleted.
    Deleted,
    /// It has no annotation that names a role.
    NoAnnotation,
    /// The annotation is not the ARN of a role.
    NotARole {
        /// Its value, untrusted text.
        value: String,
        /// What is wrong with it.
        error: RoleArnError,
    },
    /// No `IrsaAudit` names it, or the only one is being deleted.
    NoAudit,
    /// The ServiceAccount or the `IrsaAudit` has no UID: the API server is not one.
    NoUid,
}

/// The role that the annotation names.
///
/// # Errors
/// [`SubjectGap`], except [`SubjectGap::NoAudit`] and [`SubjectGap::NoUid`].
pub fn annotated_role(scope: &SubjectScope, account: &ServiceAccount) -> Result<RoleArn, SubjectGap> {
    if account.metadata.deletion_timestamp.is_some() {
        return Err(SubjectGap::Deleted);
    }
    let value = annotation(scope, account, "role-arn").ok_or(SubjectGap::NoAnnotation)?;
    RoleArn::parse(value).map_err(|error| SubjectGap::NotARole {
        value: value.clone(),
        error,
    })
}

fn annotation<'a>(scope: &SubjectScope, account: &'a ServiceAccount, short: &str) -> Option<&'a String> {
    account.annotations().get(&format!("{}/{short}", scope.prefix))
}

/// The subject: a ServiceAccount with a role, and the `IrsaAudit` that names it.
///
/// # Errors
/// [`SubjectGap`].
pub fn subject(
    scope: &SubjectScope,
    account: &ServiceAccount,
    audits: &[RemedyAudit],
) -> Result<RemedySubject, SubjectGap> {
    let role_arn = annotated_role(scope, account)?;
    let uid = |uid: Option<String>| uid.filter(|uid| !uid.is_empty()).ok_or(SubjectGap::NoUid);
    let namespace = account.namespace().ok_or(SubjectGap::NoServiceAccount)?;
    let name = account.name_any();
    let audit = audit_of(audits, &name).ok_or(SubjectGap::NoAudit)?;
    let expected = audit
        .spec
        .expect
        .as_ref()
        .and_then(|expect| expect.role_arn.as_ref());
    Ok(RemedySubject {
        issuer: scope.issuer.clone(),
        namespace,
        service_account_uid: uid(account.uid())?,
        irsa_audit_uid: uid(audit.metadata.uid.clone())?,
        // One that is there and empty is kept: no statement is made for it.
        audience: annotation(scope, account, "audience")
            .unwrap_or(&scope.audience)
            .clone(),
        expected_role: expected.cloned(),
        opt_in: audit.opt_in(),
        name,
        role_arn,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/app";

    fn scope() -> SubjectScope {
        SubjectScope {
            issuer: IssuerUrl::parse("https://issuer.example").unwrap(),
            prefix: "eks.amazonaws.com".to_owned(),
            audience: "webhooks".to_owned(),
        }
    }

    fn account(annotations: &Value) -> ServiceAccount {
        let metadata =
            json!({"namespace": "shop", "name": "cart", "uid": "sa-1", "annotations": annotations});
        serde_json::from_value(json!({"metadata": metadata})).unwrap()
    }

    fn audit(name: &str, created: &str, spec: &Value) -> RemedyAudit {
        let metadata = json!({"namespace": "shop", "name": name, "uid": name, "creationTimestamp": created});
        let object = json!({"apiVersion": "irsa-audit.dev/v1alpha1", "kind": "IrsaAudit", "metadata": metadata, "spec": spec});
        RemedyAudit::read(&object.to_string()).unwrap()
    }

    fn automatic(name: &str, created: &str) -> RemedyAudit {
        audit(
            name,
            created,
            &json!({"serviceAccountName": "cart", "remediation": "Automatic"}),
        )
    }

    fn bound() -> ServiceAccount {
        account(&json!({"eks.amazonaws.com/role-arn": ROLE}))
    }

    #[test]
    fn an_audit_with_an_odd_history_is_read() {
        let mut deep = json!({});
        for _ in 0..300 {
            deep = json!({ "f:x": deep });
        }
        let object = json!({ "spec": { "serviceAccountName": "cart" }, "metadata": { "name": "a", "namespace": "shop",
            "managedFields": [{ "manager": "mine", "time": "9999-12-31T23:59:59Z", "fieldsV1": deep }] } });
        assert_eq!(
            RemedyAudit::read(&object.to_string()).unwrap().binding(),
            BindingKey::new("shop", "cart")
        );
    }

    #[test]
    fn of_several_audits_the_oldest_says_what_the_team_opts_into() {
        let older = audit(
            "z",
            "2026-01-01T00:00:00Z",
            &json!({"serviceAccountName": "cart", "remediation": "Off"}),
        );
        let audits = [automatic("a", "2026-01-02T00:00:00Z"), older];
        let found = subject(&scope(), &bound(), &audits).unwrap();
        assert_eq!(
            (found.irsa_audit_uid.as_str(), found.opt_in),
            ("z", RemediationMode::Off)
        );
    }

    #[test]
    fn an_audit_of_another_account_or_one_that_is_deleted_counts_for_nothing() {
        let other = audit(
            "other",
            "2026-01-01T00:00:00Z",
            &json!({"serviceAccountName": "cart2"}),
        );
        let mut gone = automatic("gone", "2026-01-01T00:00:00Z");
        gone.metadata.deletion_timestamp = gone.metadata.creation_timestamp.clone();
        assert_eq!(
            subject(&scope(), &bound(), &[other, gone]),
            Err(SubjectGap::NoAudit)
        );
    }

    #[test]
    fn what_remediation_does_not_read_of_an_audit_can_be_anything() {
        let spec =
            json!({"serviceAccountName": "cart", "remediation": "Automatic", "waivers": [{"until": "soon"}]});
        assert_eq!(
            audit("a", "2026-01-01T00:00:00Z", &spec).opt_in(),
            RemediationMode::Automatic
        );
        let wrong = json!({"metadata": {"name": "a"}, "spec": {"serviceAccountName": "cart", "remediation": "Always"}});
        assert!(RemedyAudit::read(&wrong.to_string()).is_err());
    }

    #[test]
    fn what_an_editor_fills_an_audit_with_is_not_kept() {
        let filler = "x".repeat(100_000);
        let object = json!({
            "apiVersion": "irsa-audit.dev/v1alpha1",
            "kind": "IrsaAudit",
            "metadata": {
                "namespace": "shop", "name": "a", "uid": "1",
                "labels": {AUTOMATIC_LABEL: "true", "more": filler},
                "annotations": {"more": filler},
                "finalizers": [filler],
                "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": filler, "uid": "2"}],
                "managedFields": [{"manager": filler, "fieldsV1": {"f:spec": {filler.as_str(): {}}}}],
            },
            "spec": {"serviceAccountName": "cart", "expect": {"aws": [{"actions": [filler]}]}},
            "status": {"message": filler},
        });
        let read = RemedyAudit::read(&object.to_string()).unwrap();
        assert!(format!("{read:?}").len() < 10_000);
        assert!(!read.request().declared);
    }

    #[test]
    fn a_suspended_audit_opts_into_nothing() {
        let spec = json!({"serviceAccountName": "cart", "remediation": "Automatic", "suspend": true});
        let audits = [audit("a", "2026-01-01T00:00:00Z", &spec)];
        assert_eq!(
            subject(&scope(), &bound(), &audits).unwrap().opt_in,
            RemediationMode::Off
        );
    }

    #[test]
    fn the_role_and_the_audience_are_those_of_the_annotations() {
        let audits = [automatic("a", "2026-01-01T00:00:00Z")];
        let of = |annotations: &Value| subject(&scope(), &account(annotations), &audits);
        assert_eq!(
            of(&json!({"eks.amazonaws.com/role-arn": ROLE})).unwrap().audience,
            "webhooks"
        );
        let other = json!({"eks.amazonaws.com/role-arn": ROLE, "eks.amazonaws.com/audience": "other"});
        assert_eq!(of(&other).unwrap().audience, "other");
        for none in [json!({}), json!({"other/role-arn": ROLE})] {
            assert_eq!(of(&none), Err(SubjectGap::NoAnnotation), "{none}");
        }
        let name_only = of(&json!({"eks.amazonaws.com/role-arn": "app"}));
        assert!(matches!(name_only, Err(SubjectGap::NotARole { value, .. }) if value == "app"));
    }

    #[test]
    fn what_the_team_expects_is_kept_to_the_letter() {
        for role in [ROLE, "arn:aws:iam::111122223333:role/App"] {
            let spec = json!({"serviceAccountName": "cart", "expect": {"roleArn": role}});
            let audits = [audit("a", "2026-01-01T00:00:00Z", &spec)];
            let found = subject(&scope(), &bound(), &audits).unwrap();
            assert_eq!(found.expected_role.as_deref(), Some(role));
        }
    }
}
