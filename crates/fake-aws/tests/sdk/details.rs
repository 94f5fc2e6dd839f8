//! `GetAccountAuthorizationDetails` and `GetAccountSummary`.

use crate::clients::{ACCOUNT, PERMISSIONS, TRUST, code, decoded, iam};
use aws_sdk_iam::types::{EntityType, SummaryKeyType};
use fake_aws::{FakeAws, Role};

const OWN: &str = "arn:aws:iam::111122223333:policy/own";

#[tokio::test]
async fn a_role_comes_with_everything_about_it() {
    let aws = FakeAws::start().await.unwrap();
    let used = "2026-11-01T00:00:00Z".parse().unwrap();
    let role = Role::named("app")
        .path("/x/")
        .trust(TRUST)
        .tag("k", "v")
        .boundary(OWN)
        .attached(OWN);
    aws.account(ACCOUNT)
        .role(role.inline("p", PERMISSIONS).last_used(used, "eu-west-1"));
    let iam = iam(&aws, ACCOUNT).await;
    let details = iam.get_account_authorization_details().send().await.unwrap();
    assert!(!details.is_truncated());
    let role = &details.role_detail_list()[0];
    assert_eq!(role.arn(), Some("arn:aws:iam::111122223333:role/x/app"));
    assert_eq!(decoded(role.assume_role_policy_document().unwrap()), TRUST);
    assert_eq!(role.role_policy_list()[0].policy_name(), Some("p"));
    assert_eq!(
        decoded(role.role_policy_list()[0].policy_document().unwrap()),
        PERMISSIONS
    );
    assert_eq!(role.attached_managed_policies()[0].policy_arn(), Some(OWN));
    assert_eq!(
        role.permissions_boundary().unwrap().permissions_boundary_arn(),
        Some(OWN)
    );
    assert_eq!((role.tags()[0].key(), role.tags()[0].value()), ("k", "v"));
    assert_eq!(role.role_last_used().unwrap().region(), Some("eu-west-1"));
    assert!(role.instance_profile_list().is_empty());
    let single = iam
        .get_role()
        .role_name("app")
        .send()
        .await
        .unwrap()
        .role
        .unwrap();
    assert_eq!(role.role_id(), Some(single.role_id()));
}

#[tokio::test]
async fn filters_choose_what_comes() {
    let aws = FakeAws::start().await.unwrap();
    let used = "arn:aws:iam::aws:policy/Used";
    aws.aws_managed_policy("Used", PERMISSIONS)
        .aws_managed_policy("Unused", PERMISSIONS);
    aws.account(ACCOUNT)
        .role(Role::named("app").attached(used).boundary(OWN))
        .managed_policy("own", PERMISSIONS);
    let iam = iam(&aws, ACCOUNT).await;
    let ask = |filter: Vec<EntityType>| async {
        let request = iam.get_account_authorization_details().set_filter(Some(filter));
        let answer = request.send().await.unwrap();
        let policies = answer
            .policies()
            .iter()
            .map(|policy| policy.arn().unwrap().to_owned());
        (answer.role_detail_list().len(), policies.collect::<Vec<_>>())
    };
    assert_eq!(ask(vec![]).await, (1, vec![OWN.to_owned(), used.to_owned()]));
    assert_eq!(ask(vec![EntityType::Role]).await, (1, vec![]));
    assert_eq!(
        ask(vec![EntityType::LocalManagedPolicy]).await,
        (0, vec![OWN.to_owned()])
    );
    assert_eq!(
        ask(vec![EntityType::User, EntityType::AwsManagedPolicy]).await,
        (0, vec![used.to_owned()])
    );
    let wrong = iam
        .get_account_authorization_details()
        .filter(EntityType::from("Roles"))
        .send()
        .await;
    assert_eq!(code(wrong), "ValidationError");
}

#[tokio::test]
async fn policies_come_with_their_document_and_use() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT)
        .role(Role::named("a").attached(OWN))
        .role(Role::named("b").attached(OWN).boundary(OWN))
        .managed_policy("own", PERMISSIONS);
    let iam = iam(&aws, ACCOUNT).await;
    let request = iam
        .get_account_authorization_details()
        .filter(EntityType::LocalManagedPolicy);
    let answer = request.send().await.unwrap();
    let policy = &answer.policies()[0];
    assert_eq!(
        (
            policy.attachment_count(),
            policy.permissions_boundary_usage_count()
        ),
        (Some(2), Some(1))
    );
    let version = &policy.policy_version_list()[0];
    assert_eq!(version.version_id(), policy.default_version_id());
    assert_eq!(decoded(version.document().unwrap()), PERMISSIONS);
}

#[tokio::test]
async fn the_summary_has_quotas_and_counts() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT).role(Role::named("a")).role(Role::named("b"));
    let summary = iam(&aws, ACCOUNT)
        .await
        .get_account_summary()
        .send()
        .await
        .unwrap()
        .summary_map
        .unwrap();
    assert_eq!(summary[&SummaryKeyType::AssumeRolePolicySizeQuota], 2048);
    assert_eq!(summary[&SummaryKeyType::from("Roles")], 2);
}
