//! Every operator with every prefix and `IfExists` against a key that is missing, empty, single, or multivalued.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use iam_policy::{Context, ContextValue, Decision, Operator, Request, Test, Unlisted, decide, parse};

/// What the policy asks for, a value that the positive test accepts, and one that it does not.
fn sample(test: Test) -> (&'static str, &'static str, &'static str) {
    use Test as T;
    let arn = "arn:aws:iam::111122223333:role/a";
    match test {
        T::StringEquals | T::StringNotEquals => ("a", "a", "A"),
        T::StringEqualsIgnoreCase | T::StringNotEqualsIgnoreCase => ("a", "A", "b"),
        T::StringLike | T::StringNotLike => ("a*", "ab", "Ab"),
        T::NumericEquals | T::NumericNotEquals => ("5", "5.0", "6"),
        T::NumericLessThan => ("5", "4.9", "5"),
        T::NumericLessThanEquals => ("5", "5", "5.1"),
        T::NumericGreaterThan => ("5", "10", "5"),
        T::NumericGreaterThanEquals => ("5", "5", "4"),
        T::DateEquals | T::DateNotEquals => ("2024-01-01T00:00:00Z", "1704067200", "2024-01-02"),
        T::DateLessThan => ("2024-01-01", "2023-12-31T23:59:59Z", "2024-01-01"),
        T::DateLessThanEquals => ("2024-01-01", "2024-01-01T01:00:00+01:00", "2024-01-01T00:00:01Z"),
        T::DateGreaterThan => ("2024-01-01", "2024-01-01T00:00:00.5Z", "2024-01-01"),
        T::DateGreaterThanEquals => ("2024-01-01", "2024", "2023"),
        T::Bool => ("true", "true", "false"),
        T::BinaryEquals => ("YQ==", "YQ==", "Yg=="),
        T::IpAddress | T::NotIpAddress => ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
        T::ArnEquals | T::ArnNotEquals => (arn, arn, "arn:aws:iam::111122223333:role/b"),
        T::ArnLike | T::ArnNotLike => ("arn:aws:iam::*:role/?", arn, "arn:aws:iam::111122223333:role/ab"),
        T::Null => ("true", "", ""),
    }
}

/// Whether a condition holds, seen through an Allow and through a Deny.
fn holds(operator: &str, wanted: &str, got: ContextValue) -> bool {
    truth(operator, wanted, got).unwrap_or_else(|| panic!("{operator} {wanted} is undetermined"))
}

/// The same; `None` where it is not known.
fn truth(operator: &str, wanted: &str, got: ContextValue) -> Option<bool> {
    let mut context = Context::new(Unlisted::Absent);
    context.set("ex:key", got);
    let request = Request {
        principal: None,
        action: "ex:Do".to_owned(),
        resource: Some("*".to_owned()),
        context,
    };
    let condition = format!(r#""Condition":{{"{operator}":{{"EX:Key":{wanted}}}}}"#);
    let allow =
        format!(r#"{{"Statement":{{"Effect":"Allow","Action":"ex:Do","Resource":"*",{condition}}}}}"#);
    let deny = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},
            {{"Effect":"Deny","Action":"*","Resource":"*",{condition}}}]}}"#
    );
    let decide = |text: &str| decide(&parse(text).document.unwrap(), &request);
    match (decide(&allow), decide(&deny)) {
        (Decision::Allowed, Decision::ExplicitlyDenied) => Some(true),
        (Decision::ImplicitlyDenied, Decision::Allowed) => Some(false),
        (Decision::Undetermined, Decision::Undetermined) => None,
        other => panic!("{operator} {wanted}: {other:?}"),
    }
}

const STATES: [&str; 7] = [
    "missing",
    "empty",
    "one that matches",
    "one that does not",
    "all match",
    "some match",
    "none matches",
];

#[test]
fn every_operator_in_every_state() {
    const T: bool = true;
    const F: bool = false;
    let mut checked = 0;
    for test in Test::ALL.iter().filter(|test| **test != Test::Null) {
        for (prefix, suffix, positive, negated) in [
            ("", "", [F, F, T, F, F, F, F], [T, T, F, T, F, F, F]),
            ("", "IfExists", [T, T, T, F, F, F, F], [T, T, F, T, F, F, F]),
            ("ForAllValues:", "", [T, T, T, F, T, F, F], [T, T, F, T, F, F, T]),
            (
                "ForAllValues:",
                "IfExists",
                [T, T, T, F, T, F, F],
                [T, T, F, T, F, F, T],
            ),
            ("ForAnyValue:", "", [F, F, T, F, T, T, F], [F, F, F, T, F, T, T]),
            (
                "ForAnyValue:",
                "IfExists",
                [F, F, T, F, T, T, F],
                [F, F, F, T, F, T, T],
            ),
        ] {
            let operator = format!("{prefix}{}{suffix}", test.name());
            let (wanted, hit, miss) = sample(*test);
            let expected = if test.is_negated() { negated } else { positive };
            let known =
                |values: &[&str]| ContextValue::Known(values.iter().map(ToString::to_string).collect());
            let got = [
                ContextValue::Absent,
                known(&[]),
                known(&[hit]),
                known(&[miss]),
                known(&[hit, hit]),
                known(&[hit, miss]),
                known(&[miss, miss]),
            ];
            for ((state, got), expected) in STATES.iter().zip(got).zip(expected) {
                // One value and a list of which none but it could match are the same.
                for wanted in [format!("\"{wanted}\""), format!("[\"{wanted}\"]")] {
                    assert_eq!(
                        holds(&operator, &wanted, got.clone()),
                        expected,
                        "{operator} {wanted}: {state}"
                    );
                    checked += 1;
                }
            }
        }
    }
    assert_eq!(checked, 26 * 6 * 7 * 2);
}

