//! The periods of an election, all derived from the lease's duration.

use std::time::Duration;

use thiserror::Error;

/// Shortest lease: below it the timeouts of single calls become shorter than an API server may need.
const SHORTEST: Duration = Duration::from_secs(3);
/// Longest lease, ours or another holder's: a mistaken value in the object must not lock everybody out.
const LONGEST: Duration = Duration::from_mins(10);

/// A lease duration that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TimingError {
    /// Outside of the range that works.
    #[error("lease duration `{0:?}` is out of range: choose 3 to 600 seconds")]
    OutOfRange(Duration),
    /// The Lease object carries whole seconds, so others would count a shorter lease than its holder.
    #[error("lease duration `{0:?}` is not a whole number of seconds: round it")]
    NotWholeSeconds(Duration),
}

/// How long a lease lasts, and the periods that follow from it. The default lease is 15 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    seconds: u16,
}

impl Default for Timing {
    fn default() -> Self {
        Self { seconds: 15 }
    }
}

impl Timing {
    /// Derives the periods from a lease duration.
    ///
    /// # Errors
    /// If it is shorter than 3 seconds, longer than 10 minutes, or not in whole seconds.
    pub fn new(duration: Duration) -> Result<Self, TimingError> {
        if !(SHORTEST..=LONGEST).contains(&duration) {
            return Err(TimingError::OutOfRange(duration));
        }
        if duration.subsec_nanos() != 0 {
            return Err(TimingError::NotWholeSeconds(duration));
        }
        let seconds = u16::try_from(duration.as_secs()).map_err(|_| TimingError::OutOfRange(duration))?;
        Ok(Self { seconds })
    }

    /// How long others wait after a renewal that they saw. Written to `leaseDurationSeconds`.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// How long the holder believes in a renewal that it sent. What is missing to [`Self::duration`] is for
    /// clocks that run at different rates, and for a guarded write that is on its way when belief ends.
    pub(super) fn belief(self) -> Duration {
        self.duration() * 4 / 5
    }

    /// From one renewal to the next, so that one lost call does not cost the leadership.
    pub(super) fn renewal(self) -> Duration {
        self.duration() / 3
    }

    /// Longest a single call may take; shorter than [`Self::renewal`].
    pub(super) fn call_timeout(self) -> Duration {
        self.duration() / 6
    }

    /// From one look at another's lease to the next, and from a failed call to the next.
    pub(super) fn retry(self) -> Duration {
        self.duration() / 10
    }

    /// Most that is added to any wait, so that replicas do not call in step.
    pub(super) fn jitter(self) -> Duration {
        self.duration() / 30
    }

    /// How long to wait for another holder, from the `leaseDurationSeconds` that it wrote. Without a usable
    /// value, as long as for one of ours.
    pub(super) fn of_holder(self, seconds: Option<i64>) -> Duration {
        seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0)
            .map_or(self.duration(), |seconds| {
                Duration::from_secs(seconds).min(LONGEST)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn accepts_whole_seconds_in_range_only() {
        for seconds in [3, 15, 600] {
            assert_eq!(
                Timing::new(secs(seconds)).map(|timing| timing.duration()),
                Ok(secs(seconds))
            );
        }
        for duration in [Duration::ZERO, secs(2), secs(601), Duration::MAX] {
            assert_eq!(Timing::new(duration), Err(TimingError::OutOfRange(duration)));
        }
        let fraction = Duration::from_millis(15_500);
        assert_eq!(Timing::new(fraction), Err(TimingError::NotWholeSeconds(fraction)));
    }

    /// What the promise "a new leader within the lease and 5 seconds", and surviving one lost call, rest on.
    #[test]
    fn periods_fit_into_each_other() {
        for seconds in 3..=600 {
            let timing = Timing::new(secs(seconds)).unwrap();
            assert!(timing.call_timeout() < timing.renewal(), "{seconds}");
            let after_one_lost_call =
                timing.renewal() + timing.call_timeout() + timing.retry() + timing.jitter() * 2;
            assert!(after_one_lost_call < timing.belief(), "{seconds}");
            assert!(timing.belief() < timing.duration(), "{seconds}");
        }
        let default = Timing::default();
        assert!(default.retry() + default.jitter() * 2 + default.call_timeout() <= secs(5));
    }

    #[test]
    fn absurd_durations_of_others_are_bounded() {
        let timing = Timing::default();
        let cases = [
            (None, 15),
            (Some(-1), 15),
            (Some(i64::MIN), 15),
            (Some(0), 15),
            (Some(1), 1),
            (Some(40), 40),
            (Some(i64::MAX), 600),
        ];
        for (written, waited) in cases {
            assert_eq!(timing.of_holder(written), secs(waited), "{written:?}");
        }
    }
}
