//! Eventual consistency: reads see a write only after a delay.

use crate::tables::Tables;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// An account's tables as they are, and as reads see them.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    live: Tables,
    /// What reads see while writes are pending.
    seen: Option<Tables>,
    /// The tables after each pending write, and when reads see them; `None` is never.
    pending: VecDeque<(Option<Instant>, Tables)>,
}

impl Timeline {
    /// The tables with every write in them.
    pub(crate) fn live(&self) -> &Tables {
        &self.live
    }

    /// The tables as reads saw them when `advance` was last called.
    pub(crate) fn visible(&self) -> &Tables {
        self.seen.as_ref().unwrap_or(&self.live)
    }

    /// Lets reads see the writes that are due at `now`.
    pub(crate) fn advance(&mut self, now: Instant) {
        let due = |(at, _): &(Option<Instant>, Tables)| at.is_some_and(|at| at <= now);
        while self.pending.iter().any(due) {
            self.seen = self.pending.pop_front().map(|(_, tables)| tables);
        }
        if self.pending.is_empty() {
            self.seen = None;
        }
    }

    /// Lets reads see every write so far.
    pub(crate) fn settle(&mut self) {
        self.pending.clear();
        self.seen = None;
    }

    /// Writes through the service: reads see it `delay` after `now`. `change` leaves the tables alone when it
    /// fails.
    pub(crate) fn write<T, E>(
        &mut self,
        now: Instant,
        delay: Duration,
        change: impl FnOnce(&mut Tables) -> Result<T, E>,
    ) -> Result<T, E> {
        if delay.is_zero() && self.pending.is_empty() {
            return change(&mut self.live);
        }
        let before = self.live.clone();
        let result = change(&mut self.live)?;
        self.seen.get_or_insert(before);
        self.pending
            .push_back((now.checked_add(delay), self.live.clone()));
        Ok(result)
    }

    /// Changes past and present alike: what a test seeds was always there.
    pub(crate) fn seed(&mut self, mut change: impl FnMut(&mut Tables)) {
        change(&mut self.live);
        self.seen.iter_mut().for_each(&mut change);
        self.pending.iter_mut().for_each(|(_, tables)| change(tables));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(name: &str) -> impl FnMut(&mut Tables) -> Result<(), ()> {
        move |tables| {
            tables.clusters.insert(name.to_owned(), String::new());
            Ok(())
        }
    }

    fn names(tables: &Tables) -> Vec<&str> {
        tables.clusters.keys().map(String::as_str).collect()
    }

    #[test]
    fn without_delay_a_write_is_seen_at_once() {
        let mut timeline = Timeline::default();
        timeline.write(Instant::now(), Duration::ZERO, add("a")).unwrap();
        assert_eq!(names(timeline.visible()), ["a"]);
    }

    #[test]
    fn each_write_is_seen_in_its_turn() {
        let (mut timeline, start, second) = (Timeline::default(), Instant::now(), Duration::from_secs(1));
        timeline.write(start, second, add("a")).unwrap();
        timeline.write(start + second / 2, second, add("b")).unwrap();
        assert_eq!(names(timeline.live()), ["a", "b"]);
        for (at, expected) in [(0, vec![]), (1000, vec!["a"]), (1500, vec!["a", "b"])] {
            timeline.advance(start + Duration::from_millis(at));
            assert_eq!(names(timeline.visible()), expected, "after {at} ms");
        }
    }

    #[test]
    fn a_delay_without_end_ends_by_settling() {
        let (mut timeline, start) = (Timeline::default(), Instant::now());
        timeline.write(start, Duration::MAX, add("a")).unwrap();
        timeline.advance(start + Duration::from_secs(1_000_000));
        assert!(names(timeline.visible()).is_empty());
        timeline.settle();
        assert_eq!(names(timeline.visible()), ["a"]);
    }

    #[test]
    fn a_failed_write_leaves_nothing_pending() {
        let (mut timeline, start) = (Timeline::default(), Instant::now());
        assert_eq!(
            timeline.write(start, Duration::MAX, |_| Err::<(), _>("no")),
            Err("no")
        );
        timeline.write(start, Duration::ZERO, add("a")).unwrap();
        assert_eq!(names(timeline.visible()), ["a"]);
    }

    #[test]
    fn seeds_are_seen_at_once_and_pending_writes_stay_pending() {
        let (mut timeline, start) = (Timeline::default(), Instant::now());
        timeline.write(start, Duration::MAX, add("written")).unwrap();
        timeline.seed(|tables| {
            tables.clusters.insert("seeded".to_owned(), String::new());
        });
        assert_eq!(names(timeline.visible()), ["seeded"]);
        timeline.settle();
        assert_eq!(names(timeline.visible()), ["seeded", "written"]);
    }
}
