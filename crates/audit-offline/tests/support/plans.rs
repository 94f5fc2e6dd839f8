//! Terraform plans for tests.

use audit_core::audit::audit;
use audit_core::model::AuditRequest;
use audit_core::report::{BindingReport, Report};
use audit_core::{Finding, Verdict};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::testing::{ACCOUNT, ISSUER, KEYS};
use crate::{Loaded, Options, Source, load_planned};

/// The trust policy that admits `shop/cart`.
pub(crate) fn trust() -> String {
    trust_of("system:serviceaccount:shop:cart")
}

pub(crate) fn trust_of(subject: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{KEYS}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            (format!("{KEYS}:sub")): subject,
            (format!("{KEYS}:aud")): "sts.amazonaws.com",
        }},
    }]})
    .to_string()
}

pub(crate) fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// A change of a resource, whose type and name are in its address.
pub(crate) fn change(address: &str, actions: &[&str], before: &Value, after: &Value) -> Value {
    let mut parts: Vec<&str> = address.split('.').collect();
    let name = parts.pop().unwrap().split('[').next().unwrap();
    let kind = parts.pop().unwrap();
    let is_data = parts.last() == Some(&"data");
    json!({
        "address": address, "module_address": parts.join("."), "mode": if is_data { "data" } else { "managed" },
        "type": kind, "name": name, "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": actions, "before": before, "after": after, "after_unknown": {},
            "before_sensitive": {}, "after_sensitive": {},
        },
    })
}

/// One that stays as it is.
pub(crate) fn stays(address: &str, values: &Value) -> Value {
    change(address, &["no-op"], values, values)
}

pub(crate) fn creates(address: &str, after: &Value) -> Value {
    change(address, &["create"], &Value::Null, after)
}

/// With values that are known only after apply, in the place of any that the change gives.
pub(crate) fn open(mut change: Value, unknown: &Value) -> Value {
    for (name, mark) in unknown.as_object().unwrap() {
        change["change"]["after_unknown"][name] = mark.clone();
        if *mark == json!(true) {
            change["change"]["after"].as_object_mut().unwrap().remove(name);
        }
    }
    change
}

pub(crate) fn plan_with(changes: &[Value], configuration: &Value) -> String {
    json!({
        "format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": changes, "configuration": configuration,
        "applyable": true, "complete": true, "errored": false,
    })
    .to_string()
}

pub(crate) fn plan(changes: &[Value]) -> String {
    plan_with(changes, &json!({}))
}

/// The configuration of resources of the root module: each address with its expressions.
pub(crate) fn configured(resources: &[(&str, Value)]) -> Value {
    let each = resources.iter().map(|(address, expressions)| {
        json!({"address": address, "provider_config_key": "aws", "expressions": expressions})
    });
    json!({"root_module": {"resources": each.collect::<Vec<_>>()}})
}

pub(crate) fn references(all: &[&str]) -> Value {
    json!({"references": all})
}

pub(crate) fn role_values(name: &str) -> Value {
    json!({
        "name": name, "path": "/", "arn": role_arn(name), "id": name, "unique_id": "AROAEXAMPLE", "assume_role_policy": trust(),
        "permissions_boundary": "", "managed_policy_arns": [], "tags_all": {},
        "inline_policy": [{"name": "base", "policy": allows("sqs:ListQueues")}],
    })
}

pub(crate) fn provider_values() -> Value {
    json!({
        "url": KEYS, "client_id_list": ["sts.amazonaws.com"],
        "arn": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{KEYS}"),
    })
}

pub(crate) fn account_values(arn: &str) -> Value {
    json!({
        "metadata": [{"name": "cart", "namespace": "shop", "annotations": {"eks.amazonaws.com/role-arn": arn}}],
        "automount_service_account_token": true,
    })
}

pub(crate) fn cluster() -> Value {
    stays(
        "aws_eks_cluster.main",
        &json!({
            "name": "main", "arn": format!("arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/main"),
            "identity": [{"oidc": [{"issuer": ISSUER}]}],
        }),
    )
}

pub(crate) fn provider() -> Value {
    stays("aws_iam_openid_connect_provider.main", &provider_values())
}

/// A new role, of which what the provider computes is open.
pub(crate) fn new_role(name: &str) -> Value {
    let role = creates("aws_iam_role.cart", &role_values(name));
    open(
        role,
        &json!({"arn": true, "id": true, "unique_id": true, "managed_policy_arns": true}),
    )
}

pub(crate) fn new_account(arn: &str) -> Value {
    creates("kubernetes_service_account.cart", &account_values(arn))
}

/// A cluster with its provider, a new role, and a ServiceAccount that asks for it.
pub(crate) fn healthy() -> Vec<Value> {
    vec![
        cluster(),
        provider(),
        new_role("cart"),
        new_account(&role_arn("cart")),
    ]
}

/// The configuration of these.
pub(crate) fn healthy_configuration() -> Value {
    configured(&[("aws_iam_role.cart", json!({"name": {"constant_value": "cart"}}))])
}

pub(crate) fn planned(manifests: &[&str], outputs: &[&str], plans: &[&str], options: &Options) -> Loaded {
    let sources = |texts: &[&str], kind: &str| -> Vec<Source> {
        let each = texts.iter().enumerate();
        each.map(|(n, text)| Source::new(format!("{kind}{n}.json"), *text))
            .collect()
    };
    load_planned(
        sources(manifests, "k"),
        sources(outputs, "a"),
        sources(plans, "plan"),
        options,
    )
}

/// The report on `shop/cart`.
pub(crate) fn cart(loaded: &Loaded) -> BindingReport {
    let errors: Vec<_> = loaded.problems.iter().map(ToString::to_string).collect();
    assert!(!loaded.has_errors(), "{errors:?}");
    let Report { bindings, .. } = audit(&loaded.snapshot, &loaded.config, Timestamp::UNIX_EPOCH);
    let found = bindings
        .into_iter()
        .find(|binding| binding.key.to_string() == "shop/cart");
    found.unwrap_or_else(|| panic!("no binding: {errors:?}"))
}

pub(crate) fn verdict(loaded: &Loaded) -> Verdict {
    cart(loaded).verdict
}

pub(crate) fn codes(report: &BindingReport) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.entry.code).collect()
}

/// The only IRSA920.
pub(crate) fn open_finding(report: &BindingReport) -> &Finding {
    let mut all = report
        .findings
        .iter()
        .filter(|finding| finding.entry.code == "IRSA920");
    let first = all.next().unwrap_or_else(|| panic!("{report:?}"));
    assert!(all.next().is_none(), "{report:?}");
    first
}

/// Expects that `shop/cart` may do something in AWS.
pub(crate) fn expecting(mut loaded: Loaded, action: &str) -> Loaded {
    let request = AuditRequest {
        name: "cart".to_owned(),
        service_account: "cart".to_owned(),
        declared: true,
        aws: vec![audit_core::model::AwsExpectation {
            actions: vec![action.to_owned()],
            resources: vec!["arn:aws:s3:::b/x".to_owned()],
            context: [].into(),
        }],
        ..AuditRequest::default()
    };
    loaded.snapshot.cluster.put_request("shop", request);
    loaded
}

/// A document that allows an action on everything.
pub(crate) fn allows(action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
        .to_string()
}
