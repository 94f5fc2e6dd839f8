//! Which policies a role has after apply.

use audit_core::Verdict;
use serde_json::{Value, json};

use crate::plans::*;
use crate::testing::{ACCOUNT, options};

fn policy_arn() -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/read")
}

fn new_policy() -> Value {
    let values = json!({"name": "read", "path": "/", "arn": policy_arn(), "policy": allows("s3:GetObject")});
    open(
        creates("aws_iam_policy.read", &values),
        &json!({"arn": true, "id": true}),
    )
}

fn attachment() -> Value {
    json!({"role": "cart", "policy_arn": policy_arn()})
}

fn attached() -> Value {
    creates("aws_iam_role_policy_attachment.read", &attachment())
}

fn inline() -> Value {
    let values = json!({"role": "cart", "name": "own", "policy": allows("s3:GetObject")});
    creates("aws_iam_role_policy.own", &values)
}

/// The verdict where `s3:GetObject` is expected, of a healthy world with more changes.
fn expected_with(name: &str, changes: Vec<Value>) -> Verdict {
    let mut all = healthy();
    all.extend(changes);
    let loaded = planned(
        &[],
        &[],
        &[&plan_with(&all, &healthy_configuration())],
        &options(),
    );
    assert_eq!(verdict(&loaded), Verdict::Working, "{name}: nobody asked");
    verdict(&expecting(loaded, "s3:GetObject"))
}

#[test]
fn policies_are_those_of_the_role_and_of_all_that_attaches_more() {
    let everywhere = json!({"name": "x", "policy_arn": policy_arn(), "roles": ["cart"]});
    let exclusive = |policies: Value| {
        let values = json!({"role_name": "cart", "policy_arns": policies});
        creates("aws_iam_role_policy_attachments_exclusive.x", &values)
    };
    let only_base = json!({"role_name": "cart", "policy_names": ["base"]});
    let only_base = creates("aws_iam_role_policies_exclusive.x", &only_base);
    let goes = change(
        "aws_iam_role_policy_attachment.read",
        &["delete"],
        &attachment(),
        &Value::Null,
    );
    for (name, changes, expected) in [
        ("none", vec![], Verdict::Broken),
        ("an inline policy", vec![inline()], Verdict::Working),
        (
            "an attached policy",
            vec![new_policy(), attached()],
            Verdict::Working,
        ),
        (
            "attached everywhere",
            vec![new_policy(), creates("aws_iam_policy_attachment.x", &everywhere)],
            Verdict::Working,
        ),
        (
            "attached exclusively",
            vec![new_policy(), exclusive(json!([policy_arn()]))],
            Verdict::Working,
        ),
        (
            "only what is listed",
            vec![new_policy(), attached(), exclusive(json!([]))],
            Verdict::Broken,
        ),
        (
            "no inline policy but what is listed",
            vec![inline(), only_base],
            Verdict::Broken,
        ),
        ("one that goes", vec![goes, new_policy()], Verdict::Broken),
    ] {
        assert_eq!(expected_with(name, changes), expected, "{name}");
    }
}

#[test]
fn a_policy_of_which_anything_is_open_makes_permissions_unknown() {
    let unknown = |change: Value, name: &str| open(change, &json!({name: true}));
    for (name, changes) in [
        ("a document", vec![unknown(new_policy(), "policy"), attached()]),
        ("an inline document", vec![unknown(inline(), "policy")]),
        ("an ARN", vec![new_policy(), unknown(attached(), "policy_arn")]),
        ("a role", vec![new_policy(), unknown(attached(), "role")]),
        ("the role of an inline policy", vec![unknown(inline(), "role")]),
    ] {
        assert_eq!(expected_with(name, changes), Verdict::Unknown, "{name}");
    }
}

#[test]
fn a_role_that_exists_has_the_policies_of_the_state() {
    let mut with_inline = role_values("cart");
    with_inline["inline_policy"] = json!([{"name": "own", "policy": allows("s3:GetObject")}]);
    let mut all = healthy();
    all[2] = stays("aws_iam_role.cart", &with_inline);
    let loaded = planned(&[], &[], &[&plan(&all)], &options());
    assert_eq!(verdict(&expecting(loaded, "s3:GetObject")), Verdict::Working);
}

#[test]
fn a_new_role_has_no_policies_but_those_that_the_configuration_gives_it() {
    let with = |expressions: Value| {
        let mut changes = healthy();
        changes[2] = open(changes[2].clone(), &json!({"inline_policy": true}));
        let text = plan_with(&changes, &configured(&[("aws_iam_role.cart", expressions)]));
        cart(&expecting(
            planned(&[], &[], &[&text], &options()),
            "s3:GetObject",
        ))
    };
    let report = with(json!({"name": {"constant_value": "cart"}}));
    assert_eq!(report.verdict, Verdict::Broken, "{report:?}");
    assert!(codes(&report).contains(&"IRSA501"));
    let report = with(json!({"inline_policy": [{"policy": references(&["var.policy"])}]}));
    assert_eq!(report.verdict, Verdict::Unknown, "{report:?}");
    assert!(
        open_finding(&report)
            .message
            .contains("aws_iam_role.cart.inline_policy")
    );
}

#[test]
fn an_open_policy_arn_is_that_of_the_policy_it_refers_to() {
    let policy = json!({"name": "read", "path": "/app/", "policy": allows("s3:GetObject")});
    let policy = open(creates("aws_iam_policy.read", &policy), &json!({"arn": true}));
    let attachment = open(
        creates("aws_iam_role_policy_attachment.read", &json!({"role": "cart"})),
        &json!({"policy_arn": true}),
    );
    let configuration = configured(&[
        ("aws_iam_role.cart", json!({})),
        (
            "aws_iam_role_policy_attachment.read",
            json!({"policy_arn": references(&["aws_iam_policy.read.arn", "aws_iam_policy.read"])}),
        ),
    ]);
    let mut all = healthy();
    all.extend([policy, attachment]);
    let loaded = planned(&[], &[], &[&plan_with(&all, &configuration)], &options());
    assert_eq!(verdict(&expecting(loaded, "s3:GetObject")), Verdict::Working);
}
