//! Near misses: which cause, in which statement, with which details.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "diagnosis/certain.rs"]
mod certain;

use iam_policy::{
    Cause, CauseKind as K, Decision, ExposureKind as X, KeyFault, Position, ProviderDifference as D,
    Undocumented as U, WebIdentity, diagnose_trust, parse,
};

const ISSUER: &str = "oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const OTHER: &str = "oidc.eks.us-west-2.amazonaws.com/id/FFFF456789ABCDEF0123456789ABCDEF";

fn identity() -> WebIdentity {
    WebIdentity {
        provider_arn: format!("arn:aws:iam::111122223333:oidc-provider/{ISSUER}"),
        issuer: ISSUER.to_owned(),
        subject: "system:serviceaccount:shop:cart".to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
        called_at: None,
    }
}

fn principal(issuer: &str) -> String {
    format!(r#"{{"Federated":"arn:aws:iam::111122223333:oidc-provider/{issuer}"}}"#)
}

fn statement(effect: &str, principal: &str, action: &str, condition: &str) -> String {
    format!(r#"{{"Effect":"{effect}","Principal":{principal},"Action":"{action}","Condition":{condition}}}"#)
}

/// An Allow for this cluster's provider.
fn allow(condition: &str) -> String {
    statement(
        "Allow",
        &principal(ISSUER),
        "sts:AssumeRoleWithWebIdentity",
        &condition.replace("ISS", ISSUER),
    )
}

fn policy(statements: &[String]) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
        statements.join(",\n")
    )
}

fn cause(statements: &[String]) -> Cause {
    let diagnosis = diagnose_trust(&parse(&policy(statements)), &identity());
    diagnosis
        .cause
        .unwrap_or_else(|| panic!("allowed: {statements:?}"))
}

fn exposures(statements: &[String]) -> Vec<X> {
    let diagnosis = diagnose_trust(&parse(&policy(statements)), &identity());
    assert_eq!(diagnosis.decision, Decision::Allowed, "{statements:?}");
    diagnosis
        .exposures
        .into_iter()
        .map(|exposure| exposure.kind)
        .collect()
}

