//! Trust policies in the forms that eksctl, Terraform's modules, kOps and AWS's guides write, and permission
//! policies in AWS's style.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use iam_policy::{
    CauseKind, Context, ContextValue, Decision, ExposureKind, Principal, Request, Unlisted, WebIdentity,
    decide, diagnose_trust, explain, parse,
};

const ISSUER: &str = "oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

fn identity(subject: &str) -> WebIdentity {
    WebIdentity {
        provider_arn: format!("arn:aws:iam::111122223333:oidc-provider/{ISSUER}"),
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
        called_at: None,
    }
}

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn forms_that_admit() {
    let wildcard = ExposureKind::SubjectTooBroad {
        patterns: vec!["system:serviceaccount:shop:*".to_owned()],
    };
    for (name, exposures) in [
        ("eksctl", vec![]),
        ("terraform-module", vec![]),
        ("terraform-wildcard", vec![wildcard]),
        ("kops", vec![ExposureKind::AudienceUnconstrained]),
        ("aws-guide", vec![]),
        (
            "aws-guide-audience-only",
            vec![ExposureKind::SubjectUnconstrained],
        ),
        ("two-clusters", vec![]),
    ] {
        let text = fixture(name);
        let parsed = parse(&text);
        assert!(parsed.is_whole(), "{name}: {:?}", parsed.problems);
        let diagnosis = diagnose_trust(&parsed, &identity("system:serviceaccount:shop:cart"));
        let kinds: Vec<_> = diagnosis
            .exposures
            .into_iter()
            .map(|exposure| exposure.kind)
            .collect();
        assert_eq!(
            (diagnosis.decision, kinds),
            (Decision::Allowed, exposures),
            "{name}"
        );
        // GetRole returns it percent-encoded.
        let encoded =
            percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let encoded = diagnose_trust(&parse(&encoded), &identity("system:serviceaccount:shop:cart"));
        assert_eq!(encoded.decision, Decision::Allowed, "{name}");
    }
}

#[test]
fn forms_that_do_not_admit() {
    use CauseKind as K;
    for (name, subject, decision, kind, statement) in [
        (
            "eksctl",
            "system:serviceaccount:bank:cart",
            Decision::ImplicitlyDenied,
            K::SubjectNamespaceMismatch,
            Some(0),
        ),
        (
            "terraform-module",
            "system:serviceaccount:shop:x",
            Decision::ImplicitlyDenied,
            K::SubjectServiceAccountMismatch,
            Some(0),
        ),
        (
            "terraform-wildcard",
            "system:serviceaccount:bank:cart",
            Decision::ImplicitlyDenied,
            K::SubjectNamespaceMismatch,
            Some(0),
        ),
        (
            "aws-sdk-session-name",
            "system:serviceaccount:shop:cart",
            Decision::Undetermined,
            K::ConditionUndetermined,
            Some(0),
        ),
        (
            "pod-identity",
            "system:serviceaccount:shop:cart",
            Decision::ImplicitlyDenied,
            K::WebIdentityNotAllowed,
            Some(0),
        ),
        (
            "ec2-node",
            "system:serviceaccount:shop:cart",
            Decision::ImplicitlyDenied,
            K::WebIdentityNotAllowed,
            Some(0),
        ),
        (
            "chained-role",
            "system:serviceaccount:shop:cart",
            Decision::ImplicitlyDenied,
            K::WebIdentityNotAllowed,
            Some(0),
        ),
        (
            "github-actions",
            "system:serviceaccount:shop:cart",
            Decision::ImplicitlyDenied,
            K::ProviderPrincipalMismatch,
            Some(0),
        ),
        (
            "two-clusters",
            "system:serviceaccount:shop:x",
            Decision::ImplicitlyDenied,
            K::SubjectServiceAccountMismatch,
            Some(1),
        ),
        (
            "two-clusters-anded",
            "system:serviceaccount:shop:cart",
            Decision::ImplicitlyDenied,
            K::ConditionKeyOtherIssuer,
            Some(0),
        ),
        (
            "permissions-s3",
            "system:serviceaccount:shop:cart",
            Decision::Invalid,
            K::TrustPolicyInvalid,
            Some(0),
        ),
    ] {
        let diagnosis = diagnose_trust(&parse(&fixture(name)), &identity(subject));
        let cause = diagnosis.cause.unwrap();
        assert_eq!(
            (diagnosis.decision, cause.kind, cause.statement),
            (decision, kind, statement),
            "{name}"
        );
    }
}

