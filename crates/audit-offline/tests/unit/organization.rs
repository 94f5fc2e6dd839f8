use audit_core::model::ControlPolicy;
use iam_policy::Truth;
use serde_json::{Value, json};

use crate::aws::tests::{given, taken, with_issuer};
use crate::problem::Weight;
use crate::testing::*;

const MANAGEMENT: &str = "444455556666";

fn described(id: &str, kind: &str, content: &str) -> Value {
    let folder = kind.to_lowercase();
    json!({"Policy": {
        "PolicySummary": {
            "Id": id, "Arn": format!("arn:aws:organizations::{MANAGEMENT}:policy/o-abcdefghij/{folder}/{id}"), "Name": "guardrail",
            "Description": "", "Type": kind, "AwsManaged": false,
        },
        "Content": content,
    }})
}

fn scp(id: &str) -> Value {
    described(id, "SERVICE_CONTROL_POLICY", r#"{"Statement":[]}"#)
}

fn target(id: &str, kind: &str) -> Value {
    json!({"TargetId": id, "Arn": format!("arn:aws:organizations::{MANAGEMENT}:x/o-abcdefghij/{id}"), "Name": "x", "Type": kind})
}

fn attached(targets: &[Value]) -> Value {
    json!({ "Targets": targets })
}

fn of(outputs: &[Value]) -> Vec<ControlPolicy> {
    taken(outputs).snapshot.control_policies
}

#[test]
fn a_policy_says_where_it_is_attached_only_with_its_targets() {
    let (account, unit) = (
        || target(ACCOUNT, "ACCOUNT"),
        || target("ou-a1b2-12345678", "ORGANIZATIONAL_UNIT"),
    );
    let more = json!({"Targets": [account()], "NextToken": "x"});
    for (outputs, applies, elsewhere) in [
        (vec![scp("p-12345678")], Truth::Unknown, Truth::Unknown),
        (
            vec![scp("p-12345678"), attached(&[account()])],
            Truth::True,
            Truth::False,
        ),
        (
            vec![attached(&[account(), unit()]), scp("p-12345678")],
            Truth::True,
            Truth::Unknown,
        ),
        (
            vec![scp("p-12345678"), attached(&[unit()])],
            Truth::Unknown,
            Truth::Unknown,
        ),
        (vec![scp("p-12345678"), attached(&[])], Truth::False, Truth::False),
        (vec![scp("p-12345678"), more.clone()], Truth::True, Truth::Unknown),
    ] {
        let [policy] = &of(&outputs)[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!(
            (policy.applies_to(ACCOUNT), policy.applies_to("777788889999")),
            (applies, elsewhere),
            "{outputs:?}"
        );
        assert_eq!(
            policy.applies_to(MANAGEMENT),
            Truth::False,
            "no such policy limits it"
        );
    }
}

#[test]
fn targets_that_fit_several_policies_are_left_out() {
    let loaded = given(
        &[
            scp("p-12345678"),
            scp("p-87654321"),
            attached(&[target(ACCOUNT, "ACCOUNT")]),
        ],
        &with_issuer(),
    );
    let policies = &loaded.snapshot.control_policies;
    assert!(
        policies.len() == 2
            && policies
                .iter()
                .all(|policy| policy.applies_to(ACCOUNT) == Truth::Unknown)
    );
    let problem = loaded.problems.last().unwrap();
    assert!(
        problem.weight == Weight::Warning && problem.message.contains("describe-policy"),
        "{problem:?}"
    );
}

#[test]
fn the_principal_of_an_rcp_is_everyone() {
    for principal in ["\"*\"", r#"{"AWS":"*"}"#] {
        let content = format!(
            r#"{{"Statement":[{{"Effect":"Deny","Principal":{principal},"Action":"sts:*","Resource":"*"}}]}}"#
        );
        let policies = of(&[described("p-12345678", "RESOURCE_CONTROL_POLICY", &content)]);
        assert!(!policies.first().unwrap().text.contains("Principal"));
    }
}

#[test]
fn policies_on_other_matters_are_not_taken() {
    assert_eq!(of(&[described("p-12345678", "TAG_POLICY", "{}")]), []);
    let listed = json!({"Policies": [{"Id": "p-12345678", "Type": "SERVICE_CONTROL_POLICY"}]});
    assert_eq!(given(&[listed], &with_issuer()).snapshot.control_policies, []);
}

#[test]
fn policies_that_are_listed_without_their_documents_are_named() {
    let summary = |id: &str| scp(id)["Policy"]["PolicySummary"].clone();
    let mut of_aws = summary("p-FullAWSAccess");
    of_aws["Arn"] = json!("arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess");
    let list = json!({ "Policies": [summary("p-12345678"), of_aws] });
    let loaded = given(std::slice::from_ref(&list), &with_issuer());
    let [problem] = &loaded.problems[..] else {
        panic!("{:?}", loaded.problems)
    };
    assert_eq!(problem.weight, Weight::Warning);
    assert!(
        problem.message.contains("`p-12345678`") && !problem.message.contains("FullAWSAccess"),
        "{problem}"
    );
    assert!(
        given(&[list, scp("p-12345678")], &with_issuer())
            .problems
            .is_empty()
    );
    // IAM lists policies as well.
    let of_iam = json!({ "Policies": [{ "PolicyName": "p", "PolicyId": "ANPA", "Arn": "arn:aws:iam::111122223333:policy/p" }] });
    assert!(!given(&[of_iam], &with_issuer()).has_errors());
}
