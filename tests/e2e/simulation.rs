//! IAM's policy simulator confirms what is evaluated; where it disagrees, both answers are shown.

use audit_api::irsa_audit::VerdictName;
use e2e::aws::HOME;
use e2e::scenario::APP;
use e2e::world::eventually;
use fake_aws::FakeAws;

use super::audit_command::{live, printed};
use super::{Outcome, WITHIN, WORKS, cluster_status, codes, fake_world, play, wait_for};

/// Of its binding somebody expects what the role's policy allows.
const NAMESPACE: &str = "action-confirmed";
const OPERATION: &str = "SimulatePrincipalPolicy";
const DISAGREES: (VerdictName, &str) = (VerdictName::Unknown, "SimulationDisagrees");

/// Awaits that the simulator was asked so often.
async fn wait_for_simulations(fake: &FakeAws, times: usize) {
    let asked = || async { fake.count(OPERATION) >= times };
    assert!(eventually(WITHIN, asked).await, "{}", fake.count(OPERATION));
}

#[tokio::test]
async fn an_organizations_refusal_is_shown_until_it_is_lifted() -> Outcome {
    let world = fake_world().await?;
    let fake = world.aws().as_fake().expect("the fake");
    play(&world, NAMESPACE).await?;
    let _operator = world.operator(&[]).await?;
    wait_for(&world, NAMESPACE, WORKS).await?;
    wait_for_simulations(fake, 1).await;

    fake.account(HOME).scp_denies("s3:Get*");
    world.cluster().reaudit(NAMESPACE, APP, "1").await?;
    let audit = wait_for(&world, NAMESPACE, DISAGREES).await?;
    assert_eq!(codes(&audit), ["IRSA910"]);
    let message = audit.status.and_then(|status| status.message).unwrap_or_default();
    assert!(message.contains("SCP"), "{message}");
    let said = live(&world, &["--namespace", NAMESPACE]).await?;
    let (verdict, reason, codes) = &said[&format!("{NAMESPACE}/{APP}")];
    assert_eq!((verdict.as_str(), reason.as_str()), ("Unknown", DISAGREES.1));
    assert_eq!(codes.as_slice(), ["IRSA910"]);

    fake.account(HOME).scp_allows("s3:Get*");
    wait_for(&world, NAMESPACE, WORKS).await?;
    Ok(())
}

#[tokio::test]
async fn who_may_not_simulate_misses_nothing_else() -> Outcome {
    let world = fake_world().await?;
    let fake = world.aws().as_fake().expect("the fake");
    fake.deny(HOME, "iam:SimulatePrincipalPolicy");
    play(&world, NAMESPACE).await?;
    let _operator = world.operator(&[]).await?;
    wait_for(&world, NAMESPACE, WORKS).await?;
    wait_for_simulations(fake, 1).await;
    // Whatever would follow from the refusal has followed once the operator has looked again.
    world.cluster().reaudit(NAMESPACE, APP, "1").await?;
    wait_for_simulations(fake, 2).await;
    wait_for(&world, NAMESPACE, WORKS).await?;
    let findings = cluster_status(&world).await["findings"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let denied = findings.iter().any(|finding| finding["code"] == "IRSA901");
    assert!(!denied, "{findings:?}");
    assert_eq!(fake.count(OPERATION), 2);
    let printed = printed(&world, &["--namespace", NAMESPACE]).await?;
    assert_eq!(printed.matches("does not confirm").count(), 1, "{printed}");
    assert!(printed.contains(WORKS.1), "{printed}");
    Ok(())
}
