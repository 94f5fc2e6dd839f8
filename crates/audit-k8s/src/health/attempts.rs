//! Attempts that are shared by all who wait for the same thing to work again.

use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use super::jitter;

/// Those who wait try one after another, at most so long apart.
const EACH: Duration = Duration::from_millis(750);

/// However many wait, their attempts together are as many as those of one.
#[derive(Debug)]
pub(super) struct Attempts {
    /// Counts what succeeded.
    headway: watch::Sender<u64>,
    /// Whose turn it is, in the order in which they came.
    turn: Semaphore,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            headway: watch::Sender::new(0),
            turn: Semaphore::new(1),
        }
    }

    /// Something succeeded: those who wait may try.
    pub(super) fn headway(&self) {
        self.headway.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Hears of what succeeds from now on.
    pub(super) fn listen(&self) -> watch::Receiver<u64> {
        self.headway.subscribe()
    }

    /// Waits for at least `earliest`, and then until something succeeds or has succeeded since now, or until its turn to try.
    pub(super) async fn wait(&self, earliest: Duration) {
        let mut headway = self.listen();
        sleep(earliest).await;
        let turn = async {
            // Nobody closes it.
            let _permit = self.turn.acquire().await;
            sleep(jitter(EACH)).await;
        };
        tokio::select! {
            () = turn => {}
            _ = headway.changed() => {}
        }
    }
}
