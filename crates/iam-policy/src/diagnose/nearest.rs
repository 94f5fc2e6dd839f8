//! The statement that comes nearest to admitting an identity, and what it lacks.

use super::cause::{Cause, CauseKind};
use super::distance::distance;
use super::key::{self, Claim, KeyClass};
use super::{provider, subject};
use crate::condition::clause_holds;
use crate::document::{Clause, ConditionValue, Document, Effect, Statement};
use crate::evaluate::{self, applies};
use crate::operator::{Family, Test};
use crate::pattern::Pattern;
use crate::request::{Request, WebIdentity};
use crate::truth::Truth;

/// An Allow statement that does not admit an identity.
pub(crate) struct Nearest<'d> {
    pub(crate) at: usize,
    pub(crate) statement: &'d Statement,
    pub(crate) covers_action: bool,
    pub(crate) fits_principal: bool,
    /// The clauses that do not hold.
    pub(crate) failing: Vec<&'d Clause>,
}

impl<'d> Nearest<'d> {
    fn new(at: usize, statement: &'d Statement, request: &Request) -> Self {
        let fails = |clause: &&Clause| clause_holds(clause, &request.context) == Truth::False;
        Self {
            at,
            statement,
            covers_action: evaluate::action(&statement.action, &request.action) != Truth::False,
            fits_principal: evaluate::principal(statement, request.principal.as_ref()) != Truth::False,
            failing: statement.conditions.iter().filter(fails).collect(),
        }
    }

    /// How many parts fail, the action left aside.
    fn count(&self) -> usize {
        self.failing.len() + usize::from(!self.fits_principal)
    }

    /// How many characters what is wanted is away from what there is, over all failing parts.
    fn distance(&self, identity: &WebIdentity) -> usize {
        let named = self
            .statement
            .principals()
            .map(|(_, named)| distance(named, &identity.provider_arn))
            .min();
        let principal = if self.fits_principal {
            0
        } else {
            named.unwrap_or(identity.provider_arn.len())
        };
        principal
            + self
                .failing
                .iter()
                .map(|clause| clause_distance(clause, identity))
                .sum::<usize>()
    }

    /// The nearest of the Allow statements, and how many others there are.
    pub(crate) fn find(
        document: &'d Document,
        identity: &WebIdentity,
        request: &Request,
    ) -> Option<(Self, usize)> {
        Self::among(document, identity, request, |_| true)
    }

    /// The nearest of those Allow statements that are eligible, and how many others of them there are.
    pub(crate) fn among(
        document: &'d Document,
        identity: &WebIdentity,
        request: &Request,
        is_eligible: impl Fn(&Statement) -> bool,
    ) -> Option<(Self, usize)> {
        let allows = document
            .statements
            .iter()
            .enumerate()
            .filter(|(_, statement)| statement.effect == Effect::Allow && is_eligible(statement));
        let candidates: Vec<Self> = allows
            .map(|(at, statement)| Self::new(at, statement, request))
            .collect();
        let others = candidates.len().saturating_sub(1);
        let any_covers = candidates.iter().any(|candidate| candidate.covers_action);
        let eligible = candidates
            .into_iter()
            .filter(|candidate| candidate.covers_action == any_covers);
        // The distance is dear: it is only looked at between equals.
        let mut best: Vec<Self> = Vec::new();
        for candidate in eligible {
            match best.first().map(|first| candidate.count().cmp(&first.count())) {
                None | Some(std::cmp::Ordering::Equal) => best.push(candidate),
                Some(std::cmp::Ordering::Less) => best = vec![candidate],
                Some(std::cmp::Ordering::Greater) => {}
            }
        }
        if best.len() > 1 {
            best.sort_by_cached_key(|candidate| candidate.distance(identity));
        }
        best.into_iter().next().map(|nearest| (nearest, others))
    }
}

fn clause_distance(clause: &Clause, identity: &WebIdentity) -> usize {
    let wanted = |got: &str| {
        clause
            .values
            .iter()
            .map(|value| distance(&value.text, got))
            .min()
            .unwrap_or(got.len())
    };
    match key::classify(&clause.key, identity) {
        KeyClass::Ours(Claim::Subject) => wanted(&identity.subject),
        KeyClass::Ours(Claim::Audience) => wanted(&identity.audience),
        _ => distance(
            &clause.key.to_lowercase(),
            &format!("{}:sub", identity.issuer).to_lowercase(),
        ),
    }
}

/// The cause of an implicit or explicit refusal.
pub(super) fn denied(document: &Document, identity: &WebIdentity, request: &Request) -> Cause {
    let outcome = |statement: &Statement| applies(statement, request);
    let statements = || document.statements.iter().enumerate();
    let granted = statements().any(|(_, s)| s.effect == Effect::Allow && outcome(s) != Truth::False);
    let forbidding = statements()
        .filter(|(_, s)| s.effect == Effect::Deny)
        .map(|(at, s)| (at, s, outcome(s)))
        .filter(|(_, _, outcome)| *outcome != Truth::False)
        .min_by_key(|(_, _, outcome)| *outcome != Truth::True);
    match forbidding {
        Some((at, statement, Truth::True)) if granted => {
            let cause = Cause::of_statement(CauseKind::ExplicitDeny, document, at, statement);
            // All are met. What asks for the subject tells most; that a key is there is true of every token.
            let telling = |clause: &&Clause| match key::classify(&clause.key, identity) {
                _ if clause.operator.test == Test::Null => 2,
                KeyClass::Ours(Claim::Subject) => 0,
                _ => 1,
            };
            match statement.conditions.iter().min_by_key(telling) {
                Some(clause) => cause.with_clause(document, clause, &request.context),
                None => cause,
            }
        }
        forbidding => {
            let also_denied_by = forbidding.map(|(at, _, _)| at);
            Cause {
                also_denied_by,
                ..missed(document, identity, request)
            }
        }
    }
}

