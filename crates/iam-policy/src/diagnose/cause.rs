//! The cause of a refusal.

use std::fmt;

use super::key::KeyFault;
use super::provider::ProviderMismatch;
use crate::condition::clause_holds;
use crate::document::{Clause, Document, Effect, Statement};
use crate::evaluate::{self, applies};
use crate::parse::Parsed;
use crate::problem::{Gravity, Position};
use crate::request::{Context, ContextValue, Principal, Request};
use crate::truth::Truth;

/// Why a web identity may not assume the role. The order is that in which causes are tried; the last of the named
/// misses, [`CauseKind::ConditionUnsatisfiable`], fits whenever nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CauseKind {
    /// Not JSON, or not the grammar of a trust policy.
    TrustPolicyInvalid,
    /// No Allow statement covers `sts:AssumeRoleWithWebIdentity`.
    WebIdentityNotAllowed,
    /// Web identity is allowed for another provider.
    ProviderPrincipalMismatch,
    /// A condition key is meant for a token's claim, but no issuer has such a key.
    ConditionKeyMalformed,
    /// A condition key belongs to another issuer.
    ConditionKeyOtherIssuer,
    /// The subject that is asked for is misspelt; put right it would match.
    SubjectMalformed,
    /// A `*` or `?` under an operator without wildcards; under `StringLike` it would match.
    WildcardInStringEquals,
    /// The right ServiceAccount in another namespace.
    SubjectNamespaceMismatch,
    /// Another ServiceAccount.
    SubjectServiceAccountMismatch,
    /// Another audience.
    AudienceConditionMismatch,
    /// Another condition that this token can never meet.
    ConditionUnsatisfiable,
    /// A statement grants, and another forbids.
    ExplicitDeny,
    /// It hangs on something that is not known.
    ConditionUndetermined,
}

/// What of a statement has no documented meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undocumented {
    /// A condition key is there twice under one operator, also where the two differ by case alone.
    DuplicateKey,
    /// A condition key has an empty list of values.
    EmptyValues,
    /// A value of the policy cannot be read as what its operator compares.
    UnreadableValue,
    /// `NotPrincipal` with `Allow`.
    NotPrincipal,
    /// `"Federated": "*"`.
    AnyProvider,
    /// `Principal` is empty, or names a kind with an empty list.
    EmptyPrincipals,
    /// `Action` or `NotAction` is an empty list.
    EmptyActions,
}

impl fmt::Display for Undocumented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DuplicateKey => {
                "the condition key is there twice (keys are compared without regard to case), and AWS does not document which \
                 one counts"
            }
            Self::EmptyValues => "the condition key has an empty list of values, which AWS documents in two ways",
            Self::UnreadableValue => {
                "a value of the policy cannot be read as what the operator compares, and AWS does not document what it does \
                 then"
            }
            Self::NotPrincipal => "AWS does not support `NotPrincipal` with `Allow`",
            Self::AnyProvider => "AWS does not document whom `\"Federated\": \"*\"` admits",
            Self::EmptyPrincipals => {
                "the list of principals is empty, and AWS does not document what that means"
            }
            Self::EmptyActions => "the list of actions is empty, and AWS does not document what that means",
        })
    }
}

/// Why a web identity is not admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Which of the causes.
    pub kind: CauseKind,
    /// The statement that explains it, from 0; `None` where no statement does.
    pub statement: Option<usize>,
    /// That statement's `Sid`.
    pub sid: Option<String>,
    /// The operator of the condition that explains it.
    pub operator: Option<String>,
    /// That condition's key, as written.
    pub key: Option<String>,
    /// What the policy asks for; for [`CauseKind::TrustPolicyInvalid`] what was expected.
    pub wanted: Vec<String>,
    /// What there is instead; for [`CauseKind::TrustPolicyInvalid`] what was found. Empty if there is nothing.
    pub got: Vec<String>,
    /// Where the part of the document stands that explains it.
    pub position: Option<Position>,
    /// How many parts of the nearest statement fail: 1 if the cause is all that is wrong with it.
    pub failing: usize,
    /// How many other Allow statements were tried.
    pub others_tried: usize,
    /// The value of `wanted` that comes nearest to `got`.
    pub nearest: Option<String>,
    /// What it should be, where that can be said: the key or subject put right.
    pub suggestion: Option<String>,
    /// For [`CauseKind::ProviderPrincipalMismatch`]: which provider was found.
    pub provider: Option<ProviderMismatch>,
    /// For [`CauseKind::ConditionUndetermined`]: what AWS documents nowhere or in two ways. `None` where it depends on a
    /// key of which nothing is known.
    pub undocumented: Option<Undocumented>,
    /// For [`CauseKind::ConditionKeyMalformed`]: what is wrong with the key.
    pub key_fault: Option<KeyFault>,
    /// A Deny statement that applies or may apply as well, so that mending the cause is not enough.
    pub also_denied_by: Option<usize>,
}

impl Cause {
    pub(super) fn new(kind: CauseKind) -> Self {
        Self {
            kind,
            statement: None,
            sid: None,
            operator: None,
            key: None,
            wanted: Vec::new(),
            got: Vec::new(),
            position: None,
            failing: 0,
            others_tried: 0,
            nearest: None,
            suggestion: None,
            provider: None,
            undocumented: None,
            key_fault: None,
            also_denied_by: None,
        }
    }

    pub(super) fn of_statement(
        kind: CauseKind,
        document: &Document,
        at: usize,
        statement: &Statement,
    ) -> Self {
        Self {
            statement: Some(at),
            sid: statement.sid().map(str::to_owned),
            position: Some(document.position(statement.span.start)),
            ..Self::new(kind)
        }
    }

