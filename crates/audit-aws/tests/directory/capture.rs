//! Accounts to be written down.

use std::collections::BTreeSet;

use audit_aws::Failure;
use audit_aws::capture::{CapturedAccount, DetailsPage, accounts};
use audit_core::model::{BindingKey, FailureKind, IssuerUrl};
use fake_aws::{FakeAws, Role};
use serde_json::{Value, json};

use crate::support::{HOME, HOST_PATH, ISSUER, OTHER, access, settings, trust};

const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

async fn home(aws: &FakeAws) -> CapturedAccount {
    accounts(settings(aws).await).await.unwrap().remove(0)
}

/// The roles and the policies of an account.
async fn details(account: &CapturedAccount) -> Result<(Vec<Value>, Vec<Value>), Failure> {
    let (mut roles, mut policies) = (Vec::new(), Vec::new());
    let mut pages = account.details();
    while let Some(page) = pages.next().await? {
        match page {
            DetailsPage::Roles(page) => {
                assert!(policies.is_empty(), "roles come first");
                roles.extend(page);
            }
            DetailsPage::Policies(page) => policies.extend(page),
        }
    }
    Ok((roles, policies))
}

fn policy_arn(name: &str) -> String {
    format!("arn:aws:iam::{HOME}:policy/{name}")
}

fn is_denied(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::AccessDenied { .. })
}

#[tokio::test]
async fn all_roles_come_with_their_policies_whatever_the_pages() {
    let aws = FakeAws::start().await.unwrap();
    let account = aws.account(HOME);
    account.managed_policy("attached", DOCUMENT);
    account.managed_policy("boundary", DOCUMENT);
    account.managed_policy("of-nobody", DOCUMENT);
    for number in 0..40 {
        account.role(Role::named(format!("other-{number}")));
    }
    let text = trust(HOME, "system:serviceaccount:shop:cart");
    account.role(
        Role::named("cart")
            .path("/a/")
            .trust(text.clone())
            .attached(policy_arn("attached"))
            .boundary(policy_arn("boundary"))
            .inline("own", DOCUMENT),
    );
    for (page_size, short_pages) in [(1000, false), (7, true)] {
        aws.page_size(page_size).short_pages(short_pages);
        let (roles, policies) = details(&home(&aws).await).await.unwrap();
        assert_eq!(roles.len(), 41);
        let cart = roles.iter().find(|role| role["RoleName"] == "cart").unwrap();
        assert_eq!(cart["Arn"], format!("arn:aws:iam::{HOME}:role/a/cart"));
        assert_eq!(cart["AssumeRolePolicyDocument"], text, "to the letter");
        assert_eq!(
            cart["AttachedManagedPolicies"][0]["PolicyArn"],
            policy_arn("attached")
        );
        assert_eq!(
            cart["PermissionsBoundary"]["PermissionsBoundaryArn"],
            policy_arn("boundary")
        );
        assert_eq!(
            cart["RolePolicyList"],
            json!([{"PolicyName": "own", "PolicyDocument": DOCUMENT}])
        );
        let arns: BTreeSet<&str> = policies
            .iter()
            .filter_map(|policy| policy["Arn"].as_str())
            .collect();
        assert_eq!(arns, [&*policy_arn("attached"), &*policy_arn("boundary")].into());
        for policy in &policies {
            assert_eq!(policy["PolicyVersionList"][0]["Document"], DOCUMENT);
        }
    }
    aws.deny(HOME, "iam:GetAccountAuthorizationDetails");
    assert!(is_denied(&details(&home(&aws).await).await.unwrap_err()));
}

#[tokio::test]
async fn single_roles_come_with_their_policies_and_absent_ones_are_told() {
    let aws = FakeAws::start().await.unwrap();
    let account = aws.account(HOME);
    account.managed_policy("attached", DOCUMENT);
    account.role(
        Role::named("cart")
            .attached(policy_arn("attached"))
            .inline("own", DOCUMENT),
    );
    let names: BTreeSet<String> = ["cart", "gone"].map(str::to_owned).into();
    let found = home(&aws).await.roles(&names).await;
    assert!(found.failure.is_none());
    assert_eq!(found.absent, ["gone".to_owned()].into());
    let role = &found.roles[0]["Role"];
    assert_eq!(
        role["AttachedManagedPolicies"][0]["PolicyArn"],
        policy_arn("attached")
    );
    assert_eq!(
        role["RolePolicyList"],
        json!([{"PolicyName": "own", "PolicyDocument": DOCUMENT}])
    );
    assert_eq!(found.policies[0]["PolicyVersionList"][0]["Document"], DOCUMENT);

    aws.deny(HOME, "iam:ListRolePolicies");
    let found = home(&aws).await.roles(&names).await;
    assert!(is_denied(&found.failure.unwrap()));
    let role = &found.roles[0]["Role"];
    assert!(
        role.get("RolePolicyList").is_none() && role["RoleName"] == "cart",
        "{role}"
    );
    aws.deny(HOME, "iam:GetRole");
    let found = home(&aws).await.roles(&names).await;
    assert!(found.roles.is_empty() && found.absent.is_empty() && found.failure.is_some());
}

