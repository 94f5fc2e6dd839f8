//! Policies that come piece by piece, and what else is recognised in outputs.

use serde_json::{Value, json};

use crate::aws::tests::{detail, given, taken, with_issuer};
use crate::testing::*;

/// A role as `get-role` tells it, without its policies.
fn alone(name: &str) -> Value {
    let mut role = detail(ACCOUNT, name);
    let fields = role.as_object_mut().unwrap();
    fields.remove("RolePolicyList");
    fields.remove("AttachedManagedPolicies");
    json!({ "Role": role })
}

fn version(id: &str) -> Value {
    json!({"PolicyVersion": {"Document": {"Version": "2012-10-17", "Statement": []}, "VersionId": id, "IsDefaultVersion": true,
        "CreateDate": "2026-01-01T00:00:00+00:00"}})
}

fn managed(name: &str, version: &str) -> Value {
    json!({"Policy": {"PolicyName": name, "PolicyId": "ANPA1", "Arn": policy(name), "Path": "/", "DefaultVersionId": version}})
}

fn policy(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

fn attached(arns: &[&str]) -> Value {
    let all = arns
        .iter()
        .map(|arn| json!({"PolicyName": "x", "PolicyArn": arn}));
    json!({"AttachedPolicies": all.collect::<Vec<_>>()})
}

#[test]
fn a_roles_policies_may_come_piece_by_piece() {
    let document = json!({"Version": "2012-10-17", "Statement": []});
    let inline = json!({"RoleName": "cart", "PolicyName": "a", "PolicyDocument": document});
    let loaded = taken(&[
        version("v2"),
        managed("x", "v2"),
        attached(&[&policy("x")]),
        inline,
        json!({"PolicyNames": ["a"]}),
        alone("cart"),
    ]);
    let account = &loaded.snapshot.accounts[ACCOUNT];
    let policies = account.policies["cart"].latest().unwrap();
    assert_eq!(
        (&policies.inline[..], &policies.attached[..]),
        (&["a".to_owned()][..], &[policy("x")][..])
    );
    assert!(account.inline["cart"].latest().unwrap().contains_key("a"));
    assert!(account.managed.contains_key(&policy("x")));
}

#[test]
fn pieces_that_may_be_of_several_are_left_out_and_told() {
    for (outputs, told) in [
        (
            vec![
                alone("a"),
                alone("b"),
                json!({"PolicyNames": ["p"]}),
                attached(&[]),
            ],
            "whose policies",
        ),
        (vec![alone("a"), version("v1")], "of which policy"),
        (
            vec![managed("x", "v2"), version("v1")],
            "version `v2` is in force",
        ),
        (
            vec![managed("x", "v1"), managed("y", "v1"), version("v1")],
            "of which policy",
        ),
    ] {
        let loaded = given(&outputs, &with_issuer());
        assert!(!loaded.has_errors());
        let problems = problems(&loaded);
        assert!(
            problems.iter().any(|problem| problem.contains(told)),
            "{told}: {problems:?}"
        );
        let known = loaded
            .snapshot
            .accounts
            .values()
            .map(|account| account.policies.len() + account.managed.len());
        assert_eq!(known.sum::<usize>(), 0, "{told}");
    }
    // Of roles that are told whole, or of none that was given.
    let loaded = given(
        &[json!({"PolicyNames": ["p"]}), attached(&[]), version("v1")],
        &with_issuer(),
    );
    assert_eq!((loaded.has_errors(), problems(&loaded).len()), (false, 3));
    let of_nobody = json!({"RoleName": "gone", "PolicyName": "a", "PolicyDocument": {"Statement": []}});
    let loaded = given(&[of_nobody], &with_issuer());
    assert_eq!((loaded.has_errors(), problems(&loaded).len()), (false, 1));
    // A part of the lists: which policies the role has is not known, and nothing is wrong.
    let loaded = taken(&[alone("a"), attached(&[])]);
    assert!(loaded.snapshot.accounts[ACCOUNT].policies.is_empty());
    let next_page = json!({"PolicyNames": ["p"], "IsTruncated": true, "Marker": "m"});
    let loaded = given(&[alone("a"), next_page, attached(&[])], &with_issuer());
    assert!(loaded.snapshot.accounts[ACCOUNT].policies.is_empty());
    assert_eq!((loaded.has_errors(), problems(&loaded).len()), (false, 1));
}

#[test]
fn the_only_policy_of_a_role_is_the_one_whose_version_lies_beside_it() {
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let loaded = taken(&[
        alone("cart"),
        attached(&[arn]),
        json!({"PolicyNames": []}),
        version("v1"),
    ]);
    assert!(loaded.snapshot.accounts[ACCOUNT].managed.contains_key(arn));
}

#[test]
fn a_caller_with_a_nodes_credentials_is_told() {
    let caller = |session: &str| {
        let output = json!({"UserId": "AROA1:x", "Account": ACCOUNT,
            "Arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{session}")});
        let loaded = given(&[output], &with_issuer());
        assert!(!loaded.has_errors());
        problems(&loaded)
    };
    let told = caller("eksctl-prod-NodeInstanceRole-1X2Y3Z/i-0123456789abcdef0");
    assert!(
        told.len() == 1 && told[0].contains("node's role `eksctl-prod-NodeInstanceRole-1X2Y3Z`"),
        "{told:?}"
    );
    assert_eq!(caller("cart/botocore-session-1700000000"), [""; 0]);
    assert_eq!(caller("cart/i-am-a-session"), [""; 0]);
}

#[test]
fn what_is_for_people_to_read_is_told_with_what_to_give() {
    for (text, told) in [
        ("---------\n|GetRole|\n", "--output json"),
        (
            "An error occurred (NoSuchEntity) when calling the GetRole operation: x\n",
            "failed",
        ),
    ] {
        let loaded = load_texts(&[], &[text], &options());
        assert!(
            loaded.has_errors() && problems(&loaded)[0].contains(told),
            "{:?}",
            problems(&loaded)
        );
    }
    let loaded = load_texts(
        &["Name:  cart\nNamespace:  shop\nLabels:  <none>\n"],
        &[],
        &options(),
    );
    assert!(
        problems(&loaded)[0].contains("-o yaml"),
        "{:?}",
        problems(&loaded)
    );
}
