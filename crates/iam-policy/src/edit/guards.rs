//! What the statement that was meant for an identity asks for beside the claims of its token.
//!
//! Such a condition, on the network that a call comes from perhaps, is usually deliberate: an edit keeps it where the request may meet
//! it, and whoever shows an edit that cannot keep it has to say so.

use crate::condition::clause_holds;
use crate::diagnose::{CauseKind, Claim, KeyClass, Miss, Nearest, classify_key};
use crate::document::{Clause, Document, Effect, PrincipalKind, Statement};
use crate::evaluate::{self, applies};
use crate::pattern::tokens;
use crate::request::{ContextValue, Request, WebIdentity};
use crate::subject_pattern::SubjectPattern;
use crate::template::Extra;
use crate::truth::Truth;

/// A condition on something else than the claims of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The operator, with its quantifier and suffix.
    pub operator: String,
    /// The condition key, as written.
    pub key: String,
    /// The values of the policy.
    pub wanted: Vec<String>,
    /// What the request has, where that is known.
    pub got: Vec<String>,
}

/// The guards of the Allow statement that was meant for an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guards {
    /// The statement, from 0.
    pub statement: usize,
    /// Those that the request meets or may meet: an edit keeps them.
    pub kept: Vec<Guard>,
    /// Those that the request cannot meet now: an edit that admits it has to leave them out.
    pub left_out: Vec<Guard>,
}

/// The guards of the statement that was meant for an identity: one that names its subject, else the one that comes nearest to
/// admitting it. `None` where no Allow statement is about tokens.
#[must_use]
pub fn guards(document: &Document, identity: &WebIdentity) -> Option<Guards> {
    let meant = Meant::find(document, identity)?;
    let context = Request::from(identity).context;
    let guard = |clause: &&Clause| Guard {
        operator: clause.operator.to_string(),
        key: clause.key.to_string(),
        wanted: clause.wanted().into_iter().map(str::to_owned).collect(),
        got: match context.get(&clause.key).into_owned() {
            ContextValue::Known(values) => values,
            _ => Vec::new(),
        },
    };
    Some(Guards {
        statement: meant.at,
        kept: meant.kept.iter().map(guard).collect(),
        left_out: meant.left_out.iter().map(guard).collect(),
    })
}

/// The statement that was meant for an identity, and its guards.
pub(super) struct Meant<'d> {
    pub(super) at: usize,
    pub(super) kept: Vec<&'d Clause>,
    pub(super) left_out: Vec<&'d Clause>,
}

impl<'d> Meant<'d> {
    pub(super) fn find(document: &'d Document, identity: &WebIdentity) -> Option<Self> {
        let request = Request::from(identity);
        let for_tokens = |statement: &Statement| is_for_tokens(statement, identity);
        let named = |statement: &Statement| for_tokens(statement) && names(statement, identity);
        let (nearest, _) = Nearest::among(document, identity, &request, named)
            .or_else(|| Nearest::among(document, identity, &request, for_tokens))?;
        let conditions = || nearest.statement.conditions.iter();
        let holds = |clause: &Clause| clause_holds(clause, &request.context);
        let is_foreign = |clause: &Clause| classify_key(&clause.key, identity) == KeyClass::Aws;
        let cannot_be_met = |clause: &Clause| {
            holds(clause) == Truth::False
                && Miss::of(clause, identity).kind == CauseKind::ConditionUnsatisfiable
        };
        Some(Self {
            at: nearest.at,
            kept: conditions()
                .filter(|clause| is_foreign(clause) && holds(clause) != Truth::False)
                .collect(),
            left_out: conditions().filter(|clause| cannot_be_met(clause)).collect(),
        })
    }

    pub(super) fn has_guards(&self) -> bool {
        !self.kept.is_empty() || !self.left_out.is_empty()
    }

    /// The guards that are kept, as they stand in the text of the document.
    pub(super) fn extras(&self, document: &Document) -> Option<Vec<Extra>> {
        let text = |span: &std::ops::Range<usize>| Some(document.text.get(span.clone())?.to_owned());
        let extra = |clause: &&Clause| {
            Some(Extra {
                operator: clause.operator.to_string(),
                key: text(&clause.spans.key)?,
                values: text(&clause.spans.values)?,
            })
        };
        self.kept.iter().map(extra).collect()
    }
}

/// Whether nothing but the guards of the statement, of which AWS alone knows whether they are met, is left between the request and
/// what it asks for.
pub(super) fn is_left_to_guards(document: &Document, at: usize, identity: &WebIdentity) -> bool {
    let request = Request::from(identity);
    let Some(statement) = document.statements.get(at) else {
        return false;
    };
    let is_open = |clause: &Clause| match clause_holds(clause, &request.context) {
        Truth::True => true,
        Truth::False => false,
        Truth::Unknown => !clause.values.is_empty() && classify_key(&clause.key, identity) == KeyClass::Aws,
    };
    let forbids =
        |other: &Statement| other.effect == Effect::Deny && applies(other, &request) != Truth::False;
    evaluate::action(&statement.action, &request.action) == Truth::True
        && evaluate::principal(statement, request.principal.as_ref()) == Truth::True
        && !statement.has_duplicates
        && statement.conditions.iter().all(is_open)
        && !document.statements.iter().any(forbids)
}

/// Whether a statement was written for tokens of some issuer: it names an OpenID Connect provider, or compares a claim.
fn is_for_tokens(statement: &Statement, identity: &WebIdentity) -> bool {
    let is_provider = |(kind, named): (PrincipalKind, &str)| {
        kind == PrincipalKind::Federated && (named == "*" || named.contains("oidc-provider/"))
    };
    statement.principals().any(is_provider)
        || statement
            .conditions
            .iter()
            .any(|clause| classify_key(&clause.key, identity) != KeyClass::Aws)
}

/// Whether a statement names the subject: by a value that means it, or that is its namespace and name misspelt.
fn names(statement: &Statement, identity: &WebIdentity) -> bool {
    let mut parts = identity.subject.rsplit(':');
    let own = (parts.next(), parts.next());
    let is_of_subject = |clause: &Clause| {
        matches!(
            classify_key(&clause.key, identity),
            KeyClass::Ours(Claim::Subject)
                | KeyClass::OtherIssuer(Claim::Subject)
                | KeyClass::Malformed(_, Some(Claim::Subject) | None)
        )
    };
    statement.conditions.iter().any(|clause| {
        let means = |text: &str| {
            let mut parts = text.trim().rsplit([':', '/']);
            let pattern = SubjectPattern::for_operator(tokens(text).collect(), clause.operator.test.family());
            (parts.next(), parts.next()) == own || pattern.matches(&identity.subject)
        };
        clause.operator.is_positive_text()
            && is_of_subject(clause)
            && clause.values.iter().any(|value| means(&value.text))
    })
}
