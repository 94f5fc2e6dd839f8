use serde_json::{Value, json};

use super::*;
use crate::permissions::expectation::request;
use crate::permissions::session::Session;
use iam_policy::RoleArn;

/// What a policy says of the action: nothing, Allow, Deny, and each under a condition that is not known.
const SAYS: [&[(&str, bool)]; 7] = [
    &[],
    &[("Allow", true)],
    &[("Deny", true)],
    &[("Allow", true), ("Deny", true)],
    &[("Allow", false)],
    &[("Deny", false)],
    &[("Allow", true), ("Deny", false)],
];

fn document(says: &[(&str, bool)]) -> String {
    let statements: Vec<Value> = says
        .iter()
        .map(|(effect, certain)| {
            let mut statement = json!({ "Effect": effect, "Action": "s3:GetObject", "Resource": "*" });
            if !certain {
                statement["Condition"] = json!({ "StringEquals": { "aws:RequestedRegion": "eu-west-1" } });
            }
            statement
        })
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn ask(identity: &[&str], boundary: Option<&str>, action: &str, resource: &str) -> String {
    let policies = PolicySet {
        identity: identity
            .iter()
            .map(|text| RolePolicy::new(PolicySource::Inline("p"), text))
            .collect(),
        boundary: boundary.map(|text| RolePolicy::new(PolicySource::Managed("b"), text)),
        ..PolicySet::default()
    };
    let role = RoleArn::parse("arn:aws:iam::111122223333:role/cart").unwrap();
    let session = Session {
        role: &role,
        id: Some("AROAEXAMPLE"),
        tags: None,
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    match policies.ask(&request(&session, action, resource, [])) {
        PolicyAnswer::Allowed(_) => "allowed",
        PolicyAnswer::NotAllowed => "not allowed",
        PolicyAnswer::Denied(_) => "denied",
        PolicyAnswer::OutsideBoundary(_) => "outside",
        PolicyAnswer::Refused(_) | PolicyAnswer::Trusted(_) | PolicyAnswer::Free => "of another role",
        PolicyAnswer::Unlisted => "unlisted",
        PolicyAnswer::Undetermined(doubts) => {
            assert!(!doubts.is_empty());
            "undetermined"
        }
    }
    .to_owned()
}

/// Written down by the rule of the User Guide: an explicit Deny anywhere; else both must allow.
fn by_the_book(identity: &[(&str, bool)], boundary: Option<&[(&str, bool)]>) -> &'static str {
    let all = || identity.iter().chain(boundary.into_iter().flatten());
    let says = |side: &[(&str, bool)], what: (&str, bool)| side.contains(&what);
    if all().any(|said| *said == ("Deny", true)) {
        return "denied";
    }
    let granted = |side: &[(&str, bool)]| match (says(side, ("Allow", true)), says(side, ("Allow", false))) {
        (true, _) => Some(true),
        (false, true) => None,
        (false, false) => Some(false),
    };
    match (granted(identity), boundary.map_or(Some(true), granted)) {
        (Some(false), _) => "not allowed",
        (Some(true), Some(false)) => "outside",
        (Some(true), Some(true)) if !all().any(|said| *said == ("Deny", false)) => "allowed",
        _ => "undetermined",
    }
}

#[test]
fn policies_and_boundary_together() {
    for identity in SAYS {
        for other in SAYS {
            for boundary in SAYS.into_iter().map(Some).chain([None]) {
                let texts = (document(identity), document(other), boundary.map(document));
                let together: Vec<(&str, bool)> = identity.iter().chain(other).copied().collect();
                let said = ask(
                    &[&texts.0, &texts.1],
                    texts.2.as_deref(),
                    "s3:GetObject",
                    "arn:aws:s3:::carts/a",
                );
                assert_eq!(
                    said,
                    by_the_book(&together, boundary),
                    "{identity:?} {other:?} {boundary:?}"
                );
            }
        }
    }
}

#[test]
fn a_policy_that_cannot_be_read_leaves_everything_open() {
    let allowing = document(&[("Allow", true)]);
    for broken in [
        "",
        "{",
        r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*"}]}"#,
    ] {
        assert_eq!(
            ask(&[&allowing, broken], None, "s3:GetObject", "*"),
            "undetermined",
            "{broken}"
        );
    }
}

#[test]
fn patterns_ask_for_all_that_they_match() {
    let policy = |action: &str, resources: &[&str]| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": resources }] })
            .to_string()
    };
    let (a, b) = ("arn:aws:s3:::carts/a*", "arn:aws:s3:::carts/*");
    for (action, resources, asked, expected) in [
        ("s3:*", &["*"][..], ("s3:*", b), "allowed"),
        ("s3:*", &[b], ("s3:Get*", a), "allowed"),
        ("s3:Get*", &[a], ("s3:GetObject", b), "not allowed"),
        (
            "s3:Get*",
            &[a, "arn:aws:s3:::carts/b*"],
            ("s3:GetObject", b),
            "undetermined",
        ),
        ("s3:Get*", &["*"], ("s3:*", b), "undetermined"),
        ("sqs:*", &["*"], ("s3:*", b), "not allowed"),
        ("s3:*", &[b], ("s3:GetObject", "*"), "not allowed"),
    ] {
        assert_eq!(
            ask(&[&policy(action, resources)], None, asked.0, asked.1),
            expected,
            "{action} {resources:?} {asked:?}"
        );
    }
}
