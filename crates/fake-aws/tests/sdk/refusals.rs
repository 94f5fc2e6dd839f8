//! Refusals: permissions, keys, and operations that do not exist.

use crate::clients::{ACCOUNT, OTHER, code, config, eks, iam, message, status_and_code, sts};
use aws_credential_types::Credentials;
use fake_aws::{FakeAws, Role};

#[tokio::test]
async fn denied_actions_are_refused_in_the_words_of_aws() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT)
        .role(Role::named("app"))
        .eks_cluster("c", "https://issuer.example");
    aws.deny(ACCOUNT, "iam:*").deny(ACCOUNT, "eks:DescribeCluster");
    let iam = iam(&aws, ACCOUNT).await;
    let result = iam.get_role().role_name("app").send().await;
    assert_eq!(
        message(result),
        "User: arn:aws:iam::111122223333:user/fake-aws is not authorized to perform: iam:GetRole on resource: role \
         app because no identity-based policy allows the iam:GetRole action"
    );
    let refused = |result: String, resource: &str| {
        assert!(
            result.contains(&format!("on resource: {resource} because")),
            "{result}"
        );
    };
    refused(message(iam.get_account_authorization_details().send().await), "*");
    refused(
        message(iam.list_roles().send().await),
        "arn:aws:iam::111122223333:role/",
    );
    refused(
        message(iam.list_open_id_connect_providers().send().await),
        "arn:aws:iam::111122223333:oidc-provider/*",
    );
    let policy = "arn:aws:iam::aws:policy/P";
    refused(
        message(iam.get_policy().policy_arn(policy).send().await),
        &format!("policy {policy}"),
    );
    refused(
        message(eks(&aws, ACCOUNT).await.describe_cluster().name("c").send().await),
        "arn:aws:eks:eu-west-1:111122223333:cluster/c",
    );
    assert_eq!(
        status_and_code(iam.list_roles().send().await),
        (403, "AccessDenied".to_owned())
    );
    let eks = eks(&aws, ACCOUNT).await;
    assert_eq!(
        status_and_code(eks.describe_cluster().name("c").send().await),
        (403, "AccessDeniedException".to_owned())
    );
}

#[tokio::test]
async fn a_denial_is_of_one_account_and_can_be_taken_back() {
    let aws = FakeAws::start().await.unwrap();
    aws.deny(ACCOUNT, "iam:ListRoles");
    let (here, there) = (iam(&aws, ACCOUNT).await, iam(&aws, OTHER).await);
    assert_eq!(code(here.list_roles().send().await), "AccessDenied");
    here.list_open_id_connect_providers().send().await.unwrap();
    there.list_roles().send().await.unwrap();
    aws.allow(ACCOUNT, "iam:ListRoles");
    here.list_roles().send().await.unwrap();
}

#[tokio::test]
async fn nobody_is_denied_to_know_who_they_are() {
    let aws = FakeAws::start().await.unwrap();
    aws.deny(ACCOUNT, "*");
    let identity = sts(&aws, ACCOUNT)
        .await
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(identity.account(), Some(ACCOUNT));
    assert_eq!(identity.arn(), Some("arn:aws:iam::111122223333:user/fake-aws"));
    assert!(identity.user_id().is_some());
}

#[tokio::test]
async fn keys_that_are_not_ours_are_refused() {
    let aws = FakeAws::start().await.unwrap();
    let stranger = config(&aws, Credentials::new("AKIASTRANGER", "x", None, None, "test")).await;
    let iam = aws_sdk_iam::Client::new(&stranger);
    assert_eq!(
        status_and_code(iam.list_roles().send().await),
        (403, "InvalidClientTokenId".to_owned())
    );
    let eks = aws_sdk_eks::Client::new(&stranger);
    assert_eq!(
        code(eks.list_clusters().send().await),
        "UnrecognizedClientException"
    );
    assert_eq!(aws.calls()[0].account, "");
}

#[tokio::test]
async fn operations_that_do_not_exist_are_refused_and_counted() {
    let aws = FakeAws::start().await.unwrap();
    let iam = iam(&aws, ACCOUNT).await;
    assert_eq!(
        status_and_code(iam.list_users().send().await),
        (400, "InvalidAction".to_owned())
    );
    let sts = sts(&aws, ACCOUNT).await;
    assert_eq!(
        status_and_code(sts.get_session_token().send().await),
        (400, "InvalidAction".to_owned())
    );
    let eks = eks(&aws, ACCOUNT).await;
    let nodegroups = eks.list_nodegroups().cluster_name("c").send().await;
    assert_eq!(
        status_and_code(nodegroups),
        (404, "UnknownOperationException".to_owned())
    );
    assert_eq!((aws.count("ListUsers"), aws.count("GetSessionToken")), (1, 1));
    assert_eq!(aws.count("GET /clusters/c/node-groups"), 1);
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let aws = FakeAws::start().await.unwrap();
    let address = aws.endpoint().strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 16\r\n\r\nAction=ListRoles";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(
        answer.contains("<Code>MissingAuthenticationToken</Code>"),
        "{answer}"
    );
    assert_eq!(aws.count("ListRoles"), 1);
}
