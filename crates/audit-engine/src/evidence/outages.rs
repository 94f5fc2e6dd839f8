//! Accounts in which AWS fails or throttles some or all calls.
//!
//! While that lasts, one of the failed questions is asked again every ten seconds: a probe. Each answer to a question that failed before leads
//! to two more of the failed questions, so an account that recovers is read completely within seconds. Answers to other questions lead to
//! none, so an account that keeps failing in part costs one call per probe.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_aws::{PieceId, PieceKind};
use jiff::Timestamp;

use super::super::schedule::after;

/// From one probe of an account to the next.
const PROBE: Duration = Duration::from_secs(10);

/// The wait where all failed questions were asked just now.
const SOON: Duration = Duration::from_secs(1);

/// An account that answers again is listed at most this often for that reason: a listing has many pages.
const LISTED: Duration = Duration::from_mins(1);

/// How many questions follow from an answer to a question that failed before.
const BREEDS: usize = 2;

/// An account in trouble.
#[derive(Debug)]
struct Outage {
    /// What could not be read.
    failed: BTreeSet<PieceId>,
    /// When to ask again.
    due: Timestamp,
    /// How many questions follow from answers to questions that failed before.
    more: usize,
    /// Something was answered since the last probe.
    answers: bool,
    /// Nothing was answered between the last two probes.
    is_silent: bool,
    /// Counts the questions, to go round the kinds and the pieces of each kind.
    turn: usize,
    /// When a listing was last asked for.
    listed: Option<Timestamp>,
}

