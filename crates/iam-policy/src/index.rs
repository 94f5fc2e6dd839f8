//! Matching many trust policies against many identities without trying every pair.
//!
//! A statement can only admit an identity whose provider it names and, if it has a condition that names subjects,
//! whose subject one of the values matches. Exact subjects are found by hash, patterns by the text before their
//! first and after their last wildcard. What is found that way is then decided in full.

use std::collections::{BTreeSet, HashMap};

use crate::document::{Clause, Document, Effect, PrincipalKind, Statement};
use crate::evaluate::{Decision, decide};
use crate::operator::{Family, Quantifier};
use crate::request::{Request, WebIdentity};

/// An index over trust policies.
#[derive(Debug)]
pub struct TrustIndex<'d> {
    documents: Vec<&'d Document>,
    by_provider: HashMap<&'d str, Subjects<'d>>,
    /// Statements that do not name their providers: for everybody, or by `NotPrincipal`.
    for_any_provider: Subjects<'d>,
}

/// Documents by the subjects that they name.
#[derive(Debug, Default)]
struct Subjects<'d> {
    exact: HashMap<&'d str, Vec<usize>>,
    by_prefix: ByLength<'d, ByLength<'d, Vec<usize>>>,
    /// Those that name no subjects.
    any: Vec<usize>,
}

/// A map from texts that remembers how long they are, for looking up the beginnings or ends of a text.
#[derive(Debug)]
struct ByLength<'d, V> {
    lengths: BTreeSet<usize>,
    map: HashMap<&'d str, V>,
}

impl<V> Default for ByLength<'_, V> {
    fn default() -> Self {
        Self {
            lengths: BTreeSet::new(),
            map: HashMap::new(),
        }
    }
}

impl<'d, V: Default> ByLength<'d, V> {
    fn entry(&mut self, text: &'d str) -> &mut V {
        self.lengths.insert(text.len());
        self.map.entry(text).or_default()
    }

    fn beginnings_of<'s>(&'s self, text: &'s str) -> impl Iterator<Item = &'s V> {
        self.lengths
            .iter()
            .filter_map(|length| self.map.get(text.get(..*length)?))
    }

    fn ends_of<'s>(&'s self, text: &'s str) -> impl Iterator<Item = &'s V> {
        self.lengths
            .iter()
            .filter_map(|length| self.map.get(text.get(text.len().checked_sub(*length)?..)?))
    }
}

impl<'d> TrustIndex<'d> {
    /// Indexes documents, which are then known by their place in the iteration.
    #[must_use]
    pub fn new(documents: impl IntoIterator<Item = &'d Document>) -> Self {
        let mut index = Self {
            documents: Vec::new(),
            by_provider: HashMap::new(),
            for_any_provider: Subjects::default(),
        };
        for document in documents {
            let at = index.documents.len();
            index.documents.push(document);
            if document.refused {
                continue;
            }
            if document.ambiguous {
                push(&mut index.for_any_provider.any, at);
                continue;
            }
            for statement in document
                .statements
                .iter()
                .filter(|statement| statement.effect == Effect::Allow)
            {
                match providers(statement) {
                    Some(providers) => {
                        for provider in providers {
                            index.by_provider.entry(provider).or_default().add(at, statement);
                        }
                    }
                    None => index.for_any_provider.add(at, statement),
                }
            }
        }
        index
    }

    /// The documents that admit the identity, or may: each with [`Decision::Allowed`] or
    /// [`Decision::Undetermined`], in order.
    #[must_use]
    pub fn admitting(&self, identity: &WebIdentity) -> Vec<(usize, Decision)> {
        let mut candidates = Vec::new();
        self.for_any_provider.find(&identity.subject, &mut candidates);
        if let Some(subjects) = self.by_provider.get(identity.provider_arn.as_str()) {
            subjects.find(&identity.subject, &mut candidates);
        }
        if candidates.is_empty() {
            return Vec::new();
        }
        candidates.sort_unstable();
        candidates.dedup();
        let request = Request::from(identity);
        let decided = candidates
            .into_iter()
            .filter_map(|at| Some((at, decide(self.documents.get(at)?, &request))));
        decided
            .filter(|(_, decision)| matches!(decision, Decision::Allowed | Decision::Undetermined))
            .collect()
    }
}

impl<'d> Subjects<'d> {
    fn add(&mut self, at: usize, statement: &'d Statement) {
        let Some(clause) = statement
            .conditions
            .iter()
            .find(|clause| requires_a_subject(clause))
        else {
            push(&mut self.any, at);
            return;
        };
        for value in &clause.values {
            let text = value.text.as_str();
            let wildcards = (text.find(['*', '?']), text.rfind(['*', '?']));
            match wildcards {
                (Some(first), Some(last)) if clause.operator.test.family() == Family::Pattern => {
                    let (prefix, suffix) = (
                        text.get(..first).unwrap_or(""),
                        text.get(last + 1..).unwrap_or(""),
                    );
                    push(self.by_prefix.entry(prefix).entry(suffix), at);
                }
                _ => push(self.exact.entry(text).or_default(), at),
            }
        }
    }

    fn find(&self, subject: &str, found: &mut Vec<usize>) {
        found.extend_from_slice(&self.any);
        found.extend(self.exact.get(subject).into_iter().flatten());
        for by_suffix in self.by_prefix.beginnings_of(subject) {
            found.extend(by_suffix.ends_of(subject).flatten());
        }
    }
}

/// Adds a document once, however many of its statements or values lead to it.
fn push(documents: &mut Vec<usize>, at: usize) {
    if documents.last() != Some(&at) {
        documents.push(at);
    }
}

/// The providers that a statement names; `None` if it is for others than those, too.
fn providers(statement: &Statement) -> Option<impl Iterator<Item = &str>> {
    let element = statement.principal.as_ref()?;
    let wide = element.everyone
        || element.negated
        || element.has_empty
        || element.named.iter().any(|named| named.value == "*");
    let named = element
        .named
        .iter()
        .filter(|named| named.kind == PrincipalKind::Federated);
    (!wide).then(|| named.map(|named| named.value.as_str()))
}

/// Whether the clause fails unless the token's subject is one of its values. Of another issuer's key it fails
/// always, which is as good.
fn requires_a_subject(clause: &Clause) -> bool {
    clause
        .key
        .rsplit_once(':')
        .is_some_and(|(_, claim)| claim.eq_ignore_ascii_case("sub"))
        && clause.operator.is_positive_text()
        && clause.operator.test.family() != Family::TextIgnoringCase
        && !clause.operator.if_exists
        && clause.operator.quantifier != Quantifier::ForAllValues
        && !clause.duplicate
        && !clause.values.is_empty()
        && clause.values.iter().all(|value| value.template.is_none())
}
