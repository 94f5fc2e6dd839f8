//! Whom a trust policy admits, as a formula over subjects.

use crate::condition::clause_holds;
use crate::document::{Clause, ConditionValue, Document, Effect, Statement};
use crate::evaluate::{self, Decision, PolicyKind, combine};
use crate::operator::Family;
use crate::pattern::{Token, tokens};
use crate::request::{Context, ContextValue, Request, WebIdentity};
use crate::subject_pattern::SubjectPattern;
use crate::truth::{self, Truth};
use crate::variable::NoText;

/// The subjects of one provider and audience to which one statement applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectSet {
    /// The statement, from 0.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// The subject is matched by a pattern of each of these lists. No list: any subject.
    pub all_of: Vec<Vec<SubjectPattern>>,
    /// The subject is matched by none of these.
    pub none_of: Vec<SubjectPattern>,
    /// Whether nothing else is asked for that is not known. If not, these subjects may be admitted.
    pub certain: bool,
}

/// Whom a document admits, the subject left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhoCan {
    /// What the Allow statements grant; without those that can apply to no token of this provider and audience.
    pub grants: Vec<SubjectSet>,
    /// What the Deny statements take away again.
    pub denials: Vec<SubjectSet>,
    /// What the decision is for every subject alike: Invalid, or Undetermined because a key stands twice.
    fixed: Option<Decision>,
}

impl SubjectSet {
    /// Whether the statement applies to a subject.
    #[must_use]
    pub fn contains(&self, subject: &str) -> Truth {
        let named = self
            .all_of
            .iter()
            .all(|any_of| any_of.iter().any(|pattern| pattern.matches(subject)));
        if !named || self.none_of.iter().any(|pattern| pattern.matches(subject)) {
            Truth::False
        } else if self.certain {
            Truth::True
        } else {
            Truth::Unknown
        }
    }

    /// Whether any ServiceAccount can be in the set.
    fn is_possible(&self) -> bool {
        let possible = |pattern: &SubjectPattern| {
            pattern
                .namespaces_and_names()
                .is_none_or(|pairs| !pairs.is_empty())
        };
        self.all_of.iter().all(|any_of| any_of.iter().any(possible))
    }

    /// Whether every subject of `other` is certainly here too. May miss sets that are covered only together.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let narrower = |ours: &Vec<SubjectPattern>, theirs: &Vec<SubjectPattern>| {
            theirs
                .iter()
                .all(|narrow| ours.iter().any(|wide| wide.covers(narrow)))
        };
        let named = self
            .all_of
            .iter()
            .all(|ours| other.all_of.iter().any(|theirs| narrower(ours, theirs)));
        // What is left out here must be left out there as well, or not be named there at all.
        let spared = self
            .none_of
            .iter()
            .all(|except| other.none_of.iter().any(|wide| wide.covers(except)));
        named && spared && (self.certain || !other.certain)
    }
}

impl WhoCan {
    /// The decision for one subject: the same as [`decide`](crate::decide) gives for the whole identity.
    #[must_use]
    pub fn decide(&self, subject: &str) -> Decision {
        if let Some(decision) = self.fixed {
            return decision;
        }
        let outcome = |sets: &[SubjectSet]| truth::any(sets.iter().map(|set| set.contains(subject)));
        combine(outcome(&self.grants), || outcome(&self.denials))
    }

    /// Those of the given subjects that are certainly admitted.
    pub fn admitted<'s>(&self, subjects: impl IntoIterator<Item = &'s str>) -> impl Iterator<Item = &'s str> {
        subjects
            .into_iter()
            .filter(|subject| self.decide(subject) == Decision::Allowed)
    }
}

