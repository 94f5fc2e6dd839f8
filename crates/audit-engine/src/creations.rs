//! Namespaces in which the API server refuses new `IrsaAudit`s, such as by a quota.
//!
//! A refusal usually holds for all objects of the namespace. So one creation at a time tries whether it still does, with a growing pause:
//! thousands of annotated ServiceAccounts behind a quota of 0 cost no more than one.

use std::collections::BTreeMap;
use std::time::Duration;

use audit_core::model::{Name, NamespacedName};
use jiff::Timestamp;

use super::schedule::{after, backoff};

/// The first pause after a refusal. It doubles up to the most with each refusal in a row.
const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_mins(1);

/// A namespace that has created nothing since a refusal.
#[derive(Debug)]
struct Refusing {
    /// Refusals in a row, each after a pause.
    refusals: u32,
    /// The end of the pause.
    until: Timestamp,
    /// The object whose creation is under way to try again.
    probe: Option<Name>,
}

/// The namespaces that refuse, by name.
#[derive(Debug, Default)]
pub struct Creations(BTreeMap<Name, Refusing>);

impl Creations {
    /// When the next creation in a namespace may start; absent where it may start at once.
    #[must_use]
    pub fn held_until(&self, namespace: &str, now: Timestamp) -> Option<Timestamp> {
        let refusing = self.0.get(namespace)?;
        if refusing.probe.is_some() {
            // The pause doubles if the probe fails; a success wakes those that wait.
            return Some(after(now, backoff(FIRST, MOST, refusing.refusals)));
        }
        Some(refusing.until).filter(|until| *until > now)
    }

    /// Takes note that a creation has started.
    pub fn start(&mut self, name: &NamespacedName) {
        if let Some(refusing) = self.0.get_mut(&name.namespace) {
            refusing.probe = Some(name.name.clone());
        }
    }

    /// Takes note that a creation was refused. What had started before the first refusal lengthens no pause.
    pub fn refused(&mut self, name: &NamespacedName, now: Timestamp) {
        let refusing = self.0.entry(name.namespace.clone()).or_insert(Refusing {
            refusals: 0,
            until: now,
            probe: Some(name.name.clone()),
        });
        if refusing.probe.as_ref() == Some(&name.name) {
            refusing.probe = None;
            refusing.until = after(now, backoff(FIRST, MOST, refusing.refusals));
            refusing.refusals = refusing.refusals.saturating_add(1);
        }
    }

    /// Takes note that a creation succeeded. Returns whether it ends a pause.
    pub fn succeeded(&mut self, namespace: &str) -> bool {
        self.0.remove(namespace).is_some()
    }

    /// Takes note that a creation ended without telling whether it would be refused.
    pub fn ended(&mut self, name: &NamespacedName, now: Timestamp) {
        if let Some(refusing) = self.0.get_mut(&name.namespace)
            && refusing.probe.as_ref() == Some(&name.name)
        {
            refusing.probe = None;
            refusing.until = after(now, FIRST);
        }
    }

    /// Forgets namespaces in which nothing has been tried for a while.
    pub fn sweep(&mut self, now: Timestamp) {
        self.0
            .retain(|_, refusing| refusing.probe.is_some() || after(refusing.until, MOST) > now);
    }

    /// Forgets all refusals.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn name(number: usize) -> NamespacedName {
        NamespacedName::new("shop".to_owned(), format!("app-{number}"))
    }

    #[test]
    fn many_that_are_refused_cost_as_much_as_one_and_a_success_ends_it() {
        let mut creations = Creations::default();
        // All of these start before the first answer.
        for number in 0..100 {
            assert_eq!(creations.held_until("shop", at(0)), None);
            creations.start(&name(number));
        }
        for number in 0..100 {
            creations.refused(&name(number), at(0));
        }
        let mut tried = Vec::new();
        for second in 0..300 {
            for number in 0..100 {
                if creations.held_until("shop", at(second)).is_none() {
                    tried.push(second);
                    creations.start(&name(number));
                    assert!(
                        creations.held_until("shop", at(second)).is_some(),
                        "one at a time"
                    );
                    creations.refused(&name(number), at(second));
                }
            }
        }
        assert_eq!(tried, [1, 3, 7, 15, 31, 63, 123, 183, 243]);
        assert_eq!(creations.held_until("other", at(300)), None);
        creations.start(&name(7));
        assert!(creations.succeeded("shop") && !creations.succeeded("shop"));
        assert_eq!(creations.held_until("shop", at(300)), None);
    }

    #[test]
    fn a_probe_that_gets_no_answer_is_followed_by_another() {
        let mut creations = Creations::default();
        creations.refused(&name(0), at(0));
        creations.start(&name(1));
        creations.ended(&name(1), at(5));
        assert_eq!(creations.held_until("shop", at(5)), Some(at(6)));
        assert_eq!(creations.held_until("shop", at(6)), None);
        creations.sweep(at(60));
        assert_eq!(creations.0.len(), 1);
        creations.sweep(at(600));
        assert!(creations.0.is_empty());
    }
}
