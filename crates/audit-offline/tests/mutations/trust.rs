//! Trust policies that admit one ServiceAccount, in the forms that people write and publish.

use serde_json::{Value, json};

use super::world::Cluster;

/// Who is to be admitted.
pub struct Who<'w> {
    pub cluster: &'w Cluster,
    pub account: &'w str,
    pub namespace: &'w str,
    pub name: &'w str,
    pub audience: &'w str,
}

/// One policy of each form.
pub fn policies(who: &Who<'_>) -> Vec<Value> {
    let Who {
        cluster,
        account,
        namespace,
        name,
        audience,
    } = who;
    let (sub, aud) = (
        format!("{}:sub", cluster.host_path()),
        format!("{}:aud", cluster.host_path()),
    );
    let subject = format!("system:serviceaccount:{namespace}:{name}");
    let provider = cluster.provider_arn(account);
    let other_issuer = "oidc.eks.eu-central-1.amazonaws.com/id/00000000000000000000000000000000";
    let other_provider = format!(
        "arn:{}:iam::{account}:oidc-provider/{other_issuer}",
        cluster.partition
    );
    let statement = |condition: Value| {
        json!({
            "Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        })
    };
    let policy = |statements: &[Value]| json!({"Version": "2012-10-17", "Statement": statements});
    let both = || json!({"StringEquals": {(sub.clone()): subject, (aud.clone()): audience}});
    let only_aud = || json!({(aud.clone()): audience});
    vec![
        // eksctl
        policy(&[statement(both())]),
        // Terraform, module iam-role-for-service-accounts
        policy(&[json!({
            "Sid": "", "Effect": "Allow", "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {(sub.clone()): [subject, format!("system:serviceaccount:{namespace}:other")], (aud.clone()): [audience]}},
        })]),
        // The same with wildcards
        policy(&[statement(
            json!({"StringLike": {(sub.clone()): format!("system:serviceaccount:{namespace}:*")}, "StringEquals": only_aud()}),
        )]),
        policy(&[statement(
            json!({"StringLike": {(sub.clone()): format!("system:serviceaccount:*:{name}"), (aud.clone()): audience}}),
        )]),
        // kOps: the subject alone, in one statement
        json!({"Version": "2012-10-17", "Statement": statement(json!({"StringEquals": {(sub.clone()): subject}}))}),
        // AWS's guide
        policy(&[statement(
            json!({"StringEquals": {(aud.clone()): audience, (sub.clone()): subject}}),
        )]),
        // Several clusters in one role
        policy(&[
            json!({
                "Sid": "Old", "Effect": "Allow", "Principal": {"Federated": other_provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {(format!("{other_issuer}:sub")): subject, (format!("{other_issuer}:aud")): audience}},
            }),
            statement(both()),
        ]),
        // Beside EKS Pod Identity
        policy(&[
            json!({"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}),
            statement(both()),
        ]),
        // By hand
        policy(&[statement(
            json!({"ForAnyValue:StringEquals": {(sub.clone()): [subject]}, "StringEquals": only_aud()}),
        )]),
        policy(&[statement(
            json!({"StringEqualsIgnoreCase": {(sub.clone()): subject}, "StringEquals": only_aud()}),
        )]),
        policy(&[statement(
            json!({"ForAllValues:StringLike": {(sub.clone()): [subject, "system:serviceaccount:zz:*"]}, "StringEquals": only_aud()}),
        )]),
        policy(&[statement(
            json!({"StringEqualsIfExists": {(sub.clone()): subject}, "StringLike": {(aud.clone()): ["*.amazonaws.com", "vault.*"]}}),
        )]),
        policy(&[json!({
            "Effect": "Allow", "Principal": {"Federated": [other_provider, provider]},
            "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"], "Condition": both(),
        })]),
        policy(&[json!({
            "Effect": "Allow", "Principal": {"Federated": provider, "AWS": format!("arn:{}:iam::{account}:root", cluster.partition)},
            "Action": "STS:assumerolewithwebidentity", "Condition": both(),
        })]),
        policy(&[
            statement(both()),
            json!({
                "Effect": "Deny", "Principal": "*", "Action": "sts:*",
                "Condition": {"StringNotLike": {(sub.clone()): "system:serviceaccount:*"}, "Null": {(sub.clone()): "false"}},
            }),
        ]),
        json!({"Version": "2008-10-17", "Id": "old", "Statement": [statement(json!({
            "StringEquals": {(sub.clone()): subject, (aud.clone()): audience}, "Null": {(format!("{}:amr", cluster.host_path())): true}
        }))]}),
        policy(&[
            statement(json!({"StringEquals": {(sub.clone()): "system:serviceaccount:${zz:none, 'x'}:y"}})),
            statement(both()),
        ]),
        policy(&[statement(
            json!({"StringLike": {(sub.clone()): format!("system:serviceaccount:{}?:{name}", chop(namespace))}, "StringEquals": only_aud()}),
        )]),
    ]
}

/// All but the last character.
fn chop(text: &str) -> &str {
    text.get(..text.len() - 1).unwrap()
}
