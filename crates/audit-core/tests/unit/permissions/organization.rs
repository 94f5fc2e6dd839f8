use serde_json::{Value, json};

use super::*;
use crate::model::{ControlKind, ControlPolicy};
use crate::testing::*;
use crate::verdict::Verdict;

const ACCOUNT: &str = "111122223333";
const ELSEWHERE: &str = "444455556666";
const MANAGEMENT: &str = "999900001111";

fn deny(action: &str) -> Value {
    json!({ "Sid": "Guard", "Effect": "Deny", "Action": action, "Resource": "*" })
}

fn allow(action: &str) -> Value {
    json!({ "Effect": "Allow", "Action": action, "Resource": "*" })
}

/// A policy of which it is not known where it is attached.
fn control(kind: ControlKind, statements: &[Value]) -> ControlPolicy {
    ControlPolicy {
        kind,
        id: "p-guardrail1".to_owned(),
        name: "guardrail".to_owned(),
        management: Some(MANAGEMENT.to_owned()),
        text: json!({ "Version": "2012-10-17", "Statement": statements })
            .to_string()
            .into(),
        accounts: [].into(),
        units: [].into(),
        may_reach_others: true,
    }
}

fn scp(statements: &[Value]) -> ControlPolicy {
    control(ControlKind::Service, statements)
}

fn rcp(statements: &[Value]) -> ControlPolicy {
    control(ControlKind::Resource, statements)
}

/// The same, attached to these accounts and nowhere else.
fn at(accounts: &[&str], policy: ControlPolicy) -> ControlPolicy {
    ControlPolicy {
        accounts: accounts.iter().map(|account| (*account).to_owned()).collect(),
        may_reach_others: false,
        ..policy
    }
}

/// A role that may do everything by its own policies.
fn administrator(policies: Vec<ControlPolicy>) -> World {
    let all = json!({ "Version": "2012-10-17", "Statement": [allow("*")] });
    let mut world = World::healthy().inline(&all);
    world.snapshot.control_policies = policies;
    world
}

fn world(policies: Vec<ControlPolicy>) -> World {
    administrator(policies).expect(&["s3:DeleteObject"], &["arn:aws:s3:::carts/*"])
}

/// The verdict, and the codes but that of an administrator.
fn found(world: &World) -> (Verdict, Vec<&'static str>) {
    let report = world.audit();
    let codes = codes(&report).into_iter().filter(|code| *code != "IRSA505");
    (report.verdict, codes.collect())
}

#[test]
fn an_scp_is_certain_where_it_is_attached_to_the_account() {
    let everything = || scp(&[allow("*")]);
    let full = || ControlPolicy {
        id: "p-FullAWSAccess".to_owned(),
        management: None,
        ..everything()
    };
    let guard = || scp(&[deny("s3:Delete*")]);
    let list = || scp(&[allow("ec2:*")]);
    let fine = (Verdict::AtRisk, vec![]);
    let denied = (Verdict::Broken, vec!["IRSA503"]);
    let open = (Verdict::Unknown, vec!["IRSA906"]);
    for (policies, expected) in [
        (vec![], &fine),
        (vec![guard()], &open),
        (vec![at(&[ACCOUNT], guard())], &denied),
        (vec![at(&[ACCOUNT], scp(&[allow("*"), deny("s3:*")]))], &denied),
        (vec![at(&[ELSEWHERE], guard())], &fine),
        (vec![at(&[], guard())], &fine),
        (vec![scp(&[deny("ec2:*")])], &fine),
        (vec![at(&[ACCOUNT], scp(&[deny("ec2:*")]))], &fine),
        (vec![everything()], &fine),
        // What is listed without it leaves it open, unless another policy of the same account allows it.
        (vec![list()], &open),
        (vec![at(&[ACCOUNT], list())], &open),
        (vec![at(&[ACCOUNT], list()), full()], &open),
        (vec![at(&[ACCOUNT], list()), at(&[ACCOUNT], full())], &fine),
        (vec![at(&[ELSEWHERE], list())], &fine),
        // A Deny outweighs all that others allow.
        (vec![at(&[ACCOUNT], full()), at(&[ACCOUNT], guard())], &denied),
        (vec![at(&[ACCOUNT], full()), guard()], &open),
    ] {
        assert_eq!(found(&world(policies.clone())), *expected, "{policies:?}");
    }
}

#[test]
fn the_management_account_is_not_limited() {
    for policy in [scp(&[deny("*")]), rcp(&[deny("*")])] {
        let of_ours = ControlPolicy {
            management: Some(ACCOUNT.to_owned()),
            ..policy
        };
        assert_eq!(of_ours.applies_to(ACCOUNT), Truth::False);
        if of_ours.kind == ControlKind::Service {
            assert_eq!(found(&world(vec![of_ours])), (Verdict::AtRisk, vec![]));
        }
    }
}

