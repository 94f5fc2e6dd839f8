//! How fast the API server is asked, and how often again.

use std::time::Duration;

use audit_k8s::capture::{CaptureFailure, CaptureList, CaptureObstacle, CapturedPage};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

/// How often a page is asked for.
const ATTEMPTS: u32 = 5;

/// The wait before the second attempt, doubled for each further one.
const BACKOFF: Duration = Duration::from_secs(1);

/// One request after the other, so many a second.
pub struct Pace(Interval);

impl Pace {
    /// So many requests a second.
    #[must_use]
    pub fn new(per_second: u16) -> Self {
        let mut pace = interval(Duration::from_secs(1) / u32::from(per_second.max(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(pace)
    }

    /// Waits for the turn of the next request.
    pub async fn turn(&mut self) {
        self.0.tick().await;
    }

    /// The next page of a list, asked for again where that may help.
    ///
    /// # Errors
    /// [`CaptureFailure`] of the last attempt.
    pub async fn page(&mut self, list: &mut CaptureList) -> Result<Option<CapturedPage>, CaptureFailure> {
        let mut attempt = 1;
        loop {
            self.turn().await;
            match list.next().await {
                Err(failure) if attempt < ATTEMPTS && may_pass(failure.obstacle) => {
                    sleep(BACKOFF * 2_u32.pow(attempt - 1)).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }
}

fn may_pass(obstacle: CaptureObstacle) -> bool {
    matches!(
        obstacle,
        CaptureObstacle::Throttled | CaptureObstacle::Unavailable
    )
}
