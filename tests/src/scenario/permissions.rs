//! Roles that can be assumed, and what they may do then.

use serde_json::{Value, json};

use super::{APP, Fix, Scenario, exactly, trusting};
use crate::aws::{Role, allowing};
use crate::objects;

pub(super) fn all() -> Vec<Scenario> {
    let mut all = without_policies();
    all.extend(expected());
    all.extend(too_much());
    all
}

fn without_policies() -> Vec<Scenario> {
    let powerless = |namespace: &str| with_policy(namespace, None);
    let expected = expecting(
        "no-permissions",
        "the pod is who it should be, and S3 still says AccessDenied",
        powerless("no-permissions"),
        &json!({"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::carts/*"]}),
    );
    let unasked = Scenario::bound(
        "no-policies",
        "the role has no policies, is that right?",
        powerless("no-policies"),
    );
    vec![
        expected
            .broken("IRSA501", "NoPoliciesAttached")
            .fixed_by(Fix::AWS),
        unasked
            .at_risk("IRSA501", "NoPoliciesAttached")
            .fixed_by(Fix::ByHand(
                "aws iam put-role-policy --role-name no-policies --policy-name read --policy-document \
                 '{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:Get*\",\"Resource\":\"*\"}]}'",
            )),
    ]
}

fn expected() -> Vec<Scenario> {
    let carts = "arn:aws:s3:::carts/*";
    let allowed = expecting(
        "action-allowed",
        "we say what we need, and want to know that we have it",
        with_policy("action-allowed", Some(allowing("s3:*"))),
        &json!({"actions": ["s3:GetObject", "s3:Put*"], "resources": [carts]}),
    );
    let confirmed = expecting(
        "action-confirmed",
        "we need this one file, whatever the organization thinks of it",
        with_policy("action-confirmed", Some(allowing("s3:*"))),
        &json!({"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::carts/prices"]}),
    );
    let missing = expecting(
        "action-not-allowed",
        "reading works since we changed the bucket, writing says AccessDenied",
        with_policy("action-not-allowed", Some(allowing("s3:Get*"))),
        &json!({"actions": ["s3:GetObject", "s3:PutObject"], "resources": [carts]}),
    );
    let deny = json!({"Sid": "KeepHistory", "Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"});
    let denied = expecting(
        "action-denied",
        "AccessDenied with an explicit deny, and our policy allows s3:*",
        with_policy("action-denied", Some(policy(&[statement("s3:*", "*"), deny]))),
        &json!({"actions": ["s3:DeleteObject"], "resources": [carts]}),
    );
    let bounded = Role {
        boundary: Some(allowing("s3:*")),
        ..with_policy("boundary-blocks", Some(allowing("sqs:*")))
    };
    let blocked = expecting(
        "boundary-blocks",
        "no permissions boundary allows the sqs:SendMessage action",
        bounded,
        &json!({"actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:orders"]}),
    );
    let condition = json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}});
    let mut regional = statement("s3:GetObject", "*");
    if let Some(members) = regional.as_object_mut() {
        members.insert("Condition".to_owned(), condition);
    }
    let undetermined = expecting(
        "action-undetermined",
        "allowed in one region only, says the policy",
        with_policy("action-undetermined", Some(policy(&[regional]))),
        &json!({"actions": ["s3:GetObject"], "resources": [carts]}),
    );
    vec![
        allowed,
        confirmed,
        missing.broken("IRSA502", "ActionNotAllowed").fixed_by(Fix::AWS),
        denied
            .broken("IRSA503", "ActionExplicitlyDenied")
            .fixed_by(Fix::ByHand(
                "aws iam put-role-policy --role-name action-denied --policy-name read --policy-document \
                 '{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}'",
            )),
        blocked
            .broken("IRSA504", "PermissionsBoundaryBlocks")
            .fixed_by(Fix::AWS),
        undetermined.unknown("IRSA906", "ExpectationNotEvaluated"),
    ]
}

fn too_much() -> Vec<Scenario> {
    let administrator = Scenario::bound(
        "administrator",
        "it works, why would anybody care what the role may do?",
        with_policy("administrator", Some(allowing("*"))),
    );
    let escalation = Scenario::bound(
        "escalation",
        "it only starts functions, that is its job",
        with_policy(
            "escalation",
            Some(policy(&[
                statement("iam:PassRole", "*"),
                statement("lambda:*", "*"),
            ])),
        ),
    );
    vec![
        administrator
            .at_risk("IRSA505", "AdministratorAccess")
            .fixed_by(Fix::ByHand(
                "aws iam put-role-policy --role-name administrator --policy-name read --policy-document \
                 '{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:Get*\",\"Resource\":\"*\"}]}'",
            )),
        escalation
            .at_risk("IRSA506", "PrivilegeEscalation")
            .fixed_by(Fix::ByHand(
                "aws iam put-role-policy --role-name escalation --policy-name read --policy-document \
                 '{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"lambda:*\",\"Resource\":\"*\"}]}'",
            )),
    ]
}

/// A binding that passes, with a permission policy for its role.
fn with_policy(namespace: &str, permissions: Option<String>) -> Role {
    Role {
        permissions,
        ..trusting(namespace, &exactly(namespace, APP))
    }
}

/// A binding of which something is expected in AWS.
fn expecting(namespace: &'static str, title: &'static str, role: Role, expectation: &Value) -> Scenario {
    let mut scenario = Scenario::bound(namespace, title, role);
    let spec = json!({"serviceAccountName": APP, "expect": {"aws": [expectation]}});
    scenario.objects.insert(0, objects::audit(namespace, APP, &spec));
    scenario
}

fn statement(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn policy(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}
