//! Steps of the clock: times that were planned by the clock before such a step mean nothing after it.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// What is no step: clocks are adjusted all the time.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(30);

/// Compares the clock with the time that has passed.
#[derive(Debug)]
pub struct SteppingClock {
    wall: Timestamp,
    at: Instant,
}

impl SteppingClock {
    /// Compares from now on.
    #[must_use]
    pub fn new() -> Self {
        Self {
            wall: Timestamp::now(),
            at: Instant::now(),
        }
    }

    /// By how much the clock was set forward, or back where that is negative, since this was asked last; nothing where it was not.
    pub fn step(&mut self) -> Option<SignedDuration> {
        let at = Instant::now();
        self.step_at(Timestamp::now(), at.duration_since(self.at))
    }

    fn step_at(&mut self, wall: Timestamp, passed: Duration) -> Option<SignedDuration> {
        let shown = wall.duration_since(self.wall);
        let step = shown - SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        self.wall = wall;
        self.at += passed;
        (step.abs() > TOLERANCE).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed_once() {
        let mut clock = SteppingClock::new();
        let start = clock.wall;
        let second = SignedDuration::from_secs(1);
        let mut tell = |wall: i32, passed| {
            let step = clock.step_at(start + second * wall, Duration::from_secs(passed));
            step.map(|step| step.as_secs())
        };
        assert_eq!(tell(10, 10), None);
        // Time passes while nothing happens.
        assert_eq!(tell(7_210, 7_200), None);
        // Adjusted, not set.
        assert_eq!(tell(7_220, 5), None);
        assert_eq!(tell(3_625, 5), Some(-3_600));
        assert_eq!(tell(3_630, 5), None);
        assert_eq!(tell(90_035, 5), Some(86_400));
    }
}