#[test]
fn a_session_name_is_the_caller_s_choice() {
    let parsed = parse(&fixture("aws-sdk-session-name"));
    let document = parsed.document.as_ref().unwrap();
    let mut request = Request::from(&identity("system:serviceaccount:shop:cart"));
    let explanation = explain(document, &request);
    let residual: Vec<_> = explanation.residual().collect();
    assert_eq!(residual.len(), 1);
    let open: Vec<&str> = residual[0]
        .clauses
        .iter()
        .map(|clause| clause.key.as_str())
        .collect();
    assert_eq!(open, ["sts:RoleSessionName"]);
    for (name, decision) in [
        ("cart-1", Decision::Allowed),
        ("till-1", Decision::ImplicitlyDenied),
    ] {
        request
            .context
            .set("STS:rolesessionname", ContextValue::Known(vec![name.to_owned()]));
        assert_eq!(decide(document, &request), decision);
    }
}

#[test]
fn a_chained_role_is_admitted_by_its_arn() {
    let document = parse(&fixture("chained-role")).document.unwrap();
    let ask = |role: &str| Request {
        principal: Some(Principal::Aws(role.to_owned())),
        action: "sts:AssumeRole".to_owned(),
        resource: None,
        context: Context::new(Unlisted::Unknown),
    };
    assert_eq!(
        decide(&document, &ask("arn:aws:iam::444455556666:role/cart")),
        Decision::Allowed
    );
    assert_eq!(
        decide(&document, &ask("arn:aws:iam::444455556666:role/till")),
        Decision::ImplicitlyDenied
    );
}

#[test]
fn permission_policies_by_resource() {
    let document = parse(&fixture("permissions-s3")).document.unwrap();
    for (action, resource, team, expected) in [
        (
            "s3:GetObject",
            "arn:aws:s3:::example-bucket/red/a",
            Some("red"),
            Decision::Allowed,
        ),
        (
            "S3:getobject",
            "arn:aws:s3:::example-bucket/red/a",
            Some("red"),
            Decision::Allowed,
        ),
        (
            "s3:GetObject",
            "arn:aws:s3:::example-bucket/blue/a",
            Some("red"),
            Decision::ImplicitlyDenied,
        ),
        (
            "s3:GetObject",
            "arn:aws:s3:::example-bucket/red/a",
            None,
            Decision::ImplicitlyDenied,
        ),
        // A tag that looks like a wildcard is none.
        (
            "s3:GetObject",
            "arn:aws:s3:::example-bucket/red/a",
            Some("*"),
            Decision::ImplicitlyDenied,
        ),
        (
            "sqs:SendMessage",
            "arn:aws:sqs:us-west-2:111122223333:q",
            Some("red"),
            Decision::ExplicitlyDenied,
        ),
        (
            "s3:ListBucket",
            "arn:aws:s3:::example-bucket",
            None,
            Decision::Undetermined,
        ),
    ] {
        let mut context = Context::new(Unlisted::Unknown);
        let team = team.map_or(ContextValue::Absent, |team| {
            ContextValue::Known(vec![team.to_owned()])
        });
        context.set("aws:PrincipalTag/team", team);
        let request = Request {
            principal: None,
            action: action.into(),
            resource: Some(resource.into()),
            context,
        };
        assert_eq!(decide(&document, &request), expected, "{action} {resource}");
    }
}
