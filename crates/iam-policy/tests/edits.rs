//! The least edit for each near miss, and where there is none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use iam_policy::{
    ChangeKind as C, Decision, Guard, StatementShape, TemplateError, WebIdentity, access_change, append,
    diagnose_trust, guards, least_edit, parse, remove, take_away, trust_statement, who_can,
};

const ISSUER: &str = "oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const OTHER: &str = "oidc.eks.us-west-2.amazonaws.com/id/FFFF456789ABCDEF0123456789ABCDEF";
const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

fn identity() -> WebIdentity {
    WebIdentity {
        provider_arn: PROVIDER.to_owned(),
        issuer: ISSUER.to_owned(),
        subject: "system:serviceaccount:shop:cart".to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
        called_at: None,
    }
}

/// One Allow for the provider; `ISS` and `OLD` in the condition stand for the issuers.
fn allow(condition: &str) -> String {
    policy(PROVIDER, condition)
}

fn policy(provider: &str, condition: &str) -> String {
    let condition = condition.replace("ISS", ISSUER).replace("OLD", OTHER);
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": {{"Federated": "{provider}"}}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {condition}}}]}}"#
    )
}

/// Checks the edit, and gives the condition that it makes and what kinds of changes it has.
fn edited(text: &str) -> (String, Vec<&'static str>) {
    let edit = least_edit(text, &identity()).unwrap_or_else(|| panic!("no edit: {text}"));
    proven(text, &edit.text);
    let kinds = edit.changes.iter().map(|change| kind(&change.kind)).collect();
    let condition = edit
        .text
        .split_once(r#""Condition": "#)
        .map_or("", |(_, rest)| rest.trim_end_matches("}]}"));
    (condition.replace(ISSUER, "ISS").replace(OTHER, "OLD"), kinds)
}

fn kind(kind: &C) -> &'static str {
    match kind {
        C::Value { .. } => "value",
        C::AddedValue { .. } => "added",
        C::Key { .. } => "key",
        C::Principal { .. } => "principal",
        C::AppendedStatement { .. } => "appended",
    }
}

fn proven(before: &str, after: &str) {
    let (before, after) = (parse(before), parse(after));
    assert_eq!(diagnose_trust(&after, &identity()).decision, Decision::Allowed);
    let (before, after) = (before.document.unwrap(), after.document.unwrap());
    let change = access_change(&who_can(&before, &identity()), &who_can(&after, &identity()));
    assert!(change.loses_nobody(), "{change:?}");
}

