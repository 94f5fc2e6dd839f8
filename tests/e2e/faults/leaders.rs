//! Two replicas, each behind a proxy of its own: whatever happens between the leader and the API server, one of them writes, and never both.
//! What happens to the leader itself is in `replicas`.

use std::time::{Duration, Instant};

use e2e::operator::Operator;
use e2e::world::{World, eventually};
use test_kit::{Calls, Proxy, ProxyFault};

use super::super::{Failure, Outcome, WITHIN, WORKS, annotate, fake_world, play, wait_for, wait_for_role};
use super::{MOST_CALLS, is_right};

const FLAGS: [&str; 2] = ["--leader-elect", "--lease-duration=10s"];

/// A new leader writes by then: the lease, what its follower waits besides, and its first reads.
const TAKEOVER: Duration = Duration::from_secs(20);

/// All statuses are right by then, also those that a late write of the former leader has changed.
const RIGHT: Duration = Duration::from_secs(10);

/// By then, the former leader has given up what it sent, and has lost its lease.
const LATE: Duration = Duration::from_secs(9);

/// The longest that a write is under way.
const TIMEOUT: Duration = Duration::from_secs(10);

struct Replica {
    proxy: Proxy,
    operator: Operator,
}

impl Replica {
    async fn start(world: &World) -> Result<Self, Failure> {
        let proxy = Proxy::start(world.plane()).await?;
        let operator = world.operator_through(&proxy, &FLAGS).await?;
        Ok(Self { proxy, operator })
    }

    async fn leads(&self) -> bool {
        let metrics = self.operator.metrics().await;
        metrics.is_ok_and(|metrics| metrics.total("irsa_audit_leader", &[]) == 1)
    }

    /// When the API server carried out its writes of statuses.
    fn writes(&self) -> Vec<Instant> {
        let calls = self.proxy.calls();
        let writes = calls.iter().filter(|call| call.path.ends_with("/status"));
        writes
            .filter_map(|call| call.answered.filter(|(code, _)| *code < 300).map(|(_, at)| at))
            .collect()
    }
}

pub(super) async fn whatever_happens_to_the_leader_one_replica_writes_and_never_both() -> Outcome {
    let world = fake_world().await?;
    for namespace in ["eksctl", "terraform", "wrong-namespace"] {
        play(&world, namespace).await?;
    }
    let mut leader = Replica::start(&world).await?;
    assert!(eventually(WITHIN, || leader.leads()).await);
    wait_for(&world, "eksctl", WORKS).await?;
    let mut follower = Replica::start(&world).await?;
    assert!(eventually(WITHIN, || follower.operator.is_ready()).await);

    let faults = [
        ("partitioned", ProxyFault::swallow()),
        ("answers are lost", ProxyFault::lose()),
        ("answers and events vanish", ProxyFault::mute()),
        (
            "requests vanish",
            ProxyFault::swallow().only(Calls::ExceptWatches),
        ),
        ("slow", ProxyFault::delay(Duration::from_secs(3))),
        ("slower than the lease", ProxyFault::delay(LATE)),
    ];
    for (number, (name, fault)) in faults.into_iter().enumerate() {
        leader.proxy.set([fault]);
        let begun = Instant::now();
        let before = leader.proxy.calls().len();
        let role = format!("arn:aws:iam::{number:012}:role/x");
        annotate(&world, "eksctl", Some(&role)).await?;
        assert!(
            eventually(TAKEOVER, || follower.leads()).await,
            "{name}\n{}",
            follower.operator.process().log()
        );
        wait_for_role(&world, "eksctl", &role).await?;
        assert!(begun.elapsed() <= TAKEOVER, "{name}: {:?}", begun.elapsed());
        let calls = u32::try_from(leader.proxy.calls().len() - before).unwrap_or(u32::MAX);
        let rate = f64::from(calls) / begun.elapsed().as_secs_f64();
        assert!(rate <= MOST_CALLS, "{name}: {rate} calls a second");
        leader.proxy.clear();
        leader.proxy.cut();
        // What the former one sent comes after what the new one wrote, and must not be what is left.
        let arrives = || async { leader.proxy.under_way() == 0 };
        assert!(eventually(WITHIN, arrives).await, "{name}");
        // The former one comes back, and leaves everything to the new one.
        let steps_down = || async { !leader.leads().await };
        assert!(eventually(WITHIN, steps_down).await, "{name}");
        let role = format!("arn:aws:iam::{number:012}:role/y");
        annotate(&world, "eksctl", Some(&role)).await?;
        wait_for_role(&world, "eksctl", &role).await?;
        let first = follower.writes().into_iter().find(|at| *at > begun);
        let last = leader.writes().into_iter().next_back();
        let overlap = last
            .zip(first)
            .map(|(last, first)| last.saturating_duration_since(first));
        assert!(overlap.unwrap_or_default() <= TIMEOUT, "{name}: {overlap:?}");
        std::mem::swap(&mut leader, &mut follower);
        is_right(&world, &leader.operator, RIGHT).await?;
    }
    Ok(())
}