#[tokio::test]
async fn providers_and_numbers_of_an_account() {
    let aws = FakeAws::start().await.unwrap();
    let account = aws.account(HOME);
    let issuer = IssuerUrl::parse(ISSUER).unwrap();
    let captured = home(&aws).await;
    let arn = captured.provider_arn(&issuer);
    assert_eq!(captured.provider(&arn).await, Ok(None));
    account.provider(ISSUER, ["sts.amazonaws.com"]).trust_quota(4096);
    account.role(Role::named("cart"));
    let provider = captured.provider(&arn).await.unwrap().unwrap();
    assert_eq!(
        provider,
        json!({"Url": HOST_PATH, "ClientIDList": ["sts.amazonaws.com"]})
    );
    let listed = captured.providers().await.unwrap();
    assert_eq!(listed, json!({"OpenIDConnectProviderList": [{"Arn": arn}]}));
    let summary = captured.summary().await.unwrap();
    assert_eq!(summary["SummaryMap"]["AssumeRolePolicySizeQuota"], 4096);
    aws.deny(HOME, "iam:GetOpenIDConnectProvider");
    assert!(is_denied(&captured.provider(&arn).await.unwrap_err()));
}

#[tokio::test]
async fn clusters_tell_their_region_and_associations_their_roles() {
    let aws = FakeAws::start().await.unwrap();
    let account = aws.account(HOME);
    let captured = home(&aws).await;
    let none = captured.clusters("eu-west-1").await.unwrap();
    assert_eq!(none.outputs, [json!({"clusters": [], "region": "eu-west-1"})]);
    account.eks_cluster("live", ISSUER);
    let found = captured.clusters("eu-west-1").await.unwrap();
    assert_eq!(
        found.outputs[0],
        json!({"clusters": ["live"], "region": "eu-west-1"})
    );
    assert_eq!(found.outputs[1]["cluster"]["identity"]["oidc"]["issuer"], ISSUER);
    assert_eq!(found.issuers.len(), 1);

    let role = format!("arn:aws:iam::{HOME}:role/cart");
    account.pod_identity_association("live", "shop", "cart", &role);
    account.pod_identity_association("live", "shop", "other", &role);
    let wanted: BTreeSet<BindingKey> = [BindingKey::new("shop", "cart")].into();
    let found = captured.associations("live", &wanted).await.unwrap();
    assert_eq!(found.outputs[0]["associations"].as_array().unwrap().len(), 2);
    let described: Vec<_> = found.outputs[1..].iter().map(|one| &one["association"]).collect();
    assert_eq!((described.len(), &described[0]["roleArn"]), (1, &json!(role)));
    aws.deny(HOME, "eks:DescribePodIdentityAssociation");
    let found = captured.associations("live", &wanted).await.unwrap();
    assert!(found.outputs.len() == 1 && is_denied(&found.failure.unwrap()));
}

#[tokio::test]
async fn each_account_is_entered_by_its_own_way() {
    let aws = FakeAws::start().await.unwrap();
    let root = format!("arn:aws:iam::{HOME}:root");
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}]});
    aws.account(OTHER)
        .role(Role::named("reader").trust(trust.to_string()));
    let mut settings = settings(&aws).await;
    settings.accounts = vec![access(&format!("{OTHER}=arn:aws:iam::{OTHER}:role/reader"))];
    let captured = accounts(settings).await.unwrap();
    let ids: Vec<_> = captured.iter().map(|one| (one.id(), one.is_home())).collect();
    assert_eq!(ids, [(HOME, true), (OTHER, false)]);
    let (roles, _) = details(&captured[1]).await.unwrap();
    assert!(roles[0]["Arn"].as_str().unwrap().contains(OTHER));
}
