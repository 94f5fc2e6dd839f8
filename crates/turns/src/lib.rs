//! Queues in which namespaces take turns, so that no one who has thousands of things to do keeps the others waiting.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

/// So many urgent ones in a row, then one of the others.
const URGENT_IN_A_ROW: u32 = 4;

/// For whom something is done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct AskedFor {
    /// The namespace that waits for it; empty where all do.
    pub namespace: String,
    /// Something has just changed, and somebody waits for the verdict.
    pub is_urgent: bool,
}

/// What waits: the urgent before the others, of which one follows every four, and both in turns of their namespaces.
#[derive(Debug)]
pub struct Turns<T> {
    urgent: Lanes<T>,
    others: Lanes<T>,
    in_a_row: u32,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self {
            urgent: Lanes::default(),
            others: Lanes::default(),
            in_a_row: 0,
        }
    }
}

impl<T> Turns<T> {
    /// Adds something to the end of its namespace's queue.
    pub fn push(&mut self, asked_for: AskedFor, item: T) {
        let lanes = if asked_for.is_urgent {
            &mut self.urgent
        } else {
            &mut self.others
        };
        lanes.push(asked_for.namespace, item);
    }

    /// How many things of a namespace wait.
    #[must_use]
    pub fn of(&self, namespace: &str) -> usize {
        let lanes =
            [&self.urgent, &self.others].map(|lanes| lanes.lanes.get(namespace).map_or(0, VecDeque::len));
        lanes.iter().sum()
    }

    /// Takes out what is next.
    #[must_use]
    pub fn pop(&mut self) -> Option<T> {
        self.pop_where(|_| true)
    }

    /// Takes out what is next of the namespaces that may have their turn.
    pub fn pop_where(&mut self, may_have_it: impl Fn(&str) -> bool) -> Option<T> {
        let is_turn_of_urgent = self.in_a_row < URGENT_IN_A_ROW || self.others.next(&may_have_it).is_none();
        if is_turn_of_urgent && let Some(item) = self.urgent.pop(&may_have_it) {
            self.in_a_row = self.in_a_row.saturating_add(1);
            return Some(item);
        }
        self.in_a_row = 0;
        self.others.pop(&may_have_it)
    }
}

/// A queue for each namespace, and whose turn was last.
#[derive(Debug)]
struct Lanes<T> {
    lanes: BTreeMap<String, VecDeque<T>>,
    last: String,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self {
            lanes: BTreeMap::new(),
            last: String::new(),
        }
    }
}

impl<T> Lanes<T> {
    fn push(&mut self, namespace: String, item: T) {
        self.lanes.entry(namespace).or_default().push_back(item);
    }

    /// The namespace whose turn is next, of those that may have it.
    fn next(&self, may_have_it: impl Fn(&str) -> bool) -> Option<&String> {
        let last = self.last.as_str();
        let after = (Bound::Excluded(last), Bound::Unbounded);
        let until = (Bound::Unbounded, Bound::Included(last));
        let in_order = self
            .lanes
            .range::<str, _>(after)
            .chain(self.lanes.range::<str, _>(until));
        in_order
            .map(|(namespace, _)| namespace)
            .find(|namespace| may_have_it(namespace))
    }

    fn pop(&mut self, may_have_it: impl Fn(&str) -> bool) -> Option<T> {
        self.last = self.next(may_have_it)?.clone();
        let lane = self.lanes.get_mut(&self.last)?;
        let item = lane.pop_front();
        if lane.is_empty() {
            self.lanes.remove(&self.last);
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(items: &[(&str, bool, &'static str)]) -> Turns<&'static str> {
        let mut turns = Turns::default();
        for (namespace, is_urgent, item) in items {
            let asked_for = AskedFor {
                namespace: (*namespace).to_owned(),
                is_urgent: *is_urgent,
            };
            turns.push(asked_for, *item);
        }
        turns
    }

    fn order(mut turns: Turns<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| turns.pop()).collect()
    }

    #[test]
    fn each_namespace_has_its_turn_and_its_own_order() {
        let all = turns(&[
            ("a", false, "a1"),
            ("a", false, "a2"),
            ("a", false, "a3"),
            ("b", false, "b1"),
            ("", false, "all"),
        ]);
        assert_eq!(order(all), ["a1", "b1", "all", "a2", "a3"]);
    }

    #[test]
    fn a_namespace_that_may_not_have_its_turn_is_passed_over() {
        let mut all = turns(&[
            ("a", true, "a1"),
            ("b", false, "b1"),
            ("c", true, "c1"),
            ("a", false, "a2"),
        ]);
        let not_a = |namespace: &str| namespace != "a";
        let passed: Vec<_> = std::iter::from_fn(|| all.pop_where(not_a)).collect();
        assert_eq!(passed, ["c1", "b1"]);
        assert_eq!(order(all), ["a1", "a2"]);
    }

    #[test]
    fn what_has_changed_goes_first_and_the_others_go_on() {
        let mut items = vec![("r", false, "r1"), ("r", false, "r2")];
        items.extend(["1", "2", "3", "4", "5"].map(|name| ("u", true, name)));
        assert_eq!(order(turns(&items)), ["1", "2", "3", "4", "r1", "5", "r2"]);
    }
}
