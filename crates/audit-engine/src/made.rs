//! Objects that were made lately, so that one that somebody deletes again and again is made ever more rarely.

use std::collections::BTreeMap;
use std::time::Duration;

use audit_core::model::NamespacedName;
use jiff::Timestamp;

use super::schedule::{after, backoff};

/// The least time between two objects of one name that are made, where somebody deletes each: the first wait, and the longest.
const AGAIN: Duration = Duration::from_secs(1);
const MOST_AGAIN: Duration = Duration::from_mins(5);

/// An object that lived longer was not deleted again and again.
const LIVED: Duration = Duration::from_mins(10);

/// When an object of a name was made last, and how many in a row.
#[derive(Debug)]
struct Making {
    last: Timestamp,
    times: u32,
}

impl Making {
    fn is_late(&self, now: Timestamp) -> bool {
        after(self.last, LIVED) > now
    }
}

/// The objects by name. After a start in a large cluster that is all of them, for a while.
#[derive(Debug, Default)]
pub struct Made(BTreeMap<NamespacedName, Making>);

impl Made {
    /// When another object of this name may be made, where that is not the first time.
    #[must_use]
    pub fn again_at(&self, name: &NamespacedName) -> Option<Timestamp> {
        let making = self.0.get(name)?;
        Some(after(
            making.last,
            backoff(AGAIN, MOST_AGAIN, making.times.checked_sub(2)?),
        ))
    }

    /// Takes note that an object was made.
    pub fn insert(&mut self, name: &NamespacedName, now: Timestamp) {
        let before = self.0.get(name).filter(|making| making.is_late(now));
        let times = before.map_or(1, |making| making.times.saturating_add(1));
        self.0.insert(name.clone(), Making { last: now, times });
    }

    /// Forgets those that have lived for a while.
    pub fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, making| making.is_late(now));
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_again_and_again_waits_ever_longer_until_one_has_lived() {
        let name = NamespacedName::new("shop", "cart");
        let (mut made, mut now) = (Made::default(), Timestamp::UNIX_EPOCH);
        let mut waits = Vec::new();
        for _ in 0..12 {
            made.insert(&name, now);
            let next = made.again_at(&name).unwrap_or(now);
            waits.push(next.duration_since(now).as_secs());
            now = next;
        }
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        now = after(now, LIVED);
        made.sweep(now);
        assert!(made.0.is_empty());
        made.insert(&name, now);
        assert_eq!(made.again_at(&name), None);
    }
}
