//! From roles to the cluster: trust that nothing needs is told by the cluster's own audit, until somebody clears it away.

use e2e::aws::{HOME, Role};
use e2e::objects;
use e2e::trust;
use e2e::world::{ISSUER, World, eventually};
use serde_json::{Value, json};
use test_kit::Moto;

use super::fixes::Shells;
use super::{Outcome, WITHIN, WORKS, cluster_status, fake_world, play, wait_for};

/// The issuers of two other clusters: of the one nothing is left, of the other the cluster.
const GONE: &str = "https://oidc.eks.eu-central-1.amazonaws.com/id/00000000000000000000000000000000";
const THERE: &str = "https://oidc.eks.eu-central-1.amazonaws.com/id/11111111111111111111111111111111";

/// A role that trusts a ServiceAccount by an issuer.
fn trusting(name: &str, issuer: &str, service_account: &str) -> Role {
    let key = |claim: &str| format!("{}:{claim}", trust::host_path(issuer));
    let condition = json!({"StringEquals": {
        key("sub"): trust::subject("eksctl", service_account),
        key("aud"): trust::AUDIENCE,
    }});
    Role::new(
        name,
        trust::web_identity(&trust::provider_arn(HOME, issuer), &condition),
    )
}

async fn findings(world: &World) -> Vec<Value> {
    let status = cluster_status(world).await;
    status["findings"].as_array().cloned().unwrap_or_default()
}

async fn wait_for_codes(world: &World, codes: &[&str]) -> Vec<Value> {
    let has = async || {
        let found = findings(world).await;
        found
            .iter()
            .map(|finding| finding["code"].as_str())
            .eq(codes.iter().map(|code| Some(*code)))
    };
    assert!(
        eventually(WITHIN, has).await,
        "{codes:?}: {:?}",
        findings(world).await
    );
    findings(world).await
}

#[tokio::test]
async fn trust_that_nothing_needs_is_told_until_it_is_cleared_away() -> Outcome {
    // For its AWS CLI.
    let moto = Moto::start().await?;
    let world = fake_world().await?;
    play(&world, "eksctl").await?;
    let idle = objects::bare_service_account("eksctl", "idle");
    world.cluster().create(&idle).await?;
    for role in [
        trusting("retired", ISSUER, "retired"),
        trusting("spare", ISSUER, "idle"),
        trusting("orphan", GONE, "app"),
        trusting("survivor", THERE, "app"),
    ] {
        world.aws().create_role(&role).await?;
    }
    let home = world.aws().as_fake().expect("the fake").account(HOME);
    home.eks_cluster("there", THERE);
    let _operator = world.operator(&["--refresh=5s"]).await?;
    let found = wait_for_codes(&world, &["IRSA701", "IRSA703", "IRSA702"]).await;
    wait_for(&world, "eksctl", WORKS).await?;
    let message = |at: usize| found[at]["message"].as_str().unwrap_or_default();
    assert!(
        message(0).contains("eksctl/retired") && message(2).contains("`spare`"),
        "{found:?}"
    );
    assert!(
        message(1).contains("`orphan`") && !message(1).contains("`survivor`"),
        "{found:?}"
    );

    let shells = Shells::new(&world, &moto.aws_cli()).await?;
    let fix = found[1]["fix"].as_str().unwrap_or_default();
    let look = fix.split('`').nth(1).expect("a command");
    let shown = shells.home.run(look).await?;
    assert!(shown.contains(trust::host_path(GONE)), "{look}: {shown}");
    for name in ["retired", "orphan"] {
        let delete = format!(
            "aws iam delete-role-policy --role-name {name} --policy-name read && aws iam delete-role --role-name {name}"
        );
        shells.home.run(&delete).await?;
    }
    let of_instances = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let update =
        format!("aws iam update-assume-role-policy --role-name spare --policy-document '{of_instances}'");
    shells.home.run(&update).await?;
    wait_for_codes(&world, &[]).await;

    // The cluster goes, and its provider was never there.
    home.remove_eks_cluster("there");
    let found = wait_for_codes(&world, &["IRSA703"]).await;
    assert!(
        found[0]["message"]
            .as_str()
            .is_some_and(|message| message.contains("`survivor`")),
        "{found:?}"
    );
    let register = format!(
        "aws iam create-open-id-connect-provider --url {THERE} --client-id-list {}",
        trust::AUDIENCE
    );
    shells.home.run(&register).await?;
    wait_for_codes(&world, &[]).await;
    Ok(())
}
