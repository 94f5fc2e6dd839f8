//! Which binding is looked at next: no more often than the roles read allow, in turn between namespaces, and ever more rarely where
//! nothing comes of it. Pure: the time comes in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_core::model::{BindingKey, Name};
use tokio::time::Instant;

/// A binding is looked at after at most so many intervals.
const LONGEST: u32 = 10;

#[derive(Debug)]
struct Entry {
    due: Instant,
    /// What is waited after the next look that comes to nothing.
    delay: Duration,
    /// What was said last of it, so that the same is not said again.
    said: String,
}

/// The bindings to look at.
#[derive(Debug)]
pub struct Schedule {
    interval: Duration,
    entries: BTreeMap<BindingKey, Entry>,
    /// The namespace that had its turn last.
    last: Name,
    /// Looks that may begin now, and when there is one more.
    looks: u32,
    most: u32,
    refilled: Option<Instant>,
}

impl Schedule {
    /// An empty schedule. At most `per_minute` looks are given out within a minute, but for those that were saved up: a quarter of that.
    #[must_use]
    pub fn new(interval: Duration, per_minute: u16) -> Self {
        Self {
            interval,
            entries: BTreeMap::new(),
            last: Name::default(),
            looks: 0,
            most: u32::from(per_minute.max(1)),
            refilled: None,
        }
    }

    /// These bindings are to be looked at, and no others. New ones are due at once.
    pub fn keep(&mut self, bindings: BTreeSet<BindingKey>, now: Instant) {
        self.entries.retain(|binding, _| bindings.contains(binding));
        for binding in bindings {
            let interval = self.interval;
            self.entries.entry(binding).or_insert_with(|| Entry {
                due: now,
                delay: interval,
                said: String::new(),
            });
        }
    }

    /// Something has changed for a binding: it is due now.
    pub fn wake(&mut self, binding: &BindingKey, now: Instant) {
        if let Some(entry) = self.entries.get_mut(binding) {
            entry.due = now;
            entry.delay = self.interval;
        }
    }

    /// Something has changed for all.
    pub fn wake_all(&mut self, now: Instant) {
        for entry in self.entries.values_mut() {
            entry.due = now;
            entry.delay = self.interval;
        }
    }

    /// The binding whose turn it is, if a look may begin: of the next namespace that has one due, the one that has waited longest.
    pub fn next(&mut self, now: Instant) -> Option<BindingKey> {
        self.refill(now);
        let looks = self.looks.checked_sub(1)?;
        let mut waiting: BTreeMap<&str, (&Entry, &BindingKey)> = BTreeMap::new();
        for (binding, entry) in self.entries.iter().filter(|(_, entry)| entry.due <= now) {
            let first = waiting
                .entry(binding.namespace.as_str())
                .or_insert((entry, binding));
            if entry.due < first.0.due {
                *first = (entry, binding);
            }
        }
        let after = waiting
            .iter()
            .find(|(namespace, _)| **namespace > self.last.as_str());
        let (_, (_, binding)) = after.or_else(|| waiting.iter().next())?;
        let binding = (*binding).clone();
        self.looks = looks;
        self.last.clone_from(&binding.namespace);
        if let Some(entry) = self.entries.get_mut(&binding) {
            // Whoever looks says when next; if nobody does, not at once.
            entry.due = now + self.interval;
        }
        Some(binding)
    }

