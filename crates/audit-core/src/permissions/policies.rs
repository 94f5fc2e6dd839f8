//! A role's policies, and how they answer one question.

use std::cell::OnceCell;

use iam_policy::{
    ClauseExplanation, Document, Effect, Parsed, Reach, Request, Statement, Truth, is_pattern, reach,
};

use super::clause;
use super::doubt::Limits;
pub use super::doubt::{Doubt, PolicySource, StatementPlace};
use crate::text::quote;

/// A policy of a role. Its document is read when the first question comes.
#[derive(Debug, Clone)]
pub struct RolePolicy<'a> {
    /// Where it is kept.
    pub source: PolicySource<'a>,
    /// Its document, decoded.
    pub text: &'a str,
    parsed: OnceCell<Parsed>,
}

impl<'a> RolePolicy<'a> {
    /// A policy with its decoded document.
    #[must_use]
    pub fn new(source: PolicySource<'a>, text: &'a str) -> Self {
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
    pub fn place(&self, at: usize) -> StatementPlace<'a> {
        let found = self.document().and_then(|document| document.statements().get(at));
        StatementPlace {
            policy: self.source,
            at,
            statement: match found.and_then(iam_policy::Statement::sid) {
                Some(sid) => format!("statement `{}`", quote(sid)),
                None => format!("statement {}", at + 1),
            },
        }
    }

    fn statement(&self, at: usize) -> Option<&Statement> {
        self.document()?.statements().get(at)
    }

    /// The condition keys, and keys of policy variables, that keep a statement in doubt.
    fn open_keys(&self, at: usize, request: &Request) -> Vec<String> {
        let statement = self.statement(at);
        statement
            .map(|statement| statement.open_keys(request))
            .unwrap_or_default()
    }

    /// Whether the resources of a statement can have what is asked for.
    fn may_concern(&self, at: usize, request: &Request) -> bool {
        self.statement(at)
            .is_none_or(|statement| statement.may_concern(request))
    }
}

/// What a role's policies say of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyAnswer<'a> {
    /// It is allowed, by this statement.
    Allowed(StatementPlace<'a>),
    /// No policy allows it.
    NotAllowed,
    /// A statement denies it, or a part of it.
    Denied(StatementPlace<'a>),
    /// A policy allows it, and the permissions boundary does not.
    OutsideBoundary(PolicySource<'a>),
    /// The trust policy of the role that is to be assumed grants it by itself, so that no identity policy has to: how.
    Trusted(String),
    /// Anyone who has credentials may do it, whatever policies say.
    Free,
    /// The role that is to be assumed does not admit this one.
    Refused(ChainRefusal<'a>),
    /// AWS has no such action, as far as is known here: it may be newer than the list of actions.
    Unlisted,
    /// It depends on what is not known.
    Undetermined(Vec<Doubt<'a>>),
}

impl PolicyAnswer<'_> {
    /// What the role's own policies say, where another role refuses as well.
    #[must_use]
    pub fn own(&self) -> &Self {
        match self {
            Self::Refused(refusal) => &refusal.own,
            answer => answer,
        }
    }

    /// Why the role that is to be assumed refuses, if it does; safe to show.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.why),
            _ => None,
        }
    }
}

/// What becomes of a question when the role that is to be assumed does not admit the one that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainRefusal<'a> {
    /// Why; safe to show.
    pub why: String,
    /// What to do about it, by whom; safe to show.
    pub remedy: String,
    /// The role's own policies have to allow it as well: not within an account, where the other role's trust policy may grant it by
    /// itself, and not where the request can never succeed.
    pub needs_own: bool,
    /// What the role's own policies say, which may refuse as well.
    pub own: Box<PolicyAnswer<'a>>,
}

/// A statement that allows action and resource, and whose condition keeps it from applying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed<'a> {
    /// The statement.
    pub place: StatementPlace<'a>,
    /// The clauses that fail.
    pub clauses: Vec<ClauseExplanation>,
}

impl Missed<'_> {
    /// What the condition asks for, and what the request has; safe to show.
    #[must_use]
    pub fn why(&self) -> String {
        let failing: Vec<String> = self.clauses.iter().take(2).map(clause::wanted_and_got).collect();
        failing.join("; ")
    }
}

