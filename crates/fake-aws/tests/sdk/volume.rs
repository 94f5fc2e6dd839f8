//! As many roles as a large account has.

use crate::clients::{ACCOUNT, PERMISSIONS, TRUST, iam};
use aws_sdk_iam::types::EntityType;
use fake_aws::{FakeAws, Role};

#[tokio::test]
async fn thousands_of_roles_are_read_in_a_few_calls() {
    let aws = FakeAws::start().await.unwrap();
    let account = aws.account(ACCOUNT);
    for index in 0..4700 {
        let role = Role::named(format!("role-{index}"))
            .trust(TRUST)
            .tag("index", index.to_string());
        account.role(
            role.inline("p", PERMISSIONS)
                .attached("arn:aws:iam::aws:policy/ReadOnlyAccess"),
        );
    }
    let request = iam(&aws, ACCOUNT)
        .await
        .get_account_authorization_details()
        .filter(EntityType::Role);
    let mut pages = request.max_items(1000).into_paginator().send();
    let mut roles = 0;
    while let Some(page) = pages.next().await {
        roles += page.unwrap().role_detail_list().len();
    }
    assert_eq!(roles, 4700);
    assert_eq!(aws.count("GetAccountAuthorizationDetails"), 5);
}
