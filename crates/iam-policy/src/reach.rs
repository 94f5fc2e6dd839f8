//! Statements against a whole set of requests: an action and a resource that are patterns.
//!
//! Whoever expects `s3:Get*` on `arn:aws:s3:::bucket/*` means every action and every object. An Allow meets that only if it
//! applies to all of them; a Deny disappoints it if it applies to one.

use crate::arn;
use crate::condition;
use crate::document::{ActionElement, Document, ResourceElement, ResourceMatcher, Statement};
use crate::evaluate::{self, PolicyKind};
use crate::language::{canonical, covers, intersect};
use crate::pattern::{Token, tokens};
use crate::request::Request;
use crate::truth::Truth;
use crate::variable::NoText;

/// To how many requests of a set a statement applies. The same twice for a single request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reach {
    /// Whether it applies to every one.
    pub every: Truth,
    /// Whether it applies to at least one.
    pub some: Truth,
}

impl Reach {
    fn same(outcome: Truth) -> Self {
        Self {
            every: outcome,
            some: outcome,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            every: self.every & other.every,
            some: self.some & other.some,
        }
    }

    fn not(self) -> Self {
        Self {
            every: !self.some,
            some: !self.every,
        }
    }
}

/// Whether a text has wildcards.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// How far each statement of `document` reaches, in order; `None` where the document means nothing, or not one thing, as an
/// identity policy: IAM would refuse it, or a key stands twice.
///
/// Wildcards in the request's action and in the components of its resource's ARN stand for all that they match. Which actions
/// there are is not known here, so that a part of a pattern of actions remains [`Truth::Unknown`], unless one statement covers
/// it. The resource `*` is none: it is what is asked for where an action has no resource of its own.
#[must_use]
pub fn reach(document: &Document, request: &Request) -> Option<Vec<Reach>> {
    let fits = |statement: &Statement| statement.fits(PolicyKind::Identity);
    if document.refused || document.ambiguous || !document.statements.iter().all(fits) {
        return None;
    }
    Some(
        document
            .statements
            .iter()
            .map(|statement| one(statement, request))
            .collect(),
    )
}

fn one(statement: &Statement, request: &Request) -> Reach {
    let action = action(&statement.action, &request.action);
    if action.some == Truth::False {
        return action;
    }
    let resource = resource(statement.resource.as_ref(), request);
    action
        .and(resource)
        .and(Reach::same(condition::all(statement, &request.context)))
}

/// How a pattern of a policy lies to a pattern of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overlap {
    /// It holds all of it.
    Covers,
    /// All of it is held.
    Within,
    /// They have something in common.
    Crosses,
    /// They have nothing in common.
    Apart,
    /// Its own text is not known.
    Unknown,
}

fn overlap(ours: &[Token], wanted: &[Token]) -> Overlap {
    if covers(ours, wanted) {
        Overlap::Covers
    } else if covers(wanted, ours) {
        Overlap::Within
    } else if intersect(ours, wanted) {
        Overlap::Crosses
    } else {
        Overlap::Apart
    }
}

fn action(element: &ActionElement, wanted: &str) -> Reach {
    if !is_pattern(wanted) {
        return Reach::same(evaluate::action(element, wanted));
    }
    let lower = |text: &str| canonical(tokens(&text.to_ascii_lowercase()));
    let wanted = lower(wanted);
    let overlaps: Vec<Overlap> = element
        .actions
        .iter()
        .map(|action| overlap(&lower(action), &wanted))
        .collect();
    let has = |kind: Overlap| overlaps.contains(&kind);
    // Whether a few actions are all that there are, and whether any lies where two patterns cross, only AWS knows.
    let every = if has(Overlap::Covers) {
        Truth::True
    } else if overlaps.iter().all(|overlap| *overlap == Overlap::Apart) {
        Truth::False
    } else {
        Truth::Unknown
    };
    let some = if has(Overlap::Covers) || has(Overlap::Within) {
        Truth::True
    } else {
        every
    };
    let reach = Reach { every, some };
    if element.negated { reach.not() } else { reach }
}

fn resource(element: Option<&ResourceElement>, request: &Request) -> Reach {
    let pattern = request.resource.as_deref().filter(|text| is_pattern(text));
    let (Some(element), Some(wanted)) = (element, pattern.and_then(components)) else {
        return Reach::same(evaluate::resource(element, request));
    };
    let overlaps: Vec<Overlap> = element
        .resources
        .iter()
        .map(|resource| match &resource.matcher {
            ResourceMatcher::Everything => Overlap::Covers,
            ResourceMatcher::Arn => overlap_by_component(tokens(&resource.text), &wanted),
            ResourceMatcher::Template(template) => match template.tokens(&request.context) {
                Ok(tokens) => overlap_by_component(tokens, &wanted),
                Err(NoText::Null) => Overlap::Apart,
                Err(NoText::Unknown) => Overlap::Unknown,
            },
            ResourceMatcher::Undocumented => Overlap::Unknown,
        })
        .collect();
    let has = |kind: Overlap| overlaps.contains(&kind);
    let touching = || {
        overlaps
            .iter()
            .zip(&element.resources)
            .filter(|(overlap, _)| **overlap != Overlap::Apart)
    };
    // There may always be one more resource than a single pattern names; several may cover together what none does alone, and
    // of a `?` it is not always seen that it is met.
    let is_certain = touching().count() <= 1 && touching().all(|(_, resource)| !resource.text.contains('?'));
    let every = if has(Overlap::Covers) {
        Truth::True
    } else if has(Overlap::Unknown) || !is_certain {
        Truth::Unknown
    } else {
        Truth::False
    };
    let some = if has(Overlap::Covers) || has(Overlap::Within) || has(Overlap::Crosses) {
        Truth::True
    } else if has(Overlap::Unknown) {
        Truth::Unknown
    } else {
        Truth::False
    };
    let reach = Reach { every, some };
    if element.negated { reach.not() } else { reach }
}

type Components = [Vec<Token>; 6];

/// The six components of an ARN that may have wildcards.
fn components(text: &str) -> Option<Components> {
    arn::components(text).map(|parts| parts.map(|part| canonical(tokens(part))))
}

/// By component: no wildcard reaches across the first five colons.
fn overlap_by_component(tokens: impl IntoIterator<Item = Token>, wanted: &Components) -> Overlap {
    let mut rest: Vec<Token> = tokens.into_iter().collect();
    let mut all = Vec::with_capacity(wanted.len());
    for at in 0..wanted.len() {
        let part = if at + 1 == wanted.len() {
            std::mem::take(&mut rest)
        } else {
            let Some(end) = rest.iter().position(|token| *token == Token::Char(':')) else {
                return Overlap::Unknown;
            };
            let after = rest.split_off(end + 1);
            rest.truncate(end);
            std::mem::replace(&mut rest, after)
        };
        if let Some(wanted) = wanted.get(at) {
            all.push(overlap(&canonical(part), wanted));
        }
    }
    let has = |kind: Overlap| all.contains(&kind);
    if has(Overlap::Apart) {
        Overlap::Apart
    } else if all.iter().all(|overlap| *overlap == Overlap::Covers) {
        Overlap::Covers
    } else {
        Overlap::Crosses
    }
}
