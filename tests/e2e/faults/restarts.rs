//! The control plane's programs end and start again, and its answers fail now and then.

use std::time::Duration;

use kube::ResourceExt as _;
use test_kit::{Calls, ProxyFault, Signal};

use super::super::Outcome;
use super::{MOST_CALLS, SOON, Stage, log_lines};

/// How long a storm lasts.
const STORM: Duration = Duration::from_secs(6);

/// A replica that lost its lease meanwhile wins it again, and reads the account anew, before it shows a change.
const AFTER_A_LEASE: Duration = SOON.saturating_mul(3);

/// A watch without a bookmark for 90 s is given up.
const NOTICED: Duration = Duration::from_secs(105);

#[tokio::test]
async fn after_restarts_and_storms_all_is_right_and_the_log_is_short() -> Outcome {
    let mut stage = Stage::set(&["--leader-elect", "--log-format=json"]).await?;
    let before = stage.proxy.calls().len();

    stage.world.plane().api_server().signal(Signal::Kill)?;
    let rate = stage.last(STORM).await;
    assert!(
        rate <= MOST_CALLS,
        "{rate} calls a second while the API server is away"
    );
    stage.world.plane_mut().restart_api_server().await?;
    stage.change(AFTER_A_LEASE).await?;

    stage.world.plane().etcd().signal(Signal::Kill)?;
    let rate = stage.last(STORM).await;
    assert!(rate <= MOST_CALLS, "{rate} calls a second while etcd is away");
    stage.world.plane_mut().restart_etcd().await?;
    stage.change(AFTER_A_LEASE).await?;

    let storms = [
        vec![ProxyFault::answer(410, None).only(Calls::Watches)],
        vec![ProxyFault::answer(429, Some(1)).one_in(2)],
        vec![ProxyFault::answer(500, None).one_in(3)],
        vec![ProxyFault::garbage().only(Calls::Watches).one_in(2)],
        vec![ProxyFault::refuse().one_in(2)],
    ];
    for faults in storms {
        stage.proxy.set(faults.clone());
        for _ in 0..8 {
            stage.proxy.cut();
            stage.last(STORM / 8).await;
        }
        stage.proxy.clear();
        // What waits for a listing anew, or has lost its lease, takes longest.
        let took = stage.change(4 * SOON).await?;
        assert!(took <= 3 * SOON, "{faults:?}: {took:?}");
    }
    stage.is_right().await?;
    let seconds = 7 * STORM.as_secs();
    let calls = stage.proxy.calls().len() - before;
    assert!(
        calls < 60 * usize::try_from(seconds).unwrap_or_default(),
        "{calls} calls"
    );

    let log = stage.operator.process().log();
    for line in log.lines() {
        let keys = line.matches("\"message\":").count();
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok() && keys == 1,
            "{line}"
        );
        assert!(
            !line.contains("\\\\u{60}") && !line.contains("kube_client"),
            "{line}"
        );
    }
    let troubles = log_lines(&stage.operator, "WARN");
    assert!(troubles.len() <= 40, "{} lines: {troubles:#?}", troubles.len());
    assert!(log_lines(&stage.operator, "ERROR").is_empty(), "{log}");
    stage.operator.process().signal(Signal::Term)?;
    assert_eq!(stage.operator.process().wait(SOON * 4).await?, 0);
    Ok(())
}

/// What watches deliver vanishes, and their connections look alive: nothing but the bookmarks that do not come tells.
pub(super) async fn watches_that_stall_silently_are_noticed() -> Outcome {
    let mut stage = Stage::set(&[]).await?;
    stage.proxy.set([ProxyFault::swallow().only(Calls::Watches)]);
    let unseen = stage.change(SOON).await;
    assert!(unseen.is_err(), "{unseen:?}");
    stage.proxy.clear();
    stage.change(NOTICED).await?;
    stage.is_right().await
}

pub(super) async fn a_relist_of_pages_that_change_underneath_and_objects_of_one_name_end_right() -> Outcome {
    let mut stage = Stage::set(&[]).await?;
    let cluster = stage.world.cluster().clone();
    for number in 0..250 {
        let account = serde_json::json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"namespace": super::CHANGED, "name": format!("idle-{number}")}});
        cluster.create(&account).await?;
    }
    // Each relist has three pages; meanwhile objects of the first page go, come again and move.
    for round in 0..3 {
        stage
            .proxy
            .set([ProxyFault::delay(Duration::from_millis(300)).only(Calls::To("/serviceaccounts"))]);
        stage.proxy.cut();
        for number in [0, 101, 249] {
            let name = format!("idle-{number}");
            let target = e2e::cluster::Target::core("ServiceAccount", super::CHANGED, &name);
            let old = cluster.get(target).await?.and_then(|object| object.uid());
            cluster.delete(target).await?;
            let role = e2e::aws::arn(e2e::aws::HOME, "/", &format!("gone-{round}"));
            let account = serde_json::json!({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"namespace": super::CHANGED, "name": name,
                    "annotations": {"eks.amazonaws.com/role-arn": role}}});
            let new = cluster.create(&account).await?.uid();
            assert_ne!(old, new);
        }
        stage.proxy.clear();
        stage.change(SOON).await?;
    }
    stage.is_right().await
}