#[test]
fn in_place() {
    let with_audience = |sub: &str, op: &str| {
        if op == "StringEquals" {
            format!(r#"{{"StringEquals": {{"ISS:aud": "sts.amazonaws.com", {sub}}}}}"#)
        } else {
            format!(r#"{{"StringEquals": {{"ISS:aud": "sts.amazonaws.com"}}, "{op}": {{{sub}}}}}"#)
        }
    };
    for (operator, before, after, kinds) in [
        // A wildcard that compares literally stays, and admits nothing: this ServiceAccount is added, and nobody else.
        (
            "StringEquals",
            r#""ISS:sub": "system:serviceaccount:shop:*""#,
            r#""ISS:sub": ["system:serviceaccount:shop:*", "system:serviceaccount:shop:cart"]"#,
            vec!["added"],
        ),
        (
            "StringEquals",
            r#""ISS:sub": "system:serviceaccount:*:*""#,
            r#""ISS:sub": ["system:serviceaccount:*:*", "system:serviceaccount:shop:cart"]"#,
            vec!["added"],
        ),
        (
            "ForAnyValue:StringEquals",
            r#""ISS:sub": ["*:cart"]"#,
            r#""ISS:sub": ["*:cart", "system:serviceaccount:shop:cart"]"#,
            vec!["added"],
        ),
        (
            "StringEquals",
            r#""ISS:sub": ["system:serviceaccount:shop:*", "system:serviceaccount:bank:*"]"#,
            r#""ISS:sub": ["system:serviceaccount:shop:*", "system:serviceaccount:bank:*", "system:serviceaccount:shop:cart"]"#,
            vec!["added"],
        ),
        // Others are named: they stay.
        (
            "StringEquals",
            r#""ISS:sub": "system:serviceaccount:bank:cart""#,
            r#""ISS:sub": ["system:serviceaccount:bank:cart", "system:serviceaccount:shop:cart"]"#,
            vec!["added"],
        ),
        (
            "StringLike",
            r#""ISS:sub": ["system:serviceaccount:shop:till", "system:serviceaccount:x:*" ]"#,
            r#""ISS:sub": ["system:serviceaccount:shop:till", "system:serviceaccount:x:*", "system:serviceaccount:shop:cart"]"#,
            vec!["added"],
        ),
        // Nobody is named by a malformed value: it goes.
        (
            "StringEquals",
            r#""ISS:sub": "system:serviceaccounts:shop:cart""#,
            r#""ISS:sub": "system:serviceaccount:shop:cart""#,
            vec!["value"],
        ),
        (
            "StringEquals",
            r#""ISS:sub": ["a/b", "shop/cart"]"#,
            r#""ISS:sub": ["a/b", "system:serviceaccount:shop:cart"]"#,
            vec!["value"],
        ),
        // Keys, where they name this ServiceAccount alone.
        (
            "StringEquals",
            r#""https://ISS:sub": "system:serviceaccount:shop:cart""#,
            r#""ISS:sub": "system:serviceaccount:shop:cart""#,
            vec!["key"],
        ),
    ] {
        let (condition, changes) = edited(&allow(&with_audience(before, operator)));
        assert_eq!(changes, kinds, "{before}");
        assert_eq!(condition, with_audience(after, operator));
    }
    for (before, after, kinds) in [
        (
            r#"{"StringEquals": {"OLD:sub": "system:serviceaccount:shop:cart", "OLD:aud": "sts.amazonaws.com"}}"#,
            r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:cart", "ISS:aud": "sts.amazonaws.com"}}"#,
            vec!["key", "key"],
        ),
        // The audience, where only this subject is named.
        (
            r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:cart", "ISS:aud": "other"}}"#,
            r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:cart", "ISS:aud": ["other", "sts.amazonaws.com"]}}"#,
            vec!["added"],
        ),
        // Two misses at once.
        (
            r#"{"StringEquals": {"ISS:sub": "shop:cart", "ISS/:aud": "sts.amazonaws.com"}}"#,
            r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:cart", "ISS:aud": "sts.amazonaws.com"}}"#,
            vec!["key", "value"],
        ),
    ] {
        let (condition, changes) = edited(&allow(before));
        assert_eq!((condition.as_str(), changes), (after, kinds));
    }
}

#[test]
fn where_an_edit_in_place_would_take_or_give_too_much_a_statement_is_appended() {
    for condition in [
        // The whole cluster would get the audience.
        r#"{"StringEquals": {"ISS:aud": "other"}}"#,
        r#"{"StringLike": {"ISS:sub": "system:serviceaccount:*:cart"}, "StringEquals": {"ISS:aud": "other"}}"#,
        // Tokens of this ServiceAccount for any other audience would come in.
        r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:*"}}"#,
        r#"{"StringEquals": {"ISS:sub": "system:serviceaccounts:shop:cart"}}"#,
        r#"{"StringEquals": {"https://ISS:sub": "system:serviceaccount:shop:cart"}}"#,
        r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:bank:cart", "ISS:aud": ["sts.amazonaws.com", "vault"]}}"#,
        r#"{"StringEquals": {"ISS:sub": "*:cart"}, "StringLike": {"ISS:aud": "sts.*"}}"#,
        // The key put right would let another ServiceAccount in.
        r#"{"StringEquals": {"https://ISS:sub": ["system:serviceaccount:shop:cart", "system:serviceaccount:bank:x"], "ISS:aud": "sts.amazonaws.com"}}"#,
        r#"{"StringEquals": {"OLD:sub": "system:serviceaccount:bank:cart", "ISS:aud": "sts.amazonaws.com"}}"#,
        // The wildcard of an audience would come to life.
        r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:bank:cart", "ISS:aud": "sts.*"}}"#,
        // The key put right would let a whole namespace in.
        r#"{"StringLike": {"OLD:sub": "system:serviceaccount:shop:*"}}"#,
        r#"{"StringEquals": {"ISS:amr": "x"}}"#,
        r#"{"StringNotEquals": {"ISS:sub": "system:serviceaccount:shop:cart"}}"#,
        r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:cart", "OLD:sub": "system:serviceaccount:shop:cart"}}"#,
    ] {
        let (_, changes) = edited(&allow(condition));
        assert_eq!(changes, ["appended"], "{condition}");
    }
    let other = policy(
        &PROVIDER.replace(ISSUER, OTHER),
        r#"{"StringEquals": {"OLD:sub": "system:serviceaccount:shop:cart"}}"#,
    );
    assert_eq!(edited(&other).1, ["appended"]);
    // The same statement admits more than tokens.
    let root = allow(r#"{"StringEquals": {"ISS:sub": "shop/cart", "ISS:aud": "sts.amazonaws.com"}}"#)
        .replace(
            r#""Principal": {"#,
            r#""Principal": {"AWS": "arn:aws:iam::111122223333:root", "#,
        );
    assert_eq!(edited(&root).1, ["appended"]);
    let node = r#"{"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}"#;
    assert_eq!(edited(node).1, ["appended"]);
    // A key of the other provider that the same statement names.
    let both = allow(r#"{"StringEquals": {"OLD:sub": "system:serviceaccount:shop:cart"}}"#).replace(
        &format!("\"{PROVIDER}\""),
        &format!("[\"{PROVIDER}\", \"{}\"]", PROVIDER.replace(ISSUER, OTHER)),
    );
    assert_eq!(edited(&both).1, ["appended"]);
}

#[test]
fn a_provider_is_replaced_only_where_nobody_comes_through_it() {
    // A provider of another account can serve nobody here.
    let account = policy(
        &PROVIDER.replace("111122223333", "444455556666"),
        r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:cart", "ISS:aud": "sts.amazonaws.com"}}"#,
    );
    let edit = least_edit(&account, &identity()).unwrap();
    assert_eq!(edit.text, account.replace("444455556666", "111122223333"));
    // Another ServiceAccount would come in with it.
    let both = account.replace(
        r#""system:serviceaccount:shop:cart""#,
        r#"["system:serviceaccount:shop:cart", "system:serviceaccount:bank:x"]"#,
    );
    assert_eq!(edited(&both).1, ["appended"]);
    // Without a condition on the subject the whole cluster would come in.
    let open = policy(
        &PROVIDER.replace("111122223333", "444455556666"),
        r#"{"StringEquals": {"ISS:aud": "sts.amazonaws.com"}}"#,
    );
    assert_eq!(edited(&open).1, ["appended"]);
}

#[test]
fn no_edit_is_offered_where_none_can_be_proven() {
    let right = r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:cart"}}"#;
    let wrong = allow(r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:till"}}"#);
    let deny = |condition: &str| {
        let deny =
            format!(r#"[{{"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {condition}}}, "#);
        wrong.replace("\"Statement\": [", &format!("\"Statement\": {deny}"))
    };
    for text in [
        allow(right),
        deny("{}"),
        deny(r#"{"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#),
        allow(r#"{"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#),
        wrong.replace("Allow", "allow"),
        wrong.replace("{\"Version\"", "{\"Version\": \"2012-10-17\", \"Version\""),
        String::new(),
    ] {
        assert_eq!(least_edit(&text, &identity()), None, "{text}");
    }
    assert!(least_edit(&wrong, &identity()).is_some());
    let strange = WebIdentity {
        subject: "system:serviceaccount:shop:*".into(),
        ..identity()
    };
    assert_eq!(least_edit(r#"{"Statement": []}"#, &strange), None);
    // Nor where it would be added to a list that knows wildcards.
    let like = allow(
        r#"{"StringLike": {"ISS:sub": "system:serviceaccount:bank:x"}, "StringEquals": {"ISS:aud": "sts.amazonaws.com"}}"#,
    );
    assert_eq!(least_edit(&like, &strange), None);
}

#[test]
fn layout_and_order_stay() {
    let text = allow(r#"{"StringEquals": {"ISS:sub": "shop:cart", "ISS:aud": "sts.amazonaws.com"}}"#)
        .replace("{\"Effect\"", "{\n    \"Effect\"");
    let edit = least_edit(&text, &identity()).unwrap();
    assert_eq!(
        edit.text,
        text.replace("\"shop:cart\"", "\"system:serviceaccount:shop:cart\"")
    );
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&edit.text).unwrap(),
        edit.document
    );
}

#[test]
fn the_template_admits_exactly_one() {
    let statement = trust_statement(&identity(), "Sid1").unwrap();
    let expected = serde_json::json!({
        "Sid": "Sid1", "Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{ISSUER}:sub"): "system:serviceaccount:shop:cart", format!("{ISSUER}:aud"): "sts.amazonaws.com",
        }},
    });
    assert_eq!(statement, expected);
    let appended = append(r#"{"Statement":[]}"#, &identity(), "Sid1").unwrap();
    let grants = who_can(&parse(&appended.text).document.unwrap(), &identity()).grants;
    assert_eq!(grants.len(), 1);
    assert!(grants[0].certain && grants[0].all_of.len() == 1 && grants[0].none_of.is_empty());
    let subjects: Vec<String> = grants[0].all_of[0].iter().map(ToString::to_string).collect();
    assert_eq!(subjects, ["system:serviceaccount:shop:cart"]);
}

#[test]
fn appending_is_undone_by_taking_away() {
    let one = r#"{"Effect":"Deny","Principal":"*","Action":"sts:TagSession"}"#;
    for (text, shape, statements) in [
        (
            format!(r#"{{"Version":"2012-10-17","Statement":[ {one} ]}}"#),
            StatementShape::List,
            2,
        ),
        (
            format!("{{\n \"Statement\" : {one} ,\n \"Id\":\"x\"}}"),
            StatementShape::Single,
            2,
        ),
        (r#"{"Statement":[]}"#.to_owned(), StatementShape::List, 1),
        (
            format!(r#"{{"Statement":[{one},{one}]}}"#),
            StatementShape::List,
            3,
        ),
    ] {
        let appended = append(&text, &identity(), "Sid1").unwrap();
        assert_eq!(appended.shape, shape);
        assert_eq!(appended.decision, Decision::Allowed);
        assert_eq!(
            appended.document["Statement"].as_array().unwrap().len(),
            statements
        );
        let before: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            take_away(&appended.document, &appended.statement, shape).unwrap(),
            before
        );
        // All that is new is the statement and what separates it: the original stands around it, byte for byte.
        let (head, rest) = appended.text.split_at(appended.text.find("{\"Sid\"").unwrap());
        let tail = rest.split_once("}}}").unwrap().1;
        let wrapped = match shape {
            StatementShape::Single => text.replacen(one, &format!("[{one}]"), 1),
            StatementShape::List => text,
        };
        assert_eq!(
            format!("{}{tail}", head.strip_suffix(',').unwrap_or(head)),
            wrapped
        );
    }
}

#[test]
fn appending_refuses_what_it_cannot_prove() {
    let good = r#"{"Statement":[{"Sid":"Sid1","Effect":"Deny","Principal":"*","Action":"sts:TagSession"}]}"#;
    let attempt = |text: &str, identity: &WebIdentity, sid: &str| append(text, identity, sid).unwrap_err();
    assert!(matches!(
        attempt(good, &identity(), "Sid1"),
        TemplateError::SidTaken(_)
    ));
    assert!(matches!(
        attempt(good, &identity(), "a-b"),
        TemplateError::BadSid(_)
    ));
    assert!(matches!(attempt(good, &identity(), ""), TemplateError::BadSid(_)));
    assert!(matches!(
        attempt("{", &identity(), "Sid2"),
        TemplateError::NotWhole(_)
    ));
    let twice = good.replace(r#"{"Statement""#, r#"{"Id":"a","Id":"b","Statement""#);
    assert!(matches!(
        attempt(&twice, &identity(), "Sid2"),
        TemplateError::NotWhole(_)
    ));
    let resource = good.replace(r#""Principal":"*""#, r#""Principal":"*","Resource":"*""#);
    assert!(matches!(
        attempt(&resource, &identity(), "Sid2"),
        TemplateError::NotATrustPolicy
    ));
    // A number that does not survive reading.
    let number = good.replace(
        "\"Action\"",
        r#""Condition":{"NumericEquals":{"a:b":1e999}},"Action""#,
    );
    assert!(matches!(
        attempt(&number, &identity(), "Sid2"),
        TemplateError::Unproven
    ));
    let with = |change: fn(&mut WebIdentity)| {
        let mut identity = identity();
        change(&mut identity);
        attempt(good, &identity, "Sid2")
    };
    assert!(matches!(
        with(|i| i.issuer.push('/')),
        TemplateError::ProviderMismatch(..)
    ));
    assert!(matches!(
        with(|i| i.provider_arn = i.provider_arn.replace("1111", "111")),
        TemplateError::ProviderMismatch(..)
    ));
    assert!(matches!(
        with(|i| i.subject = "system:serviceaccount:shop:*".into()),
        TemplateError::BadSubject(_)
    ));
    assert!(matches!(
        with(|i| i.subject = "system:serviceaccount:shop".into()),
        TemplateError::BadSubject(_)
    ));
    assert!(matches!(
        with(|i| i.subject = "system:serviceaccount::".into()),
        TemplateError::BadSubject(_)
    ));
    assert!(matches!(
        with(|i| i.audience = "${aws:x}".into()),
        TemplateError::BadAudience(_)
    ));
    assert!(matches!(
        with(|i| i.audience = String::new()),
        TemplateError::BadAudience(_)
    ));
    assert!(matches!(
        with(|i| i.audience = "a\nb".into()),
        TemplateError::BadAudience(_)
    ));
}

#[test]
fn taking_away_needs_exactly_one() {
    let statement = trust_statement(&identity(), "Sid1").unwrap();
    let other = serde_json::json!({"Effect": "Deny"});
    let document = |statements: &[&serde_json::Value]| serde_json::json!({"Statement": statements});
    let count = |document: &serde_json::Value| match take_away(document, &statement, StatementShape::List) {
        Err(TemplateError::NotOnce(count)) => count,
        result => panic!("{result:?}"),
    };
    assert_eq!(count(&document(&[&other])), 0);
    assert_eq!(count(&document(&[&statement, &statement])), 2);
    assert_eq!(count(&serde_json::json!({"Statement": statement})), 0);
    let taken = take_away(&document(&[&statement, &other]), &statement, StatementShape::List).unwrap();
    assert_eq!(taken, document(&[&other]));
}

#[test]
fn who_can_in_words() {
    let document = parse(&allow(
        r#"{"StringLike": {"ISS:sub": ["system:serviceaccount:team-*:*", "system:serviceaccount:ops:deploy"]}, "StringNotLike": {"ISS:sub": "*:team-x:*"}}"#,
    ))
    .document
    .unwrap();
    let answer = who_can(&document, &identity());
    assert_eq!(answer.grants.len(), 1);
    let words: Vec<String> = answer.grants[0].all_of[0]
        .iter()
        .flat_map(|pattern| pattern.namespaces_and_names().unwrap())
        .map(|pair| pair.to_string())
        .collect();
    assert_eq!(
        words,
        [
            "every ServiceAccount in namespaces `team-*`",
            "ServiceAccount `deploy` in `ops`"
        ]
    );
    let given = [
        "system:serviceaccount:team-a:x",
        "system:serviceaccount:team-x:x",
        "system:serviceaccount:ops:deploy",
        "system:serviceaccount:ops:x",
    ];
    let admitted: Vec<&str> = answer.admitted(given).collect();
    assert_eq!(admitted, [given[0], given[2]]);
}

#[test]
fn changes_of_access_are_named() {
    let read = |condition: &str| parse(&allow(condition)).document.unwrap();
    let narrow = who_can(
        &read(r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:cart"}}"#),
        &identity(),
    );
    let wide = who_can(
        &read(r#"{"StringLike": {"ISS:sub": "system:serviceaccount:shop:*"}}"#),
        &identity(),
    );
    let widened = access_change(&narrow, &wide);
    assert!(widened.loses_nobody());
    assert_eq!(widened.gained, wide.grants);
    let narrowed = access_change(&wide, &narrow);
    assert_eq!((narrowed.gained.len(), narrowed.lost.len()), (0, 1));
    // A Deny put on or lifted is a change that no grant shows.
    let text = allow(r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:cart"}}"#);
    let deny = r#""Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}, "#;
    let denied = parse(&text.replace("\"Statement\": [", deny)).document.unwrap();
    let denied = who_can(&denied, &identity());
    for (before, after) in [(&narrow, &denied), (&denied, &narrow)] {
        let change = access_change(before, after);
        assert!(change.denials_changed && change.gained.is_empty() && change.lost.is_empty());
        assert!(!change.loses_nobody());
    }
}

#[test]
fn taking_a_statement_out_touches_nothing_else() {
    let original = allow(r#"{"StringEquals": {"ISS:aud": "sts.amazonaws.com"}}"#);
    let with = append(&original, &identity(), "Added").unwrap();
    let without = remove(&with.text, &with.statement).unwrap();
    assert_eq!((without.text.as_str(), without.index), (original.as_str(), 1));
    // Another statement has been appended since, with layout of its own, and the first one is cut out as well as the last.
    let more = append(&with.text, &identity(), "Later").unwrap();
    for (text, statement) in [(&more.text, &with.statement), (&more.text, &more.statement)] {
        let without = remove(text, statement).unwrap();
        assert!(parse(&without.text).is_whole());
        assert_eq!(without.document["Statement"].as_array().unwrap().len(), 2);
    }
    let first = more.document["Statement"][0].clone();
    assert_eq!(remove(&more.text, &first).unwrap().index, 0);
}

#[test]
fn a_statement_is_taken_out_only_where_it_is_one_of_several_and_there_once() {
    let single = allow("{}").replace(['[', ']'], "");
    let with = append(&single, &identity(), "Added").unwrap();
    let without = remove(&with.text, &with.statement).unwrap();
    // The list stays: IAM takes a list of one as well as the statement itself.
    assert_eq!(
        without.text,
        single
            .replace(r#""Statement": {"#, r#""Statement": [{"#)
            .replace("{}}}", "{}}]}")
    );
    let only = &without.document["Statement"][0];
    assert_eq!(remove(&without.text, only), Err(TemplateError::OnlyStatement));
    assert_eq!(remove(&single, only), Err(TemplateError::OnlyStatement));
    assert_eq!(
        remove(&without.text, &with.statement),
        Err(TemplateError::NotOnce(0))
    );
    let twice = with.text.replace("]}", &format!(",{}]}}", with.statement));
    assert_eq!(remove(&twice, &with.statement), Err(TemplateError::NotOnce(2)));
}

/// A condition of which an auditor knows nothing.
const GUARD: &str = r#""StringEquals": {"aws:SourceVpce": "vpce-1"}"#;

/// What the edit makes of the text: its kinds of changes, the decision, and the statement that it is in.
fn guarded(text: &str) -> (Vec<&'static str>, Decision, serde_json::Value) {
    let edit = least_edit(text, &identity()).unwrap_or_else(|| panic!("no edit: {text}"));
    let kinds = edit.changes.iter().map(|change| kind(&change.kind)).collect();
    let decision = diagnose_trust(&parse(&edit.text), &identity()).decision;
    let statement = edit.document["Statement"][edit.changes[0].statement].clone();
    (kinds, decision, statement)
}

#[test]
fn what_the_meant_statement_asks_for_beside_the_token_stays() {
    let sub = r#""ISS:sub": "system:serviceaccount:shop:cart""#;
    let aud = r#""ISS:aud": "sts.amazonaws.com""#;
    let conditions = |claims: &str| {
        format!(
            r#"{{"IpAddress": {{"aws:SourceIp": ["192.0.2.0/24"]}}, "StringEquals": {{"aws:SourceVpce": "vpce-1", {claims}}}}}"#
        )
    };
    let with_claims = |claims: &str| allow(&conditions(claims));
    let old_provider = PROVIDER.replace(ISSUER, OTHER);
    for (text, kinds) in [
        (with_claims(&format!(r#"{sub}, "ISS:aud": "sts""#)), ["added"]),
        (
            with_claims(&format!(r#"{aud}, "ISS:sub": "shop:cart""#)),
            ["value"],
        ),
        (
            with_claims(&format!(
                r#"{aud}, "https://{}": "system:serviceaccount:shop:cart""#,
                "ISS:sub"
            )),
            ["key"],
        ),
        (
            with_claims(&format!(
                r#"{aud}, "ISS:sub": "system:serviceaccount:shop:carts""#
            )),
            ["added"],
        ),
        (
            with_claims(&format!(r#"{aud}, "ISS:sub": "system:serviceaccount:shop:*""#)),
            ["added"],
        ),
        // Where the statement itself cannot be put right, its guards go with the new one.
        (
            with_claims(&format!("{sub}, {aud}")).replace("AssumeRoleWithWebIdentity", "AssumeRole"),
            ["appended"],
        ),
        (
            policy(&old_provider, &conditions(&format!("{sub}, {aud}"))),
            ["appended"],
        ),
        (with_claims(r#""ISS:sub": "shop:cart""#), ["appended"]),
    ] {
        let (changes, decision, statement) = guarded(&text);
        assert_eq!(
            (changes.as_slice(), decision),
            (kinds.as_slice(), Decision::Undetermined),
            "{text}"
        );
        let condition = &statement["Condition"];
        assert_eq!(condition["StringEquals"]["aws:SourceVpce"], "vpce-1", "{text}");
        assert_eq!(
            condition["IpAddress"]["aws:SourceIp"][0], "192.0.2.0/24",
            "{text}"
        );
    }
}

#[test]
fn the_guards_are_those_of_the_statement_that_names_the_subject() {
    // That which comes nearest is about another ServiceAccount, and asks for nothing else.
    let near =
        r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:bank:till", "ISS:aud": "sts.amazonaws.com"}}"#;
    let meant = format!(
        r#"{{{GUARD}, "StringLike": {{"ISS:sub": "system:serviceaccount:shop:*", "ISS:aud": "a"}}, "Bool": {{"aws:ViaAWSService": "true"}}}}"#
    );
    let (one, other) = (allow(near), allow(&meant));
    let inner = |text: &str| text.split_once('[').unwrap().1.trim_end_matches("]}").to_owned();
    let text = one.replace("]}", &format!(", {}]}}", inner(&other)));
    let (changes, decision, statement) = guarded(&text);
    assert_eq!((changes, decision), (vec!["appended"], Decision::Undetermined));
    assert_eq!(statement["Condition"]["StringEquals"]["aws:SourceVpce"], "vpce-1");
    // Nothing of a statement for people or machines.
    let root = r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}}"#;
    assert_eq!(edited(root).1, ["appended"]);
    assert_eq!(guards(&parse(root).document.unwrap(), &identity()), None);
}

#[test]
fn what_the_request_cannot_meet_is_left_out_and_said() {
    let ended = r#""DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}"#;
    let text = allow(&format!(
        r#"{{{GUARD}, {ended}, "StringLike": {{"ISS:sub": "shop:cart"}}}}"#
    ));
    let now = WebIdentity {
        called_at: Some(1_700_000_000),
        ..identity()
    };
    let all = guards(&parse(&text).document.unwrap(), &now).unwrap();
    let keys = |guards: &[Guard]| guards.iter().map(|guard| guard.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&all.kept), ["aws:SourceVpce"]);
    assert_eq!(keys(&all.left_out), ["aws:CurrentTime"]);
    let edit = least_edit(&text, &now).unwrap();
    let condition = &edit.document["Statement"][1]["Condition"];
    assert_eq!(condition["StringEquals"]["aws:SourceVpce"], "vpce-1");
    assert!(condition.get("DateLessThan").is_none());
}
