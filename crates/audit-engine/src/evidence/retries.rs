//! What AWS answers and still cannot be read, such as a policy that was deleted between two calls: it is asked again with a growing pause.

use std::collections::BTreeMap;
use std::time::Duration;

use audit_aws::PieceId;
use jiff::Timestamp;

use super::super::schedule::{Schedule, after, backoff};

/// The first wait. It doubles up to the refresh interval.
const FIRST: Duration = Duration::from_secs(10);

/// The pieces, each with a backoff of its own: AWS answers, so one piece says nothing about the others.
#[derive(Debug, Default)]
pub struct Retries {
    failures: BTreeMap<PieceId, u32>,
    due: Schedule<PieceId>,
}

impl Retries {
    /// Takes note that a piece could not be read although AWS answered.
    pub fn failed(&mut self, piece: &PieceId, refresh: Duration, now: Timestamp) {
        let failures = self.failures.entry(piece.clone()).or_default();
        let wait = backoff(FIRST, refresh, *failures);
        *failures = failures.saturating_add(1);
        self.due.set(piece, Some(after(now, wait)));
    }

    /// Forgets a piece that was read, or is not needed any more.
    pub fn forget(&mut self, piece: &PieceId) {
        if self.failures.remove(piece).is_some() {
            self.due.set(piece, None);
        }
    }

    /// Forgets the pieces that a listing brought.
    pub fn brought(&mut self, account: &str, is_brought: impl Fn(&PieceId) -> bool) {
        let pieces = self.failures.keys();
        let brought = pieces.filter(|piece| piece.account == account && is_brought(piece));
        for piece in brought.cloned().collect::<Vec<_>>() {
            self.forget(&piece);
        }
    }

    /// When the next piece is due.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.due.next()
    }

    /// The pieces whose time has come. Those that are not needed any more are forgotten.
    pub fn take_due(&mut self, now: Timestamp, is_needed: impl Fn(&PieceId) -> bool) -> Vec<PieceId> {
        let mut due = self.due.take_due(now);
        if !due.is_empty() {
            self.failures.retain(|piece, _| is_needed(piece));
            due.retain(|piece| self.failures.contains_key(piece));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use audit_aws::PieceKind;

    use super::*;

    const REFRESH: Duration = Duration::from_mins(10);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn policy(name: &str) -> PieceId {
        PieceId::new("111122223333", PieceKind::Managed, name)
    }

    #[test]
    fn the_pause_grows_up_to_the_refresh_interval() {
        let mut retries = Retries::default();
        retries.failed(&policy("a"), REFRESH, at(0));
        let mut asked = Vec::new();
        for second in 0..3600 {
            for piece in retries.take_due(at(second), |_| true) {
                asked.push(second);
                retries.failed(&piece, REFRESH, at(second));
            }
        }
        assert_eq!(asked, [10, 30, 70, 150, 310, 630, 1230, 1830, 2430, 3030]);
        retries.forget(&policy("a"));
        assert_eq!(retries.next(), None);
    }

    #[test]
    fn what_is_not_needed_any_more_is_forgotten() {
        let mut retries = Retries::default();
        for name in ["a", "b", "c"] {
            retries.failed(&policy(name), REFRESH, at(0));
        }
        retries.brought("111122223333", |piece| piece.key == "b");
        let due = retries.take_due(at(10), |piece| piece.key == "a");
        assert_eq!(due, [policy("a")]);
        assert_eq!((retries.next(), retries.failures.len()), (None, 1));
    }
}
