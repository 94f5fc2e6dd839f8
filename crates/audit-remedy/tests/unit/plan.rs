use super::*;
use crate::consent::consent_key;
use crate::facts::RoleTag;
use crate::journal::{ChangePhase, JournalRecord};
use crate::testing::{EC2, HOST_PATH, at, document, plan, plan_with, record, role, role_of, subject};

#[test]
fn the_hash_is_64_digits_and_the_same_for_the_same_data() {
    let plan = plan();
    assert_eq!(PlanHash::parse(plan.hash.as_str()), Some(plan.hash.clone()));
    let later = Plan::new(
        RemedyOperation::Append,
        &subject(),
        &role(),
        &Journal::new(&[]),
        at(5000),
    )
    .unwrap();
    assert_eq!(later.hash, plan.hash, "time is no part of it");
    // The layout of the document is none either.
    let value: serde_json::Value = serde_json::from_str(&role().trust_text).unwrap();
    assert_eq!(
        plan_with(&subject(), &role_of(&value.to_string()), &[]).hash,
        plan.hash
    );
}

#[test]
fn the_hash_changes_with_each_thing_that_it_is_made_of() {
    let first = plan();
    let of = |change: &dyn Fn(&mut RemedySubject, &mut LiveRole, &mut Vec<JournalRecord>)| {
        let (mut subject, mut role, mut records) = (subject(), role(), Vec::new());
        role.tags[0].value = "shop/cart shop/till other/cart".to_owned();
        change(&mut subject, &mut role, &mut records);
        plan_with(&subject, &role, &records).hash
    };
    let with_more_consent = of(&|_, _, _| {});
    assert_ne!(with_more_consent, first.hash, "consent");
    let mut all = vec![first.hash.clone(), with_more_consent];
    all.push(of(&|one, _, _| one.namespace = "other".to_owned()));
    all.push(of(&|one, _, _| one.name = "till".to_owned()));
    all.push(of(&|one, _, _| one.service_account_uid = "sa-2".to_owned()));
    all.push(of(&|one, _, _| one.irsa_audit_uid = "ia-2".to_owned()));
    all.push(of(&|one, _, _| one.audience = "vault".to_owned()));
    all.push(of(&|one, role, _| {
        one.issuer = audit_core::model::IssuerUrl::parse("https://other.example.com").unwrap();
        role.tags.push(RoleTag::new(
            consent_key(&one.issuer),
            "shop/cart shop/till other/cart",
        ));
    }));
    all.push(of(&|one, role, _| {
        role.arn = iam_policy::RoleArn::parse("arn:aws:iam::111122223333:role/x/app").unwrap();
        one.role_arn = role.arn.clone();
    }));
    all.push(of(&|_, role, _| role.id = "AROAOTHER".to_owned()));
    all.push(of(&|_, role, _| {
        role.trust_text = document(&[EC2, &EC2.replace("ec2", "ecs")]);
    }));
    all.push(of(&|_, role, _| role.tags.clear()));
    all.push(of(&|_, _, records| {
        records.push(record(&plan(), ChangePhase::Abandoned));
    }));
    let count = all.len();
    all.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn an_old_document_that_comes_back_has_another_hash() {
    let applied = record(&plan(), ChangePhase::Applied);
    let again = plan_with(&subject(), &role(), &[applied]);
    assert_eq!((again.counter, again.sequence()), (1, 2));
    assert_ne!(again.hash, plan().hash);
    assert_ne!(again.edit.statement, plan().edit.statement);
}

#[test]
fn what_is_no_hash_is_not_read_as_one() {
    let hash = plan().hash.to_string();
    for text in [
        "",
        &hash[..63],
        &hash.to_uppercase(),
        &format!("{hash}0"),
        &format!(" {}", &hash[..63]),
        &format!("sha256:{hash}"),
    ] {
        if *text != hash {
            assert_eq!(PlanHash::parse(text), None, "{text:?}");
        }
    }
}

#[test]
fn a_rollback_is_a_plan_of_its_own() {
    let applied = record(&plan(), ChangePhase::Applied);
    let records = [applied.clone()];
    let journal = Journal::new(&records);
    let with = role_of(&applied.after);
    let back = Plan::new(RemedyOperation::Remove, &subject(), &with, &journal, at(0)).unwrap();
    assert_eq!(back.operation(), RemedyOperation::Remove);
    assert_eq!(back.edit.after, applied.before);
    assert_ne!(back.hash, applied.hash);
    let nothing = Plan::new(RemedyOperation::Remove, &subject(), &role(), &journal, at(0));
    assert_eq!(nothing, Err(EditRefusal::NothingToRemove));
}

#[test]
fn a_plan_says_whom_the_role_admits_already_and_who_means_this_one() {
    let of = |trust: &str| plan_with(&subject(), &role_of(trust), &[]).meant;
    let meant = of(&document(&[EC2]));
    assert_eq!(
        meant.already,
        [AdmittedBy {
            statement: 0,
            sid: None,
            principals: vec![("Service", "ec2.amazonaws.com".to_owned())],
            is_negated: false,
            subjects: Vec::new(),
        }]
    );
    assert!(!meant.by_team && !meant.by_statement);
    let expected = RemedySubject {
        expected_role: Some(crate::testing::ROLE.to_owned()),
        ..subject()
    };
    assert!(plan_with(&expected, &role(), &[]).meant.by_team);
    let provider = format!("arn:aws:iam::111122223333:oidc-provider/{HOST_PATH}");
    let named = |operator: &str, sub: &str| {
        format!(
            r#"{{"Sid": "A", "Effect": "Allow", "Principal": {{"Federated": "{provider}"}}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {{"{operator}": {{"{HOST_PATH}:sub": "{sub}"}}, "StringLike": {{"{HOST_PATH}:aud": "vault"}}}}}}"#
        )
    };
    let by_statement = of(&document(&[&named(
        "StringEquals",
        "system:serviceaccount:shop:cart",
    )]));
    assert!(
        by_statement.by_statement,
        "the audience is the fault, not the name"
    );
    assert_eq!(
        by_statement.already[0].subjects,
        ["system:serviceaccount:shop:cart"]
    );
    assert!(
        !of(&document(&[&named(
            "StringEquals",
            "system:serviceaccount:bank:till"
        )]))
        .by_statement
    );
    assert!(
        !of(&document(&[&named(
            "StringNotEquals",
            "system:serviceaccount:shop:cart"
        )]))
        .by_statement
    );
}

#[test]
fn counter_role_and_operation_are_in_the_hash_by_themselves_not_only_by_the_statement() {
    let plan = plan();
    let consent = plan.consent.as_ref().ok();
    let hash = |role: &LiveRole, edit: &ProposedEdit, counter| {
        PlanHash::of(&plan.subject, role, edit, consent, counter)
    };
    assert_eq!(hash(&plan.role, &plan.edit, 0), plan.hash);
    assert_ne!(hash(&plan.role, &plan.edit, 1), plan.hash);
    let other = LiveRole {
        id: "AROAOTHER".to_owned(),
        ..plan.role.clone()
    };
    assert_ne!(hash(&other, &plan.edit, 0), plan.hash);
    let removal = ProposedEdit {
        operation: RemedyOperation::Remove,
        ..plan.edit.clone()
    };
    assert_ne!(hash(&plan.role, &removal, 0), plan.hash);
}
