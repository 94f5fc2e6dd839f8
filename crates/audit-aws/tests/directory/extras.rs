//! What only some verdicts need: other providers, the quota of trust policies, associations of Pod Identity.

use std::collections::BTreeSet;

use audit_aws::evidence::{Answered, Clusters, PodIdentity, ProviderUrls, TrustQuota};
use audit_aws::{PieceAnswer, Reading};
use audit_core::model::{BindingKey, EksIssuer, FailureKind, PodIdentityAssociation};
use fake_aws::FakeAws;

use crate::support::{HOME, HOST_PATH, Running};

fn key(name: &str) -> BindingKey {
    BindingKey::new("shop", name)
}

fn denied(action: &str) -> FailureKind {
    FailureKind::AccessDenied {
        action: action.to_owned(),
    }
}

#[tokio::test]
async fn the_urls_of_providers_are_those_in_their_arns() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(HOME)
        .provider(&format!("https://{HOST_PATH}/"), ["sts.amazonaws.com"])
        .provider(
            "https://token.actions.githubusercontent.com",
            ["sts.amazonaws.com"],
        );
    let mut running = Running::at_home(&aws).await;
    let mut urls = async || {
        running.ask(HOME, ProviderUrls);
        match running.next().await {
            Reading::Piece {
                answer: PieceAnswer::ProviderUrls(Answered { result, .. }),
                ..
            } => result,
            other => panic!("{other:?}"),
        }
    };
    let expected = [
        format!("{HOST_PATH}/"),
        "token.actions.githubusercontent.com".to_owned(),
    ];
    assert_eq!(urls().await.unwrap(), expected);
    aws.deny(HOME, "iam:ListOpenIDConnectProviders");
    assert_eq!(
        urls().await.unwrap_err().kind,
        denied("iam:ListOpenIDConnectProviders")
    );
}

#[tokio::test]
async fn the_quota_is_the_accounts_own() {
    let aws = FakeAws::start().await.unwrap();
    let mut running = Running::at_home(&aws).await;
    let mut quota = async || {
        running.ask(HOME, TrustQuota);
        match running.next().await {
            Reading::Piece {
                answer: PieceAnswer::TrustQuota(Answered { result, .. }),
                ..
            } => result,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(quota().await, Ok(2048));
    aws.account(HOME).trust_quota(4096);
    assert_eq!(quota().await, Ok(4096));
    aws.deny(HOME, "iam:GetAccountSummary");
    assert_eq!(quota().await.unwrap_err().kind, denied("iam:GetAccountSummary"));
}

#[tokio::test]
async fn associations_are_read_whole_and_of_their_roles_only_those_that_matter() {
    let aws = FakeAws::start().await.unwrap();
    aws.page_size(2).short_pages(true);
    let home = aws.account(HOME);
    home.eks_cluster("prod", "https://oidc.example.com/id/A");
    let role = |name: &str| format!("arn:aws:iam::{HOME}:role/{name}");
    for name in ["a", "b", "c", "d", "e"] {
        home.pod_identity_association("prod", "shop", name, &role(name));
    }
    let mut running = Running::at_home(&aws).await;
    let mut read = async || {
        let wanted: BTreeSet<_> = [key("b"), key("d"), key("z")].into();
        let cluster_name = "prod".to_owned();
        running.ask(HOME, PodIdentity { cluster_name, wanted });
        match running.next().await {
            Reading::Piece {
                answer: PieceAnswer::PodIdentity(Answered { result, trouble, .. }),
                ..
            } => (result, trouble),
            other => panic!("{other:?}"),
        }
    };
    let (result, trouble) = read().await;
    let found = result.unwrap();
    let roles: Vec<_> = found
        .values()
        .map(|association: &PodIdentityAssociation| association.role_arn.clone())
        .collect();
    assert_eq!(roles, [None, Some(role("b")), None, Some(role("d")), None]);
    assert!(
        trouble.is_none()
            && found
                .keys()
                .eq([key("a"), key("b"), key("c"), key("d"), key("e")].iter())
    );
    assert_eq!(aws.count("DescribePodIdentityAssociation"), 2);

    aws.deny(HOME, "eks:DescribePodIdentityAssociation").reset_calls();
    let (result, trouble) = read().await;
    assert_eq!(
        result.unwrap().len(),
        5,
        "that they are there is known all the same"
    );
    assert_eq!(
        trouble.unwrap().kind,
        denied("eks:DescribePodIdentityAssociation")
    );
    assert_eq!(
        aws.count("DescribePodIdentityAssociation"),
        1,
        "the next would be denied as well"
    );

    aws.deny(HOME, "eks:ListPodIdentityAssociations");
    assert_eq!(
        read().await.0.unwrap_err().kind,
        denied("eks:ListPodIdentityAssociations")
    );
}

#[tokio::test]
async fn clusters_are_listed_and_described_in_their_own_region() {
    let aws = FakeAws::start().await.unwrap();
    aws.page_size(2).short_pages(true);
    let url = |region: &str, id: &str| format!("https://oidc.eks.{region}.amazonaws.com/id/{id}");
    let home = aws.account(HOME);
    for (name, region) in [
        ("A", "us-east-1"),
        ("B", "us-east-1"),
        ("C", "us-east-1"),
        ("D", "us-east-2"),
    ] {
        home.eks_cluster(name, &url(region, name));
    }
    let mut running = Running::at_home(&aws).await;
    let mut read = async || {
        let region = "us-east-1".to_owned();
        running.ask(HOME, Clusters { region });
        match running.next().await {
            Reading::Piece {
                answer: PieceAnswer::Clusters(Answered { asked, result, .. }),
                ..
            } if asked.region == "us-east-1" => result,
            other => panic!("{other:?}"),
        }
    };
    let issuer = |id: &str| EksIssuer::parse(url("us-east-1", id).trim_start_matches("https://")).unwrap();
    let expected: BTreeSet<_> = ["A", "B", "C"].map(issuer).into();
    let clusters = read().await.unwrap();
    assert!(clusters.is_whole);
    assert_eq!(clusters.issuers, expected);
    assert_eq!(aws.count("DescribeCluster"), 3);
    for action in ["eks:DescribeCluster", "eks:ListClusters"] {
        aws.deny(HOME, action);
        assert_eq!(read().await.unwrap_err().kind, denied(action));
    }
}