impl Outage {
    /// The next pieces to ask about. Kinds take turns, and so do the pieces of a kind: an operation that keeps failing does not delay the others.
    fn choose(&mut self, count: usize, may_ask: impl Fn(&PieceId) -> bool) -> Vec<PieceId> {
        let mut kinds: BTreeMap<PieceKind, Vec<&PieceId>> = BTreeMap::new();
        for piece in self.failed.iter().filter(|piece| may_ask(piece)) {
            kinds.entry(piece.kind).or_default().push(piece);
        }
        let mut chosen = Vec::new();
        while chosen.len() < count && !kinds.is_empty() {
            let turn = self.turn;
            self.turn = turn.wrapping_add(1);
            let Some(kind) = kinds.keys().nth(turn % kinds.len()).copied() else {
                break;
            };
            let round = turn / kinds.len();
            if let Some(pieces) = kinds.get_mut(&kind) {
                chosen.push(pieces.swap_remove(round % pieces.len()).clone());
                if pieces.is_empty() {
                    kinds.remove(&kind);
                }
            }
        }
        chosen
    }
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
            more: 0,
            answers: false,
            is_silent: true,
            turn: 0,
            listed: None,
        });
        outage.failed.insert(piece);
    }

    /// Takes note that AWS answered about an account: about this piece of it, if it was asked about one.
    pub fn answered(&mut self, account: &str, piece: Option<&PieceId>, now: Timestamp) {
        let Some(outage) = self.0.get_mut(account) else {
            return;
        };
        outage.answers = true;
        let has_recovered = piece.is_some_and(|piece| outage.failed.remove(piece));
        if has_recovered {
            outage.more += BREEDS;
        }
        if has_recovered || std::mem::take(&mut outage.is_silent) {
            outage.due = outage.due.min(now);
        }
    }

    /// Takes note that a listing of an account brought pieces: these need not be asked about any more.
    pub fn brought(&mut self, account: &str, is_brought: impl Fn(&PieceId) -> bool) {
        if let Some(outage) = self.0.get_mut(account) {
            outage.failed.retain(|piece| !is_brought(piece));
        }
    }

    /// Forgets a piece that cannot be asked about any more.
    pub fn forget(&mut self, piece: &PieceId) {
        if let Some(outage) = self.0.get_mut(&piece.account) {
            outage.failed.remove(piece);
        }
    }

    /// When something is to be asked again.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.0.values().map(|outage| outage.due).min()
    }

    /// What is to be asked again: one piece of each account in trouble, and more in accounts that answer again. Pieces that are not needed
    /// any more are forgotten. `may_ask` is false for a piece that was asked just now.
    pub fn take_due(
        &mut self,
        now: Timestamp,
        is_needed: impl Fn(&PieceId) -> bool,
        may_ask: impl Fn(&PieceId) -> bool,
    ) -> Again {
        let mut again = Again::default();
        for (account, outage) in self.0.iter_mut().filter(|(_, outage)| outage.due <= now) {
            outage.failed.retain(&is_needed);
            let wanted = std::mem::take(&mut outage.more).max(1);
            let chosen = outage.choose(wanted, &may_ask);
            let answers = std::mem::take(&mut outage.answers);
            outage.is_silent = !answers;
            let is_listed = outage.listed.is_some_and(|at| after(at, LISTED) > now);
            if answers && !is_listed {
                outage.listed = Some(now);
                again.accounts.push(account.clone());
            }
            outage.due = if chosen.len() < wanted && chosen.len() < outage.failed.len() {
                outage.more = wanted - chosen.len();
                after(now, SOON)
            } else {
                after(now, PROBE)
            };
            again.pieces.extend(chosen);
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
        outages.take_due(at(second), |_| true, |_| true).pieces
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
        assert_eq!(pieces(&mut outages, 20), [role("b")]);
        outages.answered(ACCOUNT, Some(&role("b")), at(21));
        let again = outages.take_due(at(21), |_| true, |_| true);
        assert_eq!(
            (BTreeSet::from_iter(again.pieces), again.accounts),
            ([role("a"), role("c")].into(), vec![ACCOUNT.to_owned()])
        );
        outages.answered(ACCOUNT, Some(&role("a")), at(22));
        outages.answered(ACCOUNT, Some(&role("c")), at(22));
        assert_eq!(pieces(&mut outages, 31), []);
        assert_eq!(outages.next(), None);
    }

    #[test]
    fn what_goes_on_failing_where_others_are_answered_is_asked_once_a_probe() {
        let mut outages = Outages::default();
        outages.failed(role("a"), at(0));
        outages.failed(role("b"), at(0));
        let (mut asked, mut listed) = (Vec::new(), 0);
        for second in 1..50 {
            outages.answered(ACCOUNT, None, at(second));
            let again = outages.take_due(at(second), |_| true, |_| true);
            listed += again.accounts.len();
            for piece in again.pieces {
                asked.push((second, piece.key.clone()));
                outages.failed(piece, at(second));
            }
        }
        let (a, b) = ("a".to_owned(), "b".to_owned());
        assert_eq!(
            asked,
            [(1, a.clone()), (11, b.clone()), (21, a.clone()), (31, b), (41, a)]
        );
        assert_eq!(listed, 1);
    }

    #[test]
    fn after_any_time_in_part_all_is_asked_within_a_probe_and_a_few_answers() {
        for minutes in [1, 10, 100] {
            let mut outages = Outages::default();
            for number in 0..1000 {
                outages.failed(role(&number.to_string()), at(0));
            }
            let over = minutes * 60;
            let (mut asked, mut second) = (0, 0);
            while outages.next().is_some() {
                second += 1;
                assert!(second <= over + 25, "{minutes}: only {asked} asked");
                outages.answered(ACCOUNT, None, at(second));
                for piece in pieces(&mut outages, second) {
                    asked += 1;
                    match second {
                        _ if second < over => outages.failed(piece, at(second)),
                        _ => outages.answered(ACCOUNT, Some(&piece), at(second)),
                    }
                }
            }
            let of_trouble = usize::try_from(over / 10).unwrap();
            assert!(asked <= 1000 + of_trouble + 2, "{asked} questions");
        }
    }

    #[test]
    fn what_fails_in_one_operation_hides_nothing_of_another() {
        let mut outages = Outages::default();
        for number in 0..1000 {
            outages.failed(role(&number.to_string()), at(0));
        }
        let provider = PieceId::new(ACCOUNT, PieceKind::Provider, "");
        outages.failed(provider.clone(), at(0));
        let asked: Vec<PieceId> = (0..30).flat_map(|second| pieces(&mut outages, second)).collect();
        assert!(asked.contains(&provider), "{asked:?}");
    }

    #[test]
    fn what_was_just_asked_is_asked_a_little_later() {
        let mut outages = Outages::default();
        for name in ["a", "b", "c"] {
            outages.failed(role(name), at(0));
        }
        assert_eq!(pieces(&mut outages, 10), [role("a")]);
        outages.answered(ACCOUNT, Some(&role("a")), at(11));
        let only_b = |piece: &PieceId| piece.key == "b";
        assert_eq!(outages.take_due(at(11), |_| true, only_b).pieces, [role("b")]);
        outages.failed(role("b"), at(11));
        assert_eq!(outages.next(), Some(at(12)));
        let only_c = |piece: &PieceId| piece.key == "c";
        assert_eq!(outages.take_due(at(12), |_| true, only_c).pieces, [role("c")]);
    }

    #[test]
    fn what_a_listing_brought_is_not_asked_again() {
        let mut outages = Outages::default();
        for name in ["a", "b", "c"] {
            outages.failed(role(name), at(0));
        }
        outages.brought(ACCOUNT, |piece| piece.key != "b");
        outages.answered(ACCOUNT, None, at(1));
        assert_eq!(pieces(&mut outages, 1), [role("b")]);
        outages.answered(ACCOUNT, Some(&role("b")), at(2));
        assert_eq!(pieces(&mut outages, 2), []);
        assert_eq!(outages.next(), None);
    }

    #[test]
    fn what_is_not_needed_any_more_is_forgotten_and_delays_nothing() {
        let mut outages = Outages::default();
        for number in 0..2000 {
            outages.failed(role(&format!("gone-{number}")), at(0));
        }
        outages.failed(role("there"), at(0));
        let is_there = |piece: &PieceId| piece.key == "there";
        assert_eq!(
            outages.take_due(at(10), is_there, |_| true).pieces,
            [role("there")]
        );
        outages.forget(&role("there"));
        assert_eq!(pieces(&mut outages, 20), []);
        assert_eq!(outages.next(), None);
        outages.failed(role("gone"), at(20));
        assert_eq!(outages.take_due(at(30), is_there, |_| true), Again::default());
        assert_eq!(outages.next(), None, "nothing wakes the engine");
    }

    #[test]
    fn an_answer_about_another_account_says_nothing() {
        let mut outages = Outages::default();
        outages.failed(role("a"), at(0));
        outages.answered("999988887777", None, at(1));
        assert_eq!(pieces(&mut outages, 1), []);
    }
}