    /// A look, or a write, came to nothing: the next one is later each time. `jitter` is between 0 and 1.
    pub fn rest(&mut self, binding: &BindingKey, now: Instant, jitter: f64) {
        if let Some(entry) = self.entries.get_mut(binding) {
            entry.due = now + entry.delay.mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 4.0);
            entry.delay = (entry.delay * 2).min(self.interval * LONGEST);
        }
    }

    /// Whether this is not what was said last of a binding.
    pub fn is_news(&mut self, binding: &BindingKey, text: &str) -> bool {
        match self.entries.get_mut(binding) {
            Some(entry) if entry.said != text => {
                text.clone_into(&mut entry.said);
                true
            }
            _ => false,
        }
    }

    fn refill(&mut self, now: Instant) {
        let burst = (self.most / 4).max(1);
        let Some(last) = self.refilled else {
            self.refilled = Some(now);
            self.looks = burst;
            return;
        };
        let each = Duration::from_mins(1) / self.most;
        let passed = now.saturating_duration_since(last);
        let more = u32::try_from(passed.as_nanos() / each.as_nanos().max(1)).unwrap_or(u32::MAX);
        if more > 0 {
            self.looks = self.looks.saturating_add(more).min(burst);
            self.refilled = last.checked_add(each.saturating_mul(more)).or(Some(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn key(namespace: &str, name: &str) -> BindingKey {
        BindingKey::new(namespace, name)
    }

    fn schedule(per_minute: u16, bindings: &[BindingKey], now: Instant) -> Schedule {
        let mut schedule = Schedule::new(INTERVAL, per_minute);
        schedule.keep(bindings.iter().cloned().collect(), now);
        schedule
    }

    #[test]
    fn a_namespace_with_many_bindings_takes_no_ones_turn() {
        let now = Instant::now();
        let mut bindings: Vec<BindingKey> = (0..500).map(|n| key("greedy", &format!("b{n}"))).collect();
        bindings.extend([key("modest", "one"), key("zeal", "one")]);
        let mut schedule = schedule(240, &bindings, now);
        let turns: Vec<String> = (0..6)
            .filter_map(|_| schedule.next(now))
            .map(|b| b.namespace.to_string())
            .collect();
        assert_eq!(turns, ["greedy", "modest", "zeal", "greedy", "greedy", "greedy"]);
    }

    #[test]
    fn no_more_looks_begin_than_a_minute_allows() {
        let start = Instant::now();
        let bindings: Vec<BindingKey> = (0..5000).map(|n| key("greedy", &format!("b{n}"))).collect();
        let mut schedule = schedule(60, &bindings, start);
        let looks: usize = (0..=600)
            .map(|tenths| start + Duration::from_millis(100) * tenths)
            .map(|now| std::iter::from_fn(|| schedule.next(now)).count())
            .sum();
        assert_eq!(looks, 15 + 60);
    }

    #[test]
    fn what_comes_to_nothing_is_looked_at_ever_more_rarely_until_something_changes() {
        let start = Instant::now();
        let binding = key("shop", "cart");
        let mut schedule = schedule(600, std::slice::from_ref(&binding), start);
        let (mut now, mut looks) = (start, 0);
        while now < start + Duration::from_hours(1) {
            if schedule.next(now).is_some() {
                looks += 1;
                schedule.rest(&binding, now, 0.0);
            }
            now += Duration::from_secs(1);
        }
        assert!((35..50).contains(&looks), "{looks}");
        assert_eq!(schedule.next(now), None);
        schedule.wake(&binding, now);
        assert_eq!(schedule.next(now), Some(binding));
    }

    #[test]
    fn the_same_is_not_said_twice() {
        let binding = key("shop", "cart");
        let mut schedule = schedule(60, std::slice::from_ref(&binding), Instant::now());
        assert!(schedule.is_news(&binding, "paused") && !schedule.is_news(&binding, "paused"));
        assert!(schedule.is_news(&binding, "consent") && !schedule.is_news(&key("a", "b"), "unknown"));
    }

    #[test]
    fn what_is_no_candidate_any_more_is_forgotten() {
        let now = Instant::now();
        let mut schedule = schedule(60, &[key("a", "one"), key("b", "two")], now);
        schedule.keep(BTreeSet::from([key("b", "two")]), now);
        assert_eq!(schedule.next(now), Some(key("b", "two")));
        assert_eq!(schedule.next(now), None);
    }
}
