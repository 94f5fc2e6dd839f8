//! When to do what again, without anybody telling.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_core::model::BindingKey;
use jiff::{SignedDuration, Timestamp};

/// A time later by a duration; the end of time where that does not exist.
#[must_use]
pub fn after(now: Timestamp, span: Duration) -> Timestamp {
    SignedDuration::try_from(span)
        .ok()
        .and_then(|span| now.checked_add(span).ok())
        .unwrap_or(Timestamp::MAX)
}

/// When something is due again that was done last then; at once where it never was.
#[must_use]
pub fn after_last(last: Option<Timestamp>, span: Duration) -> Timestamp {
    last.map_or(Timestamp::MIN, |last| after(last, span))
}

/// A time for each of many things.
#[derive(Debug)]
pub struct Schedule<K> {
    by_time: BTreeSet<(Timestamp, K)>,
    by_key: BTreeMap<K, Timestamp>,
}

impl<K> Default for Schedule<K> {
    fn default() -> Self {
        Self {
            by_time: BTreeSet::new(),
            by_key: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Schedule<K> {
    /// Sets, or with `None` clears, the time of a thing; an earlier plan for it is dropped.
    pub fn set(&mut self, key: &K, at: Option<Timestamp>) {
        if let Some(old) = self.by_key.remove(key) {
            self.by_time.remove(&(old, key.clone()));
        }
        if let Some(at) = at {
            self.by_time.insert((at, key.clone()));
            self.by_key.insert(key.clone(), at);
        }
    }

    /// The time of a thing.
    #[must_use]
    pub fn at(&self, key: &K) -> Option<Timestamp> {
        self.by_key.get(key).copied()
    }

    /// The next time of all.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out what has come due first, if anything has.
    pub fn take_first(&mut self, now: Timestamp) -> Option<K> {
        self.next().filter(|at| *at <= now)?;
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }

    /// Takes out what has come due, in the order of time.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<K> {
        std::iter::from_fn(|| self.take_first(now)).collect()
    }
}

/// An exponential backoff: from `first`, doubling, up to `most`.
#[must_use]
pub fn backoff(first: Duration, most: Duration, attempt: u32) -> Duration {
    first
        .saturating_mul(2u32.saturating_pow(attempt.min(16)))
        .min(most)
}

/// A share of a time span that spreads bindings over it, always the same for the same binding.
#[must_use]
pub fn spread(key: &BindingKey, span: Duration) -> Duration {
    span * u32::try_from(hash(key) % 1000).unwrap_or(0) / 1000
}

/// A number that tells bindings apart, the same for the same binding in every process.
#[must_use]
pub fn hash(key: &BindingKey) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_new_plan_replaces_the_old_one() {
        let key = BindingKey::new("ns", "sa");
        let mut schedule = Schedule::default();
        schedule.set(&key, Some(at(10)));
        schedule.set(&key, Some(at(20)));
        assert_eq!(schedule.take_due(at(15)), []);
        assert_eq!((schedule.next(), schedule.at(&key)), (Some(at(20)), Some(at(20))));
        assert_eq!(schedule.take_due(at(20)), std::slice::from_ref(&key));
        assert_eq!((schedule.next(), schedule.at(&key)), (None, None));
        schedule.set(&key, Some(at(30)));
        schedule.set(&key, None);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn what_is_due_comes_in_the_order_of_time() {
        let mut schedule = Schedule::default();
        for (key, second) in [("late", 9), ("early", 1), ("later", 11), ("middle", 5)] {
            schedule.set(&key, Some(at(second)));
        }
        assert_eq!(schedule.take_due(at(10)), ["early", "middle", "late"]);
        assert_eq!(schedule.next(), Some(at(11)));
    }

    #[test]
    fn a_backoff_doubles_up_to_its_limit() {
        let (first, most) = (Duration::from_secs(15), Duration::from_mins(10));
        let waits: Vec<u64> = [0, 1, 2, 5, 6, 40]
            .map(|n| backoff(first, most, n).as_secs())
            .to_vec();
        assert_eq!(waits, [15, 30, 60, 480, 600, 600]);
    }

    #[test]
    fn bindings_are_spread_over_a_span() {
        let hour = Duration::from_hours(1);
        let shares: BTreeSet<Duration> = (0..100)
            .map(|n| spread(&BindingKey::new("ns", format!("sa-{n}")), hour))
            .collect();
        assert!(
            shares.len() > 50 && shares.iter().all(|share| *share < hour),
            "{shares:?}"
        );
    }

    #[test]
    fn the_end_of_time_is_a_time() {
        assert_eq!(after(Timestamp::MAX, Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(after(at(1), Duration::MAX), Timestamp::MAX);
    }
}
