//! What an account still has to answer, in which order. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::evidence::{Piece, PieceId, PieceKind};
use crate::listing::{ListingProgress, Scope};
use turns::{AskedFor, Turns};

/// After so many single reads a listing that waits gets a page in between, or it would never end while single reads
/// keep coming.
const SINGLES_BETWEEN_PAGES: u32 = 20;

/// A question that is answered at one go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Single {
    /// About a piece of evidence.
    Piece(Piece),
    /// About the issuer of a cluster by name.
    EksIssuer(String),
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Job {
    /// Answer a single question.
    Single(QueuedQuestion),
    /// Read the next page of a listing.
    Page(Box<ListingProgress>),
}

/// A single question, and when it came, counted in questions.
#[derive(Debug, Clone)]
pub(crate) struct QueuedQuestion {
    pub(crate) single: Single,
    at: u64,
}

/// What is known of a question that is queued or under way.
#[derive(Debug, Default)]
struct Known {
    /// It has been given out.
    is_begun: bool,
    /// For whom it is queued: it is read at the first of their turns.
    asked_for: BTreeSet<AskedFor>,
}

/// The questions of one account, queued or under way, each once.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// What follows from answers: it goes before new questions, so that what has begun is whole soon.
    following: VecDeque<QueuedQuestion>,
    singles: Turns<QueuedQuestion>,
    /// Single questions that are queued or under way.
    known: BTreeMap<Single, Known>,
    /// When each that followed from an answer began to be read, for as long as anything is queued or under way.
    read: BTreeMap<Single, u64>,
    /// Counts what comes and what is begun.
    now: u64,
    singles_in_a_row: u32,
    /// What the listing under way answers for.
    current: Option<Arc<Scope>>,
    /// The listing under way, unless a page of it is being read.
    page: Option<Box<ListingProgress>>,
    /// The listing that has not begun.
    next: Option<Scope>,
}

impl Queue {
    /// Adds a single question unless it is there. Whoever asks for it too brings it into a turn of their own: nobody else's many questions
    /// keep it from them.
    pub(crate) fn push(&mut self, single: Single, asked_for: AskedFor) {
        // A listing makes roles forgotten that it was not asked for: one that somebody asks for now must stay.
        if let (Single::Piece(Piece::Role(role)), Some(next)) = (&single, &mut self.next) {
            next.wanted.insert(role.name.clone());
        }
        let known = self.known.entry(single.clone()).or_default();
        if !known.is_begun && known.asked_for.insert(asked_for.clone()) {
            let at = self.tick();
            self.singles.push(asked_for, QueuedQuestion { single, at });
        }
    }

    /// Drops pieces that are queued. What is under way is answered.
    pub(crate) fn release(&mut self, pieces: &BTreeSet<PieceId>) {
        let released: BTreeSet<(PieceKind, &str)> = pieces
            .iter()
            .map(|piece| (piece.kind, piece.key.as_str()))
            .collect();
        self.known.retain(|single, known| {
            let is_released = match single {
                Single::Piece(piece) => released.contains(&(piece.kind(), piece.key())),
                Single::EksIssuer(_) => false,
            };
            known.is_begun || !is_released
        });
    }

    /// Adds what follows from the answer to a question, unless it is there, or was read since that question came: what many roles
    /// have in common is read once for all that were asked for together.
    pub(crate) fn follow(&mut self, asked: &QueuedQuestion, pieces: Vec<Piece>) {
        for single in pieces.into_iter().map(Single::Piece) {
            let is_fresh = self.read.get(&single).is_some_and(|read| *read > asked.at);
            if !is_fresh && !self.known.contains_key(&single) {
                self.known.insert(single.clone(), Known::default());
                self.following.push_back(QueuedQuestion { single, at: asked.at });
            }
        }
    }

    /// Adds what a listing did not bring.
    pub(crate) fn follow_listing(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            self.push(Single::Piece(piece), AskedFor::default());
        }
    }

    /// Adds a listing, unless the one under way answers for it from its beginning. One that has not begun answers
    /// for all that are asked for until then.
    pub(crate) fn push_listing(&mut self, scope: Scope) {
        if self
            .current
            .as_ref()
            .is_some_and(|current| current.covers(&scope))
        {
            return;
        }
        match &mut self.next {
            Some(next) if next.issuer == scope.issuer => next.wanted.extend(scope.wanted),
            // The issuer is the cluster's: the latest that is known is right.
            next => *next = Some(scope),
        }
    }

    /// The next job: single questions first, in the order of turns.
    pub(crate) fn pop(&mut self) -> Option<Job> {
        if self.singles_in_a_row < SINGLES_BETWEEN_PAGES
            && let Some(asked) = self.next_single()
        {
            self.singles_in_a_row += 1;
            return Some(Job::Single(asked));
        }
        self.singles_in_a_row = 0;
        self.next_page()
            .map(Job::Page)
            .or_else(|| self.next_single().map(Job::Single))
    }

    fn next_single(&mut self) -> Option<QueuedQuestion> {
        while let Some(asked) = self.following.pop_front() {
            if self.begin(&asked.single) {
                let now = self.tick();
                self.read.insert(asked.single.clone(), now);
                return Some(asked);
            }
        }
        while let Some(asked) = self.singles.pop() {
            if self.begin(&asked.single) {
                return Some(asked);
            }
        }
        None
    }

    /// Whether a question is still to be answered, and nobody does so yet.
    fn begin(&mut self, single: &Single) -> bool {
        let Some(known) = self.known.get_mut(single) else {
            return false;
        };
        !std::mem::replace(&mut known.is_begun, true)
    }

    fn next_page(&mut self) -> Option<Box<ListingProgress>> {
        if self.current.is_none()
            && let Some(scope) = self.next.take()
        {
            let scope = Arc::new(scope);
            self.current = Some(Arc::clone(&scope));
            self.page = Some(Box::new(ListingProgress::new(scope)));
        }
        self.page.take()
    }

    /// A single question was answered, and what follows from the answer was added: it may be asked again.
    pub(crate) fn answered(&mut self, single: &Single) {
        self.known.remove(single);
        if self.known.is_empty() {
            self.read.clear();
        }
    }

    /// A page was read: the listing goes on, or has ended.
    pub(crate) fn page_read(&mut self, progress: Option<Box<ListingProgress>>) {
        if progress.is_none() {
            self.current = None;
        }
        self.page = progress;
    }

    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
}

