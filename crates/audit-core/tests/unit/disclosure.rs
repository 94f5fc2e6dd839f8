use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::testing::*;
use crate::verdict::Verdict;

/// Stands in what must not be told. No word of ours has it.
const SECRET: &str = "zqxj";

/// All that a status or an Event could be made of.
fn text(report: &BindingReport) -> String {
    format!("{report:?}")
}

/// Stands in the name and the actions of other statements, of which one may be the nearest.
const SECRET_OF_NEAREST: &str = "jxqz";

/// A statement of somebody else's, in which every part is a secret.
fn foreign(n: usize) -> Value {
    json!({
        "Sid": format!("{SECRET_OF_NEAREST}{n}"),
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::444455556666:role/{SECRET}") },
        "Action": ["sts:AssumeRole", format!("sts:{SECRET_OF_NEAREST}")],
        "Condition": { "StringLike": { format!("aws:{SECRET}"): [format!("{SECRET}*"), "b"] } }
    })
}

/// Something that is wrong with the statement that is meant for this ServiceAccount.
fn statement_with_a_fault(fault: usize) -> Value {
    let sub = |operator: &str, key: &str, value: &str| json!({ operator: { key: value } });
    let key = format!("{HOST_PATH}:sub");
    let mut statement = statement(&match fault {
        0 => sub("StringEquals", &key, "system:serviceaccount:staging:cart"),
        1 => sub("StringEquals", &key, "system:serviceaccount:shop:orders"),
        2 => sub("StringEquals", &key, "system:serviceaccounts:shop/cart"),
        3 => sub("StringEquals", &key, "system:serviceaccount:shop:*"),
        4 => sub("StringEquals", &format!("{OTHER_HOST_PATH}:sub"), SUBJECT),
        5 => sub("StringEquals", &format!("https://{HOST_PATH}:sub"), SUBJECT),
        6 => sub("StringEquals", &format!("{HOST_PATH}:aud"), "vault"),
        7 => sub("IpAddress", "aws:SourceIp", "203.0.113.0/24"),
        8 => sub("StringEquals", "aws:RequestTag/team", "shop"),
        9 => sub("StringLike", &key, "system:serviceaccount:*"),
        10 => json!({}),
        _ => condition(SUBJECT),
    });
    match fault {
        11 => statement["Action"] = json!("sts:AssumeRole"),
        12 => statement["Principal"] = json!({ "Federated": provider_arn(OTHER_HOST_PATH) }),
        13 => statement["Principal"] = json!("*"),
        _ => {}
    }
    statement
}

/// A Deny of somebody else's that applies to everybody, or to nobody.
fn deny(applies: bool) -> Value {
    let condition = if applies {
        json!({ "StringNotEquals": { format!("aws:{SECRET}"): "x" } })
    } else {
        json!({ "StringEquals": { format!("{HOST_PATH}:sub"): format!("system:serviceaccount:{SECRET}:b") } })
    };
    json!({ "Sid": format!("{SECRET}Deny"), "Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": condition })
}

fn world() -> impl Strategy<Value = World> {
    let own = prop::collection::vec(0_usize..15, 0..3);
    (
        own,
        0_usize..3,
        prop::option::weighted(0.3, any::<bool>()),
        any::<bool>(),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(own, foreigners, denies, policies, at)| {
            let mut statements: Vec<Value> = own.into_iter().map(statement_with_a_fault).collect();
            for n in 0..foreigners {
                statements.insert(at.index(statements.len() + 1), foreign(n));
            }
            statements.extend(denies.map(deny));
            let world = World::healthy().trust(&json!({ "Version": "2012-10-17", "Statement": statements }));
            world.policies(usize::from(policies))
        })
}

