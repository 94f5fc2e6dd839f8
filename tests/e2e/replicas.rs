//! Two replicas: one leads, the other is ready to.

use std::time::Duration;

use e2e::operator::Operator;
use e2e::world::{World, eventually};
use test_kit::Signal;

use super::{Failure, Outcome, WITHIN, WORKS, annotate, fake_world, play, wait_for, wait_for_role};

const LEASE: Duration = Duration::from_secs(10);

/// A new leader must be there by then.
const TAKEOVER: Duration = LEASE.saturating_add(Duration::from_secs(5));

async fn leads(operator: &Operator) -> bool {
    let metrics = operator.metrics().await;
    metrics.is_ok_and(|metrics| metrics.total("irsa_audit_leader", &[]) == 1)
}

async fn writes(operator: &Operator) -> Result<u64, Failure> {
    Ok(operator.metrics().await?.total("irsa_audit_writes_total", &[]))
}

/// A leader with a healthy binding, and its follower.
async fn pair(world: &World) -> Result<(Operator, Operator), Failure> {
    let flags = ["--leader-elect", "--lease-duration=10s"];
    play(world, "eksctl").await?;
    let leader = world.operator(&flags).await?;
    assert!(
        eventually(WITHIN, || leads(&leader)).await,
        "{}",
        leader.process().log()
    );
    wait_for(world, "eksctl", WORKS).await?;
    let follower = world.operator(&flags).await?;
    assert!(
        eventually(WITHIN, || follower.is_ready()).await,
        "{}",
        follower.process().log()
    );
    Ok((leader, follower))
}

/// Changes the binding, and awaits that whoever leads says so.
async fn led(world: &World, role_arn: &str) -> Outcome {
    annotate(world, "eksctl", Some(role_arn)).await?;
    wait_for_role(world, "eksctl", role_arn).await
}

#[tokio::test]
async fn a_killed_leader_is_followed() -> Outcome {
    let world = fake_world().await?;
    let (leader, follower) = pair(&world).await?;
    // It watches, it is ready, and it leaves everything to the leader.
    led(&world, "arn:aws:iam::1:role/x").await?;
    assert!(follower.is_ready().await && !leads(&follower).await);
    assert_eq!(writes(&follower).await?, 0);
    assert!(!follower.metrics().await?.mention(&[("namespace", "eksctl")]));

    leader.process().signal(Signal::Kill)?;
    assert!(
        eventually(TAKEOVER, || leads(&follower)).await,
        "{}",
        follower.process().log()
    );
    led(&world, "arn:aws:iam::2:role/x").await?;
    assert!(follower.metrics().await?.mention(&[("namespace", "eksctl")]));
    Ok(())
}

#[tokio::test]
async fn a_paused_leader_has_stepped_down_when_it_wakes_up() -> Outcome {
    let world = fake_world().await?;
    let (leader, follower) = pair(&world).await?;
    let written = writes(&leader).await?;
    leader.process().signal(Signal::Stop)?;
    assert!(
        eventually(TAKEOVER, || leads(&follower)).await,
        "{}",
        follower.process().log()
    );
    // What it will find when it wakes up, and would write if it still believed that it leads.
    led(&world, "arn:aws:iam::3:role/x").await?;

    leader.process().signal(Signal::Cont)?;
    assert!(
        eventually(WITHIN, || async {
            leader.is_ready().await && !leads(&leader).await
        })
        .await
    );
    led(&world, "arn:aws:iam::4:role/x").await?;
    assert!(leads(&follower).await && !leads(&leader).await);
    assert_eq!(writes(&leader).await?, written, "{}", leader.process().log());
    Ok(())
}