/// All policies of a role.
#[derive(Debug, Clone, Default)]
pub struct PolicySet<'a> {
    /// The inline ones, then the attached ones.
    pub identity: Vec<RolePolicy<'a>>,
    /// The permissions boundary.
    pub boundary: Option<RolePolicy<'a>>,
    /// Policies of the organization, as far as they may apply to the role or to what it acts upon.
    pub organization: Vec<RolePolicy<'a>>,
    /// The role's account.
    pub account: &'a str,
}

/// What some policies say together.
#[derive(Debug, Default)]
pub(super) struct Side<'a> {
    pub(super) allows: Option<StatementPlace<'a>>,
    /// Why it is not certain that they do not allow it.
    pub(super) may_allow: Vec<Doubt<'a>>,
    pub(super) denies: Option<StatementPlace<'a>>,
    pub(super) may_deny: Vec<Doubt<'a>>,
}

impl<'a> Side<'a> {
    pub(super) fn of<'p>(policies: impl IntoIterator<Item = &'p RolePolicy<'a>>, request: &Request) -> Self
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
                    (_, _, Truth::Unknown) if !policy.may_concern(at, request) => {}
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

    pub(super) fn granted(&self) -> Truth {
        match (&self.allows, self.may_allow.is_empty()) {
            (Some(_), _) => Truth::True,
            (None, true) => Truth::False,
            (None, false) => Truth::Unknown,
        }
    }
}

fn doubt<'a>(policy: &RolePolicy<'a>, at: usize, request: &Request) -> Doubt<'a> {
    let keys = policy.open_keys(at, request);
    if keys.is_empty() {
        Doubt::Part(policy.place(at))
    } else {
        Doubt::Keys(policy.place(at), keys)
    }
}

/// What a role's identity policies, its permissions boundary and its organization say, each by itself.
#[derive(Debug)]
pub(super) struct Sides<'a> {
    pub(super) identity: Side<'a>,
    pub(super) boundary: Option<(PolicySource<'a>, Side<'a>)>,
    pub(super) organization: Limits<'a>,
}

impl<'a> Sides<'a> {
    /// The statement that denies it for certain.
    pub(super) fn denies(&self) -> Option<&StatementPlace<'a>> {
        let own = self.identity.denies.as_ref();
        own.or_else(|| self.boundary.as_ref()?.1.denies.as_ref())
            .or(self.organization.denies.as_ref())
    }

    /// Whether some statement may deny it.
    pub(super) fn may_deny(&self) -> bool {
        let boundary = self.boundary.iter().map(|(_, side)| side);
        let mut sides = std::iter::once(&self.identity).chain(boundary);
        sides.any(|side| side.denies.is_some() || !side.may_deny.is_empty()) || !self.organization.is_open()
    }

    /// Whether the boundary allows it; a role without one has no limit.
    pub(super) fn within(&self) -> Truth {
        self.boundary
            .as_ref()
            .map_or(Truth::True, |(_, side)| side.granted())
    }

    /// What keeps the answer open.
    pub(super) fn doubts(self) -> Vec<Doubt<'a>> {
        let mut doubts = Vec::new();
        for side in std::iter::once(self.identity).chain(self.boundary.map(|(_, side)| side)) {
            if side.allows.is_none() {
                doubts.extend(side.may_allow);
            }
            doubts.extend(side.may_deny);
        }
        doubts.extend(self.organization.may_deny);
        doubts.dedup();
        doubts
    }

    /// What they say together: an explicit Deny anywhere decides; else both have to allow it.
    pub(super) fn answer(self) -> PolicyAnswer<'a> {
        if let Some(place) = self.denies() {
            return PolicyAnswer::Denied(place.clone());
        }
        match (
            self.identity.granted(),
            self.within(),
            &self.boundary,
            &self.identity.allows,
        ) {
            (Truth::False, ..) => PolicyAnswer::NotAllowed,
            (Truth::True, Truth::False, Some((source, _)), _) => PolicyAnswer::OutsideBoundary(*source),
            (Truth::True, Truth::True, _, Some(place)) if !self.may_deny() => {
                PolicyAnswer::Allowed(place.clone())
            }
            _ => PolicyAnswer::Undetermined(self.doubts()),
        }
    }
}

