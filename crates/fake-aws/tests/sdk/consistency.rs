//! Eventual consistency, as a caller sees it.

use crate::clients::{ACCOUNT, TRUST, code, decoded, iam};
use fake_aws::{FakeAws, Role};
use std::time::Duration;

async fn trust_of(iam: &aws_sdk_iam::Client, role: &str) -> String {
    let role = iam.get_role().role_name(role).send().await.unwrap().role.unwrap();
    decoded(role.assume_role_policy_document().unwrap())
}

#[tokio::test]
async fn reads_see_a_write_only_once_it_settled() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT).role(Role::named("app").trust("{}"));
    aws.consistency_delay(Duration::MAX);
    let iam = iam(&aws, ACCOUNT).await;
    iam.update_assume_role_policy()
        .role_name("app")
        .policy_document(TRUST)
        .send()
        .await
        .unwrap();
    iam.create_role()
        .role_name("new")
        .assume_role_policy_document(TRUST)
        .send()
        .await
        .unwrap();
    assert_eq!(trust_of(&iam, "app").await, "{}");
    assert_eq!(code(iam.get_role().role_name("new").send().await), "NoSuchEntity");
    let details = iam.get_account_authorization_details().send().await.unwrap();
    assert_eq!(details.role_detail_list().len(), 1);
    // What is really there is known to writes, and to the test.
    let again = iam
        .create_role()
        .role_name("new")
        .assume_role_policy_document(TRUST)
        .send()
        .await;
    assert_eq!(code(again), "EntityAlreadyExists");
    assert_eq!(aws.account(ACCOUNT).trust_document("app").as_deref(), Some(TRUST));
    aws.settle();
    assert_eq!(trust_of(&iam, "app").await, TRUST);
    iam.get_role().role_name("new").send().await.unwrap();
}

#[tokio::test]
async fn a_delay_passes() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT).role(Role::named("app").trust("{}"));
    aws.consistency_delay(Duration::from_millis(30));
    let iam = iam(&aws, ACCOUNT).await;
    iam.update_assume_role_policy()
        .role_name("app")
        .policy_document(TRUST)
        .send()
        .await
        .unwrap();
    while trust_of(&iam, "app").await != TRUST {
        tokio::task::yield_now().await;
    }
}
