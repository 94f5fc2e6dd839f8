//! Whether this replica may write: as the only one, or as the leader by its own clock.

use std::time::Duration;

use audit_k8s::lease::Leadership;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The longest that a write may take.
const LONGEST: Duration = Duration::from_secs(10);

/// A write that had less time than this would hardly end well.
const SHORTEST: Duration = Duration::from_millis(200);

/// Asked right before each write.
#[derive(Clone)]
pub enum Guard {
    /// Leader election is off: there is one replica.
    Alone,
    /// The lease says.
    Lease(watch::Receiver<Leadership>),
}

impl Guard {
    /// Whether this replica leads now, by its own clock.
    #[must_use]
    pub fn leads(&self) -> bool {
        match self {
            Self::Alone => true,
            Self::Lease(leadership) => leadership.borrow().is_current(),
        }
    }

    /// How long a write that begins now may take, so that it has ended, or was given up, when leadership ends; nothing
    /// where it must not begin.
    #[must_use]
    pub fn time_to_write(&self) -> Option<Duration> {
        let left = match self {
            Self::Alone => LONGEST,
            Self::Lease(leadership) => leadership
                .borrow()
                .until?
                .saturating_duration_since(Instant::now()),
        };
        (left >= SHORTEST).then_some(left.min(LONGEST))
    }

    /// Waits until leadership is gained, renewed or lost, or has run out.
    pub async fn changed(&mut self) {
        let Self::Lease(leadership) = self else {
            return std::future::pending().await;
        };
        // Not marked as seen: a value that came since the last call must count as a change.
        let until = leadership.borrow().until.filter(|until| *until > Instant::now());
        let runs_out = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let changed = async {
            // The elector has ended: nothing will change any more, except by the clock.
            if leadership.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = changed => {}
            () = runs_out => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    fn until(span: Duration) -> Leadership {
        Leadership {
            until: Some(Instant::now() + span),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_has_no_more_time_than_the_lease() {
        let (sender, receiver) = watch::channel(Leadership::default());
        let guard = Guard::Lease(receiver);
        assert_eq!((guard.leads(), guard.time_to_write()), (false, None));
        for (left, expected) in [
            (60_000, Some(10_000)),
            (7_000, Some(7_000)),
            (200, Some(200)),
            (199, None),
            (0, None),
        ] {
            sender.send_replace(until(Duration::from_millis(left)));
            assert_eq!(
                guard.time_to_write(),
                expected.map(Duration::from_millis),
                "{left}"
            );
        }
        assert_eq!(Guard::Alone.time_to_write(), Some(LONGEST));
    }

    #[tokio::test(start_paused = true)]
    async fn belief_runs_out_also_after_the_elector_has_ended() {
        let (sender, receiver) = watch::channel(until(Duration::from_secs(9)));
        drop(sender);
        let (mut guard, start) = (Guard::Lease(receiver), Instant::now());
        guard.changed().await;
        assert_eq!((start.elapsed(), guard.leads()), (Duration::from_secs(9), false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_told_once() {
        let (sender, receiver) = watch::channel(Leadership::default());
        let mut guard = Guard::Lease(receiver);
        assert!(timeout(Duration::from_secs(1), guard.changed()).await.is_err());
        sender.send_replace(until(Duration::from_secs(9)));
        guard.changed().await;
        assert!(timeout(Duration::from_secs(5), guard.changed()).await.is_err());
        // It runs out, once.
        let start = Instant::now();
        guard.changed().await;
        assert_eq!((start.elapsed(), guard.leads()), (Duration::from_secs(4), false));
        assert!(timeout(Duration::from_mins(1), guard.changed()).await.is_err());
    }
}
