//! The policy simulator.

use crate::clients::{ACCOUNT, iam, status_and_code};
use aws_sdk_iam::types::EvaluationResult;
use aws_sdk_iam::types::PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
use fake_aws::{FakeAws, Role};

const APP: &str = "arn:aws:iam::111122223333:role/team/app";
const A: &str = "arn:aws:s3:::carts/a";
const B: &str = "arn:aws:s3:::carts/b";

fn document(effect: &str, action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}}}"#
    )
}

async fn seeded() -> FakeAws {
    let aws = FakeAws::start().await.unwrap();
    let app = Role::named("app").path("/team/");
    let app = app
        .inline("read", document("Allow", "s3:*", A))
        .inline("keep", document("Deny", "s3:Delete*", "*"));
    aws.account(ACCOUNT).role(app);
    aws
}

async fn simulate(aws: &FakeAws, actions: &[&str], arns: &[&str]) -> Vec<EvaluationResult> {
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let call = iam(aws, ACCOUNT)
        .await
        .simulate_principal_policy()
        .policy_source_arn(APP);
    let call = call.set_action_names(Some(owned(actions)));
    let pages = call
        .set_resource_arns((!arns.is_empty()).then(|| owned(arns)))
        .into_paginator()
        .items()
        .send();
    pages.collect::<Result<Vec<_>, _>>().await.unwrap()
}

#[tokio::test]
async fn each_action_has_a_result_and_each_resource_a_decision_in_it() {
    let aws = seeded().await;
    for size in [100, 1] {
        aws.page_size(size);
        let results = simulate(&aws, &["s3:GetObject", "s3:DeleteObject"], &[A, B]).await;
        let [get, delete] = &results[..] else {
            panic!("{results:?}")
        };
        assert_eq!(
            (get.eval_action_name(), get.eval_decision()),
            ("s3:GetObject", &ImplicitDeny)
        );
        assert_eq!(
            (delete.eval_action_name(), delete.eval_decision()),
            ("s3:DeleteObject", &ExplicitDeny)
        );
        let decisions: Vec<_> = get
            .resource_specific_results()
            .iter()
            .map(|single| (single.eval_resource_name(), single.eval_resource_decision()))
            .collect();
        assert_eq!(decisions, [(A, &Allowed), (B, &ImplicitDeny)]);
        assert!(get.organizations_decision_detail().is_none());
    }
}

#[tokio::test]
async fn without_resources_there_is_one_decision() {
    let aws = seeded().await;
    let results = simulate(&aws, &["s3:ListAllMyBuckets"], &[]).await;
    assert_eq!(results[0].eval_decision(), &ImplicitDeny);
    assert!(results[0].resource_specific_results().is_empty());
}

#[tokio::test]
async fn an_organization_and_a_boundary_refuse() {
    let aws = seeded().await;
    let account = aws.account(ACCOUNT);
    account.scp_denies("s3:Get*");
    let results = simulate(&aws, &["s3:GetObject", "s3:PutObject"], &[A]).await;
    let detail = |at: usize| {
        results[at]
            .organizations_decision_detail()
            .unwrap()
            .allowed_by_organizations()
    };
    assert_eq!((results[0].eval_decision(), detail(0)), (&ImplicitDeny, false));
    assert_eq!((results[1].eval_decision(), detail(1)), (&Allowed, true));
    account.scp_allows("s3:Get*");
    account.managed_policy("limit", &document("Allow", "sqs:*", "*"));
    let app = Role::named("app")
        .path("/team/")
        .inline("read", document("Allow", "s3:*", "*"));
    account.role(app.boundary("arn:aws:iam::111122223333:policy/limit"));
    let results = simulate(&aws, &["s3:GetObject"], &[A]).await;
    let single = &results[0].resource_specific_results()[0];
    assert_eq!(single.eval_resource_decision(), &ImplicitDeny);
    let detail = single.permissions_boundary_decision_detail().unwrap();
    assert!(!detail.allowed_by_permissions_boundary());
}

#[tokio::test]
async fn it_can_be_told_to_say_the_opposite() {
    let aws = seeded().await;
    aws.account(ACCOUNT).simulated_otherwise("s3:GetObject");
    let results = simulate(&aws, &["s3:GetObject", "s3:PutObject"], &[A]).await;
    assert_eq!(
        (results[0].eval_decision(), results[1].eval_decision()),
        (&ImplicitDeny, &Allowed)
    );
}

#[tokio::test]
async fn what_iam_does_not_simulate_is_refused() {
    let aws = seeded().await;
    let iam = iam(&aws, ACCOUNT).await;
    for (arn, action, refusal) in [
        (APP, "s3:Get*", (400, "InvalidInput")),
        (APP, "GetObject", (400, "InvalidInput")),
        (
            "arn:aws:sts::111122223333:assumed-role/app/session",
            "s3:GetObject",
            (400, "InvalidInput"),
        ),
        (
            "arn:aws:iam::111122223333:role/app",
            "s3:GetObject",
            (404, "NoSuchEntity"),
        ),
    ] {
        let call = iam
            .simulate_principal_policy()
            .policy_source_arn(arn)
            .action_names(action);
        let (status, code) = status_and_code(call.send().await);
        assert_eq!((status, code.as_str()), refusal, "{arn} {action}");
    }
}
