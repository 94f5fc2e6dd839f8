//! Reading: what the grammar allows, what it does not, and where.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use iam_policy::{
    Decision, Effect, Gravity, Position, PrincipalKind, Version, WebIdentity, decide, diagnose_trust, parse,
};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/example.com/a"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"example.com/a:sub":"system:serviceaccount:shop:cart"}}}]}"#;

fn identity() -> WebIdentity {
    WebIdentity {
        provider_arn: "arn:aws:iam::111122223333:oidc-provider/example.com/a".into(),
        issuer: "example.com/a".into(),
        subject: "system:serviceaccount:shop:cart".into(),
        audience: "sts.amazonaws.com".into(),
        called_at: None,
    }
}

fn decision(text: &str) -> Decision {
    diagnose_trust(&parse(text), &identity()).decision
}

#[test]
fn one_or_a_list_wherever_the_grammar_allows() {
    let statement = |principal: &str, action: &str, value: &str| {
        format!(
            r#"{{"Effect":"Allow","Principal":{principal},"Action":{action},"Condition":{{"StringEquals":{{"example.com/a:sub":{value}}}}}}}"#
        )
    };
    let provider = r#""arn:aws:iam::111122223333:oidc-provider/example.com/a""#;
    for principal in [
        format!(r#"{{"Federated":{provider}}}"#),
        format!(r#"{{"Federated":["x",{provider}]}}"#),
        "\"*\"".into(),
    ] {
        for action in [
            r#""sts:AssumeRoleWithWebIdentity""#,
            r#"["sts:TagSession","STS:ASSUMEROLEWITHWEBIDENTITY"]"#,
            r#""sts:Assume*Identity""#,
        ] {
            for value in [
                r#""system:serviceaccount:shop:cart""#,
                r#"["x","system:serviceaccount:shop:cart"]"#,
            ] {
                let statement = statement(&principal, action, value);
                for statements in [statement.clone(), format!("[{statement}]")] {
                    let text = format!(r#"{{"Statement":{statements}}}"#);
                    assert_eq!(decision(&text), Decision::Allowed, "{text}");
                }
            }
        }
    }
}

#[test]
fn keeps_what_it_reads() {
    let text = r#"{"Id":"doc","Version":"2008-10-17","Statement":{"Sid":"S1","Effect":"Deny","NotPrincipal":{"AWS":["111122223333"],"Service":"ec2.amazonaws.com","CanonicalUser":"abc"},"NotAction":["sts:*"],"Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":3600},"Bool":{"aws:SecureTransport":[true,"false"]}}}}"#;
    let parsed = parse(text);
    assert!(parsed.is_whole());
    let document = parsed.document.unwrap();
    assert_eq!((document.id(), document.version()), (Some("doc"), Version::V2008));
    let statement = &document.statements()[0];
    assert_eq!((statement.sid(), statement.effect()), (Some("S1"), Effect::Deny));
    assert_eq!(statement.actions(), (vec!["sts:*"], true));
    assert!(statement.is_not_principal() && !statement.is_for_everyone());
    let principals: Vec<_> = statement.principals().collect();
    assert_eq!(
        principals,
        [
            (PrincipalKind::Aws, "111122223333"),
            (PrincipalKind::Service, "ec2.amazonaws.com"),
            (PrincipalKind::CanonicalUser, "abc")
        ]
    );
    let values: Vec<_> = statement
        .conditions()
        .map(|(_, key, values)| (key, values))
        .collect();
    assert_eq!(
        values,
        [
            ("aws:MultiFactorAuthAge", vec!["3600"]),
            ("aws:SecureTransport", vec!["true", "false"])
        ]
    );
}

#[test]
fn problems_have_places() {
    for (text, line, column) in [
        ("", 1, 1),
        ("[]", 1, 1),
        (
            "{\"Statement\":[\n  {\"Effect\":\"allow\",\"Action\":\"*\"}]}",
            2,
            13,
        ),
        (
            "{\"Statement\":[\n  {\"Effect\": \"Allow\",\n   \"Action\": \"AssumeRole\"}]}",
            3,
            14,
        ),
        ("{\n \"Statement\": [\n}", 3, 1),
        ("{\"Version\":\"2012-10-18\",\"Statement\":[]}", 1, 12),
        (
            "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Principal\":\"everyone\"}}",
            1,
            57,
        ),
        (
            "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Principal\":{\"Aws\":\"*\"}}}",
            1,
            58,
        ),
        (
            "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Condition\":{\"StringEqual\":{\"a:b\":\"c\"}}}}",
            1,
            58,
        ),
        (
            "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Condition\":{\"Bool\":{\"a:b\":null}}}}",
            1,
            72,
        ),
        (
            "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"NotAction\":\"*\"}}",
            1,
            45,
        ),
        ("{\"Statement\":{\"Effect\":\"Allow\"}}", 1, 14),
        ("{\"é\":1,\"Statement\":[]}", 1, 2),
        ("{\"Statement\":[]} x", 1, 18),
    ] {
        let parsed = parse(text);
        let first = &parsed.problems[0];
        assert!(parsed.is_refused(), "{text}");
        assert_eq!(
            (first.position.line, first.position.column),
            (line, column),
            "{text}: {first}"
        );
        assert_eq!(decision(text), Decision::Invalid, "{text}");
    }
}

#[test]
fn what_can_be_read_of_a_broken_text_is_read() {
    let cut = TRUST.len() - 4;
    let parsed = parse(&TRUST[..cut]);
    assert_eq!(parsed.problems.len(), 1, "{:?}", parsed.problems);
    let document = parsed.document.unwrap();
    assert!(document.is_refused());
    assert_eq!(document.statements().len(), 1);
    let cause = diagnose_trust(&parse(&TRUST[..cut]), &identity()).cause.unwrap();
    assert_eq!(
        cause.position,
        Some(Position {
            line: 1,
            column: cut + 1
        })
    );
}

#[test]
fn percent_encoding_is_decoded_only_where_it_is() {
    let encoded =
        percent_encoding::utf8_percent_encode(TRUST, percent_encoding::NON_ALPHANUMERIC).to_string();
    for text in [
        TRUST.to_owned(),
        encoded.clone(),
        encoded.replace("%7B", "%7b").replace("%3A", "%3a"),
        format!("\n {encoded}"),
    ] {
        assert_eq!(decision(&text), Decision::Allowed);
    }
    // A percent sign and a plus in plain text are themselves.
    let text = TRUST.replace("cart", "c%61rt+");
    assert_eq!(decision(&text), Decision::ImplicitlyDenied);
    let plus = encoded.replace("cart", "c+rt");
    assert_eq!(
        parse(&plus).document.unwrap().text(),
        TRUST.replace("cart", "c+rt")
    );
    assert!(parse("%FF%FE").is_refused());
    assert!(parse("%7").is_refused());
}

#[test]
fn duplicate_keys_leave_open_what_hangs_on_them() {
    let condition = |condition: &str| {
        TRUST.replace(
            r#"{"StringEquals":{"example.com/a:sub":"system:serviceaccount:shop:cart"}}"#,
            condition,
        )
    };
    let right = r#""example.com/a:sub":"system:serviceaccount:shop:cart""#;
    let wrong = r#""example.com/a:sub":"system:serviceaccount:shop:till""#;
    for (text, expected) in [
        (
            condition(&format!(r#"{{"StringEquals":{{{right},{wrong}}}}}"#)),
            Decision::Undetermined,
        ),
        (
            condition(&format!(
                r#"{{"StringEquals":{{{right}}},"StringEquals":{{{wrong}}}}}"#
            )),
            Decision::Undetermined,
        ),
        (
            condition(&format!(r#"{{"StringEquals":{{{right},{right}}}}}"#)),
            Decision::Allowed,
        ),
        (
            condition(&format!(r#"{{"StringEquals":{{{wrong},{wrong}}}}}"#)),
            Decision::ImplicitlyDenied,
        ),
        (
            TRUST.replace(r#""Effect":"Allow""#, r#""Effect":"Deny","Effect":"Allow""#),
            Decision::Undetermined,
        ),
        (
            TRUST.replace(r#"{"Version""#, r#"{"Statement":[],"Version""#),
            Decision::Undetermined,
        ),
    ] {
        let parsed = parse(&text);
        assert!(
            parsed
                .problems
                .iter()
                .any(|problem| problem.gravity == Gravity::Ambiguous),
            "{text}"
        );
        assert!(!parsed.is_refused() && !parsed.is_whole());
        assert_eq!(decision(&text), expected, "{text}");
    }
}

#[test]
fn unknown_elements_are_kept_and_refused() {
    let text = TRUST.replace(r#"{"Version""#, r#"{"Comment":{"a":[1.0]},"Version""#);
    let document = parse(&text).document.unwrap();
    assert_eq!(
        document.unknown_elements(),
        [("Comment".to_owned(), r#"{"a":[1.0]}"#.to_owned())]
    );
    assert!(document.is_refused());
    assert!(document.to_string().contains(r#""Comment":{"a":[1.0]}"#));
}

#[test]
fn size_and_depth_are_bounded() {
    assert!(parse(&" ".repeat(iam_policy::MAX_BYTES + 1)).document.is_none());
    let padded = format!("{TRUST}{}", " ".repeat(iam_policy::MAX_BYTES - TRUST.len()));
    assert_eq!(decision(&padded), Decision::Allowed);
    assert!(parse(&"{\"Statement\":".repeat(20_000)).is_refused());
    assert!(parse(&"[".repeat(iam_policy::MAX_BYTES)).is_refused());
}

#[test]
fn variables_belong_to_the_new_version() {
    let text = |version: &str, value: &str| {
        TRUST
            .replace("2012-10-17", version)
            .replace(r#""system:serviceaccount:shop:cart""#, value)
            .replace("StringEquals", "StringLike")
    };
    let subject = r#""${example.com/a:sub}""#;
    assert_eq!(decision(&text("2012-10-17", subject)), Decision::Allowed);
    assert_eq!(decision(&text("2008-10-17", subject)), Decision::ImplicitlyDenied);
    assert_eq!(
        decision(&text(
            "2012-10-17",
            r#""system:serviceaccount:shop:${aws:none, 'cart'}""#
        )),
        Decision::Undetermined
    );
    assert_eq!(
        decision(&text(
            "2012-10-17",
            r#""system:serviceaccount:shop:${ex:none, 'cart'}""#
        )),
        Decision::Allowed
    );
    assert_eq!(
        decision(&text("2012-10-17", r#""system:serviceaccount:shop:${ex:none}""#)),
        Decision::ImplicitlyDenied
    );
    assert_eq!(
        decision(&text("2012-10-17", r#""system:serviceaccount:${*}:cart""#)),
        Decision::ImplicitlyDenied
    );
    assert_eq!(
        decision(&text("2012-10-17", r#""system:serviceaccount:*:cart""#)),
        Decision::Allowed
    );
}

#[test]
fn a_deny_that_may_apply_allows_nothing_for_certain() {
    let deny = |condition: &str| {
        TRUST.replace(
            r#""Statement":["#,
            &format!(r#""Statement":[{{"Effect":"Deny","Principal":"*","Action":"sts:*","Condition":{condition}}},"#),
        )
    };
    for (condition, expected) in [
        (
            r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
            Decision::Undetermined,
        ),
        (
            r#"{"NumericLessThan":{"aws:EpochTime":"soon"}}"#,
            Decision::Undetermined,
        ),
        (
            r#"{"StringEquals":{"example.com/a:aud":"${"}}"#,
            Decision::Undetermined,
        ),
        (
            r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"},"StringEquals":{"example.com/a:aud":"x"}}"#,
            Decision::Allowed,
        ),
        (
            r#"{"StringLike":{"example.com/a:sub":"*:shop:*"}}"#,
            Decision::ExplicitlyDenied,
        ),
    ] {
        let document = parse(&deny(condition)).document.unwrap();
        assert_eq!(decide(&document, &(&identity()).into()), expected, "{condition}");
    }
}

#[test]
fn problems_are_bounded_and_a_refusal_is_never_lost() {
    let twice = "\"Id\":\"a\",".repeat(20_000);
    let parsed = parse(&format!("{{{twice}\"Statement\":[]}}"));
    assert_eq!(parsed.problems.len(), 100);
    assert!(!parsed.is_refused() && !parsed.is_whole());
    let parsed = parse(&format!("{{{twice}\"Statement\":5}}"));
    assert!(parsed.is_refused());
    assert!(
        parsed
            .problems
            .iter()
            .any(|problem| problem.gravity == Gravity::Refused)
    );
}
