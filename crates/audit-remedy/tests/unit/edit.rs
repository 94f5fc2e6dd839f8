use audit_core::model::aws::Keeper;
use serde_json::json;

use super::*;
use crate::testing::{EC2, HOST_PATH, at, document, role_of, subject};

fn appended(trust: &str) -> Result<ProposedEdit, EditRefusal> {
    append_statement(&role_of(trust), &subject(), 0, at(0))
}

fn refused(trust: &str) -> EditRefusal {
    appended(trust).unwrap_err()
}

/// A statement with this effect for the provider, with these conditions; `ISS` stands for the issuer.
fn of_provider(effect: &str, condition: &str) -> String {
    let text = format!(
        r#"{{"Effect": "{effect}", "Principal": {{"Federated": "arn:aws:iam::111122223333:oidc-provider/ISS"}}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {condition}}}"#
    );
    text.replace("ISS", HOST_PATH)
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_statement_admits_exactly_one() {
    let edit = appended(&document(&[EC2])).unwrap();
    let sid = edit.statement["Sid"].as_str().unwrap();
    assert!(sid.starts_with("IrsaAudit") && sid.len() == 25, "{sid}");
    let expected = json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{HOST_PATH}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{HOST_PATH}:sub"): "system:serviceaccount:shop:cart",
            format!("{HOST_PATH}:aud"): "sts.amazonaws.com",
        }},
    });
    assert_eq!(edit.statement, expected);
    assert_eq!(value(&edit.after)["Statement"], json!([value(EC2), expected]));
    assert_eq!(edit.size, counted(&edit.after));
}

#[test]
fn the_id_is_different_for_each_change_role_cluster_and_account() {
    let sid =
        |role: &LiveRole, subject: &RemedySubject, counter| statement::statement_id(role, subject, counter);
    let role = role_of(&document(&[EC2]));
    let first = sid(&role, &subject(), 0);
    assert_eq!(first, sid(&role, &subject(), 0));
    let other_role = LiveRole {
        id: "AROAOTHER".to_owned(),
        ..role.clone()
    };
    let other_name = RemedySubject {
        name: "till".to_owned(),
        ..subject()
    };
    let other_audience = RemedySubject {
        audience: "vault".to_owned(),
        ..subject()
    };
    let issuer = audit_core::model::IssuerUrl::parse("https://other.example.com").unwrap();
    let other_cluster = RemedySubject { issuer, ..subject() };
    for other in [
        sid(&role, &subject(), 1),
        sid(&other_role, &subject(), 0),
        sid(&role, &other_name, 0),
        sid(&role, &other_audience, 0),
        sid(&role, &other_cluster, 0),
    ] {
        assert_ne!(first, other);
    }
}

#[test]
fn all_but_the_statement_stays_byte_for_byte() {
    let odd = format!("{{\n\t\"Statement\" :[ {EC2} ] ,\"Id\":\"\\u0041\",  \"Version\":\"2012-10-17\"}}\n");
    let edit = appended(&odd).unwrap();
    assert_eq!(edit.before, odd);
    let added = edit.after.len() - odd.len();
    let place = odd.find(EC2).unwrap() + EC2.len();
    assert_eq!(
        format!("{}{}", &edit.after[..place], &edit.after[place + added..]),
        odd
    );
}

