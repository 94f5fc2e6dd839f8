//! How many calls an account gets: a token bucket that AWS's throttling makes slower for a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::settings::Rate;

/// After this time without throttling, the rate is the full one again. Shorter would throttle others in the account more often; longer would
/// leave what waits unread for minutes.
const RECOVERY: Duration = Duration::from_secs(30);

/// Calls that were under way together are throttled together: they count as one signal.
const SIGNAL: Duration = Duration::from_secs(1);

/// How often a waiting call looks at the rate again.
const LOOK: Duration = Duration::from_secs(1);

/// A wait this short is a rounding error.
const AT_ONCE: Duration = Duration::from_micros(1);

/// Throttling makes the rate no slower than this part of the full one.
const SLOWEST: f64 = 1.0 / 64.0;

/// The rate limit of one account. First come, first served.
#[derive(Debug)]
pub(crate) struct Pace {
    bucket: Mutex<Bucket>,
    /// Held by the one that waits for the next call.
    next: tokio::sync::Mutex<()>,
}

impl Pace {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            bucket: Mutex::new(Bucket::new(rate, Instant::now())),
            next: tokio::sync::Mutex::new(()),
        }
    }

    /// Waits until the next call may be made.
    pub(crate) async fn wait(&self) {
        // Only the first in line computes its wait: the rate may have changed when the next one's turn comes.
        let _next = self.next.lock().await;
        while let Err(at) = self.bucket(|bucket| bucket.take(Instant::now())) {
            tokio::time::sleep_until(at).await;
        }
    }

    /// AWS throttled a call.
    pub(crate) fn throttled(&self) {
        self.bucket(|bucket| bucket.throttled(Instant::now()));
    }

    fn bucket<T>(&self, use_it: impl FnOnce(&mut Bucket) -> T) -> T {
        // Numbers cannot be left half changed: a panic elsewhere does not matter here.
        use_it(&mut self.bucket.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The arithmetic, with the time as an argument.
#[derive(Debug)]
struct Bucket {
    full_rate: f64,
    burst: f64,
    /// Calls a second now.
    rate: f64,
    /// Calls that may be made at `updated`.
    tokens: f64,
    updated: Instant,
    throttled: Option<Instant>,
}

impl Bucket {
    fn new(rate: Rate, now: Instant) -> Self {
        // A rate of zero would stop the account for good; nobody can mean that.
        let full_rate = if rate.per_second.is_finite() {
            rate.per_second.max(0.01)
        } else {
            f64::MAX.sqrt()
        };
        let burst = f64::from(rate.burst.max(1));
        Self {
            full_rate,
            burst,
            rate: full_rate,
            tokens: burst,
            updated: now,
            throttled: None,
        }
    }

    /// Takes a token, or says when there will be one by the rate of now.
    fn take(&mut self, now: Instant) -> Result<(), Instant> {
        self.refill(now);
        let wait = Duration::from_secs_f64((1.0 - self.tokens).max(0.0) / self.rate);
        if wait <= AT_ONCE {
            self.tokens -= 1.0;
            return Ok(());
        }
        // The rate grows.
        Err(now + wait.min(LOOK))
    }

    fn throttled(&mut self, now: Instant) {
        self.refill(now);
        if self.throttled.is_some_and(|at| now < at + SIGNAL) {
            return;
        }
        self.throttled = Some(now);
        self.rate = (self.rate / 2.0).max(self.full_rate * SLOWEST);
        self.tokens = self.tokens.min(0.0);
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.updated).as_secs_f64();
        self.updated = now;
        self.tokens = (self.tokens + elapsed * self.rate).min(self.burst);
        self.rate = (self.rate + self.full_rate * elapsed / RECOVERY.as_secs_f64()).min(self.full_rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 10.0,
        burst: 3,
    };

    /// Milliseconds from `start` until each of the next `calls` may be made, if all come at `now`.
    fn waits(bucket: &mut Bucket, start: Instant, mut now: Instant, calls: usize) -> Vec<u128> {
        let mut wait = || {
            while let Err(at) = bucket.take(now) {
                now = at;
            }
            (now - start).as_millis()
        };
        (0..calls).map(|_| wait()).collect()
    }

    #[test]
    fn a_burst_passes_and_the_rest_waits_in_turn() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        assert_eq!(waits(&mut bucket, start, start, 5), [0, 0, 0, 100, 200]);
        assert_eq!(
            waits(&mut bucket, start, start + Duration::from_millis(200), 1),
            [300]
        );
        assert_eq!(
            waits(&mut bucket, start, start + Duration::from_secs(10), 4),
            [10_000, 10_000, 10_000, 10_100]
        );
    }

    #[test]
    fn throttling_halves_once_for_calls_made_together_and_recovers() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        for _ in 0..4 {
            bucket.throttled(start);
        }
        // A little sooner than by half the rate, which grows again.
        assert_eq!(waits(&mut bucket, start, start, 2), [200, 397]);
        let later = start + RECOVERY / 2;
        bucket.refill(later);
        assert!((bucket.rate - RATE.per_second).abs() < 1e-9);
    }

    #[test]
    fn what_waits_at_the_slowest_rate_goes_on_with_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        for second in 0..100 {
            bucket.throttled(start + Duration::from_secs(second));
        }
        let over = start + Duration::from_secs(100);
        let waited = waits(&mut bucket, over, over, 20);
        assert!(waited[19] < 12_000, "{waited:?}");
    }

    #[test]
    fn throttling_without_end_leaves_a_slow_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        for second in 0..100 {
            bucket.throttled(start + Duration::from_secs(second));
        }
        assert!(bucket.rate >= RATE.per_second * SLOWEST);
    }

    #[test]
    fn senseless_rates_neither_stop_nor_break() {
        let start = Instant::now();
        for per_second in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE] {
            let mut bucket = Bucket::new(Rate { per_second, burst: 0 }, start);
            let waited = waits(&mut bucket, start, start, 2);
            assert!(waited[0] == 0 && waited[1] <= 100_000, "{per_second}: {waited:?}");
        }
    }
}
