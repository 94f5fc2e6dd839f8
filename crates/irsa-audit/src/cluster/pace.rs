//! How often the API server is asked, at most.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The least time between two questions: a hundred a second, which an API server hardly notices.
const LEAST: Duration = Duration::from_millis(10);

/// One pace for all that share it.
#[derive(Clone)]
pub(super) struct QuestionPace(Arc<Mutex<Interval>>);

impl QuestionPace {
    /// One of its own.
    pub(super) fn new() -> Self {
        let mut ticks = interval(LEAST);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(Arc::new(Mutex::new(ticks)))
    }

    /// Waits until the next question may be asked. Those who wait have their turn in the order in which they came.
    pub(super) async fn turn(&self) {
        self.0.lock().await.tick().await;
    }
}
