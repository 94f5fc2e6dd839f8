//! Statements against a whole set of requests: an action and a resource that are patterns.
//!
//! Whoever expects `s3:Get*` on `arn:aws:s3:::bucket/*` means every action and every object. An Allow meets that only if it
//! applies to all of them; a Deny disappoints it if it applies to one.
//!
//! Sources:
//! - IAM User Guide, `Action`, <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>
//! - `Resource`: a `*` that ends a segment reaches beyond colons,
//!   <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>

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
/// Wildcards in the request's action and in its resource's ARN stand for all that they match there in a policy. Which actions
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
    if !is_pattern(wanted) || element.actions.is_empty() {
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
    let (Some(element), Some(wanted)) = (element, pattern.and_then(Segments::written)) else {
        return Reach::same(evaluate::resource(element, request));
    };
    if element.resources.is_empty() {
        return Reach::same(Truth::Unknown);
    }
    let overlaps: Vec<Overlap> = element
        .resources
        .iter()
        .map(|resource| match &resource.matcher {
            ResourceMatcher::Everything => Overlap::Covers,
            ResourceMatcher::Arn => overlap_of_arns(tokens(&resource.text), &wanted),
            ResourceMatcher::Template(template) => match template.tokens(&request.context) {
                Ok(tokens) => overlap_of_arns(tokens, &wanted),
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

/// An ARN with wildcards, by what may reach over which colon.
struct Segments {
    /// Scheme, partition and service.
    heads: [Vec<Token>; 3],
    /// What follows: region, account and the resource's own part, or what ends in a `*` before.
    rest: Vec<Token>,
}

impl Segments {
    /// `None` if it has no service, or nothing follows that.
    fn new(tokens: impl IntoIterator<Item = Token>) -> Option<Self> {
        let mut rest: Vec<Token> = tokens.into_iter().collect();
        let mut next = || {
            let colon = rest.iter().position(|token| *token == Token::Char(':'))?;
            let after = rest.split_off(colon + 1);
            rest.truncate(colon);
            Some(std::mem::replace(&mut rest, after))
        };
        let heads = [next()?, next()?, next()?].map(canonical);
        Some(Self { heads, rest })
    }

    /// What a request asks for.
    fn written(text: &str) -> Option<Self> {
        text.starts_with("arn:").then(|| Self::new(tokens(text)))?
    }

    /// Region and account, as far as they are there.
    fn middle(&self) -> impl Iterator<Item = &[Token]> {
        self.rest.split(|token| *token == Token::Char(':')).take(2)
    }

    fn is_whole(&self) -> bool {
        self.rest
            .iter()
            .filter(|token| **token == Token::Char(':'))
            .count()
            >= 2
    }

    /// Whether a star reaches over a colon: one that ends region or account.
    fn crosses(&self) -> bool {
        self.middle().any(|segment| segment.last() == Some(&Token::Star))
    }

    /// Whether a wildcard of region or account is none that reaches over colons, so that the pattern matches less than
    /// its text says.
    fn is_restricted(&self) -> bool {
        let inner = |segment: &[Token]| {
            let (_, before) = segment.split_last().unwrap_or((&Token::Star, &[]));
            before
                .iter()
                .any(|token| matches!(token, Token::Star | Token::One))
                || segment.last() == Some(&Token::One)
        };
        self.middle().any(inner)
    }

    /// Region, account and resource.
    fn by_segment(&self) -> Option<[Vec<Token>; 3]> {
        let mut parts = self.rest.splitn(3, |token| *token == Token::Char(':'));
        let mut next = || parts.next().map(|part| canonical(part.iter().copied()));
        Some([next()?, next()?, next()?])
    }
}

/// How a resource of a policy lies to the ARNs that are asked for: see [`crate::arn::matches_resource`].
fn overlap_of_arns(tokens: impl IntoIterator<Item = Token>, wanted: &Segments) -> Overlap {
    let Some(ours) = Segments::new(tokens) else {
        return Overlap::Unknown;
    };
    let heads = ours.heads.iter().zip(&wanted.heads);
    let mut all: Vec<Overlap> = heads.map(|(ours, wanted)| overlap(ours, wanted)).collect();
    let service = ours
        .heads
        .last()
        .is_some_and(|service| service.contains(&Token::Star) || service.contains(&Token::One));
    all.push(overlap_of_rests(&ours, wanted));
    if all.contains(&Overlap::Apart) {
        Overlap::Apart
    } else if service || all.contains(&Overlap::Unknown) {
        Overlap::Unknown
    } else if all.iter().all(|overlap| *overlap == Overlap::Covers) {
        Overlap::Covers
    } else {
        Overlap::Crosses
    }
}

/// The same for what follows the service.
fn overlap_of_rests(ours: &Segments, wanted: &Segments) -> Overlap {
    let by_segment = match (ours.by_segment(), wanted.by_segment()) {
        (Some(ours), Some(wanted)) => {
            let pairs = ours.iter().zip(&wanted);
            let all: Vec<Overlap> = pairs.map(|(ours, wanted)| overlap(ours, wanted)).collect();
            if all.contains(&Overlap::Apart) {
                Overlap::Apart
            } else if all.iter().all(|overlap| *overlap == Overlap::Covers) {
                Overlap::Covers
            } else {
                Overlap::Crosses
            }
        }
        _ => Overlap::Unknown,
    };
    let is_arn = |segments: &Segments| segments.is_whole() || segments.crosses();
    if !is_arn(ours) || !is_arn(wanted) {
        return Overlap::Unknown;
    }
    if !ours.crosses() && !wanted.crosses() {
        return by_segment;
    }
    let language = |segments: &Segments| canonical(segments.rest.iter().copied());
    let is_exact = !ours.is_restricted() && !wanted.is_restricted();
    // A text that is longer than both patterns' own says nothing of those that are no ARNs.
    match overlap(&language(ours), &language(wanted)) {
        Overlap::Covers if !ours.is_restricted() => Overlap::Covers,
        Overlap::Apart => Overlap::Apart,
        Overlap::Within | Overlap::Crosses if is_exact => Overlap::Crosses,
        _ if by_segment == Overlap::Crosses => Overlap::Crosses,
        _ => Overlap::Unknown,
    }
}