#[cfg(test)]
mod tests {
    use audit_core::model::IssuerUrl;

    use super::*;
    use crate::evidence::{Managed, Provider, Role};

    fn scope(issuer: &str, wanted: &[&str]) -> Scope {
        Scope {
            issuer: IssuerUrl::parse(issuer).unwrap(),
            wanted: wanted.iter().map(|&name| name.into()).collect(),
        }
    }

    fn role(name: &str) -> Single {
        let (name, with_documents) = (name.into(), false);
        Single::Piece(Piece::Role(Role { name, with_documents }))
    }

    fn managed(arn: &str) -> Piece {
        Piece::Managed(Managed { arn: arn.into() })
    }

    /// The next job, which is a single question.
    fn begin(queue: &mut Queue) -> QueuedQuestion {
        match queue.pop() {
            Some(Job::Single(asked)) => asked,
            other => panic!("{other:?}"),
        }
    }

    /// What the next job is: a role's name, or the names that a listing looks for.
    fn pop(queue: &mut Queue) -> Option<String> {
        match queue.pop()? {
            Job::Single(asked) => Some(match asked.single {
                Single::Piece(Piece::Role(role)) => role.name,
                other => format!("{other:?}"),
            }),
            Job::Page(progress) => Some(format!("listing {:?}", progress.scope().wanted)),
        }
    }

    #[test]
    fn a_question_is_there_once_until_it_is_answered() {
        let mut queue = Queue::default();
        for single in [
            role("a"),
            Single::Piece(Piece::Provider(Provider { arn: "a".into() })),
            Single::EksIssuer("a".into()),
            role("a"),
        ] {
            queue.push(single, AskedFor::default());
        }
        assert_eq!(pop(&mut queue).unwrap(), "a");
        queue.push(role("a"), AskedFor::default());
        assert!(pop(&mut queue).unwrap().contains("Provider"));
        assert!(pop(&mut queue).unwrap().contains("EksIssuer"));
        assert_eq!(pop(&mut queue), None);
        queue.answered(&role("a"));
        queue.push(role("a"), AskedFor::default());
        assert_eq!(pop(&mut queue).unwrap(), "a");
    }

    #[test]
    fn a_namespace_that_names_thousands_of_roles_keeps_no_other_waiting() {
        let mut queue = Queue::default();
        let of = |namespace: &str, is_urgent| AskedFor {
            namespace: namespace.to_owned(),
            is_urgent,
        };
        for number in 0..2_000 {
            queue.push(role(&format!("missing-{number}")), of("greedy", true));
        }
        assert_eq!(pop(&mut queue).unwrap(), "missing-0");
        queue.push(role("cart"), of("shop", true));
        assert_eq!(pop(&mut queue).unwrap(), "cart");
        // Also where everybody's roles are read anew.
        let mut queue = Queue::default();
        for number in 0..2_000 {
            queue.push(role(&format!("old-{number}")), of("shop", false));
        }
        assert_eq!(pop(&mut queue).unwrap(), "old-0");
        queue.push(role("cart"), of("shop", true));
        assert_eq!(pop(&mut queue).unwrap(), "cart");
    }

    #[test]
    fn what_two_namespaces_ask_for_is_read_once_at_the_first_of_their_turns() {
        let of = |namespace: &str| AskedFor {
            namespace: namespace.to_owned(),
            is_urgent: true,
        };
        let mut queue = Queue::default();
        for number in 0..100 {
            queue.push(role(&format!("missing-{number}")), of("greedy"));
        }
        queue.push(role("cart"), of("greedy"));
        queue.push(role("cart"), of("shop"));
        assert_eq!(pop(&mut queue).unwrap(), "missing-0");
        assert_eq!(pop(&mut queue).unwrap(), "cart");
        queue.push(role("cart"), of("third"));
        let rest: Vec<String> = std::iter::from_fn(|| pop(&mut queue)).collect();
        assert_eq!(rest.len(), 99);
        assert!(!rest.contains(&"cart".to_owned()));
        queue.answered(&role("cart"));
        queue.push(role("cart"), of("greedy"));
        assert_eq!(pop(&mut queue).unwrap(), "cart");
    }

