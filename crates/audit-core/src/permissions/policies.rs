//! A role's policies, and how they answer one question.

use std::cell::OnceCell;
use std::fmt;

use iam_policy::{Document, Effect, Parsed, Reach, Request, Truth, is_pattern, reach};

use crate::text::{quote, quote_list};

/// Where a policy is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source<'a> {
    /// Inline, by its name.
    Inline(&'a str),
    /// Managed, by its ARN.
    Managed(&'a str),
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(name) => write!(f, "inline policy `{}`", quote(name)),
            Self::Managed(arn) => write!(f, "policy `{}`", quote(arn)),
        }
    }
}

/// A policy of a role. Its document is read when the first question comes.
#[derive(Debug, Clone)]
pub struct Policy<'a> {
    /// Where it is kept.
    pub source: Source<'a>,
    /// Its document, decoded.
    pub text: &'a str,
    parsed: OnceCell<Parsed>,
}

impl<'a> Policy<'a> {
    /// A policy with its decoded document.
    #[must_use]
    pub fn new(source: Source<'a>, text: &'a str) -> Self {
        Self {
            source,
            text,
            parsed: OnceCell::new(),
        }
    }

    /// Its document, if that can be read at all.
    #[must_use]
    pub fn document(&self) -> Option<&Document> {
        self.parsed
            .get_or_init(|| iam_policy::parse(self.text))
            .document
            .as_ref()
    }

    /// Its statements with their reach; `None` where it means nothing that anybody could tell.
    fn reaches(&self, request: &Request) -> Option<Vec<(usize, Effect, Reach)>> {
        let document = self.document()?;
        let effects = document.statements().iter().map(iam_policy::Statement::effect);
        let reaches = reach(document, request)?;
        Some(
            effects
                .zip(reaches)
                .enumerate()
                .map(|(at, (effect, reach))| (at, effect, reach))
                .collect(),
        )
    }

    /// One of its statements, by its number from 0.
    #[must_use]
    pub fn place(&self, at: usize) -> Place<'a> {
        let found = self.document().and_then(|document| document.statements().get(at));
        Place {
            policy: self.source,
            statement: match found.and_then(iam_policy::Statement::sid) {
                Some(sid) => format!("statement `{}`", quote(sid)),
                None => format!("statement {}", at + 1),
            },
        }
    }

    /// The condition keys that keep a statement in doubt.
    fn open_keys(&self, at: usize, request: &Request) -> Vec<String> {
        let Some(document) = self.document() else {
            return Vec::new();
        };
        let explanation = iam_policy::explain(document, request);
        let Some(statement) = explanation.statements.get(at) else {
            return Vec::new();
        };
        let open = statement
            .clauses
            .iter()
            .filter(|clause| clause.outcome == Truth::Unknown);
        open.map(|clause| clause.key.clone()).collect()
    }
}

/// One statement of one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'a> {
    /// The policy.
    pub policy: Source<'a>,
    /// The statement, by its `Sid` or its number from 1; safe to show.
    pub statement: String,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.statement, self.policy)
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt<'a> {
    /// Whether this statement applies depends on condition keys of which nothing is known.
    Keys(Place<'a>, Vec<String>),
    /// This statement applies to a part of what is asked for, or may.
    Part(Place<'a>),
    /// This policy cannot be read as one.
    Unreadable(Source<'a>),
    /// Whether the trust policy of the role that is to be assumed lets this one in.
    Target(String),
}

impl fmt::Display for Doubt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(place, keys) => write!(f, "{place} depends on {}", quote_list(keys, 5)),
            Self::Part(place) => write!(f, "{place} may concern a part of it only"),
            Self::Unreadable(source) => write!(f, "{source} cannot be read"),
            Self::Target(what) => f.write_str(what),
        }
    }
}