#[test]
fn a_condition_that_is_not_known_leaves_it_open() {
    let mut statement = deny("s3:*");
    statement["Condition"] = json!({ "StringNotEquals": { "aws:RequestedRegion": "eu-west-1" } });
    for policy in [
        scp(&[statement.clone()]),
        at(&[ACCOUNT], scp(&[statement.clone()])),
    ] {
        let report = world(vec![policy]).audit();
        let finding = finding_of(&report, "IRSA906");
        assert!(
            finding.message.contains("`aws:RequestedRegion`"),
            "{}",
            finding.message
        );
    }
    statement["Condition"] = json!({ "ArnNotEquals": { "aws:PrincipalArn": ROLE } });
    let spared = at(&[ACCOUNT], scp(&[statement]));
    assert_eq!(found(&world(vec![spared])), (Verdict::AtRisk, vec![]));
}

#[test]
fn the_policy_and_the_command_that_settles_it_are_named() {
    let report = world(vec![scp(&[deny("s3:*")])]).audit();
    let finding = finding_of(&report, "IRSA906");
    assert!(
        finding
            .message
            .contains("statement `Guard` of SCP `guardrail` (`p-guardrail1`)"),
        "{}",
        finding.message
    );
    let fix = &finding.fix.as_ref().unwrap().first.text;
    assert!(
        fix.contains("list-targets-for-policy --policy-id p-guardrail1"),
        "{fix}"
    );
    let report = world(vec![at(&[ACCOUNT], scp(&[deny("s3:*")]))]).audit();
    let finding = finding_of(&report, "IRSA503");
    assert!(
        finding.message.contains("only the SCPs and RCPs that were given"),
        "{}",
        finding.message
    );
    let fix = &finding.fix.as_ref().unwrap().first.text;
    assert!(fix.contains("administrator of the organization"), "{fix}");
}

#[test]
fn a_policy_of_a_unit_leaves_open_whether_the_account_is_below_it() {
    let policy = ControlPolicy {
        units: ["ou-ab12-11111111".to_owned()].into(),
        ..scp(&[deny("s3:*")])
    };
    let report = world(vec![policy]).audit();
    let finding = finding_of(&report, "IRSA906");
    assert!(
        finding.message.contains("`ou-ab12-11111111`"),
        "{}",
        finding.message
    );
    let fix = &finding.fix.as_ref().unwrap().first.text;
    assert!(fix.contains("list-parents --child-id 111122223333"), "{fix}");
}

#[test]
fn an_rcp_that_denies_the_web_identity_is_of_the_trust() {
    let guard = || rcp(&[deny("sts:AssumeRoleWithWebIdentity")]);
    let plain = |policy: ControlPolicy| {
        let mut world = World::healthy();
        world.snapshot.control_policies = vec![policy];
        world
    };
    for (policy, expected) in [
        (guard(), (Verdict::Unknown, vec!["IRSA214"])),
        (at(&[ACCOUNT], guard()), (Verdict::Broken, vec!["IRSA212"])),
        (at(&[ELSEWHERE], guard()), (Verdict::Working, vec![])),
        (
            at(&[ACCOUNT], rcp(&[deny("sts:AssumeRole")])),
            (Verdict::Working, vec![]),
        ),
        // An SCP limits who is in an account; a token is not.
        (
            at(&[ACCOUNT], scp(&[deny("sts:AssumeRoleWithWebIdentity")])),
            (Verdict::Working, vec![]),
        ),
    ] {
        assert_eq!(found(&plain(policy.clone())), expected, "{policy:?}");
    }
    let refusing = plain(at(&[ACCOUNT], guard())).condition(&condition("system:serviceaccount:staging:cart"));
    assert_eq!(found(&refusing), (Verdict::Broken, vec!["IRSA204"]));
    // What a token says is known, so that an RCP on other subjects does not concern it.
    let mut statement = deny("sts:AssumeRoleWithWebIdentity");
    statement["Condition"] =
        json!({ "StringNotLike": { format!("{HOST_PATH}:sub"): "system:serviceaccount:shop:*" } });
    assert_eq!(
        found(&plain(at(&[ACCOUNT], rcp(&[statement])))),
        (Verdict::Working, vec![])
    );
}

#[test]
fn an_rcp_limits_the_account_of_what_is_acted_upon() {
    let queue = |account: &str| format!("arn:aws:sqs:eu-west-1:{account}:orders");
    let table = "arn:aws:dynamodb:eu-west-1:111122223333:table/carts";
    for (action, resource, expected) in [
        (
            "sqs:SendMessage",
            queue(ACCOUNT),
            (Verdict::Broken, vec!["IRSA503"]),
        ),
        ("sqs:SendMessage", queue(ELSEWHERE), (Verdict::AtRisk, vec![])),
        (
            "s3:GetObject",
            "arn:aws:s3:::carts/a".to_owned(),
            (Verdict::Unknown, vec!["IRSA906"]),
        ),
        (
            "dynamodb:GetItem",
            table.to_owned(),
            (Verdict::Unknown, vec!["IRSA906"]),
        ),
    ] {
        let statements = [deny("sqs:*"), deny("s3:*"), deny("dynamodb:*")];
        let world = administrator(vec![at(&[ACCOUNT], rcp(&statements))]).expect(&[action], &[&resource]);
        assert_eq!(found(&world), expected, "{action} on {resource}");
    }
}
