//! Statuses that say nothing new but numbers and times: few at once, namespaces in turn, and the slower the API server is, the less of its time.

use std::collections::BTreeMap;
use std::time::Duration;

use audit_core::model::{BindingKey, Name};
use jiff::Timestamp;

use super::rotation::Rotation;
use super::schedule::after;

/// So many may be under way. The binding of each waits for its end, whatever becomes of it meanwhile: where the API server is slow, that must not be
/// thousands. Only one is of a namespace, which may have thousands of other writes that go before it.
const AT_ONCE: usize = 2;

/// After a write of this time or less, its place stays empty twice as long as the write took; after slower ones, the longer the slower they were: the
/// writes that say something new need the API server more, and where it is busy, each that is not made makes the others faster.
const USUAL: Duration = Duration::from_millis(10);

/// The longest that a place stays empty.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// The places, and the bindings that wait for one. What has to wait is written as it is then, or not at all.
#[derive(Debug, Default)]
pub struct Details {
    /// By namespace, when it began.
    under_way: BTreeMap<Name, Timestamp>,
    /// Until when places stay empty.
    resting: Vec<Timestamp>,
    waiting: Rotation,
}

impl Details {
    /// Takes a place for a write to an object of a namespace. Returns false where there is none: the binding waits for one.
    pub fn start(&mut self, namespace: &Name, key: &BindingKey, now: Timestamp) -> bool {
        self.resting.retain(|until| *until > now);
        let has_place = self.under_way.len() + self.resting.len() < AT_ONCE;
        if !has_place || self.under_way.contains_key(namespace) {
            self.waiting.insert(key.clone());
            return false;
        }
        self.waiting.remove(key);
        self.under_way.insert(namespace.clone(), now);
        true
    }

    /// Takes note of the end of a write to an object of a namespace.
    pub fn end(&mut self, namespace: &Name, now: Timestamp) {
        if let Some(began) = self.under_way.remove(namespace) {
            let took = Duration::try_from(now.duration_since(began)).unwrap_or_default();
            let until = after(now, rest(took));
            self.resting.extend(Some(until).filter(|until| *until > now));
        }
    }

    /// Forgets those that wait.
    pub fn forget(&mut self) {
        self.waiting = Rotation::default();
    }

    /// When one that waits may have a place; nothing where none waits, or where the end of a write comes first.
    pub fn due(&self) -> Option<Timestamp> {
        self.waiting
            .next_where(|namespace| !self.under_way.contains_key(namespace))?;
        match self.under_way.len() {
            AT_ONCE.. => None,
            busy if busy + self.resting.len() < AT_ONCE => Some(Timestamp::MIN),
            _ => self.resting.iter().min().copied(),
        }
    }

    /// Takes out the next one that waits, if it may have a place.
    pub fn next(&mut self, now: Timestamp) -> Option<BindingKey> {
        self.due().filter(|at| *at <= now)?;
        self.waiting
            .pop_where(|namespace| !self.under_way.contains_key(namespace))
    }
}

/// How long a place stays empty after a write that took so long.
fn rest(took: Duration) -> Duration {
    let slowness = took.as_secs_f64() / USUAL.as_secs_f64();
    LONGEST_REST.min(took.min(LONGEST_REST).mul_f64(2.0 * slowness.clamp(1.0, 1e3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_a_write_was_the_less_of_the_time_there_is_one() {
        for (took, rests) in [
            (0, 0),
            (5, 10),
            (10, 20),
            (20, 80),
            (30, 180),
            (100, 2_000),
            (160, 5_000),
            (u64::MAX, 5_000),
        ] {
            assert_eq!(
                rest(Duration::from_millis(took)),
                Duration::from_millis(rests),
                "{took} ms"
            );
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    fn key(namespace: &str, name: &str) -> BindingKey {
        BindingKey::new(namespace, name)
    }

    #[test]
    fn one_of_a_namespace_and_two_in_all() {
        let mut details = Details::default();
        let mut start =
            |namespace: &str, name: &str| details.start(&namespace.into(), &key(namespace, name), at(0));
        assert!(start("a", "1") && !start("a", "2") && start("b", "1") && !start("c", "1"));
        assert_eq!(details.due(), None, "a write ends first");
        details.end(&"b".into(), at(10));
        assert_eq!((details.due(), details.next(at(29))), (Some(at(30)), None));
        assert_eq!(details.next(at(30)), Some(key("c", "1")));
        assert!(details.start(&"c".into(), &key("c", "1"), at(30)));
        details.end(&"a".into(), at(40));
        assert_eq!(details.due(), Some(at(360)), "the place rests");
        details.end(&"c".into(), at(90_000));
        assert_eq!(details.next(at(90_000)), Some(key("a", "2")));
        assert_eq!(details.due(), None, "nobody waits");
    }

    #[test]
    fn a_clock_that_is_set_back_or_forth_stops_nothing() {
        let mut details = Details::default();
        for (began, ended, again) in [(1_000_000, 0, 0), (0, 900_000_000, 900_005_000)] {
            assert!(details.start(&"a".into(), &key("a", "1"), at(began)));
            assert!(!details.start(&"a".into(), &key("a", "2"), at(began)));
            details.end(&"a".into(), at(ended));
            assert_eq!(details.next(at(again)), Some(key("a", "2")));
            details.resting.clear();
        }
    }
}
