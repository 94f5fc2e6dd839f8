//! What the rest of the program may believe about being the leader.

use std::time::Duration;

use tokio::sync::watch;
use tokio::sync::watch::error::RecvError;
use tokio::time::{Instant, sleep_until};

/// A belief with an end. It is judged against the clock when it is asked, so a process that was stopped
/// (SIGSTOP, a frozen cgroup, a starved node) past its lease knows it before anything else runs.
///
/// The clock is `CLOCK_MONOTONIC` on Linux. It goes on while a process is stopped, and cannot be set. It does
/// not count the time in which the whole machine is suspended: after such a suspension a leader may believe
/// for at most the rest of its lease, until its next renewal meets the changed version. Cluster nodes are not
/// suspended as a rule; a virtual machine that is paused and resumed is the case to know of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// Until when this replica leads; nothing if it does not.
    pub until: Option<Instant>,
}

impl Leadership {
    /// Whether this replica leads at this moment. Ask right before each write.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.lasts(Duration::ZERO)
    }

    /// Whether this replica leads now and, without any further renewal, still will after `span`: for a write
    /// that must not be under way, up to its timeout, when leadership ends.
    #[must_use]
    pub fn lasts(&self, span: Duration) -> bool {
        self.until
            .is_some_and(|until| until.saturating_duration_since(Instant::now()) > span)
    }
}

/// Waits until this replica leads.
///
/// # Errors
/// If the election has ended, so that it never will.
pub async fn acquired(watch: &mut watch::Receiver<Leadership>) -> Result<(), RecvError> {
    watch.wait_for(Leadership::is_current).await.map(drop)
}

/// Waits until this replica no longer leads: because the election says so, or because its last renewal ran
/// out. Returns at once if it does not lead.
pub async fn lost(watch: &mut watch::Receiver<Leadership>) {
    loop {
        let leadership = *watch.borrow_and_update();
        let Some(until) = leadership.until.filter(|_| leadership.is_current()) else {
            return;
        };
        tokio::select! {
            () = sleep_until(until) => {}
            changed = watch.changed() => if changed.is_err() {
                return sleep_until(until).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn leading(span: Duration) -> Leadership {
        Leadership {
            until: Some(Instant::now() + span),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn belief_ends_by_the_clock_alone() {
        let leadership = leading(12 * SECOND);
        assert!(leadership.is_current());
        assert!(leadership.lasts(11 * SECOND));
        assert!(!leadership.lasts(12 * SECOND));

        tokio::time::advance(12 * SECOND).await;
        assert!(!leadership.is_current());
        assert!(!Leadership::default().is_current());
    }

    #[tokio::test(start_paused = true)]
    async fn lost_waits_for_the_last_renewal_to_run_out() {
        let (sender, mut watch) = watch::channel(leading(12 * SECOND));
        let start = Instant::now();
        let renew = async {
            tokio::time::sleep(5 * SECOND).await;
            sender.send(leading(12 * SECOND)).unwrap();
        };
        tokio::join!(renew, lost(&mut watch));
        assert_eq!(start.elapsed(), 17 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn lost_follows_the_election() {
        let (sender, mut watch) = watch::channel(leading(12 * SECOND));
        let start = Instant::now();
        let lose = async {
            tokio::time::sleep(SECOND).await;
            sender.send(Leadership::default()).unwrap();
        };
        tokio::join!(lose, lost(&mut watch));
        assert_eq!(start.elapsed(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_election_is_not_the_end_of_the_lease() {
        let (sender, mut watch) = watch::channel(leading(12 * SECOND));
        drop(sender);
        let start = Instant::now();
        lost(&mut watch).await;
        assert_eq!(start.elapsed(), 12 * SECOND);
        assert!(acquired(&mut watch).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn acquired_does_not_accept_a_belief_that_ran_out() {
        let (sender, mut watch) = watch::channel(leading(SECOND));
        tokio::time::advance(2 * SECOND).await;
        let start = Instant::now();
        let acquire = async {
            tokio::time::sleep(SECOND).await;
            sender.send(leading(SECOND)).unwrap();
        };
        let (acquired, ()) = tokio::join!(acquired(&mut watch), acquire);
        assert!(acquired.is_ok());
        assert_eq!(start.elapsed(), SECOND);
    }
}
