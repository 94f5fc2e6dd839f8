//! The driver against a fake API server. Time is tokio's paused clock, so nothing here waits.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::super::fake_api::{FakeApi, Fault};
use super::super::{Leadership, Timing, acquired, lost};
use super::{Elector, LeaseConfig, unique_identity};

const SECOND: Duration = Duration::from_secs(1);

struct Replica {
    watch: watch::Receiver<Leadership>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Replica {
    fn start(api: &FakeApi, identity: &str) -> Self {
        let config = LeaseConfig {
            namespace: "irsa-audit".to_owned(),
            name: "leader".to_owned(),
            identity: identity.to_owned(),
            timing: Timing::default(),
        };
        let (elector, watch) = Elector::new(api.client(), config);
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(elector.run(async {
            stopped.await.unwrap();
        }));
        Self { watch, stop, task }
    }

    async fn leading(api: &FakeApi, identity: &str) -> Self {
        let mut replica = Self::start(api, identity);
        replica.acquire_within(SECOND).await;
        replica
    }

    fn leads(&self) -> bool {
        self.watch.borrow().is_current()
    }

    async fn acquire_within(&mut self, span: Duration) {
        timeout(span, acquired(&mut self.watch))
            .await
            .expect("acquired in time")
            .unwrap();
    }

    async fn lose_within(&mut self, span: Duration) {
        timeout(span, lost(&mut self.watch)).await.expect("lost in time");
    }
}

#[tokio::test(start_paused = true)]
async fn acquires_a_lease_that_does_not_exist() {
    let api = FakeApi::new();
    let replica = Replica::leading(&api, "a").await;
    assert!(replica.leads());
    assert_eq!(api.holder().as_deref(), Some("a"));
    assert_eq!(api.take_calls(), [Method::GET, Method::POST]);
}

#[tokio::test(start_paused = true)]
async fn renews_without_a_gap_at_a_third_of_the_duration() {
    let api = FakeApi::new();
    let mut replica = Replica::leading(&api, "a").await;
    api.take_calls();
    assert!(timeout(60 * SECOND, lost(&mut replica.watch)).await.is_err());
    let calls = api.take_calls();
    assert!(calls.iter().all(|method| method == Method::PUT), "{calls:?}");
    assert!((10..=12).contains(&calls.len()), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn another_holder_ends_leadership_and_is_waited_for() {
    let api = FakeApi::new();
    let mut replica = Replica::leading(&api, "a").await;
    api.edit(|lease| {
        lease["spec"]["holderIdentity"] = json!("b");
        lease["spec"]["leaseDurationSeconds"] = json!(40);
    });
    let since = Instant::now();
    replica.lose_within(6 * SECOND).await;
    assert_eq!(api.holder().as_deref(), Some("b"));

    replica.acquire_within(60 * SECOND).await;
    assert!(since.elapsed() >= 40 * SECOND);
    assert_eq!(api.holder().as_deref(), Some("a"));
    assert_eq!(api.spec()["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_edit_that_leaves_us_the_holder_costs_leadership_only_for_a_moment() {
    let api = FakeApi::new();
    let mut replica = Replica::leading(&api, "a").await;
    api.edit(|lease| lease["metadata"]["labels"] = json!({ "team": "sre" }));
    replica.lose_within(6 * SECOND).await;
    replica.acquire_within(3 * SECOND).await;
    assert_eq!(api.spec()["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_ends_leadership() {
    let api = FakeApi::new();
    let mut replica = Replica::leading(&api, "a").await;
    api.delete();
    replica.lose_within(6 * SECOND).await;
    replica.acquire_within(25 * SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn release_lets_the_next_one_lead_without_waiting_for_the_lease() {
    let api = FakeApi::new();
    let replica = Replica::leading(&api, "a").await;
    let mut next = Replica::start(&api, "b");
    sleep(SECOND).await;
    assert!(!next.leads());

    replica.stop.send(()).unwrap();
    replica.task.await.unwrap();
    assert!(!replica.watch.borrow().is_current());
    assert_eq!(api.holder(), None);
    assert_eq!(api.spec()["leaseTransitions"], 0);

    next.acquire_within(3 * SECOND).await;
    assert_eq!(api.spec()["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_believes_while_the_release_is_under_way() {
    let api = FakeApi::new();
    let replica = Replica::leading(&api, "a").await;
    api.take_calls();
    api.fault(Fault::Lost);
    replica.stop.send(()).unwrap();
    while api.take_calls().is_empty() {
        sleep(SECOND / 100).await;
    }
    assert!(!replica.watch.borrow().is_current());
    assert!(!replica.task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_stops_leaves_the_lease_alone() {
    let api = FakeApi::new();
    let leader = Replica::leading(&api, "a").await;
    let follower = Replica::start(&api, "b");
    sleep(SECOND).await;
    follower.stop.send(()).unwrap();
    follower.task.await.unwrap();
    assert_eq!(api.holder().as_deref(), Some("a"));
    assert!(leader.leads());
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_hang_with_the_api_server() {
    for fault in [
        Fault::Lost,
        Fault::AnswerLost,
        Fault::Refused(StatusCode::CONFLICT),
    ] {
        let api = FakeApi::new();
        let replica = Replica::leading(&api, "a").await;
        api.fault(fault);
        replica.stop.send(()).unwrap();
        timeout(Duration::from_millis(7500), replica.task)
            .await
            .unwrap()
            .unwrap();
        assert!(!replica.watch.borrow().is_current());
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_gives_back_a_lease_whose_acquisition_was_not_answered() {
    let api = FakeApi::new();
    api.edit(|_| {});
    api.fault(Fault::Lost);
    let replica = Replica::start(&api, "a");
    sleep(SECOND).await;
    // The pending read fails, the next one is answered; then only the write's answer gets lost.
    api.fault(Fault::None);
    while !api.take_calls().contains(&Method::GET) || api.holder().is_some() {
        sleep(SECOND / 100).await;
    }
    api.fault(Fault::AnswerLost);
    sleep(5 * SECOND).await;
    api.fault(Fault::None);
    replica.stop.send(()).unwrap();
    replica.task.await.unwrap();
    assert_eq!(api.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn a_leader_cut_off_steps_down_by_its_own_clock() {
    let api = FakeApi::new();
    let mut replica = Replica::leading(&api, "a").await;
    for fault in [
        Fault::Lost,
        Fault::Refused(StatusCode::SERVICE_UNAVAILABLE),
        Fault::Garbage,
    ] {
        api.fault(fault);
        let until = replica.watch.borrow().until.unwrap();
        lost(&mut replica.watch).await;
        assert!(!replica.leads());
        assert!(Instant::now() < until + SECOND, "{fault:?}");

        api.fault(Fault::None);
        replica.acquire_within(6 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_lost_answer_does_not_cost_leadership() {
    let api = FakeApi::new();
    let mut replica = Replica::leading(&api, "a").await;
    for fault in [
        Fault::AnswerLost,
        Fault::Lost,
        Fault::Refused(StatusCode::TOO_MANY_REQUESTS),
        Fault::Garbage,
    ] {
        let check = async {
            api.take_calls();
            api.fault(fault);
            while api.take_calls().is_empty() {
                sleep(SECOND / 100).await;
            }
            api.fault(Fault::None);
            sleep(10 * SECOND).await;
        };
        tokio::select! {
            () = check => {}
            () = lost(&mut replica.watch) => panic!("lost by {fault:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_one_leads_and_the_other_takes_over_within_the_lease_and_five_seconds() {
    for offset in 0..20 {
        let api = FakeApi::new();
        let leader = Replica::leading(&api, "a").await;
        let mut follower = Replica::start(&api, "b");
        sleep(7 * SECOND + offset * SECOND / 4).await;
        assert!(leader.leads() && !follower.leads());

        leader.task.abort();
        let died = Instant::now();
        follower.acquire_within(20 * SECOND).await;
        assert!(
            !leader.leads(),
            "still believes {:?} after it died",
            died.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn foreign_contents_do_not_wedge() {
    let specs = [
        json!(null),
        json!({}),
        json!({ "holderIdentity": "" }),
        json!({ "holderIdentity": "x" }),
        json!({ "holderIdentity": "x", "leaseDurationSeconds": -7, "leaseTransitions": -7 }),
        json!({ "holderIdentity": "x", "leaseDurationSeconds": i64::MAX, "leaseTransitions": i64::MAX }),
        json!({ "holderIdentity": 7, "leaseDurationSeconds": "long", "renewTime": 0, "acquireTime": [] }),
        json!("text"),
    ];
    for spec in specs {
        let api = FakeApi::new();
        api.edit(|lease| lease["spec"] = spec.clone());
        let mut replica = Replica::start(&api, "a");
        replica.acquire_within(610 * SECOND).await;
        assert_eq!(api.holder().as_deref(), Some("a"), "{spec}");
        assert!(api.spec()["leaseTransitions"].as_i64().unwrap() > 0, "{spec}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_are_spaced_while_they_are_refused() {
    let api = FakeApi::new();
    for status in [
        StatusCode::FORBIDDEN,
        StatusCode::CONFLICT,
        StatusCode::NOT_FOUND,
        StatusCode::UNPROCESSABLE_ENTITY,
    ] {
        api.fault(Fault::Refused(status));
        let mut replica = Replica::start(&api, "a");
        sleep(30 * SECOND).await;
        assert!(!replica.leads());
        assert!(api.take_calls().len() <= 42, "{status}");
        api.fault(Fault::None);
        replica.acquire_within(4 * SECOND).await;
        replica.stop.send(()).unwrap();
        replica.task.await.unwrap();
        api.delete();
        api.take_calls();
    }
}

#[test]
fn identities_are_unique_and_tell_the_pod() {
    let (one, two) = (unique_identity("operator-0"), unique_identity("operator-0"));
    assert_ne!(one, two);
    assert!(one.starts_with("operator-0_"));
}

/// What the body of a write is, is tested where it is built; here that it is sent whole.
#[tokio::test(start_paused = true)]
async fn writes_the_lease_as_kubectl_shows_it() {
    let api = FakeApi::new();
    let _replica = Replica::leading(&api, "a").await;
    let Value::Object(spec) = api.spec() else { panic!() };
    let mut fields: Vec<_> = spec.keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "acquireTime",
            "holderIdentity",
            "leaseDurationSeconds",
            "leaseTransitions",
            "renewTime"
        ]
    );
}