/// What a role's policies say of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'a> {
    /// It is allowed, by this statement.
    Allowed(Place<'a>),
    /// No policy allows it.
    NotAllowed,
    /// A statement denies it, or a part of it.
    Denied(Place<'a>),
    /// A policy allows it, and the permissions boundary does not.
    OutsideBoundary(Source<'a>),
    /// No policy allows it, and none is needed: the role with this ARN, of the same account, trusts this one by its name.
    Trusted(String),
    /// Whoever has credentials may do it, whatever policies say.
    Free,
    /// A policy allows it, and the role that is to be assumed does not let this one in: why.
    Refused(String),
    /// It depends on what is not known.
    Undetermined(Vec<Doubt<'a>>),
}

/// All policies of a role.
#[derive(Debug, Clone, Default)]
pub struct PolicySet<'a> {
    /// The inline ones, then the attached ones.
    pub identity: Vec<Policy<'a>>,
    /// The permissions boundary.
    pub boundary: Option<Policy<'a>>,
}

/// What some policies say together.
#[derive(Debug, Default)]
struct Side<'a> {
    allows: Option<Place<'a>>,
    /// Why it is not certain that they do not allow it.
    may_allow: Vec<Doubt<'a>>,
    denies: Option<Place<'a>>,
    may_deny: Vec<Doubt<'a>>,
}

impl<'a> Side<'a> {
    fn of<'p>(policies: impl IntoIterator<Item = &'p Policy<'a>>, request: &Request) -> Self
    where
        'a: 'p,
    {
        let mut side = Self::default();
        let is_set = is_pattern(&request.action)
            || request
                .resource
                .as_deref()
                .is_some_and(|resource| resource != "*" && is_pattern(resource));
        // Parts of a set of requests that one statement each allows may be all of it together.
        let mut parts = Vec::new();
        for policy in policies {
            let Some(reaches) = policy.reaches(request) else {
                side.may_allow.push(Doubt::Unreadable(policy.source));
                side.may_deny.push(Doubt::Unreadable(policy.source));
                continue;
            };
            for (at, effect, reach) in reaches {
                match (effect, reach.every, reach.some) {
                    (_, _, Truth::False) => {}
                    (Effect::Allow, Truth::True, _) => {
                        side.allows.get_or_insert_with(|| policy.place(at));
                    }
                    (Effect::Allow, Truth::Unknown, _) => side.may_allow.push(doubt(policy, at, request)),
                    (Effect::Allow, Truth::False, _) => parts.push(Doubt::Part(policy.place(at))),
                    (Effect::Deny, _, Truth::True) => {
                        side.denies.get_or_insert_with(|| policy.place(at));
                    }
                    (Effect::Deny, _, Truth::Unknown) => side.may_deny.push(doubt(policy, at, request)),
                }
            }
        }
        if is_set && (parts.len() > 1 || !side.may_allow.is_empty()) {
            side.may_allow.append(&mut parts);
        }
        side
    }

    fn granted(&self) -> Truth {
        match (&self.allows, self.may_allow.is_empty()) {
            (Some(_), _) => Truth::True,
            (None, true) => Truth::False,
            (None, false) => Truth::Unknown,
        }
    }
}

fn doubt<'a>(policy: &Policy<'a>, at: usize, request: &Request) -> Doubt<'a> {
    let keys = policy.open_keys(at, request);
    if keys.is_empty() {
        Doubt::Part(policy.place(at))
    } else {
        Doubt::Keys(policy.place(at), keys)
    }
}

impl<'a> PolicySet<'a> {
    /// Answers a question. Wildcards in its action and resource ask for all that they match, see [`iam_policy::reach()`].
    #[must_use]
    pub fn ask(&self, request: &Request) -> Answer<'a> {
        if is_free(&request.action) {
            return Answer::Free;
        }
        let identity = Side::of(&self.identity, request);
        let boundary = self
            .boundary
            .as_ref()
            .map(|policy| (policy.source, Side::of([policy], request)));
        let denies = identity.denies.as_ref();
        if let Some(place) = denies.or_else(|| boundary.as_ref()?.1.denies.as_ref()) {
            return Answer::Denied(place.clone());
        }
        let within = boundary.as_ref().map_or(Truth::True, |(_, side)| side.granted());
        match (identity.granted(), within, &boundary, &identity.allows) {
            (Truth::False, ..) => Answer::NotAllowed,
            (Truth::True, Truth::False, Some((source, _)), _) => Answer::OutsideBoundary(*source),
            (Truth::True, Truth::True, _, Some(place))
                if identity.may_deny.is_empty()
                    && boundary.as_ref().is_none_or(|(_, side)| side.may_deny.is_empty()) =>
            {
                Answer::Allowed(place.clone())
            }
            _ => {
                let mut doubts = Vec::new();
                for side in std::iter::once(identity).chain(boundary.map(|(_, side)| side)) {
                    if side.allows.is_none() {
                        doubts.extend(side.may_allow);
                    }
                    doubts.extend(side.may_deny);
                }
                doubts.dedup();
                Answer::Undetermined(doubts)
            }
        }
    }
}

/// Whether an action takes no permission. STS tells everybody who they are, even where a policy denies it (STS API reference,
/// `GetCallerIdentity`).
#[must_use]
pub fn is_free(action: &str) -> bool {
    action.eq_ignore_ascii_case("sts:GetCallerIdentity")
}

#[cfg(test)]
#[path = "../../tests/unit/permissions/policies.rs"]
mod tests;
