//! Roles, providers and clusters, one by one.

use audit_aws::evidence::{self, Answered};
use audit_aws::{DirectoryRequest, Failure, PieceAnswer, Reading};
use audit_core::model::{FailureKind, IssuerUrl, LastUsed, Provider, Role, RoleLookup, RolePolicies};
use fake_aws::{FakeAws, Fault};
use std::sync::Arc;

use crate::support::{HOME, HOST_PATH, ISSUER, Running, trust};

fn named(name: &str) -> fake_aws::Role {
    fake_aws::Role::named(name)
}

async fn lookup(running: &mut Running) -> Result<RoleLookup, Failure> {
    match running.next().await {
        Reading::Piece {
            account,
            answer: PieceAnswer::Role(Answered { result, .. }),
        } if account == HOME => result,
        other => panic!("{other:?}"),
    }
}

async fn found(running: &mut Running) -> Arc<Role> {
    match lookup(running).await {
        Ok(RoleLookup::Found(role)) => role,
        other => panic!("{other:?}"),
    }
}

async fn policies(running: &mut Running) -> Result<RolePolicies, Failure> {
    match running.next().await {
        Reading::Piece {
            account,
            answer: PieceAnswer::Policies(Answered { result, .. }),
        } if account == HOME => result,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_role_is_read_whether_or_not_its_document_is_encoded() {
    let document = trust(HOME, "system:serviceaccount:ns:app + 100%25");
    for encoded in [true, false] {
        let aws = FakeAws::start().await.unwrap();
        aws.encode_documents(encoded);
        aws.account(HOME)
            .role(named("app").path("/team/a/").trust(&document));
        let mut running = Running::at_home(&aws).await;
        running.role(HOME, "app");
        let role = found(&mut running).await;
        assert_eq!(
            role.arn.to_string(),
            format!("arn:aws:iam::{HOME}:role/team/a/app")
        );
        assert!(role.id.starts_with("AROA"), "{}", role.id);
        assert_eq!(*role.trust_text, *document);
        assert!(role.trust().is_whole());
        assert_eq!(policies(&mut running).await, Ok(RolePolicies::default()));
    }
}

#[tokio::test]
async fn a_role_tells_when_it_was_last_used() {
    let at = "2026-11-20T08:14:03Z".parse().unwrap();
    let aws = FakeAws::start().await.unwrap();
    let document = trust(HOME, "system:serviceaccount:ns:app");
    aws.account(HOME)
        .role(named("used").trust(&document).last_used(at, "eu-west-1"))
        .role(named("unused").trust(&document));
    let mut running = Running::at_home(&aws).await;
    for (name, expected) in [("used", LastUsed::At(at)), ("unused", LastUsed::Never)] {
        running.role(HOME, name);
        let role = found(&mut running).await;
        assert_eq!(role.last_used, expected);
        assert!(role.created.is_some() && role.told_after.is_none());
        assert_eq!(policies(&mut running).await, Ok(RolePolicies::default()));
    }
    running.listing(HOME, &[]);
    match running.next().await {
        Reading::Listing { result, .. } => {
            let roles = result.unwrap().roles;
            let roles = roles.iter().map(|role| role.role.as_ref().unwrap());
            let (used, created): (Vec<_>, Vec<_>) = roles.map(|role| (role.last_used, role.created)).unzip();
            assert!(created.iter().all(Option::is_some));
            assert!(
                used.contains(&LastUsed::At(at)) && used.contains(&LastUsed::Never),
                "{used:?}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_role_that_is_not_there_is_absent_and_asked_nothing_more() {
    let aws = FakeAws::start().await.unwrap();
    let mut running = Running::at_home(&aws).await;
    running.role(HOME, "app");
    assert!(matches!(lookup(&mut running).await, Ok(RoleLookup::Absent)));
    running.role(HOME, "app");
    assert!(matches!(lookup(&mut running).await, Ok(RoleLookup::Absent)));
    assert_eq!(
        (aws.count("GetRole"), aws.count("ListAttachedRolePolicies")),
        (2, 0)
    );
}

#[tokio::test]
async fn a_trust_policy_that_does_not_parse_is_evidence() {
    for document in ["{\"Statement\":", "", "nonsense %"] {
        let aws = FakeAws::start().await.unwrap();
        aws.account(HOME).role(named("app").trust(document));
        let mut running = Running::at_home(&aws).await;
        running.role(HOME, "app");
        let role = found(&mut running).await;
        assert_eq!(*role.trust_text, *document);
        assert!(role.trust().is_refused());
    }
}

#[tokio::test]
async fn policies_are_read_page_by_page() {
    let aws = FakeAws::start().await.unwrap();
    let arns: Vec<String> = (1..=5).map(|n| format!("arn:aws:iam::aws:policy/P{n}")).collect();
    let mut role = named("app");
    for arn in &arns {
        role = role.attached(arn);
    }
    for name in ["b", "a", "c"] {
        role = role.inline(name, r#"{"Version":"2012-10-17","Statement":[]}"#);
    }
    aws.account(HOME).role(role);
    aws.page_size(2).short_pages(true);
    let mut running = Running::at_home(&aws).await;
    running.role(HOME, "app");
    found(&mut running).await;
    let inline = vec!["a".to_owned(), "b".into(), "c".into()];
    assert_eq!(
        policies(&mut running).await,
        Ok(RolePolicies {
            attached: arns,
            inline
        })
    );
    assert!(aws.count("ListAttachedRolePolicies") >= 3 && aws.count("ListRolePolicies") >= 2);
}

#[tokio::test]
async fn a_role_that_goes_while_it_is_read_is_not_said_to_have_no_policies() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(HOME).role(named("app"));
    aws.fault(Fault::on("ListAttachedRolePolicies").error(404, "NoSuchEntity", "The role cannot be found."));
    let mut running = Running::at_home(&aws).await;
    running.role(HOME, "app");
    found(&mut running).await;
    assert_eq!(
        policies(&mut running).await.unwrap_err().kind,
        FailureKind::Unavailable
    );
}

#[tokio::test]
async fn an_arn_that_nobody_can_read_is_a_failure() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(HOME).role(named("app").path("/\u{e9}/"));
    let mut running = Running::at_home(&aws).await;
    running.role(HOME, "app");
    assert_eq!(
        lookup(&mut running).await.unwrap_err().kind,
        FailureKind::Unavailable
    );
}

async fn provider(running: &mut Running) -> Result<Option<Provider>, Failure> {
    let arn = format!("arn:aws:iam::{HOME}:oidc-provider/{HOST_PATH}");
    running.ask(HOME, evidence::Provider { arn: arn.clone() });
    match running.next().await {
        Reading::Piece {
            answer: PieceAnswer::Provider(Answered { asked, result, .. }),
            ..
        } if asked.arn == arn => result,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_provider_is_found_or_proven_absent() {
    let aws = FakeAws::start().await.unwrap();
    let mut running = Running::at_home(&aws).await;
    assert_eq!(provider(&mut running).await, Ok(None));
    aws.account(HOME).provider(ISSUER, ["sts.amazonaws.com", "other"]);
    let found = provider(&mut running).await.unwrap().unwrap();
    assert_eq!(found.url, HOST_PATH);
    assert_eq!(found.client_ids, ["sts.amazonaws.com", "other"]);
    aws.deny(HOME, "iam:GetOpenIDConnectProvider");
    let action = "iam:GetOpenIDConnectProvider".to_owned();
    assert_eq!(
        provider(&mut running).await.unwrap_err().kind,
        FailureKind::AccessDenied { action }
    );
}

#[tokio::test]
async fn the_issuer_of_a_cluster_is_read() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(HOME)
        .eks_cluster("good", ISSUER)
        .eks_cluster("bad", "http://x:8443");
    let mut running = Running::at_home(&aws).await;
    for (cluster, expected) in [
        ("good", Ok(IssuerUrl::parse(ISSUER).unwrap())),
        ("bad", Err(FailureKind::Unavailable)),
        ("none", Err(FailureKind::Unavailable)),
    ] {
        running.directory.request(DirectoryRequest::EksIssuer {
            cluster_name: cluster.into(),
        });
        let reading = running.next().await;
        let Reading::EksIssuer {
            cluster_name, result, ..
        } = reading
        else {
            panic!("{reading:?}")
        };
        assert_eq!(
            (cluster_name.as_str(), result.map_err(|f| f.kind)),
            (cluster, expected)
        );
    }
}
