//! SDK clients pointed at a fake, and policy documents.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::retry::RetryConfig;
use fake_aws::FakeAws;
use std::time::Duration;

pub const ACCOUNT: &str = "111122223333";
pub const OTHER: &str = "444455556666";
pub const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.example/id/1"},"Action":"sts:AssumeRoleWithWebIdentity"}]}"#;
pub const PERMISSIONS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

/// Configuration for the fake with these credentials, without retries.
pub async fn config(aws: &FakeAws, credentials: Credentials) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(aws.endpoint())
        .region(Region::new("eu-west-1"))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .load()
        .await
}

/// Configuration as the account's user, without retries.
pub async fn user_config(aws: &FakeAws, account: &str) -> SdkConfig {
    let (key, secret) = aws.credentials(account);
    config(aws, Credentials::new(key, secret, None, None, "test")).await
}

/// An IAM client as the account's user, without retries.
pub async fn iam(aws: &FakeAws, account: &str) -> aws_sdk_iam::Client {
    aws_sdk_iam::Client::new(&user_config(aws, account).await)
}

/// An IAM client that makes up to `attempts` attempts, hardly waiting in between.
pub async fn retrying_iam(aws: &FakeAws, account: &str, attempts: u32) -> aws_sdk_iam::Client {
    let retries = RetryConfig::standard()
        .with_max_attempts(attempts)
        .with_initial_backoff(Duration::from_millis(1))
        .with_max_backoff(Duration::from_millis(2));
    let config = aws_sdk_iam::config::Builder::from(&user_config(aws, account).await).retry_config(retries);
    aws_sdk_iam::Client::from_conf(config.build())
}

/// An STS client as the account's user, without retries.
pub async fn sts(aws: &FakeAws, account: &str) -> aws_sdk_sts::Client {
    aws_sdk_sts::Client::new(&user_config(aws, account).await)
}

/// An EKS client as the account's user, without retries.
pub async fn eks(aws: &FakeAws, account: &str) -> aws_sdk_eks::Client {
    aws_sdk_eks::Client::new(&user_config(aws, account).await)
}

/// HTTP status and code of an answered error.
pub fn status_and_code<T, E>(result: Result<T, SdkError<E>>) -> (u16, String)
where
    E: ProvideErrorMetadata + std::fmt::Debug,
{
    let Err(error) = result else {
        panic!("expected an error")
    };
    let status = error
        .raw_response()
        .unwrap_or_else(|| panic!("no answer: {error:?}"))
        .status()
        .as_u16();
    (status, error.code().unwrap_or_default().to_owned())
}

/// Code of an answered error.
pub fn code<T, E>(result: Result<T, SdkError<E>>) -> String
where
    E: ProvideErrorMetadata + std::fmt::Debug,
{
    status_and_code(result).1
}

/// Message of an answered error.
pub fn message<T, E: ProvideErrorMetadata>(result: Result<T, SdkError<E>>) -> String {
    let Err(error) = result else {
        panic!("expected an error")
    };
    error.message().unwrap_or_default().to_owned()
}

/// A document without its percent-encoding.
pub fn decoded(document: &str) -> String {
    percent_encoding::percent_decode_str(document)
        .decode_utf8()
        .unwrap()
        .into_owned()
}
