//! Trust policies that refuse, or admit too much. To the application they all look the same:
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.

use serde_json::json;

use super::{APP, DEAD_ISSUER, Fix, Scenario, exactly, key, provider, trusting};
use crate::aws::{self, Role};
use crate::trust;
use crate::world::SECOND_AUDIENCE;

pub(super) fn all() -> Vec<Scenario> {
    let mut all = principal();
    all.extend(subject());
    all.extend(condition_key());
    all.extend(audience());
    all.extend([shared(), tagged(), denied(), from_one_address(), anybody()]);
    all
}

fn principal() -> Vec<Scenario> {
    let ec2 =
        json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"});
    let old_key = |claim: &str| format!("{}:{claim}", trust::host_path(DEAD_ISSUER));
    let old = trust::web_identity(
        &trust::provider_arn(aws::HOME, DEAD_ISSUER),
        &json!({"StringEquals": {
            old_key("sub"): trust::subject("old-cluster", APP),
            old_key("aud"): trust::AUDIENCE,
        }}),
    );
    vec![
        Scenario::bound(
            "ec2-role",
            "I gave the pods the role of the instances",
            Role::new("ec2-role", trust::document(&[ec2])),
        )
        .broken("IRSA202", "WebIdentityNotAllowed")
        .fixed_by(Fix::AWS),
        Scenario::bound(
            "old-cluster",
            "we rebuilt the cluster, now every role is refused",
            Role::new("old-cluster", old),
        )
        .broken("IRSA203", "ProviderPrincipalMismatch")
        .fixed_by(Fix::AWS),
    ]
}

fn subject() -> Vec<Scenario> {
    let wrong = |namespace: &'static str, title, subject: &str| {
        let condition = json!({"StringEquals": {key("sub"): subject, key("aud"): trust::AUDIENCE}});
        Scenario::bound(namespace, title, trusting(namespace, &condition))
    };
    vec![
        wrong(
            "wrong-namespace",
            "works in staging, AccessDenied here",
            &trust::subject("staging", APP),
        )
        .broken("IRSA204", "SubjectNamespaceMismatch")
        .fixed_by(Fix::AWS),
        wrong(
            "wrong-name",
            "the chart calls its ServiceAccount after the release",
            &trust::subject("wrong-name", "release-app"),
        )
        .broken("IRSA205", "SubjectServiceAccountMismatch")
        .fixed_by(Fix::AWS),
        wrong(
            "misspelt-subject",
            "I checked namespace and name ten times",
            "system:serviceaccounts:misspelt-subject:app",
        )
        .broken("IRSA206", "SubjectMalformed")
        .fixed_by(Fix::AWS),
        wrong(
            "wildcard",
            "I allowed the whole namespace with a star",
            &trust::subject("wildcard", "*"),
        )
        .broken("IRSA207", "WildcardInStringEquals")
        .fixed_by(Fix::AWS),
        Scenario::bound(
            "any-subject",
            "which of our roles could any pod take?",
            trusting(
                "any-subject",
                &json!({"StringEquals": {key("aud"): trust::AUDIENCE}}),
            ),
        )
        .at_risk("IRSA215", "SubjectConditionMissing"),
    ]
}

fn condition_key() -> Vec<Scenario> {
    let with_keys = |namespace: &'static str, title, sub: String, aud: String| {
        let condition = json!({"StringEquals": {sub: trust::subject(namespace, APP), aud: trust::AUDIENCE}});
        Scenario::bound(namespace, title, trusting(namespace, &condition))
    };
    let old = trust::host_path(DEAD_ISSUER);
    vec![
        // Its fix is longer than what a status holds, which tells the edit in words instead.
        with_keys(
            "old-key",
            "I put the new provider into the old policy",
            format!("{old}:sub"),
            format!("{old}:aud"),
        )
        .broken("IRSA210", "ConditionKeyOtherIssuer"),
        with_keys(
            "key-with-scheme",
            "I copied the issuer URL as the console shows it",
            format!("https://{}", key("sub")),
            key("aud"),
        )
        .broken("IRSA211", "ConditionKeyMalformed")
        .fixed_by(Fix::AWS),
    ]
}

fn audience() -> Vec<Scenario> {
    let sub = |namespace: &str| json!({"StringEquals": {key("sub"): trust::subject(namespace, APP)}});
    let other = |namespace: &str| json!({"StringEquals": {key("sub"): trust::subject(namespace, APP), key("aud"): SECOND_AUDIENCE}});
    vec![
        Scenario::bound(
            "no-audience",
            "the audit says that a condition is missing",
            trusting("no-audience", &sub("no-audience")),
        )
        .at_risk("IRSA208", "AudienceConditionMissing")
        .fixed_by(Fix::AWS),
        Scenario::bound(
            "wrong-audience",
            "we share the provider with the billing service",
            trusting("wrong-audience", &other("wrong-audience")),
        )
        .broken("IRSA209", "AudienceConditionMismatch")
        .fixed_by(Fix::AWS),
    ]
}

/// Statements for two others, none for this one.
fn shared() -> Scenario {
    let namespace = "shared-role";
    let statement = |other: &str| {
        json!({
            "Sid": other.replace('-', ""),
            "Effect": "Allow",
            "Principal": {"Federated": provider()},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": exactly(other, APP),
        })
    };
    let statements = [statement("team-one"), statement("team-two")];
    Scenario::bound(
        namespace,
        "two teams share the role, and for us it does not work",
        Role::new(namespace, trust::document(&statements)),
    )
    .broken("IRSA204", "SubjectNamespaceMismatch")
    .fixed_by(Fix::AWS)
}

/// A condition that no token of Kubernetes meets.
fn tagged() -> Scenario {
    let namespace = "session-tag";
    let condition = json!({"StringEquals": {
        key("sub"): trust::subject(namespace, APP),
        key("aud"): trust::AUDIENCE,
        "aws:RequestTag/team": "shop",
    }});
    Scenario::bound(
        namespace,
        "our roles must be assumed with a team tag",
        trusting(namespace, &condition),
    )
    .broken("IRSA213", "ConditionUnsatisfiable")
    .fixed_by(Fix::AWS)
}

fn denied() -> Scenario {
    let namespace = "denied";
    let allow = json!({
        "Effect": "Allow",
        "Principal": {"Federated": provider()},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": exactly(namespace, APP),
    });
    let deny = json!({
        "Sid": "Quarantine",
        "Effect": "Deny",
        "Principal": {"Federated": provider()},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringLike": {key("sub"): trust::subject(namespace, "*")}},
    });
    Scenario::bound(
        namespace,
        "the policy clearly allows us",
        Role::new(namespace, trust::document(&[allow, deny])),
    )
    .broken("IRSA212", "ExplicitDeny")
}

fn from_one_address() -> Scenario {
    let namespace = "from-one-address";
    let mut condition = exactly(namespace, APP);
    if let Some(operators) = condition.as_object_mut() {
        operators.insert("IpAddress".to_owned(), json!({"aws:SourceIp": "198.51.100.0/24"}));
    }
    Scenario::bound(
        namespace,
        "works in one of our two clusters",
        trusting(namespace, &condition),
    )
    .unknown("IRSA214", "ConditionUndetermined")
}

fn anybody() -> Scenario {
    let namespace = "anybody";
    let statement = json!({
        "Effect": "Allow",
        "Principal": "*",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": exactly(namespace, APP),
    });
    Scenario::bound(
        namespace,
        "it works, is it safe?",
        Role::new(namespace, trust::document(&[statement])),
    )
    .at_risk("IRSA217", "PrincipalTooBroad")
}
