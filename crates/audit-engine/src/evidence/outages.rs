//! Accounts in which AWS does not answer, or throttles: asked about one thing now and then, and about all that failed once it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_aws::PieceId;
use jiff::Timestamp;

use super::super::schedule::{after, backoff};

/// From one probe of an account to the next, and from one question about what goes on failing to the next, at first.
const PROBE: Duration = Duration::from_secs(10);

/// The longest wait where an account answers and something in it goes on failing.
const MOST: Duration = Duration::from_mins(5);

/// An account in trouble.
#[derive(Debug)]
struct Outage {
    /// What could not be read.
    failed: BTreeSet<PieceId>,
    /// When to ask again.
    due: Timestamp,
    /// Something was answered since it was asked last.
    answers: bool,
    /// How often in a row everything was asked that failed.
    rounds: u32,
}

/// What is to be asked again.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// These pieces.
    pub pieces: Vec<PieceId>,
    /// These accounts answer again.
    pub accounts: Vec<String>,
}

/// The accounts in trouble, by ID.
#[derive(Debug, Default)]
pub struct Outages(BTreeMap<String, Outage>);

impl Outages {
    /// Takes note that a piece could not be read because AWS did not answer, or throttled.
    pub fn failed(&mut self, piece: PieceId, now: Timestamp) {
        let outage = self.0.entry(piece.account.clone()).or_insert_with(|| Outage {
            failed: BTreeSet::new(),
            due: after(now, PROBE),
            answers: false,
            rounds: 0,
        });
        outage.failed.insert(piece);
    }

    /// Takes note that AWS answered about an account: about this piece of it, if it was asked about one.
    pub fn answered(&mut self, account: &str, piece: Option<&PieceId>, now: Timestamp) {
        let Some(outage) = self.0.get_mut(account) else {
            return;
        };
        if let Some(piece) = piece {
            outage.failed.remove(piece);
        }
        outage.answers = true;
        if outage.rounds == 0 {
            outage.due = outage.due.min(now);
        }
    }

    /// When something is to be asked again.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.0.values().map(|outage| outage.due).min()
    }

    /// What is to be asked again: one piece of each account that may answer again, all pieces of those that do.
    pub fn take_due(&mut self, now: Timestamp) -> Again {
        let mut again = Again::default();
        for (account, outage) in self.0.iter_mut().filter(|(_, outage)| outage.due <= now) {
            if std::mem::take(&mut outage.answers) {
                again.pieces.extend(outage.failed.iter().cloned());
                again.accounts.push(account.clone());
                outage.due = after(now, backoff(PROBE, MOST, outage.rounds));
                outage.rounds += 1;
            } else {
                again.pieces.extend(outage.failed.first().cloned());
                outage.due = after(now, PROBE);
                outage.rounds = 0;
            }
        }
        self.0.retain(|_, outage| !outage.failed.is_empty());
        again
    }
}

#[cfg(test)]
mod tests {
    use audit_aws::PieceKind;

    use super::*;

    const ACCOUNT: &str = "111122223333";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn role(name: &str) -> PieceId {
        PieceId::new(ACCOUNT, PieceKind::Role, name)
    }

    fn pieces(outages: &mut Outages, second: i64) -> Vec<PieceId> {
        outages.take_due(at(second)).pieces
    }

    #[test]
    fn an_account_is_probed_by_one_question_and_asked_about_all_once_it_answers() {
        let mut outages = Outages::default();
        for (second, name) in [(0, "a"), (1, "b"), (2, "c")] {
            outages.failed(role(name), at(second));
        }
        assert_eq!((outages.next(), pieces(&mut outages, 9)), (Some(at(10)), vec![]));
        assert_eq!(pieces(&mut outages, 10), [role("a")]);
        outages.failed(role("a"), at(11));
        assert_eq!(outages.next(), Some(at(20)));
        assert_eq!(pieces(&mut outages, 20), [role("a")]);
        outages.answered(ACCOUNT, Some(&role("a")), at(21));
        let again = outages.take_due(at(21));
        assert_eq!(
            (again.pieces, again.accounts),
            (vec![role("b"), role("c")], vec![ACCOUNT.to_owned()])
        );
        outages.answered(ACCOUNT, Some(&role("b")), at(22));
        outages.answered(ACCOUNT, Some(&role("c")), at(22));
        assert_eq!(pieces(&mut outages, 31), []);
        assert_eq!(outages.next(), None);
    }

    #[test]
    fn what_goes_on_failing_where_others_are_answered_is_asked_less_and_less_often() {
        let mut outages = Outages::default();
        outages.failed(role("a"), at(0));
        let mut asked = Vec::new();
        for second in 1..600 {
            outages.answered(ACCOUNT, None, at(second));
            if !pieces(&mut outages, second).is_empty() {
                asked.push(second);
                outages.failed(role("a"), at(second));
            }
        }
        assert_eq!(asked, [1, 11, 31, 71, 151, 311]);
    }

    #[test]
    fn an_answer_about_another_account_says_nothing() {
        let mut outages = Outages::default();
        outages.failed(role("a"), at(0));
        outages.answered("999988887777", None, at(1));
        assert_eq!(pieces(&mut outages, 1), []);
    }
}
