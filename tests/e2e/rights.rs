//! The shipped manifest gives the operator all that it needs.

use e2e::world::eventually;

use super::{Outcome, WITHIN, WORKS, fake_world, play, wait_for};

/// Every other kind of write is needed by one of the other tests; here nothing may be refused either.
#[tokio::test]
async fn nothing_is_refused_with_the_shipped_rights() -> Outcome {
    let world = fake_world().await?;
    play(&world, "eksctl").await?;
    play(&world, "wrong-namespace").await?;
    let operator = world.operator(&["--leader-elect"]).await?;
    wait_for(&world, "eksctl", WORKS).await?;
    let done = [("write", "cluster"), ("outcome", "done")];
    let written = || async {
        let metrics = operator.metrics().await.unwrap_or_default();
        metrics.total("irsa_audit_writes_total", &done) > 0
    };
    assert!(eventually(WITHIN, written).await, "{}", operator.process().log());
    let announced = || async {
        let events = world.cluster().events("wrong-namespace").await;
        !events.unwrap_or_default().is_empty()
    };
    assert!(
        eventually(WITHIN, announced).await,
        "{}",
        operator.process().log()
    );
    let log = operator.process().log();
    assert!(
        !log.contains("forbidden") && !log.contains("not allowed"),
        "{log}"
    );
    Ok(())
}
