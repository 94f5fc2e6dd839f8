//! EKS: every operation.

use crate::clients::{ACCOUNT, code, eks, status_and_code};
use fake_aws::FakeAws;

#[tokio::test]
async fn clusters_have_their_own_issuers() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT)
        .eks_cluster("a", "https://issuer.example/a")
        .eks_cluster("b", "https://issuer.example/b");
    let eks = eks(&aws, ACCOUNT).await;
    let cluster = eks
        .describe_cluster()
        .name("b")
        .send()
        .await
        .unwrap()
        .cluster
        .unwrap();
    assert_eq!(
        cluster.arn(),
        Some("arn:aws:eks:eu-west-1:111122223333:cluster/b")
    );
    let issuer = cluster
        .identity()
        .and_then(|identity| identity.oidc())
        .and_then(|oidc| oidc.issuer());
    assert_eq!(issuer, Some("https://issuer.example/b"));
    let missing = eks.describe_cluster().name("none").send().await;
    assert_eq!(
        status_and_code(missing),
        (404, "ResourceNotFoundException".to_owned())
    );
}

#[tokio::test]
async fn clusters_are_listed_in_pages() {
    let aws = FakeAws::start().await.unwrap();
    for name in ["a", "b", "c", "d"] {
        aws.account(ACCOUNT).eks_cluster(name, "https://issuer.example");
    }
    aws.short_pages(true).page_size(2);
    let eks = eks(&aws, ACCOUNT).await;
    let names = eks
        .list_clusters()
        .into_paginator()
        .items()
        .send()
        .collect::<Vec<_>>()
        .await;
    assert_eq!(
        names.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
        ["a", "b", "c", "d"]
    );
    assert!(aws.count("ListClusters") > 2);
    assert_eq!(
        code(eks.list_clusters().next_token("made up").send().await),
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn a_cluster_is_in_the_region_of_its_issuer() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT)
        .eks_cluster("here", "https://oidc.eks.eu-west-1.amazonaws.com/id/A")
        .eks_cluster("there", "https://oidc.eks.us-east-1.amazonaws.com/id/B");
    let eks = eks(&aws, ACCOUNT).await;
    let listed = eks.list_clusters().send().await.unwrap();
    assert_eq!(listed.clusters(), ["here"]);
    assert!(eks.describe_cluster().name("here").send().await.is_ok());
    let there = eks.describe_cluster().name("there").send().await;
    assert_eq!(
        status_and_code(there),
        (404, "ResourceNotFoundException".to_owned())
    );
}

#[tokio::test]
async fn associations_are_listed_in_pages_without_their_roles() {
    let aws = FakeAws::start().await.unwrap();
    aws.page_size(2);
    let account = aws.account(ACCOUNT);
    account.eks_cluster("prod", "https://oidc.example.com/id/A");
    for name in ["a", "b", "c"] {
        account.pod_identity_association(
            "prod",
            "shop",
            name,
            &format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
        );
    }
    let eks = eks(&aws, ACCOUNT).await;
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let list = eks.list_pod_identity_associations().cluster_name("prod");
        let page = list.set_next_token(token).send().await.unwrap();
        found.extend(page.associations.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    let names: Vec<_> = found.iter().filter_map(|item| item.service_account()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let id = found[1].association_id().unwrap();
    let describe = |cluster: &str, id: &str| {
        eks.describe_pod_identity_association()
            .cluster_name(cluster)
            .association_id(id)
            .send()
    };
    let described = describe("prod", id).await.unwrap().association.unwrap();
    assert_eq!(
        described.role_arn(),
        Some(format!("arn:aws:iam::{ACCOUNT}:role/b").as_str())
    );
    assert!(describe("prod", "a-none").await.is_err() && describe("other", id).await.is_err());
}
