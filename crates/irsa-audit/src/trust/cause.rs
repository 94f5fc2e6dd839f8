//! The findings behind an answer: why it is no, or what is too wide about a yes.

use audit_core::finding::Entry;
use iam_policy::{
    Cause, CauseKind, ClauseExplanation, ContextValue, Decision, Effect, Explanation, Exposure, ExposureKind,
    StatementExplanation, TrustDiagnosis, Truth,
};
use serde::Serialize;

use super::place::Place;

/// Why an identity is not admitted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Why {
    pub(super) code: &'static str,
    pub(super) reason: &'static str,
    #[serde(skip)]
    pub(super) title: &'static str,
    /// The statement that explains it, from 0.
    pub(super) statement: Option<usize>,
    pub(super) sid: Option<String>,
    pub(super) operator: Option<String>,
    pub(super) key: Option<String>,
    /// What the policy asks for.
    pub(super) wanted: Vec<String>,
    /// What the request has.
    pub(super) got: Vec<String>,
    #[serde(flatten)]
    pub(super) place: Option<Place>,
    /// What of the policy AWS documents nowhere or in two ways, in words.
    pub(super) undocumented: Option<String>,
    /// What should be in the policy instead.
    pub(super) suggestion: Option<String>,
    /// How many other Allow statements do not fit either.
    pub(super) others_tried: usize,
    /// A Deny that stands in the way as well, from 0.
    pub(super) also_denied_by: Option<usize>,
}

/// Something that is too wide in a policy that admits the identity.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TooWide {
    pub(super) code: &'static str,
    pub(super) reason: &'static str,
    pub(super) severity: &'static str,
    #[serde(skip)]
    pub(super) title: &'static str,
    /// From 0.
    pub(super) statement: usize,
    pub(super) sid: Option<String>,
    /// The wildcards of which it is so.
    pub(super) patterns: Vec<String>,
    #[serde(flatten)]
    pub(super) place: Place,
}

/// The catalogue's entry of a cause.
fn entry(kind: CauseKind) -> Option<&'static Entry> {
    audit_core::rules::entry(match kind {
        CauseKind::WebIdentityNotAllowed => "IRSA202",
        CauseKind::ProviderPrincipalMismatch => "IRSA203",
        CauseKind::SubjectNamespaceMismatch => "IRSA204",
        CauseKind::SubjectServiceAccountMismatch => "IRSA205",
        CauseKind::SubjectMalformed => "IRSA206",
        CauseKind::WildcardInStringEquals => "IRSA207",
        CauseKind::AudienceConditionMismatch => "IRSA209",
        CauseKind::ConditionKeyOtherIssuer => "IRSA210",
        CauseKind::ConditionKeyMalformed => "IRSA211",
        CauseKind::ExplicitDeny => "IRSA212",
        CauseKind::ConditionUnsatisfiable => "IRSA213",
        CauseKind::ConditionUndetermined => "IRSA214",
        CauseKind::TrustPolicyInvalid => "IRSA218",
    })
}

impl TooWide {
    pub(super) fn of(exposure: &Exposure) -> Option<Self> {
        let (code, patterns) = match &exposure.kind {
            ExposureKind::AudienceUnconstrained => ("IRSA208", Vec::new()),
            ExposureKind::SubjectUnconstrained => ("IRSA215", Vec::new()),
            ExposureKind::SubjectTooBroad { patterns } => ("IRSA216", patterns.clone()),
            ExposureKind::PrincipalTooBroad => ("IRSA217", Vec::new()),
        };
        let entry = audit_core::rules::entry(code)?;
        Some(Self {
            code: entry.code,
            reason: entry.reason,
            severity: entry.severity.as_str(),
            title: entry.title,
            statement: exposure.statement,
            sid: exposure.sid.clone(),
            patterns,
            place: exposure.position.into(),
        })
    }
}

impl Why {
    /// Why `decision` is not Allowed.
    ///
    /// The diagnosis knows the identity alone. Where more is known of the request and that decides, the explanation,
    /// which is of the whole request, has the reason.
    pub(super) fn find(
        decision: Decision,
        diagnosis: Option<&TrustDiagnosis>,
        explanation: Option<&Explanation>,
    ) -> Option<Self> {
        let agrees = |diagnosis: &&TrustDiagnosis| diagnosis.decision == decision;
        let diagnosed = || Self::diagnosed(diagnosis.filter(agrees)?.cause.as_ref()?);
        match decision {
            Decision::Allowed => None,
            // What AWS does not document, the diagnosis names.
            Decision::Undetermined => match diagnosed() {
                Some(why) if why.undocumented.is_some() => Some(why),
                why => explanation.and_then(Self::undetermined).or(why),
            },
            Decision::ExplicitlyDenied => diagnosed().or_else(|| Self::forbidden(explanation?)),
            Decision::ImplicitlyDenied => diagnosed().or_else(|| Self::unsatisfied(explanation?)),
            Decision::Invalid => diagnosed().or_else(|| Self::new(CauseKind::TrustPolicyInvalid)),
        }
    }