proptest! {
    #[test]
    fn of_other_statements_nothing_is_told(world in world()) {
        let told = told(world.audit(), Disclosure::NearMiss);
        // A Deny that is the cause is the clause that failed.
        prop_assume!(!codes(&told).iter().any(|code| ["IRSA212", "IRSA214"].contains(code)));
        prop_assert!(!text(&told).contains(SECRET), "{}", shown(&told));
        // Where no statement allows web identity, the actions of one of them are what failed.
        let of_nearest = codes(&told).contains(&"IRSA202");
        prop_assert!(of_nearest || !text(&told).contains(SECRET_OF_NEAREST), "{}", shown(&told));
    }

    #[test]
    fn codes_alone_tell_nothing_of_the_role(world in world()) {
        let report = world.audit();
        let all = told(report.clone(), Disclosure::CodeOnly);
        let of = |report: &BindingReport| (codes(report), report.verdict, report.reason, report.links);
        prop_assert_eq!(of(&all), of(&report));
        let text = text(&all);
        for hidden in [SECRET, SECRET_OF_NEAREST, "staging", "orders", "serviceaccounts", OTHER_HOST_PATH, "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub", "vault", "SourceIp", "RequestTag", "statement"] {
            // The catalogue's own words are nobody's secret.
            let ours = all.findings.iter().any(|finding| finding.entry.title.contains(hidden));
            prop_assert!(ours || !text.contains(hidden), "{hidden}: {}", shown(&all));
        }
        prop_assert!(all.findings.iter().all(|finding| finding.fix.is_none()));
    }
}

#[test]
fn the_clause_that_failed_is_told_with_its_repair() {
    let world = World::healthy().condition(&condition("system:serviceaccount:staging:cart"));
    let near = told(world.audit(), Disclosure::NearMiss);
    let finding = the_one(
        &near,
        ("IRSA204", crate::Severity::Broken, Link::Trust, Verdict::Broken),
    );
    assert!(finding.message.contains("staging") && near.message == finding.message);
    let fix = finding.fix.as_ref().unwrap();
    assert!(fix.first.text.starts_with("policy=") && fix.first.alternatives.is_empty());
    let full = told(world.audit(), Disclosure::Full);
    assert!(
        !full.findings[0]
            .fix
            .as_ref()
            .unwrap()
            .first
            .alternatives
            .is_empty()
    );
}

#[test]
fn codes_alone_keep_verdict_and_reason() {
    let world = World::healthy().condition(&condition("system:serviceaccount:staging:cart"));
    let told = told(world.audit(), Disclosure::CodeOnly);
    assert_eq!(
        (told.verdict, told.reason),
        (Verdict::Broken, "SubjectNamespaceMismatch")
    );
    assert_eq!(
        told.message, told.findings[0].message,
        "the verdict says what its finding says"
    );
}

#[test]
fn the_true_name_of_another_role_is_not_told_by_a_code() {
    let world = World::healthy().role(role(
        "arn:aws:iam::111122223333:role/zqxj/cart",
        &trust(&condition(SUBJECT)).to_string(),
    ));
    assert!(text(&told(world.audit(), Disclosure::NearMiss)).contains(SECRET));
    assert!(!text(&told(world.audit(), Disclosure::CodeOnly)).contains(SECRET));
    let trusted = World::healthy()
        .without_annotation()
        .container(bare("app"))
        .trusted_by(SECRET);
    assert!(!text(&told(trusted.audit(), Disclosure::CodeOnly)).contains(SECRET));
}

#[test]
fn permissions_are_told_only_to_whom_the_role_trusts() {
    let mut report = World::healthy().policies(0).audit();
    let message = report.findings[0].message.clone();
    assert_eq!(
        told(report.clone(), Disclosure::NearMiss).findings[0].message,
        message
    );
    for (link, state) in &mut report.links {
        if *link == Link::Trust {
            *state = LinkState::Unseen("ConditionUndetermined");
        }
    }
    let told = told(report, Disclosure::NearMiss);
    assert_eq!(told.findings[0].message, told.findings[0].entry.title);
    assert!(told.findings[0].fix.is_none());
}

#[test]
fn what_decides_is_withheld_whatever_else_the_message_says() {
    let mut report = World::healthy()
        .condition(&condition("system:serviceaccount:staging:cart"))
        .audit();
    report.message = format!("shop/cart: {}", report.message);
    let told = told(report, Disclosure::CodeOnly);
    assert_eq!(told.message, told.findings[0].entry.title);
}
