//! The API server is away for a while.

use std::time::Duration;

use test_kit::ProxyFault;

use super::{MOST_CALLS, Outcome, SOON, Stage};

/// Long enough for a backoff that doubles to exceed what a change may take afterwards.
const OUTAGE: Duration = Duration::from_secs(8);

pub(super) async fn the_first_change_after_an_outage_is_seen_soon() -> Outcome {
    let mut stage = Stage::set(&[]).await?;
    let faults = [
        ("frozen", ProxyFault::freeze()),
        ("refused", ProxyFault::refuse()),
        ("429", ProxyFault::answer(429, Some(1))),
        ("500", ProxyFault::answer(500, None)),
        ("garbage", ProxyFault::garbage()),
    ];
    for (name, fault) in faults {
        stage.proxy.set([fault]);
        stage.proxy.cut();
        let rate = stage.last(OUTAGE).await;
        stage.proxy.clear();
        let took = stage.change(SOON * 12).await?;
        assert!(took <= SOON, "{name}: {took:?}");
        assert!(rate <= MOST_CALLS, "{name}: {rate}");
    }
    stage.is_right().await
}
