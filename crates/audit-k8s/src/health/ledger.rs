//! Which kinds of trouble there are, since when, and how often they were met. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Kinds of trouble, each from its first failure until it is over: so that the log gets a line at its beginning and one at its end.
#[derive(Debug)]
pub struct Ledger<K>(BTreeMap<K, Ongoing>);

impl<K> Default for Ledger<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

#[derive(Debug)]
struct Ongoing {
    first: Instant,
    last: Instant,
    count: u64,
}

/// A kind of trouble that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended<K> {
    /// Which.
    pub trouble: K,
    /// How many failures it had.
    pub count: u64,
    /// From the first to the last of them.
    pub lasted: Duration,
}

impl<K: Ord + Clone> Ledger<K> {
    /// Takes note of a failure. Returns whether this kind of trouble begins with it.
    pub fn failed(&mut self, trouble: K, now: Instant) -> bool {
        let ongoing = self.0.entry(trouble).or_insert(Ongoing {
            first: now,
            last: now,
            count: 0,
        });
        ongoing.last = now;
        ongoing.count = ongoing.count.saturating_add(1);
        ongoing.count == 1
    }

    /// Takes out the kinds of trouble without a failure for so long.
    pub fn ended(&mut self, quiet: Duration, now: Instant) -> Vec<Ended<K>> {
        let is_over = |_: &K, ongoing: &mut Ongoing| now.saturating_duration_since(ongoing.last) >= quiet;
        let ended = self.0.extract_if(.., is_over);
        ended
            .map(|(trouble, ongoing)| Ended {
                trouble,
                count: ongoing.count,
                lasted: ongoing.last - ongoing.first,
            })
            .collect()
    }

    /// Whether there is no trouble.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_begins_once_and_ends_once_with_its_count() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let quiet = Duration::from_secs(5);
        let mut ledger = Ledger::default();
        assert!(ledger.failed("a", at(0)));
        assert!(!ledger.failed("a", at(3)));
        assert!(ledger.failed("b", at(4)));
        assert_eq!(ledger.ended(quiet, at(7)), []);
        let a = Ended {
            trouble: "a",
            count: 2,
            lasted: Duration::from_secs(3),
        };
        assert_eq!(ledger.ended(quiet, at(8)), [a]);
        assert!(!ledger.is_empty());
        assert_eq!(ledger.ended(quiet, at(9)).len(), 1);
        assert!(ledger.is_empty() && ledger.failed("a", at(10)));
    }
}