#[test]
fn a_single_statement_becomes_the_first_of_a_list_and_can_be_restored() {
    let single = format!(r#"{{"Version": "2012-10-17", "Statement": {EC2}}}"#);
    let edit = appended(&single).unwrap();
    assert_eq!(
        value(&edit.after)["Statement"],
        json!([value(EC2), edit.statement])
    );
    assert_eq!(prove(&edit, &subject().identity(at(0))), Ok(()));
    // Taken out later, the list stays: IAM takes both forms for the same.
    let back = remove_statement(&role_of(&edit.after), &subject(), &edit.statement, at(0)).unwrap();
    assert_eq!(value(&back.after)["Statement"], json!([value(EC2)]));
}

#[test]
fn a_percent_encoded_document_is_the_same_document() {
    let plain = document(&[EC2]);
    let encoded: Vec<String> = plain.bytes().map(|b| format!("%{b:02X}")).collect();
    assert_eq!(appended(&encoded.concat()).unwrap(), appended(&plain).unwrap());
}

#[test]
fn documents_that_have_not_exactly_one_reading_are_refused() {
    for (name, text) in [
        ("no JSON", "{".to_owned()),
        ("empty", String::new()),
        (
            "a key twice",
            format!(r#"{{"Version": "2012-10-17", "Statement": [{EC2}], "Statement": [{EC2}]}}"#),
        ),
        (
            "a key twice by escape",
            format!(r#"{{"Statement": [{EC2}], "\u0053tatement": [{EC2}]}}"#),
        ),
        (
            "a key twice in a statement",
            EC2.replace(r#""Effect": "Allow","#, r#""Effect": "Allow", "Effect": "Deny","#),
        ),
        (
            "a condition twice",
            document(&[&of_provider(
                "Allow",
                r#"{"StringEquals": {"ISS:sub": "a", "ISS:sub": "b"}}"#,
            )]),
        ),
        (
            "a condition twice by case",
            document(&[&of_provider(
                "Allow",
                r#"{"StringEquals": {"ISS:sub": "a", "ISS:SUB": "b"}}"#,
            )]),
        ),
        (
            "an unknown element",
            format!(r#"{{"Version": "2012-10-17", "Statement": [{EC2}], "statement": []}}"#),
        ),
        (
            "an unknown version",
            format!(r#"{{"Version": "2013-01-01", "Statement": [{EC2}]}}"#),
        ),
        (
            "an empty list of actions",
            document(&[&EC2.replace(r#""sts:AssumeRole""#, "[]")]),
        ),
        ("something behind it", format!("{} x", document(&[EC2]))),
    ] {
        assert!(
            matches!(refused(&text), EditRefusal::NotWhole(_)),
            "{name}: {:?}",
            refused(&text)
        );
    }
    let with_resource = EC2.replace(r#""Action""#, r#""Resource": "*", "Action""#);
    assert_eq!(
        refused(&document(&[&with_resource])),
        EditRefusal::NotATrustPolicy
    );
}

#[test]
fn who_is_admitted_or_kept_out_needs_no_statement_or_another_edit() {
    let own =
        r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:cart", "ISS:aud": "sts.amazonaws.com"}}"#;
    let namespace = r#"{"StringLike": {"ISS:sub": "system:serviceaccount:shop:*"}}"#;
    let by_address = r#"{"StringLike": {"ISS:sub": "*"}, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#;
    for (effect, condition, expected) in [
        ("Allow", own, EditRefusal::AlreadyAdmitted),
        ("Allow", namespace, EditRefusal::AlreadyAdmitted),
        ("Allow", by_address, EditRefusal::DependsOnConditions),
        ("Deny", own, EditRefusal::Denied),
        ("Deny", namespace, EditRefusal::Denied),
        ("Deny", by_address, EditRefusal::MayBeDenied),
    ] {
        let trust = document(&[EC2, &of_provider(effect, condition)]);
        assert_eq!(refused(&trust), expected, "{effect} {condition}");
    }
    // A Deny for others, and grants to others, are nobody's business here.
    let other = r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:bank:till"}}"#;
    assert!(
        appended(&document(&[
            &of_provider("Allow", other),
            &of_provider("Deny", other)
        ]))
        .is_ok()
    );
    // What a statement asks for beside the token is not gone around, whatever else keeps the ServiceAccount out.
    for fails in [
        r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:bank:till"}, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#,
        r#"{"StringEquals": {"ISS:sub": "system:serviceaccount:shop:cart", "ISS:aud": "other"}, "StringLike": {"sts:RoleSessionName": "cart-*"}}"#,
        r#"{"StringEquals": {"aws:RequestTag/team": "shop"}, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#,
    ] {
        assert_eq!(
            refused(&document(&[&of_provider("Allow", fails)])),
            EditRefusal::DependsOnConditions,
            "{fails}"
        );
    }
}

#[test]
fn an_id_that_is_taken_is_refused() {
    let edit = appended(&document(&[EC2])).unwrap();
    let sid = edit.statement["Sid"].as_str().unwrap();
    let taken = EC2.replacen('{', &format!(r#"{{"Sid": "{sid}", "#), 1);
    assert_eq!(refused(&document(&[&taken])), EditRefusal::SidTaken);
}

#[test]
fn the_quota_is_kept_to_the_character() {
    let trust = document(&[EC2]);
    let size = appended(&trust).unwrap().size;
    let with = |quota| {
        append_statement(
            &LiveRole {
                quota,
                ..role_of(&trust)
            },
            &subject(),
            0,
            at(0),
        )
    };
    assert!(with(size).is_ok());
    assert_eq!(
        with(size - 1),
        Err(EditRefusal::OverQuota {
            size,
            quota: size - 1
        })
    );
}

#[test]
fn roles_that_aws_keeps_are_never_edited() {
    for (arn, keeper) in [
        (
            "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
            Keeper::Service,
        ),
        (
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1",
            Keeper::IdentityCenter,
        ),
    ] {
        let arn = iam_policy::RoleArn::parse(arn).unwrap();
        let role = LiveRole {
            arn: arn.clone(),
            ..role_of(&document(&[EC2]))
        };
        let subject = RemedySubject {
            role_arn: arn,
            ..subject()
        };
        assert_eq!(
            append_statement(&role, &subject, 0, at(0)),
            Err(EditRefusal::KeptByAws(keeper))
        );
    }
}

#[test]
fn the_role_is_the_one_that_is_asked_for_path_included() {
    let arn = iam_policy::RoleArn::parse("arn:aws:iam::111122223333:role/team/app").unwrap();
    let role = LiveRole {
        arn,
        ..role_of(&document(&[EC2]))
    };
    let refused = append_statement(&role, &subject(), 0, at(0));
    assert!(matches!(refused, Err(EditRefusal::OtherRole { .. })));
}

#[test]
fn odd_names_audiences_and_issuers_are_refused() {
    let odd = |change: &dyn Fn(&mut RemedySubject)| {
        let mut subject = subject();
        change(&mut subject);
        append_statement(&role_of(&document(&[EC2])), &subject, 0, at(0))
    };
    for text in [
        "",
        "*",
        "ca?t",
        "Cart",
        "c\u{430}rt",
        "cart:till",
        "cart/till",
        "cart ",
        "-cart",
        "a..b",
        "${x}",
        "cart\n",
    ] {
        assert_eq!(
            odd(&|one| one.name = text.to_owned()),
            Err(EditRefusal::OddIdentity),
            "{text:?}"
        );
        assert_eq!(
            odd(&|one| one.namespace = text.to_owned()),
            Err(EditRefusal::OddIdentity),
            "{text:?}"
        );
    }
    assert_eq!(
        odd(&|one| one.namespace = "a.b".to_owned()),
        Err(EditRefusal::OddIdentity)
    );
    for text in [
        "",
        "*",
        "sts.*",
        "st?",
        "${aws:userid}",
        "s\u{ef}s",
        "a b",
        "\"",
        "a\\b",
        "sts.amazonaws.com\u{200b}",
    ] {
        assert_eq!(
            odd(&|one| one.audience = text.to_owned()),
            Err(EditRefusal::OddIdentity),
            "{text:?}"
        );
    }
    for url in ["https://a/*", "https://a/${x}", "https://a/b:c"] {
        if let Ok(issuer) = audit_core::model::IssuerUrl::parse(url) {
            assert_eq!(
                odd(&|one| one.issuer = issuer.clone()),
                Err(EditRefusal::OddIdentity),
                "{url}"
            );
        }
    }
}

#[test]
fn exactly_our_statement_is_taken_out() {
    let trust = document(&[EC2]);
    let edit = appended(&trust).unwrap();
    let more = document(&[EC2, &edit.statement.to_string(), &EC2.replace("ec2", "lambda")]);
    let back = remove_statement(&role_of(&more), &subject(), &edit.statement, at(0)).unwrap();
    assert_eq!(
        value(&back.after),
        value(&document(&[EC2, &EC2.replace("ec2", "lambda")]))
    );
    assert_eq!(
        remove_statement(&role_of(&edit.after), &subject(), &edit.statement, at(0))
            .unwrap()
            .after,
        trust
    );
    // The audience of the ServiceAccount may have changed since.
    let later = RemedySubject {
        audience: "vault".to_owned(),
        ..subject()
    };
    assert!(remove_statement(&role_of(&more), &later, &edit.statement, at(0)).is_ok());
}

#[test]
fn what_is_not_ours_is_never_taken_out() {
    let edit = appended(&document(&[EC2])).unwrap();
    let remove = |trust: &str, statement: &Value| {
        remove_statement(&role_of(trust), &subject(), statement, at(0)).unwrap_err()
    };
    assert_eq!(remove(&edit.after, &value(EC2)), EditRefusal::NotOurs);
    let change = |pointer: &str, to: Value| {
        let mut changed = edit.statement.clone();
        *changed.pointer_mut(pointer).unwrap() = to;
        changed
    };
    for changed in [
        change("/Sid", json!("IrsaAudit")),
        change("/Sid", json!("SomebodyElse0000")),
        change("/Effect", json!("Deny")),
        change("/Action", json!(["sts:AssumeRoleWithWebIdentity"])),
        change("/Principal", json!({"Federated": "*"})),
        change(
            "/Condition",
            json!({"StringLike": edit.statement["Condition"]["StringEquals"]}),
        ),
    ] {
        assert_eq!(
            remove(&document(&[EC2, &changed.to_string()]), &changed),
            EditRefusal::NotOurs,
            "{changed}"
        );
    }
    let others = RemedySubject {
        name: "till".to_owned(),
        ..subject()
    };
    assert_eq!(
        remove_statement(&role_of(&edit.after), &others, &edit.statement, at(0)),
        Err(EditRefusal::NotOurs)
    );
    let text = edit.statement.to_string();
    assert_eq!(
        remove(&document(&[EC2]), &edit.statement),
        EditRefusal::NotOnce(0)
    );
    assert_eq!(
        remove(&document(&[EC2, &text, &text]), &edit.statement),
        EditRefusal::NotOnce(2)
    );
    assert_eq!(
        remove(&document(&[&text]), &edit.statement),
        EditRefusal::OnlyStatement
    );
}

#[test]
fn each_proof_finds_what_it_is_for() {
    let identity = subject().identity(at(0));
    let good = appended(&document(&[EC2])).unwrap();
    assert_eq!(prove(&good, &identity), Ok(()));
    let with = |after: String| {
        prove(
            &ProposedEdit {
                after,
                ..good.clone()
            },
            &identity,
        )
    };
    assert_eq!(with("{".to_owned()), Err(ProofFailure::NotWhole));
    let text = good.statement.to_string();
    assert_eq!(with(good.before.clone()), Err(ProofFailure::NotRestored));
    assert_eq!(with(document(&[&text])), Err(ProofFailure::NotRestored));
    assert_eq!(
        with(document(&[EC2, &text, &text])),
        Err(ProofFailure::NotRestored)
    );
    assert_eq!(
        with(document(&[&EC2.replace("ec2", "ecs"), &text])),
        Err(ProofFailure::NotRestored)
    );
    assert_eq!(
        with(good.after.replace("2012-10-17", "2008-10-17")),
        Err(ProofFailure::NotRestored)
    );
    // A statement of the template, for somebody else.
    let other = RemedySubject {
        name: "till".to_owned(),
        ..subject()
    };
    assert_eq!(
        prove(&good, &other.identity(at(0))),
        Err(ProofFailure::NotTheTemplate)
    );
    let wide = of_provider("Allow", r#"{"StringLike": {"ISS:sub": "*"}}"#);
    let edit = ProposedEdit {
        statement: value(&wide),
        after: document(&[EC2, &wide]),
        ..good.clone()
    };
    assert_eq!(prove(&edit, &identity), Err(ProofFailure::NotTheTemplate));
    // Where a Deny stands beside it, it has no effect.
    let deny = of_provider("Deny", r#"{"StringLike": {"ISS:sub": "*"}}"#);
    let edit = ProposedEdit {
        before: document(&[&deny]),
        after: document(&[&deny, &text]),
        ..good.clone()
    };
    assert_eq!(prove(&edit, &identity), Err(ProofFailure::NoEffect));
    // What is said to be taken out must be what is missing.
    let edit = ProposedEdit {
        operation: RemedyOperation::Remove,
        before: good.after.clone(),
        after: document(&[&EC2.replace("ec2", "ecs")]),
        ..good
    };
    assert_eq!(prove(&edit, &identity), Err(ProofFailure::NotRestored));
}

#[test]
fn documents_are_compared_as_values_with_one_reading() {
    let one = document(&[EC2]);
    assert!(same_document(&one, &value(&one).to_string()));
    assert!(!same_document(&one, &document(&[EC2, EC2])));
    let twice = format!(r#"{{"Version": "2012-10-17", "Statement": [], "Statement": [{EC2}]}}"#);
    assert!(!same_document(&one, &twice) && !same_document(&twice, &twice));
    assert!(!same_document("{", "{"));
}

#[test]
fn a_role_that_the_team_does_not_expect_is_not_edited() {
    let expecting = |expected: &str| {
        let subject = RemedySubject {
            expected_role: Some(expected.to_owned()),
            ..subject()
        };
        append_statement(&role_of(&document(&[EC2])), &subject, 0, at(0))
    };
    assert!(expecting("arn:aws:iam::111122223333:role/app").is_ok());
    for other in [
        "arn:aws:iam::111122223333:role/other",
        "arn:aws:iam::111122223333:role/x/app",
        "app",
        "",
    ] {
        assert!(
            matches!(expecting(other), Err(EditRefusal::ExpectsAnother { .. })),
            "{other}"
        );
    }
}
