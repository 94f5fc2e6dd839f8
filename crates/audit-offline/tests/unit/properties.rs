//! Whatever is given, a problem is told, and nothing panics.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::testing::*;
use crate::{Options, Source, load};

/// Something of every kind.
fn whole() -> (Vec<Value>, Vec<Value>) {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{KEYS}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {(format!("{KEYS}:sub")): "system:serviceaccount:shop:cart"}},
    }]});
    let role = json!({
        "Arn": format!("arn:aws:iam::{ACCOUNT}:role/cart"), "RoleName": "cart", "AssumeRolePolicyDocument": trust,
        "RolePolicyList": [{"PolicyName": "a"}], "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/x"}],
    });
    let template = json!({"spec": {"serviceAccountName": "cart", "containers": [{"name": "a", "env": [{"name": "b"}]}]}});
    let manifests = vec![
        json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "cart", "namespace": "shop",
                "annotations": {"eks.amazonaws.com/role-arn": format!("arn:aws:iam::{ACCOUNT}:role/cart")}}},
            {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "x", "namespace": "shop"},
                "spec": {"jobTemplate": {"spec": {"template": template}}}},
            {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x-1", "namespace": "shop", "ownerReferences":
                [{"kind": "CronJob", "name": "x", "controller": true}]}, "spec": {"template": template}},
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x-1-a", "namespace": "shop", "uid": "1",
                "ownerReferences": [{"kind": "Job", "name": "x-1", "controller": true}]},
                "spec": {"serviceAccountName": "cart", "containers": [{"name": "a"}]}, "status": {"phase": "Running"}},
            {"apiVersion": "irsa-audit.dev/v1alpha1", "kind": "IrsaAudit", "metadata": {"name": "a", "namespace": "shop"},
                "spec": {"serviceAccountName": "cart", "expect": {"aws": [{"actions": ["s3:*"], "resources": ["*"]}]}}},
            {"apiVersion": "irsa-audit.dev/v1alpha1", "kind": "IrsaAuditPolicy", "metadata": {"name": "default"}, "spec": {}},
        ]}),
        json!({"issuer": ISSUER, "jwks_uri": "https://x"}),
    ];
    let outputs = vec![
        json!({"RoleDetailList": [role], "UserDetailList": [], "IsTruncated": false}),
        json!({"Role": role}),
        json!({"OpenIDConnectProviderList": [{"Arn": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{KEYS}")}]}),
        json!({"Url": KEYS, "ClientIDList": ["sts.amazonaws.com"]}),
        json!({"cluster": {"name": "x", "arn": format!("arn:aws:eks:x:{ACCOUNT}:cluster/x"), "identity": {"oidc": {"issuer": ISSUER}}}}),
        json!({"SummaryMap": {"AssumeRolePolicySizeQuota": 2048}}),
        json!({"associations": [{"clusterName": "x", "namespace": "shop", "serviceAccount": "cart", "associationId": "a",
            "associationArn": format!("arn:aws:eks:x:{ACCOUNT}:podidentityassociation/x/a")}]}),
        json!({"UserId": "x", "Account": ACCOUNT, "Arn": "x"}),
    ];
    (manifests, outputs)
}

/// Puts `new` in the place of the nth value of a document, counted in reading order.
fn replace_nth(document: &mut Value, n: &mut usize, new: &Value) {
    if *n == 0 {
        *document = new.clone();
    }
    *n = n.wrapping_sub(1);
    match document {
        Value::Array(values) => values.iter_mut().for_each(|value| replace_nth(value, n, new)),
        Value::Object(fields) => fields.values_mut().for_each(|value| replace_nth(value, n, new)),
        _ => {}
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("\u{1b}[2J`$(x)'\n")),
        Just(json!("arn:aws:iam::444455556666:role/x")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("metadata|spec|kind|items|Role|Arn|[a-z]{1,4}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Loads and audits; what is told must be safe to show.
fn run(manifests: &[Vec<u8>], outputs: &[Vec<u8>], partial: bool) {
    let sources = |texts: &[Vec<u8>]| -> Vec<Source> {
        texts
            .iter()
            .map(|text| Source {
                named: partial,
                ..Source::new("x", text.clone())
            })
            .collect()
    };
    let loaded = load(
        sources(manifests),
        sources(outputs),
        &Options { partial, ..options() },
    );
    for problem in problems(&loaded) {
        assert!(!problem.chars().any(char::is_control), "{problem:?}");
    }
    report(&loaded);
}

fn bytes(values: &[Value]) -> Vec<Vec<u8>> {
    values
        .iter()
        .map(|value| value.to_string().into_bytes())
        .collect()
}

#[test]
fn undamaged_it_is_read_whole() {
    let (manifests, outputs) = whole();
    let texts = |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>();
    let (manifests, outputs) = (texts(&manifests), texts(&outputs));
    let refs = |texts: &[String]| {
        texts
            .iter()
            .map(|text| text.clone().leak() as &str)
            .collect::<Vec<_>>()
    };
    let loaded = good(&refs(&manifests), &refs(&outputs), &options());
    assert_eq!(codes(&loaded).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_damaged_value_panics(which in 0_usize..10, mut place in 0_usize..120, new in any_json(), partial: bool) {
        let (mut manifests, mut outputs) = whole();
        let all = manifests.len() + outputs.len();
        if let Some(document) = manifests.iter_mut().chain(&mut outputs).nth(which % all) {
            replace_nth(document, &mut place, &new);
        }
        run(&bytes(&manifests), &bytes(&outputs), partial);
    }

    #[test]
    fn no_damaged_text_panics(cut in 0_usize..3000, byte: u8, at in 0_usize..3000, as_aws: bool) {
        let (manifests, outputs) = whole();
        let mut text = bytes(if as_aws { &outputs } else { &manifests }).concat();
        text.truncate(cut);
        if let Some(old) = text.get_mut(at % (cut + 1)) {
            *old = byte;
        }
        let texts = [text];
        if as_aws { run(&[], &texts, true) } else { run(&texts, &[], true) }
    }

    #[test]
    fn no_text_panics(text in "[a-z{}\\[\\]:,\"'&*!|>%\\-\\n \u{1b}]{0,64}") {
        run(&[text.clone().into_bytes()], &[text.into_bytes()], true);
    }
}