    /// Names the clause that explains it.
    pub(super) fn with_clause(mut self, document: &Document, clause: &Clause, context: &Context) -> Self {
        self.operator = Some(clause.operator.to_string());
        self.key = Some(clause.key.to_string());
        self.wanted = clause.values.iter().map(|value| value.text.to_string()).collect();
        if let ContextValue::Known(values) = context.get(&clause.key).into_owned() {
            self.got = values;
        }
        self.position = Some(document.position(clause.spans.key.start));
        self
    }
}

/// The document is no trust policy: its first problem, or the statement that does not belong.
pub(super) fn invalid(parsed: &Parsed, misfit: Option<usize>) -> Cause {
    let mut cause = Cause::new(CauseKind::TrustPolicyInvalid);
    if let Some(problem) = parsed
        .problems
        .iter()
        .find(|problem| problem.gravity == Gravity::Refused)
    {
        cause.got = vec![problem.message.clone()];
        cause.wanted = vec![problem.expected.clone()];
        cause.position = Some(problem.position);
        return cause;
    }
    let misfit = parsed.document.as_ref().and_then(|document| {
        let at = misfit?;
        document
            .statements
            .get(at)
            .map(|statement| (document, at, statement))
    });
    if let Some((document, at, statement)) = misfit {
        cause = Cause::of_statement(CauseKind::TrustPolicyInvalid, document, at, statement);
        let (got, wanted) = if statement.resource.is_some() {
            (
                "the statement has a `Resource`",
                "no `Resource`: a trust policy is about its own role",
            )
        } else {
            (
                "the statement has no `Principal`",
                "`Principal` or `NotPrincipal`",
            )
        };
        cause.got = vec![got.to_owned()];
        cause.wanted = vec![wanted.to_owned()];
    }
    cause
}

/// The statement on which the decision hangs: a Deny that may apply if something is granted for certain, else the
/// Allow with the fewest open clauses.
pub(super) fn undetermined(parsed: &Parsed, document: &Document, request: &Request) -> Cause {
    const KIND: CauseKind = CauseKind::ConditionUndetermined;
    let duplicate = parsed
        .problems
        .iter()
        .find(|problem| problem.gravity == Gravity::Ambiguous);
    if let (true, Some(problem)) = (document.ambiguous, duplicate) {
        let mut cause = Cause::new(KIND);
        cause.got = vec![problem.message.clone()];
        cause.wanted = vec![problem.expected.clone()];
        cause.position = Some(problem.position);
        return cause;
    }
    let open = |statement: &Statement| {
        statement
            .conditions
            .iter()
            .filter(|clause| clause_holds(clause, &request.context) == Truth::Unknown)
            .count()
    };
    let outcomes: Vec<Truth> = document
        .statements
        .iter()
        .map(|statement| applies(statement, request))
        .collect();
    let numbered = || document.statements.iter().enumerate().zip(&outcomes);
    let granted = numbered()
        .any(|((_, statement), outcome)| statement.effect == Effect::Allow && *outcome == Truth::True);
    let effect = if granted { Effect::Deny } else { Effect::Allow };
    let hanging = numbered()
        .filter(|((_, statement), outcome)| statement.effect == effect && **outcome == Truth::Unknown)
        .min_by_key(|((at, statement), _)| (open(statement), *at));
    let Some(((at, statement), _)) = hanging else {
        return Cause::new(KIND);
    };
    let cause = Cause {
        undocumented: undocumented(statement, request),
        ..Cause::of_statement(KIND, document, at, statement)
    };
    let clause = statement
        .conditions
        .iter()
        .find(|clause| clause_holds(clause, &request.context) == Truth::Unknown)
        // Where two readings of a duplicate key disagree, each clause by itself is known.
        .or_else(|| statement.conditions.iter().find(|clause| clause.duplicate))
        .filter(|_| cause.undocumented.is_none_or(Undocumented::is_of_a_condition));
    match clause {
        Some(clause) => cause.with_clause(document, clause, &request.context),
        None => cause,
    }
}

impl Undocumented {
    fn is_of_a_condition(self) -> bool {
        matches!(
            self,
            Self::DuplicateKey | Self::EmptyValues | Self::UnreadableValue
        )
    }
}

/// What leaves a statement undetermined, unless it is a key of which nothing is known.
fn undocumented(statement: &Statement, request: &Request) -> Option<Undocumented> {
    let open = |clause: &&Clause| clause_holds(clause, &request.context) == Truth::Unknown;
    if let Some(clause) = statement.conditions.iter().find(open) {
        return match &*request.context.get(&clause.key) {
            _ if clause.values.is_empty() => Some(Undocumented::EmptyValues),
            ContextValue::Known(_) if clause.values.iter().all(|value| value.template.is_none()) => {
                Some(Undocumented::UnreadableValue)
            }
            _ => None,
        };
    }
    let element = statement.principal.as_ref();
    if evaluate::principal(statement, request.principal.as_ref()) == Truth::Unknown {
        let element = element?;
        return match (element.negated, element.has_empty) {
            (true, _) if statement.effect == Effect::Allow => Some(Undocumented::NotPrincipal),
            (_, true) => Some(Undocumented::EmptyPrincipals),
            _ if matches!(request.principal, Some(Principal::Federated(_))) => {
                Some(Undocumented::AnyProvider)
            }
            _ => None,
        };
    }
    if statement.action.actions.is_empty() {
        return Some(Undocumented::EmptyActions);
    }
    let has_duplicates = statement.conditions.iter().any(|clause| clause.duplicate);
    has_duplicates.then_some(Undocumented::DuplicateKey)
}