/// The first cause that fits in the nearest statement.
fn missed(document: &Document, identity: &WebIdentity, request: &Request) -> Cause {
    let Some((nearest, others_tried)) = Nearest::find(document, identity, request) else {
        return Cause {
            wanted: vec![request.action.clone()],
            ..Cause::new(CauseKind::WebIdentityNotAllowed)
        };
    };
    let (at, statement) = (nearest.at, nearest.statement);
    let of = |kind| Cause::of_statement(kind, document, at, statement);
    let cause = if !nearest.covers_action {
        let (actions, _) = statement.actions();
        Cause {
            wanted: vec![request.action.clone()],
            got: actions.into_iter().map(str::to_owned).collect(),
            position: Some(document.position(statement.action.span.start)),
            ..of(CauseKind::WebIdentityNotAllowed)
        }
    } else if let (false, Some(element)) = (nearest.fits_principal, &statement.principal) {
        let mismatch = provider::compare(element, &identity.provider_arn);
        let place = element
            .named
            .iter()
            .find(|named| named.value == mismatch.found)
            .map(|named| &named.span);
        Cause {
            wanted: vec![identity.provider_arn.clone()],
            got: element
                .named
                .iter()
                .map(|named| named.value.to_string())
                .collect(),
            position: Some(document.position(place.unwrap_or(&element.span).start)),
            provider: Some(mismatch),
            ..of(CauseKind::ProviderPrincipalMismatch)
        }
    } else {
        let misses = nearest.failing.iter().map(|clause| Miss::of(clause, identity));
        match misses.min_by_key(|miss| miss.kind) {
            Some(miss) => Cause {
                nearest: miss.value.map(|value| value.text.to_string()),
                suggestion: miss.suggestion(identity),
                key_fault: miss.key_fault,
                ..of(miss.kind).with_clause(document, miss.clause, &request.context)
            },
            // Nothing fails by itself: the readings of a duplicate key all fail together.
            None => of(CauseKind::ConditionUnsatisfiable),
        }
    };
    let failing = nearest.count() + usize::from(!nearest.covers_action);
    Cause {
        failing,
        others_tried,
        ..cause
    }
}

/// One failing clause, judged.
pub(crate) struct Miss<'d> {
    pub(crate) kind: CauseKind,
    pub(crate) clause: &'d Clause,
    /// The value that comes nearest.
    pub(crate) value: Option<&'d ConditionValue>,
    pub(crate) key_fault: Option<super::KeyFault>,
}

impl<'d> Miss<'d> {
    pub(crate) fn of(clause: &'d Clause, identity: &WebIdentity) -> Self {
        let mut key_fault = None;
        let (kind, value) = match key::classify(&clause.key, identity) {
            KeyClass::Malformed(fault, _) => {
                key_fault = Some(fault);
                (CauseKind::ConditionKeyMalformed, None)
            }
            KeyClass::OtherIssuer(_) => (CauseKind::ConditionKeyOtherIssuer, None),
            KeyClass::Ours(Claim::Subject) => subject::classify(clause, &identity.subject),
            KeyClass::Ours(Claim::Audience) => audience(clause, &identity.audience),
            KeyClass::Ours(Claim::Other) | KeyClass::Aws => (CauseKind::ConditionUnsatisfiable, None),
        };
        Self {
            kind,
            clause,
            value,
            key_fault,
        }
    }

    /// What the key or the value should be.
    fn suggestion(&self, identity: &WebIdentity) -> Option<String> {
        match self.kind {
            CauseKind::ConditionKeyMalformed | CauseKind::ConditionKeyOtherIssuer => {
                right_key(self.clause, identity)
            }
            CauseKind::SubjectMalformed => subject::normalised(&self.value?.text, &identity.subject),
            CauseKind::SubjectNamespaceMismatch | CauseKind::SubjectServiceAccountMismatch => {
                Some(identity.subject.clone())
            }
            CauseKind::AudienceConditionMismatch => Some(identity.audience.clone()),
            _ => None,
        }
    }
}

/// The key that a wrong one was meant to be; told by its suffix, or else by its values.
pub(crate) fn right_key(clause: &Clause, identity: &WebIdentity) -> Option<String> {
    let claim = match key::classify(&clause.key, identity) {
        KeyClass::Malformed(_, claim) => claim,
        KeyClass::OtherIssuer(claim) => Some(claim),
        KeyClass::Ours(_) | KeyClass::Aws => return None,
    };
    let guessed = || {
        if clause.values.iter().any(|value| value.text == identity.audience) {
            Some(Claim::Audience)
        } else if clause
            .values
            .iter()
            .any(|value| value.text.starts_with("system:"))
        {
            Some(Claim::Subject)
        } else {
            None
        }
    };
    let suffix = claim.or_else(guessed)?.suffix()?;
    Some(format!("{}:{suffix}", identity.issuer))
}

fn audience<'c>(clause: &'c Clause, audience: &str) -> (CauseKind, Option<&'c ConditionValue>) {
    if !clause.operator.is_positive_text() {
        return (CauseKind::ConditionUnsatisfiable, None);
    }
    let wildcard = clause.values.iter().find(|value| {
        clause.operator.test.family() != Family::Pattern
            && value.template.is_none()
            && value.text.contains(['*', '?'])
            && Pattern::new(&value.text).matches(audience)
    });
    if wildcard.is_some() {
        return (CauseKind::WildcardInStringEquals, wildcard);
    }
    let nearest = clause
        .values
        .iter()
        .min_by_key(|value| distance(&value.text, audience));
    (CauseKind::AudienceConditionMismatch, nearest)
}
