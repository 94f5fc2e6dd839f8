//! The log of calls.

use crate::clients::{ACCOUNT, OTHER, eks, iam, sts};
use fake_aws::{FakeAws, Outcome, Role};

#[tokio::test]
async fn a_call_is_logged_with_all_that_identifies_it() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(OTHER).role(Role::named("app"));
    let request = iam(&aws, OTHER).await.get_account_authorization_details();
    request
        .filter(aws_sdk_iam::types::EntityType::Role)
        .max_items(5)
        .send()
        .await
        .unwrap();
    eks(&aws, ACCOUNT)
        .await
        .describe_cluster()
        .name("c")
        .send()
        .await
        .unwrap_err();
    let calls = aws.calls();
    let [details, cluster] = calls.as_slice() else {
        panic!("{calls:?}")
    };
    assert_eq!(
        (&*details.account, &*details.service, &*details.operation),
        (OTHER, "iam", "GetAccountAuthorizationDetails")
    );
    let parameters = details.parameters.iter().map(|(name, value)| (&**name, &**value));
    assert_eq!(
        parameters.collect::<Vec<_>>(),
        [("Filter.member.1", "Role"), ("MaxItems", "5")]
    );
    assert_eq!(details.outcome, Outcome::Success);
    assert_eq!(
        (&*cluster.service, &*cluster.operation),
        ("eks", "DescribeCluster")
    );
    assert_eq!(cluster.parameters["name"], "c");
    assert_eq!(
        cluster.outcome,
        Outcome::Error {
            status: 404,
            code: "ResourceNotFoundException".to_owned()
        }
    );
    assert!(details.at <= cluster.at);
}

#[tokio::test]
async fn calls_are_counted_from_the_last_reset() {
    let aws = FakeAws::start().await.unwrap();
    let sts = sts(&aws, ACCOUNT).await;
    for expected in 1..=2 {
        sts.get_caller_identity().send().await.unwrap();
        assert_eq!(aws.count("GetCallerIdentity"), expected);
    }
    aws.reset_calls();
    assert_eq!(aws.count("GetCallerIdentity"), 0);
    assert!(aws.calls().is_empty());
}

#[tokio::test]
async fn calls_to_come_can_be_awaited() {
    let aws = FakeAws::start().await.unwrap();
    let sts = sts(&aws, ACCOUNT).await;
    let caller = tokio::spawn(async move {
        for _ in 0..3 {
            sts.get_caller_identity().send().await.unwrap();
        }
    });
    aws.wait_for_calls("GetCallerIdentity", 3).await;
    assert_eq!(aws.count("GetCallerIdentity"), 3);
    caller.await.unwrap();
    aws.wait_for_calls("GetCallerIdentity", 3).await;
}
