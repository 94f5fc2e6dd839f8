//! Listings in pages, through the SDK's own paginators.

use crate::clients::{ACCOUNT, PERMISSIONS, code, iam};
use fake_aws::{FakeAws, Role};

async fn with_roles(count: usize) -> FakeAws {
    let aws = FakeAws::start().await.unwrap();
    let account = aws.account(ACCOUNT);
    for index in 0..count {
        account.role(Role::named(format!("role-{index:04}")));
    }
    aws
}

/// Names of all roles, and the sizes of the pages they came in.
async fn listed(aws: &FakeAws) -> (Vec<String>, Vec<usize>) {
    let (mut names, mut sizes) = (Vec::new(), Vec::new());
    let mut pages = iam(aws, ACCOUNT).await.list_roles().into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        sizes.push(page.roles().len());
        names.extend(page.roles.into_iter().map(|role| role.role_name));
    }
    (names, sizes)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("role-{index:04}")).collect()
}

#[tokio::test]
async fn a_page_holds_a_hundred_unless_asked() {
    let aws = with_roles(250).await;
    assert_eq!(listed(&aws).await, (names(250), vec![100, 100, 50]));
    aws.page_size(99);
    assert_eq!(listed(&aws).await.1, [99, 99, 52]);
    let iam = iam(&aws, ACCOUNT).await;
    assert_eq!(
        iam.list_roles().max_items(7).send().await.unwrap().roles().len(),
        7
    );
    assert_eq!(
        code(iam.list_roles().max_items(1001).send().await),
        "ValidationError"
    );
    assert_eq!(
        code(iam.list_roles().marker("made up").send().await),
        "ValidationError"
    );
}

#[tokio::test]
async fn short_and_empty_pages_lose_nothing() {
    let aws = with_roles(9).await;
    aws.page_size(4).short_pages(true);
    let (found, sizes) = listed(&aws).await;
    assert_eq!(found, names(9));
    assert_eq!(sizes, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    aws.short_pages(false);
    assert_eq!(listed(&aws).await.1, [4, 4, 1]);
}

#[tokio::test]
async fn details_span_roles_and_policies_over_short_pages() {
    let aws = with_roles(5).await;
    aws.short_pages(true).page_size(3);
    aws.account(ACCOUNT)
        .managed_policy("a", PERMISSIONS)
        .managed_policy("b", PERMISSIONS);
    let (mut roles, mut policies, mut calls) = (Vec::new(), Vec::new(), 0);
    let mut pages = iam(&aws, ACCOUNT)
        .await
        .get_account_authorization_details()
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        calls += 1;
        roles.extend(
            page.role_detail_list
                .into_iter()
                .flatten()
                .filter_map(|role| role.role_name),
        );
        policies.extend(
            page.policies
                .into_iter()
                .flatten()
                .filter_map(|policy| policy.policy_name),
        );
    }
    assert_eq!(roles, names(5));
    assert_eq!(policies, ["a", "b"]);
    assert_eq!(aws.count("GetAccountAuthorizationDetails"), calls);
}

#[tokio::test]
async fn policies_of_a_role_come_in_pages_too() {
    let aws = FakeAws::start().await.unwrap();
    let mut role = Role::named("app");
    for index in 0..3 {
        role = role
            .inline(format!("p{index}"), PERMISSIONS)
            .attached(format!("arn:aws:iam::aws:policy/P{index}"));
    }
    aws.page_size(2).account(ACCOUNT).role(role);
    let iam = iam(&aws, ACCOUNT).await;
    let inline = iam
        .list_role_policies()
        .role_name("app")
        .into_paginator()
        .items()
        .send()
        .collect::<Vec<_>>();
    assert_eq!(
        inline.await.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
        ["p0", "p1", "p2"]
    );
    let attached = iam
        .list_attached_role_policies()
        .role_name("app")
        .into_paginator()
        .items()
        .send();
    assert_eq!(attached.collect::<Vec<_>>().await.len(), 3);
    assert_eq!(
        (
            aws.count("ListRolePolicies"),
            aws.count("ListAttachedRolePolicies")
        ),
        (2, 2)
    );
}

#[tokio::test]
async fn a_listing_that_changes_underway_keeps_its_place() {
    let aws = with_roles(4).await;
    let iam = iam(&aws, ACCOUNT).await;
    let first = iam.list_roles().max_items(2).send().await.unwrap();
    aws.account(ACCOUNT)
        .remove_role("role-0001")
        .role(Role::named("role-0000a"));
    let rest = iam
        .list_roles()
        .marker(first.marker().unwrap())
        .send()
        .await
        .unwrap();
    let rest = rest
        .roles()
        .iter()
        .map(aws_sdk_iam::types::Role::role_name)
        .collect::<Vec<_>>();
    assert_eq!(rest, ["role-0002", "role-0003"]);
}
