//! A neighbour with the largest Roles and RoleBindings.

use std::time::Duration;

use k8s_openapi::api::rbac::v1 as rbac;
use kube::Client;
use serde_json::{Value, json};

use super::super::Error;
use super::Stage;
use super::shapes::{clear, create, edited_role, many};

/// How many of both.
const COUNT: usize = 300;

/// 300 Roles of 4,000 names that nothing else has, and 300 RoleBindings of 1,000 users to another Role, which lets them create pods every other second.
pub(super) async fn large_roles(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    create::<rbac::Role>(&client, toggled(0)).await?;
    many(COUNT, |n| {
        let client = &client;
        async move { make(client, n).await }
    })
    .await?;
    let operator = stage.settled().await?;
    let neighbour = edited_role(&client, Duration::from_secs(1), toggled);
    let probe = stage.probe(&operator).await?;
    neighbour.abort();
    println!(
        "{COUNT} Roles of 4,000 names and {COUNT} RoleBindings of 1,000 users to a Role that changes each second: {probe}"
    );
    clear(&client).await
}

async fn make(client: &Client, n: usize) -> Result<(), Error> {
    let names: Vec<String> = (0..4_000).map(|word| format!("{n}-{word:0>50}")).collect();
    let rule =
        json!({"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": names});
    let metadata = json!({"name": format!("large-{n}")});
    create::<rbac::Role>(client, json!({"metadata": metadata, "rules": [rule]})).await?;
    let users = (0..1_000).map(|user| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": format!("{n}-{user}@example.com")}));
    let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"});
    let body = json!({"metadata": metadata, "roleRef": reference, "subjects": users.collect::<Vec<_>>()});
    create::<rbac::RoleBinding>(client, body).await.map(drop)
}

/// The Role in one of its two states.
fn toggled(round: usize) -> Value {
    let verb = if round.is_multiple_of(2) { "create" } else { "get" };
    json!({"metadata": {"name": "r"}, "rules": [{"verbs": [verb], "apiGroups": [""], "resources": ["pods"]}]})
}
