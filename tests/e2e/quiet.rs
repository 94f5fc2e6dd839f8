//! Healthy bindings cost nothing between two refreshes.

use e2e::operator::Operator;
use e2e::scenario::{self, APP};
use e2e::world::eventually;

use super::lifecycle::unrelated_change;
use super::{Failure, Outcome, WITHIN, annotate, fake_world, wait_for, wait_for_role};

/// The statuses that were written so far, whatever came of it.
async fn status_writes(operator: &Operator) -> Result<u64, Failure> {
    let metrics = operator.metrics().await?;
    Ok(metrics.total("irsa_audit_writes_total", &[("write", "status")]))
}

#[tokio::test]
async fn healthy_bindings_cause_no_writes_and_no_calls_to_aws() -> Outcome {
    let world = fake_world().await?;
    let (cluster, fake) = (world.cluster(), world.aws().as_fake().expect("the fake"));
    for scenario in scenario::healthy() {
        world.play(&scenario).await?;
    }
    let operator = world.operator(&["--refresh=1h"]).await?;
    for scenario in scenario::healthy() {
        wait_for(&world, scenario.namespace, (scenario.verdict, scenario.reason)).await?;
    }
    // Whatever its own writes set in motion has come to rest once this is through.
    let busy = "arn-malformed";
    unrelated_change(&world).await?;
    let mut before = cluster.audit_versions().await?;
    let written = status_writes(&operator).await?;
    fake.reset_calls();

    for role_arn in [
        "arn:aws:iam::1:role/x",
        "arn:aws:iam::2:role/x",
        "arn:aws:iam::3:role/x",
    ] {
        annotate(&world, busy, Some(role_arn)).await?;
        wait_for_role(&world, busy, role_arn).await?;
    }

    let mut after = cluster.audit_versions().await?;
    let busy = format!("{busy}/{APP}");
    assert_ne!(before.remove(&busy), after.remove(&busy));
    assert_eq!(after, before);
    // The status may be seen before the answer to its write, which is counted.
    let counted = || async {
        status_writes(&operator)
            .await
            .is_ok_and(|writes| writes >= written + 3)
    };
    assert!(eventually(WITHIN, counted).await);
    assert_eq!(status_writes(&operator).await?, written + 3);
    let calls: Vec<String> = fake.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, [""; 0]);
    Ok(())
}
