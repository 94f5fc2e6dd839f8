//! OpenID Connect providers: every operation, there and back.

use crate::clients::{ACCOUNT, code, iam, status_and_code};
use fake_aws::FakeAws;

const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const ARN: &str = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

#[tokio::test]
async fn a_seeded_provider_is_read_without_its_scheme() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT)
        .provider(ISSUER, ["sts.amazonaws.com"])
        .provider("https://other.example/", [""; 0]);
    let iam = iam(&aws, ACCOUNT).await;
    let list = iam.list_open_id_connect_providers().send().await.unwrap();
    let arns = list
        .open_id_connect_provider_list()
        .iter()
        .map(|entry| entry.arn().unwrap());
    assert_eq!(
        arns.collect::<Vec<_>>(),
        [ARN, "arn:aws:iam::111122223333:oidc-provider/other.example/"]
    );
    let provider = iam
        .get_open_id_connect_provider()
        .open_id_connect_provider_arn(ARN)
        .send()
        .await
        .unwrap();
    assert_eq!(provider.url(), ISSUER.strip_prefix("https://"));
    assert_eq!(provider.client_id_list(), ["sts.amazonaws.com"]);
    assert_eq!(provider.thumbprint_list().len(), 1);
    assert!(provider.create_date().is_some());
    aws.account(ACCOUNT).remove_provider(ISSUER);
    let gone = iam
        .get_open_id_connect_provider()
        .open_id_connect_provider_arn(ARN)
        .send()
        .await;
    assert_eq!(status_and_code(gone), (404, "NoSuchEntity".to_owned()));
}

#[tokio::test]
async fn providers_are_created_changed_and_deleted() {
    let aws = FakeAws::start().await.unwrap();
    let iam = iam(&aws, ACCOUNT).await;
    let tag = aws_sdk_iam::types::Tag::builder()
        .key("k")
        .value("v")
        .build()
        .unwrap();
    let create = |url: &str| {
        let request = iam
            .create_open_id_connect_provider()
            .url(url)
            .client_id_list("one");
        request.thumbprint_list("00").tags(tag.clone()).send()
    };
    let created = create(ISSUER).await.unwrap();
    assert_eq!(created.open_id_connect_provider_arn(), Some(ARN));
    assert_eq!(code(create(ISSUER).await), "EntityAlreadyExists");
    assert_eq!(code(create("http://plain.example").await), "ValidationError");

    let add = |id: &str| {
        let request = iam
            .add_client_id_to_open_id_connect_provider()
            .open_id_connect_provider_arn(ARN);
        request.client_id(id).send()
    };
    let remove = |id: &str| {
        let request = iam
            .remove_client_id_from_open_id_connect_provider()
            .open_id_connect_provider_arn(ARN);
        request.client_id(id).send()
    };
    add("two").await.unwrap();
    add("two").await.unwrap();
    remove("one").await.unwrap();
    remove("one").await.unwrap();
    let get = || {
        iam.get_open_id_connect_provider()
            .open_id_connect_provider_arn(ARN)
            .send()
    };
    let provider = get().await.unwrap();
    assert_eq!(provider.client_id_list(), ["two"]);
    assert_eq!(provider.thumbprint_list(), ["00"]);
    assert_eq!(provider.tags(), std::slice::from_ref(&tag));

    let delete = || {
        iam.delete_open_id_connect_provider()
            .open_id_connect_provider_arn(ARN)
            .send()
    };
    delete().await.unwrap();
    delete().await.unwrap();
    assert_eq!(code(get().await), "NoSuchEntity");
    assert_eq!(code(add("x").await), "NoSuchEntity");
}

#[tokio::test]
async fn a_provider_has_at_most_a_hundred_client_ids() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT)
        .provider(ISSUER, (0..100).map(|id| id.to_string()));
    let iam = iam(&aws, ACCOUNT).await;
    let add = iam
        .add_client_id_to_open_id_connect_provider()
        .open_id_connect_provider_arn(ARN);
    assert_eq!(code(add.client_id("one more").send().await), "LimitExceeded");
}