/// Whom `document` admits among the tokens of this identity's provider, issuer and audience. Its subject is not
/// looked at.
#[must_use]
pub fn who_can(document: &Document, identity: &WebIdentity) -> WhoCan {
    let fixed = if document.refused
        || !document
            .statements
            .iter()
            .all(|statement| statement.fits(PolicyKind::Trust))
    {
        Some(Decision::Invalid)
    } else if document.ambiguous {
        Some(Decision::Undetermined)
    } else {
        None
    };
    let mut request = Request::from(identity);
    let key = format!("{}:sub", identity.issuer);
    request.context.set(&key, ContextValue::Present);
    let key = key.to_lowercase();
    let sets = |effect: Effect| {
        let statements = document
            .statements
            .iter()
            .enumerate()
            .filter(|(_, statement)| statement.effect == effect);
        statements
            .filter_map(|(at, statement)| subjects(at, statement, &request, &key))
            .collect()
    };
    WhoCan {
        grants: sets(Effect::Allow),
        denials: sets(Effect::Deny),
        fixed,
    }
}

/// `None` if the statement applies to nobody.
fn subjects(at: usize, statement: &Statement, request: &Request, key: &str) -> Option<SubjectSet> {
    let mut rest = evaluate::action(&statement.action, &request.action)
        & evaluate::principal(statement, request.principal.as_ref());
    let mut set = SubjectSet {
        statement: at,
        sid: statement.sid().map(str::to_owned),
        all_of: Vec::new(),
        none_of: Vec::new(),
        certain: false,
    };
    for clause in &statement.conditions {
        if clause.duplicate || clause.values.is_empty() {
            rest = rest & Truth::Unknown;
        } else if clause.is_about(key) {
            rest = rest & subject_clause(clause, &request.context, &mut set);
        } else {
            rest = rest & clause_holds(clause, &request.context);
        }
    }
    set.certain = rest == Truth::True;
    (rest != Truth::False).then_some(set)
}

/// Takes a clause on the subject into the set, and says what it leaves to be known.
fn subject_clause(clause: &Clause, context: &Context, set: &mut SubjectSet) -> Truth {
    let test = clause.operator.test;
    let family = test.family();
    match family {
        Family::Text | Family::TextIgnoringCase | Family::Pattern => {}
        Family::Null => return clause_holds(clause, context),
        // A subject is no ARN, number, date, boolean, address; it has colons, so it is no base64 either.
        _ => return Truth::from(test.is_negated()),
    }
    let mut patterns = Vec::with_capacity(clause.values.len());
    for value in &clause.values {
        match value_tokens(value, context) {
            Ok(tokens) => patterns.push(SubjectPattern::for_operator(tokens, family)),
            Err(NoText::Null) => {}
            Err(NoText::Unknown) => return Truth::Unknown,
        }
    }
    if test.is_negated() {
        set.none_of.append(&mut patterns);
    } else {
        set.all_of.push(patterns);
    }
    Truth::True
}

fn value_tokens(value: &ConditionValue, context: &Context) -> Result<Vec<Token>, NoText> {
    match &value.template {
        Some(template) => template.tokens(context),
        None => Ok(tokens(&value.text).collect()),
    }
}

/// Who is gained and lost between two versions of a trust policy, for one provider and audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessChange {
    /// Grants of the new version that no single grant of the old one covers.
    pub gained: Vec<SubjectSet>,
    /// Grants of the old version that no single grant of the new one covers.
    pub lost: Vec<SubjectSet>,
    /// Whether the Deny statements forbid something else than before.
    pub denials_changed: bool,
}

impl AccessChange {
    /// Whether nobody loses access.
    #[must_use]
    pub fn loses_nobody(&self) -> bool {
        self.lost.is_empty() && !self.denials_changed
    }
}

/// Compares two versions of a trust policy as far as ServiceAccounts go. Without a difference nobody is gained or lost: that is a proof. With
/// one, the grants named are what remains to be looked at.
#[must_use]
pub fn access_change(before: &WhoCan, after: &WhoCan) -> AccessChange {
    let beyond = |sets: &[SubjectSet], others: &[SubjectSet]| -> Vec<SubjectSet> {
        let uncovered =
            |set: &&SubjectSet| set.is_possible() && !others.iter().any(|other| other.covers(set));
        sets.iter().filter(uncovered).cloned().collect()
    };
    AccessChange {
        gained: beyond(&after.grants, &before.grants),
        lost: beyond(&before.grants, &after.grants),
        denials_changed: before.fixed != after.fixed
            || !beyond(&after.denials, &before.denials).is_empty()
            || !beyond(&before.denials, &after.denials).is_empty(),
    }
}