#[test]
fn several_wanted_values_are_alternatives_and_negated_none_may_match() {
    let one = |value: &str| ContextValue::Known(vec![value.to_owned()]);
    let many = |values: &[&str]| ContextValue::Known(values.iter().map(ToString::to_string).collect());
    for (operator, got, expected) in [
        ("StringEquals", one("b"), true),
        ("StringEquals", one("c"), false),
        ("StringNotEquals", one("b"), false),
        ("StringNotEquals", one("c"), true),
        ("ForAllValues:StringEquals", many(&["a", "b"]), true),
        ("ForAllValues:StringEquals", many(&["a", "c"]), false),
        ("ForAnyValue:StringEquals", many(&["c", "b"]), true),
        ("ForAllValues:StringNotEquals", many(&["c", "d"]), true),
        ("ForAllValues:StringNotEquals", many(&["c", "a"]), false),
        ("ForAnyValue:StringNotEquals", many(&["a", "b"]), false),
        ("ForAnyValue:StringNotEquals", many(&["a", "c"]), true),
    ] {
        assert_eq!(
            holds(operator, r#"["a","b"]"#, got.clone()),
            expected,
            "{operator} {got:?}"
        );
    }
}

#[test]
fn an_empty_list_of_values_has_no_documented_meaning() {
    for operator in [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIfExists",
        "ForAllValues:StringEquals",
        "ForAnyValue:StringLike",
        "Null",
    ] {
        for got in [
            ContextValue::Known(vec!["a".to_owned()]),
            ContextValue::Absent,
            ContextValue::Present,
        ] {
            assert_eq!(
                truth(operator, "[]", got.clone()),
                None,
                "{operator} of no values, {got:?}"
            );
        }
    }
}

#[test]
fn of_a_key_that_is_there_a_pattern_that_every_value_matches_is_decided() {
    let starts = |text: &str| ContextValue::Beginning(text.to_owned());
    for (operator, wanted, got, expected) in [
        ("StringLike", r#""*""#, ContextValue::Present, Some(true)),
        ("StringLike", r#"["a", "**"]"#, ContextValue::Present, Some(true)),
        ("StringNotLike", r#""*""#, ContextValue::Present, Some(false)),
        ("StringLike", r#""a*""#, ContextValue::Present, None),
        ("StringEquals", r#""*""#, ContextValue::Present, None),
        ("StringLike", r#""*""#, ContextValue::Unknown, None),
        ("StringLike", r#""AROAX:*""#, starts("AROAX:"), Some(true)),
        ("StringLike", r#""AROA?:*""#, starts("AROAX:"), Some(true)),
        ("StringLike", r#""AROAX:cart-*""#, starts("AROAX:"), None),
        ("StringLike", r#""AROAY:*""#, starts("AROAX:"), Some(false)),
        (
            "StringNotLike",
            r#"["AROAY:*", "AROAZ:*"]"#,
            starts("AROAX:"),
            Some(true),
        ),
        ("StringNotLike", r#""AROAX:*""#, starts("AROAX:"), Some(false)),
        ("StringEquals", r#""AROAX:cart""#, starts("AROAX:"), None),
        ("StringEquals", r#""AROAY:cart""#, starts("AROAX:"), Some(false)),
        ("StringNotEquals", r#""AIDAY""#, starts("AROAX:"), Some(true)),
        ("StringEqualsIgnoreCase", r#""x""#, starts("AROAX:"), None),
        ("Null", "false", starts("AROAX:"), Some(true)),
    ] {
        assert_eq!(
            truth(operator, wanted, got.clone()),
            expected,
            "{operator} {wanted} {got:?}"
        );
    }
}

#[test]
fn a_key_that_is_absent_or_has_a_value_is_decided_where_both_say_the_same() {
    let not_true = || ContextValue::AbsentOr(vec!["false".to_owned()]);
    for (operator, wanted, expected) in [
        ("Bool", "true", Some(false)),
        ("Bool", "false", None),
        ("BoolIfExists", "false", Some(true)),
        ("BoolIfExists", "true", None),
        ("StringNotEquals", r#""true""#, Some(true)),
        ("Null", "true", None),
    ] {
        assert_eq!(
            truth(operator, wanted, not_true()),
            expected,
            "{operator} {wanted}"
        );
    }
}

#[test]
fn null_tests_presence() {
    let known = |values: &[&str]| ContextValue::Known(values.iter().map(ToString::to_string).collect());
    for (wanted, got, expected) in [
        ("\"true\"", ContextValue::Absent, true),
        ("true", ContextValue::Absent, true),
        ("true", known(&[]), true),
        ("true", known(&["a"]), false),
        ("true", known(&["a", "b"]), false),
        ("true", ContextValue::Present, false),
        ("false", ContextValue::Absent, false),
        ("\"false\"", known(&["a"]), true),
        ("\"false\"", known(&["a", "b"]), true),
        ("false", ContextValue::Present, true),
        (r#"["true","false"]"#, known(&["a"]), true),
    ] {
        assert_eq!(holds("Null", wanted, got.clone()), expected, "{wanted} {got:?}");
    }
}

#[test]
fn a_value_of_another_kind_matches_nothing() {
    let subject = || ContextValue::Known(vec!["system:serviceaccount:shop:cart".to_owned()]);
    for test in Test::ALL
        .iter()
        .filter(|test| !test.name().starts_with("String") && **test != Test::Null)
    {
        let (wanted, _, _) = sample(*test);
        let outcome = holds(test.name(), &format!("\"{wanted}\""), subject());
        assert_eq!(outcome, test.is_negated(), "{}", test.name());
    }
    // However wide the pattern: a subject is no ARN.
    assert!(!holds("ArnLike", "\"*:*:*:*:*:*\"", subject()));
    assert!(!holds("ArnLike", "\"system:serviceaccount:shop:*\"", subject()));
}

#[test]
fn numbers_and_booleans_need_no_quotes() {
    let one = |value: &str| ContextValue::Known(vec![value.to_owned()]);
    assert!(holds("NumericLessThan", "3600", one("60")));
    assert!(holds("NumericEquals", "[1.50, 2]", one("1.5")));
    assert!(holds("Bool", "true", one("true")));
    assert!(holds("Bool", "[false]", one("false")));
    assert!(holds("StringEquals", "true", one("true")));
}

#[test]
fn an_empty_string_is_no_value_for_all_values() {
    let empty = ContextValue::Known(vec![String::new()]);
    assert!(holds("ForAllValues:StringEquals", "\"a\"", empty.clone()));
    assert!(!holds("ForAnyValue:StringEquals", "\"a\"", empty.clone()));
    assert!(!holds("StringEquals", "\"a\"", empty));
}

#[test]
fn a_wanted_value_that_nobody_can_read_is_undetermined() {
    let mut context = Context::new(Unlisted::Absent);
    for (key, value) in [("ex:number", "5"), ("ex:ip", "10.0.0.1"), ("ex:text", "a")] {
        context.set(key, ContextValue::Known(vec![value.to_owned()]));
    }
    let request = Request {
        principal: None,
        action: "ex:Do".into(),
        resource: Some("*".into()),
        context,
    };
    for (condition, expected) in [
        (
            r#"{"NumericEquals":{"ex:number":"five"}}"#,
            Decision::Undetermined,
        ),
        (
            r#"{"NumericEquals":{"ex:number":["five","5"]}}"#,
            Decision::ExplicitlyDenied,
        ),
        (r#"{"NumericEquals":{"ex:text":"five"}}"#, Decision::Allowed),
        (r#"{"IpAddress":{"ex:ip":"10.0.0.0/33"}}"#, Decision::Undetermined),
        (
            r#"{"NotIpAddress":{"ex:ip":"10.0.0.0/33"}}"#,
            Decision::Undetermined,
        ),
        (r#"{"Null":{"ex:text":"maybe"}}"#, Decision::Undetermined),
    ] {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},
                {{"Effect":"Deny","Action":"*","Resource":"*","Condition":{condition}}}]}}"#
        );
        assert_eq!(
            decide(&parse(&text).document.unwrap(), &request),
            expected,
            "{condition}"
        );
    }
}

#[test]
fn unknown_keys_stay_unknown_under_every_operator() {
    for test in Test::ALL {
        for prefix in ["", "ForAllValues:", "ForAnyValue:"] {
            let operator = format!("{prefix}{}", test.name());
            assert!(Operator::parse(&operator).is_some());
            let (wanted, _, _) = sample(*test);
            let text = format!(
                r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"*",
                    "Condition":{{"{operator}":{{"aws:SourceIp":"{wanted}"}}}}}}}}"#
            );
            let request = Request {
                principal: None,
                action: "ex:Do".into(),
                resource: Some("*".into()),
                context: Context::new(Unlisted::Unknown),
            };
            assert_eq!(
                decide(&parse(&text).document.unwrap(), &request),
                Decision::Undetermined,
                "{operator}"
            );
        }
    }
}