/// Conditions that fail, and why.
const CONDITIONS: &[(&str, K)] = &[
    (
        r#"{"StringEquals":{"https://ISS:sub":"system:serviceaccount:shop:cart"}}"#,
        K::ConditionKeyMalformed,
    ),
    (
        r#"{"StringEquals":{"ISS/:sub":"system:serviceaccount:shop:cart"}}"#,
        K::ConditionKeyMalformed,
    ),
    (
        r#"{"StringEquals":{"ISS":"system:serviceaccount:shop:cart"}}"#,
        K::ConditionKeyMalformed,
    ),
    (
        r#"{"StringEquals":{"":"system:serviceaccount:shop:cart"}}"#,
        K::ConditionKeyMalformed,
    ),
    (
        r#"{"StringEquals":{"example.com:sub":"system:serviceaccount:shop:cart"}}"#,
        K::ConditionKeyOtherIssuer,
    ),
    (
        r#"{"StringEquals":{"ISS:sub":"system:serviceaccounts:shop:cart"}}"#,
        K::SubjectMalformed,
    ),
    (r#"{"StringEquals":{"ISS:sub":"shop/cart"}}"#, K::SubjectMalformed),
    (
        r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:Shop:Cart"}}"#,
        K::SubjectMalformed,
    ),
    (
        r#"{"StringEquals":{"ISS:sub":" system:serviceaccount:shop:cart"}}"#,
        K::SubjectMalformed,
    ),
    (
        r#"{"StringLike":{"ISS:sub":"system:serviceaccounts:shop:*"}}"#,
        K::SubjectMalformed,
    ),
    (
        r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:*"}}"#,
        K::WildcardInStringEquals,
    ),
    (r#"{"StringEquals":{"ISS:sub":"*"}}"#, K::WildcardInStringEquals),
    (
        r#"{"StringEquals":{"ISS:sub":"*:cart"}}"#,
        K::WildcardInStringEquals,
    ),
    (r#"{"StringEquals":{"ISS:sub":"shop:*"}}"#, K::SubjectMalformed),
    (
        r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:sh_op:cart"}}"#,
        K::SubjectNamespaceMismatch,
    ),
    (
        r#"{"StringEquals":{"ISS:aud":"sts.*"}}"#,
        K::WildcardInStringEquals,
    ),
    (
        r#"{"StringEqualsIgnoreCase":{"ISS:sub":"system:serviceaccount:shop:ca?t"}}"#,
        K::WildcardInStringEquals,
    ),
    (
        r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:bank:cart"}}"#,
        K::SubjectNamespaceMismatch,
    ),
    (
        r#"{"StringLike":{"ISS:sub":"system:serviceaccount:team-*:cart"}}"#,
        K::SubjectNamespaceMismatch,
    ),
    (
        r#"{"StringLike":{"ISS:sub":"system:serviceaccount:bank:*"}}"#,
        K::SubjectNamespaceMismatch,
    ),
    (
        r#"{"StringEquals":{"ISS:sub":"bank:cart"}}"#,
        K::SubjectNamespaceMismatch,
    ),
    (
        r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:till"}}"#,
        K::SubjectServiceAccountMismatch,
    ),
    (
        r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:bank:till"}}"#,
        K::SubjectServiceAccountMismatch,
    ),
    (
        r#"{"StringLike":{"ISS:sub":"system:serviceaccount:*:till-*"}}"#,
        K::SubjectServiceAccountMismatch,
    ),
    (
        r#"{"StringEquals":{"ISS:sub":"till"}}"#,
        K::SubjectServiceAccountMismatch,
    ),
    (
        r#"{"StringEquals":{"ISS:aud":"https://sts.amazonaws.com"}}"#,
        K::AudienceConditionMismatch,
    ),
    (
        r#"{"StringLike":{"ISS:aud":["a","b"]}}"#,
        K::AudienceConditionMismatch,
    ),
    (
        r#"{"ForAnyValue:StringEquals":{"ISS:aud":"a"}}"#,
        K::AudienceConditionMismatch,
    ),
    (
        r#"{"StringEquals":{"ISS:sub":"repo:example/cart:ref:refs/heads/main"}}"#,
        K::ConditionUnsatisfiable,
    ),
    (
        r#"{"StringNotEquals":{"ISS:sub":"system:serviceaccount:shop:cart"}}"#,
        K::ConditionUnsatisfiable,
    ),
    (
        r#"{"ArnLike":{"ISS:sub":"system:serviceaccount:shop:*"}}"#,
        K::ConditionUnsatisfiable,
    ),
    (r#"{"NumericEquals":{"ISS:sub":5}}"#, K::ConditionUnsatisfiable),
    (r#"{"Null":{"ISS:sub":"true"}}"#, K::ConditionUnsatisfiable),
    (r#"{"StringEquals":{"ISS:sub":[]}}"#, K::ConditionUndetermined),
    (
        r#"{"StringEquals":{"ISS:amr":"authenticated"}}"#,
        K::ConditionUnsatisfiable,
    ),
    (
        r#"{"StringEquals":{"sts:ExternalId":"x"}}"#,
        K::ConditionUnsatisfiable,
    ),
    (r#"{"StringEquals":{"saml:aud":"x"}}"#, K::ConditionUnsatisfiable),
    (
        r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
        K::ConditionUndetermined,
    ),
    (
        r#"{"StringEquals":{"sts:RoleSessionName":"x"}}"#,
        K::ConditionUndetermined,
    ),
];

#[test]
fn each_condition_has_its_cause() {
    for (condition, kind) in CONDITIONS {
        let cause = cause(&[allow(condition)]);
        assert_eq!(cause.kind, *kind, "{condition}");
        assert_eq!((cause.statement, cause.others_tried), (Some(0), 0), "{condition}");
        assert!(
            cause.operator.is_some() && cause.key.is_some() && cause.position.is_some(),
            "{condition}"
        );
    }
}

#[test]
fn the_order_of_causes_decides_within_a_statement() {
    // Each condition fails for the cause of its row and all of the rows below.
    let rows = [
        (
            r#""StringEquals":{"https://ISS:sub":"x"}"#,
            K::ConditionKeyMalformed,
        ),
        (
            r#""StringLike":{"example.com:sub":"x"}"#,
            K::ConditionKeyOtherIssuer,
        ),
        (
            r#""ForAnyValue:StringEquals":{"ISS:sub":"shop/cart"}"#,
            K::SubjectMalformed,
        ),
        (
            r#""ForAllValues:StringEquals":{"ISS:sub":"*"}"#,
            K::WildcardInStringEquals,
        ),
        (
            r#""StringEqualsIfExists":{"ISS:sub":"system:serviceaccount:bank:cart"}"#,
            K::SubjectNamespaceMismatch,
        ),
        (
            r#""ForAnyValue:StringLike":{"ISS:sub":"system:serviceaccount:shop:till"}"#,
            K::SubjectServiceAccountMismatch,
        ),
        (
            r#""ForAllValues:StringLike":{"ISS:aud":"x"}"#,
            K::AudienceConditionMismatch,
        ),
        (r#""Null":{"ISS:aud":"true"}"#, K::ConditionUnsatisfiable),
    ];
    for start in 0..rows.len() {
        let mut conditions: Vec<&str> = rows[start..].iter().map(|(condition, _)| *condition).collect();
        conditions.reverse();
        let cause = cause(&[allow(&format!("{{{}}}", conditions.join(",")))]);
        assert_eq!((cause.kind, cause.failing), (rows[start].1, rows.len() - start));
    }
}

#[test]
fn details_name_operator_key_wanted_got_and_place() {
    let text = "{\n  \"Statement\": {\n    \"Sid\": \"Cart\", \"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"sts:*\",\n    \"Condition\": {\"StringLike\": {\n      \"ISS:sub\": [\"system:serviceaccount:bank:cart\", \"system:serviceaccount:x:y\"]}}\n  }\n}";
    let diagnosis = diagnose_trust(&parse(&text.replace("ISS", ISSUER)), &identity());
    let cause = diagnosis.cause.unwrap();
    assert_eq!(cause.kind, K::SubjectNamespaceMismatch);
    assert_eq!(
        (cause.sid.as_deref(), cause.operator.as_deref()),
        (Some("Cart"), Some("StringLike"))
    );
    assert_eq!(cause.key, Some(format!("{ISSUER}:sub")));
    assert_eq!(
        cause.wanted,
        ["system:serviceaccount:bank:cart", "system:serviceaccount:x:y"]
    );
    assert_eq!(cause.got, ["system:serviceaccount:shop:cart"]);
    assert_eq!(cause.nearest.as_deref(), Some("system:serviceaccount:bank:cart"));
    assert_eq!(
        cause.suggestion.as_deref(),
        Some("system:serviceaccount:shop:cart")
    );
    assert_eq!(cause.position, Some(Position { line: 5, column: 7 }));
}

#[test]
fn malformed_keys_say_what_is_wrong_and_what_is_right() {
    for (key, fault, right) in [
        ("https://ISS:sub", KeyFault::Scheme, Some(":sub")),
        ("ISS/:aud", KeyFault::TrailingSlash, Some(":aud")),
        (
            "arn:aws:iam::111122223333:oidc-provider/ISS:sub",
            KeyFault::ArnPrefix,
            Some(":sub"),
        ),
        ("ISS", KeyFault::NoClaim, Some(":sub")),
        ("ISS:serviceaccount", KeyFault::NoClaim, Some(":sub")),
        (
            "eks.oidc.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub",
            KeyFault::HostOrder,
            Some(":sub"),
        ),
        ("", KeyFault::Empty, Some(":sub")),
    ] {
        let condition = format!(r#"{{"StringEquals":{{"{key}":"system:serviceaccount:shop:cart"}}}}"#);
        let cause = cause(&[allow(&condition)]);
        assert_eq!(
            (cause.kind, cause.key_fault),
            (K::ConditionKeyMalformed, Some(fault)),
            "{key}"
        );
        assert_eq!(
            cause.suggestion,
            right.map(|claim| format!("{ISSUER}{claim}")),
            "{key}"
        );
    }
}

#[test]
fn another_provider_says_which() {
    let condition = format!(r#"{{"StringEquals":{{"{OTHER}:sub":"system:serviceaccount:shop:cart"}}}}"#);
    let web_identity = "sts:AssumeRoleWithWebIdentity";
    for (principal, differences) in [
        (principal(OTHER), vec![D::Cluster]),
        (
            principal(&ISSUER.replace("us-west-2", "eu-west-1")),
            vec![D::Region],
        ),
        (
            principal(ISSUER).replace("111122223333", "444455556666"),
            vec![D::Account],
        ),
        (
            principal(ISSUER).replace("arn:aws:", "arn:aws-cn:"),
            vec![D::Partition],
        ),
        (principal(&format!("{ISSUER}/")), vec![D::Spelling]),
        (principal("token.actions.githubusercontent.com"), vec![D::Issuer]),
        (
            r#"{"Federated":"arn:aws:iam::111122223333:saml-provider/corp"}"#.to_owned(),
            vec![D::Saml],
        ),
        (
            r#"{"Service":"eks.amazonaws.com"}"#.to_owned(),
            vec![D::NotAProvider],
        ),
        // The nearest of several.
        (
            format!(
                r#"{{"Federated":["x","arn:aws:iam::111122223333:oidc-provider/{OTHER}"],"AWS":"111122223333"}}"#
            ),
            vec![D::Cluster],
        ),
    ] {
        let cause = cause(&[statement("Allow", &principal, web_identity, &condition)]);
        assert_eq!(cause.kind, K::ProviderPrincipalMismatch, "{principal}");
        assert_eq!(cause.provider.unwrap().differences, differences, "{principal}");
        assert_eq!(cause.wanted, [identity().provider_arn]);
    }
    let excluded = policy(&[statement("Allow", &principal(ISSUER), web_identity, "{}")])
        .replace("Principal", "NotPrincipal");
    let cause = diagnose_trust(&parse(&excluded), &identity()).cause.unwrap();
    assert_eq!(cause.provider.unwrap().differences, [D::Excluded]);
}

#[test]
fn no_statement_for_web_identity_says_what_there_is() {
    let ec2 = statement(
        "Allow",
        r#"{"Service":"ec2.amazonaws.com"}"#,
        "sts:AssumeRole",
        "{}",
    );
    let cause_of_ec2 = cause(&[ec2]);
    assert_eq!(
        (cause_of_ec2.kind, cause_of_ec2.statement),
        (K::WebIdentityNotAllowed, Some(0))
    );
    assert_eq!(cause_of_ec2.got, ["sts:AssumeRole"]);
    let nothing = cause(&[]);
    assert_eq!(
        (nothing.kind, nothing.statement),
        (K::WebIdentityNotAllowed, None)
    );
    let only_deny = cause(&[statement("Deny", "\"*\"", "sts:*", "{}")]);
    assert_eq!(
        (only_deny.kind, only_deny.also_denied_by),
        (K::WebIdentityNotAllowed, Some(0))
    );
}

#[test]
fn the_nearest_statement_explains() {
    let far = allow(r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:bank:till","ISS:aud":"x"}}"#);
    let near = allow(
        r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:card","ISS:aud":"sts.amazonaws.com"}}"#,
    );
    let other = statement(
        "Allow",
        &principal(OTHER),
        "sts:AssumeRoleWithWebIdentity",
        &format!(r#"{{"StringEquals":{{"{OTHER}:sub":"system:serviceaccount:shop:cart"}}}}"#),
    );
    let action = statement("Allow", &principal(ISSUER), "sts:AssumeRole", "{}");
    for statements in [
        vec![far.clone(), near.clone(), other.clone(), action.clone()],
        vec![action, other, near.clone(), far],
    ] {
        let nearest = statements.iter().position(|statement| *statement == near);
        let cause = cause(&statements);
        assert_eq!(
            (cause.kind, cause.statement),
            (K::SubjectServiceAccountMismatch, nearest)
        );
        assert_eq!((cause.others_tried, cause.failing), (3, 1));
    }
    // As many failures: the smaller distance, then the first.
    let one = allow(r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:checkout"}}"#);
    let two = allow(r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:carts"}}"#);
    assert_eq!(cause(&[one.clone(), two.clone()]).statement, Some(1));
    assert_eq!(cause(&[two.clone(), one]).statement, Some(0));
    assert_eq!(cause(&[two.clone(), two]).statement, Some(0));
}

#[test]
fn denials() {
    let right = allow(r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:cart"}}"#);
    let wrong = allow(r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:till"}}"#);
    let deny = |condition: &str| statement("Deny", "\"*\"", "sts:*", &condition.replace("ISS", ISSUER));
    let shop = r#"{"StringLike":{"ISS:sub":"system:serviceaccount:shop:*"}}"#;
    let unknown = r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#;
    for (statements, decision, kind, statement, also) in [
        (
            vec![right.clone(), deny(shop)],
            Decision::ExplicitlyDenied,
            K::ExplicitDeny,
            1,
            None,
        ),
        (
            vec![right.clone(), deny(unknown)],
            Decision::Undetermined,
            K::ConditionUndetermined,
            1,
            None,
        ),
        (
            vec![right.clone(), deny(unknown), deny(shop)],
            Decision::ExplicitlyDenied,
            K::ExplicitDeny,
            2,
            None,
        ),
        (
            vec![wrong.clone(), deny(shop)],
            Decision::ExplicitlyDenied,
            K::SubjectServiceAccountMismatch,
            0,
            Some(1),
        ),
        (
            vec![wrong.clone(), deny(unknown)],
            Decision::ImplicitlyDenied,
            K::SubjectServiceAccountMismatch,
            0,
            Some(1),
        ),
        (
            vec![deny(r#"{"StringLike":{"ISS:sub":"*:bank:*"}}"#), wrong],
            Decision::ImplicitlyDenied,
            K::SubjectServiceAccountMismatch,
            1,
            None,
        ),
    ] {
        let diagnosis = diagnose_trust(&parse(&policy(&statements)), &identity());
        let cause = diagnosis.cause.unwrap();
        assert_eq!(
            (diagnosis.decision, cause.kind, cause.statement),
            (decision, kind, Some(statement))
        );
        assert_eq!(cause.also_denied_by, also);
    }
    let named = cause(&[right, deny(shop)]);
    assert_eq!(
        (named.key, named.wanted),
        (
            Some(format!("{ISSUER}:sub")),
            vec!["system:serviceaccount:shop:*".to_owned()]
        )
    );
}

#[test]
fn invalid_documents_say_where() {
    let with_resource = policy(&[allow("{}")]).replace(r#""Action""#, r#""Resource":"*","Action""#);
    let without_principal =
        policy(&[allow("{}")]).replace(&format!(r#""Principal":{},"#, principal(ISSUER)), "");
    for (text, position) in [
        ("not json".to_owned(), (1, 1)),
        ("{\n\"Statement\": [}".to_owned(), (2, 15)),
        (
            r#"{"Statement":{"Effect":"Permit","Action":"*","Principal":"*"}}"#.to_owned(),
            (1, 24),
        ),
        (with_resource, (1, 38)),
        (without_principal, (1, 38)),
    ] {
        let diagnosis = diagnose_trust(&parse(&text), &identity());
        let cause = diagnosis.cause.unwrap();
        assert_eq!(
            (diagnosis.decision, cause.kind),
            (Decision::Invalid, K::TrustPolicyInvalid),
            "{text}"
        );
        assert_eq!(
            cause.position,
            Some(Position {
                line: position.0,
                column: position.1
            }),
            "{text}"
        );
        assert!(!cause.wanted.is_empty() && !cause.got.is_empty());
    }
}

#[test]
fn exposures_of_what_admits() {
    let sub = r#""ISS:sub":"system:serviceaccount:shop:cart""#;
    let aud = r#""ISS:aud":"sts.amazonaws.com""#;
    let broad = |pattern: &str| X::SubjectTooBroad {
        patterns: vec![pattern.to_owned()],
    };
    for (condition, expected) in [
        (format!(r#"{{"StringEquals":{{{sub},{aud}}}}}"#), vec![]),
        (
            format!(r#"{{"StringEquals":{{{sub}}}}}"#),
            vec![X::AudienceUnconstrained],
        ),
        (
            format!(r#"{{"StringEquals":{{{sub}}},"StringLike":{{"ISS:aud":"*"}}}}"#),
            vec![X::AudienceUnconstrained],
        ),
        (
            format!(r#"{{"StringEquals":{{{sub}}},"StringNotEquals":{{"ISS:aud":"x"}}}}"#),
            vec![X::AudienceUnconstrained],
        ),
        (
            format!(r#"{{"StringEquals":{{{aud}}}}}"#),
            vec![X::SubjectUnconstrained],
        ),
        (
            format!(r#"{{"StringEquals":{{{aud}}},"StringNotEquals":{{"ISS:sub":"x"}}}}"#),
            vec![X::SubjectUnconstrained],
        ),
        (
            format!(r#"{{"StringEquals":{{{aud}}},"StringLike":{{"ISS:sub":"*"}}}}"#),
            vec![broad("*")],
        ),
        (
            format!(
                r#"{{"StringEquals":{{{aud}}},"StringLike":{{"ISS:sub":["system:serviceaccount:shop:*","system:serviceaccount:bank:*"]}}}}"#
            ),
            vec![broad("system:serviceaccount:shop:*")],
        ),
        (
            format!(
                r#"{{"StringEquals":{{{aud}}},"StringLike":{{"ISS:sub":"system:serviceaccount:shop:c?rt"}}}}"#
            ),
            vec![broad("system:serviceaccount:shop:c?rt")],
        ),
        (
            format!(
                r#"{{"StringEquals":{{{aud}}},"StringLike":{{"ISS:sub":"system:serviceaccount:shop:cart"}}}}"#
            ),
            vec![],
        ),
        // Another clause narrows the wildcard to this one.
        (
            format!(r#"{{"StringEquals":{{{sub},{aud}}},"StringLike":{{"ISS:sub":"*"}}}}"#),
            vec![],
        ),
        (
            "{}".to_owned(),
            vec![X::AudienceUnconstrained, X::SubjectUnconstrained],
        ),
    ] {
        assert_eq!(exposures(&[allow(&condition)]), expected, "{condition}");
    }
}

#[test]
fn a_deny_can_constrain_what_an_allow_leaves_open() {
    let open = allow(r#"{"StringEquals":{"ISS:aud":"sts.amazonaws.com"}}"#);
    let deny = |condition: &str| statement("Deny", "\"*\"", "*", &condition.replace("ISS", ISSUER));
    assert_eq!(
        exposures(&[
            open.clone(),
            deny(r#"{"StringNotEquals":{"ISS:sub":"system:serviceaccount:shop:cart"}}"#)
        ]),
        []
    );
    let pattern = "system:serviceaccount:shop:*".to_owned();
    assert_eq!(
        exposures(&[
            open,
            deny(r#"{"StringNotLike":{"ISS:sub":"system:serviceaccount:shop:*"}}"#)
        ]),
        [X::SubjectTooBroad {
            patterns: vec![pattern]
        }]
    );
    let no_audience = allow(r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:cart"}}"#);
    assert_eq!(
        exposures(&[
            no_audience,
            deny(r#"{"StringNotEquals":{"ISS:aud":"sts.amazonaws.com"}}"#)
        ]),
        []
    );
}

#[test]
fn everybody_as_principal() {
    let condition = format!(
        r#"{{"StringEquals":{{"{ISSUER}:sub":"system:serviceaccount:shop:cart","{ISSUER}:aud":"sts.amazonaws.com"}}}}"#
    );
    for principal in [
        "\"*\"".to_owned(),
        r#"{"AWS":"*"}"#.to_owned(),
        format!(
            r#"{{"AWS":["111122223333","*"],"Federated":"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"}}"#
        ),
    ] {
        let statement = statement("Allow", &principal, "sts:AssumeRoleWithWebIdentity", &condition);
        assert_eq!(exposures(&[statement]), [X::PrincipalTooBroad], "{principal}");
    }
}