impl<'a> PolicySet<'a> {
    /// Answers a question. Wildcards in its action and resource ask for all that they match, see [`iam_policy::reach()`].
    #[must_use]
    pub fn ask(&self, request: &Request) -> PolicyAnswer<'a> {
        if is_free(&request.action) {
            return PolicyAnswer::Free;
        }
        if !is_listed(&request.action) {
            return PolicyAnswer::Unlisted;
        }
        self.sides(request).answer()
    }

    pub(super) fn sides(&self, request: &Request) -> Sides<'a> {
        Sides {
            identity: Side::of(&self.identity, request),
            boundary: self
                .boundary
                .as_ref()
                .map(|policy| (policy.source, Side::of([policy], request))),
            organization: Limits::of(&self.organization, self.account, request),
        }
    }

    /// Whether a statement of the identity policies may allow an action, on whatever resource. Where none does, which is so for
    /// most roles and most actions, no request has to be made.
    pub(super) fn may_allow(&self, action: &str) -> bool {
        let statements = self.identity.iter().filter_map(RolePolicy::document);
        let mut statements = statements.flat_map(iam_policy::Document::statements);
        statements.any(|statement| statement.effect() == Effect::Allow && statement.may_be_about(action))
    }

    /// The conditions of a statement, as a request meets them.
    #[must_use]
    pub fn clauses(&self, place: &StatementPlace<'_>, request: &Request) -> Vec<ClauseExplanation> {
        let own = self.identity.iter().chain(&self.boundary);
        let mut policies = own.chain(&self.organization);
        let policy = policies.find(|policy| policy.source == place.policy);
        let explained = policy
            .and_then(RolePolicy::document)
            .map(|document| iam_policy::explain(document, request));
        let statements = explained
            .map(|explained| explained.statements)
            .unwrap_or_default();
        let statement = statements
            .into_iter()
            .find(|statement| statement.statement == place.at);
        statement.map(|statement| statement.clauses).unwrap_or_default()
    }

    /// The statement of the identity policies that allows action and resource and whose condition fails by the fewest clauses.
    #[must_use]
    pub fn missed(&self, request: &Request) -> Option<Missed<'a>> {
        missed(&self.identity, request)
    }

    /// The same of the permissions boundary.
    #[must_use]
    pub fn missed_by_boundary(&self, request: &Request) -> Option<Missed<'a>> {
        missed(&self.boundary, request)
    }
}

fn missed<'a, 'p>(
    policies: impl IntoIterator<Item = &'p RolePolicy<'a>>,
    request: &Request,
) -> Option<Missed<'a>>
where
    'a: 'p,
{
    let missed = policies.into_iter().flat_map(|policy| {
        let explained = policy
            .document()
            .map(|document| iam_policy::explain(document, request));
        let statements = explained
            .map(|explained| explained.statements)
            .unwrap_or_default();
        statements.into_iter().filter_map(|statement| {
            let is_about_it = statement.effect == Effect::Allow
                && statement
                    .elements
                    .iter()
                    .all(|element| element.outcome == Truth::True);
            let clauses: Vec<ClauseExplanation> = statement
                .clauses
                .into_iter()
                .filter(|clause| clause.outcome == Truth::False)
                .collect();
            (is_about_it && !clauses.is_empty()).then(|| Missed {
                place: policy.place(statement.statement),
                clauses,
            })
        })
    });
    missed.min_by_key(|missed| missed.clauses.len())
}

impl<'a> PolicySet<'a> {
    /// The statement by which something is allowed for certain and denied by none for certain, within the boundary.
    #[must_use]
    pub fn grants(&self, request: &Request) -> Option<StatementPlace<'a>> {
        let identity = Side::of(&self.identity, request);
        let boundary = self.boundary.as_ref().map(|policy| Side::of([policy], request));
        let is_held_back =
            boundary.is_some_and(|side| side.granted() != Truth::True || side.denies.is_some());
        identity
            .allows
            .filter(|_| identity.denies.is_none() && !is_held_back)
    }

    /// A statement that would allow a request if a variable in its resource had a value, with the variable's key.
    #[must_use]
    pub fn without_value(&self, request: &Request) -> Option<(StatementPlace<'a>, String)> {
        self.identity.iter().find_map(|policy| {
            let statements = policy.document()?.statements().iter().enumerate();
            let mut allowing = statements.filter(|(_, statement)| statement.effect() == Effect::Allow);
            allowing.find_map(|(at, statement)| {
                let key = statement.variable_without_value(request)?;
                Some((policy.place(at), key.to_owned()))
            })
        })
    }
}

/// Whether AWS's list has an action, or one that a pattern matches.
#[must_use]
pub fn is_listed(action: &str) -> bool {
    if is_pattern(action) {
        iam_actions::has_match(action)
    } else {
        iam_actions::find(action).is_some()
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