    #[test]
    fn what_nobody_needs_any_more_is_not_read() {
        let mut queue = Queue::default();
        for name in ["begun", "gone", "kept"] {
            queue.push(role(name), AskedFor::default());
        }
        assert_eq!(pop(&mut queue).unwrap(), "begun");
        let piece = |name| PieceId::new("111122223333", PieceKind::Role, name);
        queue.release(&[piece("begun"), piece("gone")].into());
        assert_eq!(pop(&mut queue).unwrap(), "kept");
        assert_eq!(pop(&mut queue), None);
        // Who names it again asks again.
        queue.push(role("gone"), AskedFor::default());
        assert_eq!(pop(&mut queue).unwrap(), "gone");
        // It is still being read.
        queue.push(role("begun"), AskedFor::default());
        assert_eq!(pop(&mut queue), None);
    }

    #[test]
    fn single_questions_go_before_pages_but_not_for_ever() {
        let mut queue = Queue::default();
        queue.push_listing(scope("https://x", &[]));
        for number in 0..50 {
            queue.push(role(&number.to_string()), AskedFor::default());
        }
        let order: Vec<bool> = std::iter::from_fn(|| {
            let job = queue.pop()?;
            Some(match job {
                Job::Single(_) => false,
                Job::Page(progress) => {
                    queue.page_read(Some(progress));
                    true
                }
            })
        })
        .take(52)
        .collect();
        let pages: Vec<usize> = order
            .iter()
            .enumerate()
            .filter(|(_, page)| **page)
            .map(|(at, _)| at)
            .collect();
        assert_eq!(pages, [20, 41]);
    }

    #[test]
    fn what_follows_goes_before_what_waits_and_is_read_once_for_all_that_came_together() {
        let mut queue = Queue::default();
        queue.push(role("a"), AskedFor::default());
        queue.push(role("b"), AskedFor::default());
        let a = begin(&mut queue);
        queue.follow(&a, vec![managed("shared"), managed("own")]);
        queue.answered(&a.single);
        assert!(pop(&mut queue).unwrap().contains("shared"));
        // It is under way, and then it was read since `b` came.
        queue.answered(&Single::Piece(managed("shared")));
        assert!(pop(&mut queue).unwrap().contains("own"));
        let b = begin(&mut queue);
        queue.follow(&b, vec![managed("shared"), managed("own")]);
        queue.answered(&b.single);
        queue.push(role("c"), AskedFor::default());
        assert_eq!(pop(&mut queue).unwrap(), "c");
        queue.answered(&Single::Piece(managed("own")));
        // Of what comes later, it may have changed.
        queue.push(role("d"), AskedFor::default());
        let d = begin(&mut queue);
        queue.follow(&d, vec![managed("shared")]);
        assert!(pop(&mut queue).unwrap().contains("shared"));
    }

    #[test]
    fn pages_of_one_listing_are_read_one_after_the_other() {
        let mut queue = Queue::default();
        queue.push_listing(scope("https://x", &["a"]));
        let Some(Job::Page(page)) = queue.pop() else {
            panic!()
        };
        assert_eq!(pop(&mut queue), None);
        queue.page_read(Some(page));
        assert_eq!(pop(&mut queue).unwrap(), r#"listing {"a"}"#);
        queue.page_read(None);
        assert_eq!(pop(&mut queue), None);
    }

    #[test]
    fn a_listing_answers_for_all_that_were_asked_before_it_began() {
        let mut queue = Queue::default();
        queue.push_listing(scope("https://x", &["a"]));
        queue.push_listing(scope("https://x", &["b"]));
        queue.push(role("c"), AskedFor::default());
        assert_eq!(pop(&mut queue).unwrap(), "c");
        assert_eq!(pop(&mut queue).unwrap(), r#"listing {"a", "b", "c"}"#);
        queue.page_read(None);
        assert_eq!(pop(&mut queue), None);
    }

    #[test]
    fn what_the_listing_under_way_does_not_answer_waits_for_the_next() {
        for (issuer, wanted, follows) in [
            ("https://x", vec!["a"], false),
            ("https://x", vec![], false),
            ("https://x", vec!["a", "b"], true),
            ("https://y", vec!["a"], true),
        ] {
            let mut queue = Queue::default();
            queue.push_listing(scope("https://x", &["a"]));
            let Some(Job::Page(page)) = queue.pop() else {
                panic!()
            };
            queue.push_listing(scope(issuer, &wanted));
            assert_eq!(pop(&mut queue), None, "not beside it");
            queue.page_read(Some(page));
            assert_eq!(pop(&mut queue).unwrap(), r#"listing {"a"}"#);
            queue.page_read(None);
            assert_eq!(pop(&mut queue).is_some(), follows, "{issuer} {wanted:?}");
        }
    }
}