    fn new(kind: CauseKind) -> Option<Self> {
        let entry = entry(kind)?;
        Some(Self {
            code: entry.code,
            reason: entry.reason,
            title: entry.title,
            statement: None,
            sid: None,
            operator: None,
            key: None,
            wanted: Vec::new(),
            got: Vec::new(),
            place: None,
            undocumented: None,
            suggestion: None,
            others_tried: 0,
            also_denied_by: None,
        })
    }

    fn diagnosed(cause: &Cause) -> Option<Self> {
        let (wanted, got) = match cause.kind {
            // Of these the diagnosis says what the request wants of the policy.
            CauseKind::WebIdentityNotAllowed | CauseKind::ProviderPrincipalMismatch => {
                (cause.got.clone(), cause.wanted.clone())
            }
            _ if cause.key.is_some() => (cause.wanted.clone(), cause.got.clone()),
            // What is wrong with the policy's text is among the problems.
            _ => (Vec::new(), Vec::new()),
        };
        Some(Self {
            statement: cause.statement,
            sid: cause.sid.clone(),
            operator: cause.operator.clone(),
            key: cause.key.clone(),
            wanted,
            got,
            place: cause.position.map(Place::from),
            undocumented: cause.undocumented.map(|what| what.to_string()),
            suggestion: cause.suggestion.clone(),
            others_tried: cause.others_tried,
            also_denied_by: cause.also_denied_by,
            ..Self::new(cause.kind)?
        })
    }

    fn of(
        kind: CauseKind,
        statement: &StatementExplanation,
        clause: Option<&ClauseExplanation>,
    ) -> Option<Self> {
        let known = |clause: &ClauseExplanation| match &clause.got {
            ContextValue::Known(values) => values.clone(),
            _ => Vec::new(),
        };
        Some(Self {
            statement: Some(statement.statement),
            sid: statement.sid.clone(),
            operator: clause.map(|clause| clause.operator.to_string()),
            key: clause.map(|clause| clause.key.clone()),
            wanted: clause.map(|clause| clause.wanted.clone()).unwrap_or_default(),
            got: clause.map(known).unwrap_or_default(),
            place: Some(clause.map_or(statement.position, |clause| clause.position).into()),
            ..Self::new(kind)?
        })
    }

    /// What is not known: of a Deny if something is granted for certain, else of an Allow.
    fn undetermined(explanation: &Explanation) -> Option<Self> {
        let granted = explanation
            .statements
            .iter()
            .any(|statement| statement.effect == Effect::Allow && statement.outcome == Truth::True);
        let effect = if granted { Effect::Deny } else { Effect::Allow };
        let open = explanation
            .residual()
            .filter(|residual| residual.statement.effect == effect)
            .min_by_key(|residual| residual.clauses.len())?;
        Self::of(
            CauseKind::ConditionUndetermined,
            open.statement,
            open.clauses.first().copied(),
        )
    }

    fn forbidden(explanation: &Explanation) -> Option<Self> {
        let statement = explanation
            .statements
            .iter()
            .find(|statement| statement.effect == Effect::Deny && statement.outcome == Truth::True)?;
        Self::of(CauseKind::ExplicitDeny, statement, statement.clauses.first())
    }

    /// The Allow that lacks least, among those for this principal and action.
    fn unsatisfied(explanation: &Explanation) -> Option<Self> {
        let fails = |clause: &&ClauseExplanation| clause.outcome == Truth::False;
        let fitting = explanation.statements.iter().filter(|statement| {
            statement.effect == Effect::Allow
                && statement
                    .elements
                    .iter()
                    .all(|element| element.outcome != Truth::False)
        });
        let nearest = fitting.min_by_key(|statement| statement.clauses.iter().filter(fails).count())?;
        Self::of(
            CauseKind::ConditionUnsatisfiable,
            nearest,
            nearest.clauses.iter().find(fails),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_every_cause_under_its_own_name() {
        use CauseKind as K;
        for kind in [
            K::TrustPolicyInvalid,
            K::WebIdentityNotAllowed,
            K::ProviderPrincipalMismatch,
            K::ConditionKeyMalformed,
            K::ConditionKeyOtherIssuer,
            K::SubjectMalformed,
            K::WildcardInStringEquals,
            K::SubjectNamespaceMismatch,
            K::SubjectServiceAccountMismatch,
            K::AudienceConditionMismatch,
            K::ConditionUnsatisfiable,
            K::ExplicitDeny,
            K::ConditionUndetermined,
        ] {
            assert_eq!(entry(kind).unwrap().reason, format!("{kind:?}"));
        }
    }
}
