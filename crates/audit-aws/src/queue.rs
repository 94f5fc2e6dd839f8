//! What an account still has to answer, in which order. Pure.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use audit_core::model::{BindingKey, Inquiry};

use crate::read::{ListingProgress, Scope};

/// After so many single reads a listing that waits gets a page in between, or it would never end while single reads
/// keep coming.
const SINGLES_BETWEEN_PAGES: u32 = 20;

/// A question that is answered at one go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Single {
    /// A role by name.
    Role(String),
    /// A role by name, with what stands in its policies.
    Permissions(String),
    /// A managed policy by ARN.
    Managed(String),
    /// What the policy simulator says of a role.
    Simulation(Box<Simulation>),
    /// A provider by ARN.
    Provider(String),
    /// The URLs of all providers.
    ProviderUrls,
    /// The quota of trust policies.
    TrustQuota,
    /// The associations of a cluster by name, with the roles of some.
    PodIdentity(String, BTreeSet<BindingKey>),
    /// The clusters of a region.
    Clusters(String),
    /// The issuer of a cluster by name.
    EksIssuer(String),
}

/// What to ask the policy simulator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Simulation {
    /// The role's name.
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) role_arn: String,
    /// Which policies it is known to have.
    pub(crate) state: u64,
    /// The questions.
    pub(crate) inquiries: BTreeSet<Inquiry>,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Job {
    /// Answer a single question.
    Single(Single),
    /// Read the next page of a listing.
    Page(Box<ListingProgress>),
}

/// The questions of one account, queued or under way, each once.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    singles: VecDeque<Single>,
    /// Single questions that are queued or under way.
    known: HashSet<Single>,
    singles_in_a_row: u32,
    /// What the listing under way answers for.
    current: Option<Arc<Scope>>,
    /// The listing under way, unless a page of it is being read.
    page: Option<Box<ListingProgress>>,
    /// The listing that has not begun.
    next: Option<Scope>,
}

impl Queue {
    /// Adds a single question unless it is there.
    pub(crate) fn push(&mut self, single: Single) {
        // A listing makes roles forgotten that it was not asked for: one that somebody asks for now must stay.
        if let (Single::Role(name) | Single::Permissions(name), Some(next)) = (&single, &mut self.next) {
            next.wanted.insert(name.clone());
        }
        if self.known.insert(single.clone()) {
            self.singles.push_back(single);
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

    /// The next job: single questions first, in order.
    pub(crate) fn pop(&mut self) -> Option<Job> {
        if self.singles_in_a_row < SINGLES_BETWEEN_PAGES
            && let Some(single) = self.singles.pop_front()
        {
            self.singles_in_a_row += 1;
            return Some(Job::Single(single));
        }
        self.singles_in_a_row = 0;
        self.next_page()
            .map(Job::Page)
            .or_else(|| self.singles.pop_front().map(Job::Single))
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

    /// A single question was answered: it may be asked again.
    pub(crate) fn answered(&mut self, single: &Single) {
        self.known.remove(single);
    }

    /// A page was read: the listing goes on, or has ended.
    pub(crate) fn page_read(&mut self, progress: Option<Box<ListingProgress>>) {
        if progress.is_none() {
            self.current = None;
        }
        self.page = progress;
    }
}

#[cfg(test)]
mod tests {
    use audit_core::model::IssuerUrl;

    use super::*;

    fn scope(issuer: &str, wanted: &[&str]) -> Scope {
        Scope {
            issuer: IssuerUrl::parse(issuer).unwrap(),
            wanted: wanted.iter().map(|&name| name.into()).collect(),
        }
    }

    fn role(name: &str) -> Single {
        Single::Role(name.into())
    }

    /// What the next job is: a role's name, or the names that a listing looks for.
    fn pop(queue: &mut Queue) -> Option<String> {
        match queue.pop()? {
            Job::Single(Single::Role(name)) => Some(name),
            Job::Single(other) => Some(format!("{other:?}")),
            Job::Page(progress) => Some(format!("listing {:?}", progress.scope().wanted)),
        }
    }

    #[test]
    fn a_question_is_there_once_until_it_is_answered() {
        let mut queue = Queue::default();
        for single in [
            role("a"),
            Single::Provider("a".into()),
            Single::EksIssuer("a".into()),
            role("a"),
        ] {
            queue.push(single);
        }
        assert_eq!(pop(&mut queue).unwrap(), "a");
        queue.push(role("a"));
        assert!(pop(&mut queue).unwrap().contains("Provider"));
        assert!(pop(&mut queue).unwrap().contains("EksIssuer"));
        assert_eq!(pop(&mut queue), None);
        queue.answered(&role("a"));
        queue.push(role("a"));
        assert_eq!(pop(&mut queue).unwrap(), "a");
    }

    #[test]
    fn single_questions_go_before_pages_but_not_for_ever() {
        let mut queue = Queue::default();
        queue.push_listing(scope("https://x", &[]));
        for number in 0..50 {
            queue.push(role(&number.to_string()));
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
        queue.push(role("c"));
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
