//! Many accounts, and roles between them.

use crate::clients::{ACCOUNT, OTHER, code, config, iam, message, status_and_code, sts};
use aws_credential_types::Credentials;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use fake_aws::{FakeAws, Role};

const AUDITOR: &str = "arn:aws:iam::444455556666:role/audit/auditor";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
    "Principal":{"AWS":"arn:aws:iam::111122223333:root"},
    "Condition":{"StringEquals":{"sts:ExternalId":"secret"}}}]}"#;

async fn two_accounts() -> FakeAws {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT).role(Role::named("home"));
    aws.account(OTHER)
        .role(Role::named("auditor").path("/audit/").trust(TRUST))
        .role(Role::named("away"));
    aws
}

async fn assume(aws: &FakeAws, arn: &str) -> AssumeRoleFluentBuilder {
    sts(aws, ACCOUNT)
        .await
        .assume_role()
        .role_arn(arn)
        .role_session_name("session")
        .external_id("secret")
}

/// Credentials of a session, as the SDK takes them.
async fn session(aws: &FakeAws) -> Credentials {
    let answer = assume(aws, AUDITOR).await.send().await.unwrap();
    let given = answer.credentials.unwrap();
    Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        None,
        "test",
    )
}

#[tokio::test]
async fn each_account_has_its_own_roles() {
    let aws = two_accounts().await;
    let (here, there) = (iam(&aws, ACCOUNT).await, iam(&aws, OTHER).await);
    here.get_role().role_name("home").send().await.unwrap();
    there.get_role().role_name("away").send().await.unwrap();
    assert_eq!(
        code(here.get_role().role_name("away").send().await),
        "NoSuchEntity"
    );
    assert_eq!(
        code(there.get_role().role_name("home").send().await),
        "NoSuchEntity"
    );
}

#[tokio::test]
async fn an_assumed_role_acts_in_its_account() {
    let aws = two_accounts().await;
    let config = config(&aws, session(&aws).await).await;
    let identity = aws_sdk_sts::Client::new(&config)
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(identity.account(), Some(OTHER));
    assert_eq!(
        identity.arn(),
        Some("arn:aws:sts::444455556666:assumed-role/auditor/session")
    );
    let iam = aws_sdk_iam::Client::new(&config);
    iam.get_role().role_name("away").send().await.unwrap();
    aws.deny(OTHER, "iam:GetRole");
    let refused = message(iam.get_role().role_name("away").send().await);
    assert!(
        refused.contains("arn:aws:sts::444455556666:assumed-role/auditor/session"),
        "{refused}"
    );
    let accounts = aws
        .calls()
        .into_iter()
        .map(|call| call.account)
        .collect::<Vec<_>>();
    assert_eq!(accounts, [ACCOUNT, OTHER, OTHER, OTHER]);
}

#[tokio::test]
async fn the_sdk_assumes_roles_by_itself() {
    let aws = two_accounts().await;
    let provider = aws_config::sts::AssumeRoleProvider::builder(AUDITOR)
        .session_name("s")
        .external_id("secret")
        .configure(&crate::clients::user_config(&aws, ACCOUNT).await)
        .build()
        .await;
    let base = crate::clients::user_config(&aws, ACCOUNT).await.into_builder();
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(provider);
    let iam = aws_sdk_iam::Client::new(&base.credentials_provider(provider).build());
    iam.get_role().role_name("away").send().await.unwrap();
    iam.get_role().role_name("auditor").send().await.unwrap();
    assert_eq!((aws.count("AssumeRole"), aws.count("GetRole")), (1, 2));
}

#[tokio::test]
async fn whoever_is_not_trusted_is_refused() {
    let aws = two_accounts().await;
    let refused = (403, "AccessDenied".to_owned());
    let wrong_id = assume(&aws, AUDITOR).await.external_id("guess").send().await;
    assert_eq!(status_and_code(wrong_id), refused);
    let no_id = assume(&aws, AUDITOR).await.set_external_id(None).send().await;
    assert_eq!(status_and_code(no_id), refused);
    for arn in [
        // The whole ARN counts, path included.
        "arn:aws:iam::444455556666:role/auditor",
        "arn:aws:iam::444455556666:role/away",
        "arn:aws:iam::444455556666:role/none",
        "arn:aws:iam::999999999999:role/audit/auditor",
        "not an ARN of a role",
    ] {
        assert_eq!(
            status_and_code(assume(&aws, arn).await.send().await),
            refused,
            "{arn}"
        );
    }
    let refusal = message(
        assume(&aws, "arn:aws:iam::444455556666:role/away")
            .await
            .send()
            .await,
    );
    assert_eq!(
        refusal,
        "User: arn:aws:iam::111122223333:user/fake-aws is not authorized to perform: sts:AssumeRole on resource: \
         arn:aws:iam::444455556666:role/away"
    );
}

#[tokio::test]
async fn either_account_can_refuse() {
    let aws = two_accounts().await;
    for account in [ACCOUNT, OTHER] {
        aws.deny(account, "sts:AssumeRole");
        assert_eq!(
            code(assume(&aws, AUDITOR).await.send().await),
            "AccessDenied",
            "{account}"
        );
        aws.allow(account, "sts:AssumeRole");
    }
    assume(&aws, AUDITOR).await.send().await.unwrap();
}

#[tokio::test]
async fn a_session_ends_and_does_not_outlast_the_roles_limit() {
    let aws = two_accounts().await;
    let config = config(&aws, session(&aws).await).await;
    let iam = aws_sdk_iam::Client::new(&config);
    iam.list_roles().send().await.unwrap();
    aws.expire_sessions();
    assert_eq!(
        status_and_code(iam.list_roles().send().await),
        (403, "ExpiredToken".to_owned())
    );
    let long = assume(&aws, AUDITOR).await.duration_seconds(7200).send().await;
    assert_eq!(code(long), "ValidationError");
}

#[tokio::test]
async fn a_session_key_needs_its_token() {
    let aws = two_accounts().await;
    let whole = session(&aws).await;
    let bare = Credentials::new(
        whole.access_key_id(),
        whole.secret_access_key(),
        None,
        None,
        "test",
    );
    let iam = aws_sdk_iam::Client::new(&config(&aws, bare).await);
    assert_eq!(code(iam.list_roles().send().await), "InvalidClientTokenId");
}
