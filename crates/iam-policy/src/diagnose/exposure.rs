//! What is too wide in a trust policy that admits an identity.
//!
//! Source: EKS User Guide, IAM roles for service accounts: the condition on `sub` limits a role to a ServiceAccount,
//! <https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html>.

use crate::document::{Clause, ConditionValue, Document, Effect, PrincipalKind, Statement};
use crate::evaluate::{Decision, applies, decide};
use crate::operator::Family;
use crate::problem::Position;
use crate::request::{ContextValue, Request, WebIdentity};
use crate::subject_pattern::{SUBJECT_PREFIX, SubjectPattern};
use crate::truth::Truth;

/// One thing that is too wide in a statement that admits an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// What it is.
    pub kind: ExposureKind,
    /// The statement, from 0.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Where it begins.
    pub position: Position,
}

/// How an admitting statement is too wide.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ExposureKind {
    /// Tokens for any other audience are admitted as well.
    AudienceUnconstrained,
    /// Every ServiceAccount of the cluster is admitted: no condition names subjects.
    SubjectUnconstrained,
    /// Wildcards admit other ServiceAccounts.
    SubjectTooBroad {
        /// The patterns that admit the identity and others.
        patterns: Vec<String>,
    },
    /// Everybody is named as principal.
    PrincipalTooBroad,
}

/// A name that nobody uses, in place of a subject's or audience's own.
const NOBODY: &str = "zz-nobody-0";

/// So many bytes of policy are evaluated at most to see whom its patterns reach besides: thousands of subjects for a document that
/// IAM stores, and still a second for the longest text that is read.
const WORK: usize = 64 * 1024 * 1024;

/// An identity that a statement admits.
struct Admitted<'i> {
    identity: &'i WebIdentity,
    /// What it asks for.
    request: &'i Request,
    /// The condition key of its subject, in lower case.
    subject_key: String,
}

impl Admitted<'_> {
    /// The same request by a token that differs in one claim.
    fn with_claim(&self, claim: &str, value: &str) -> Request {
        let key = format!("{}:{claim}", self.identity.issuer);
        let mut request = self.request.clone();
        request
            .context
            .set(&key, ContextValue::Known(vec![value.to_owned()]));
        request
    }

    fn with_subject(&self, subject: &str) -> Request {
        self.with_claim("sub", subject)
    }
}

/// What is too wide in the statements that admit `identity`, which asks for `request`.
pub(super) fn find(document: &Document, identity: &WebIdentity, request: &Request) -> Vec<Exposure> {
    let mut exposures = Vec::new();
    let admitted = Admitted {
        identity,
        request,
        subject_key: identity.key_of(":sub"),
    };
    let audience_key = identity.key_of(":aud");
    let mut trials = WORK / document.text.len().max(1);
    for (at, statement) in document.statements.iter().enumerate() {
        if statement.effect != Effect::Allow || applies(statement, request) != Truth::True {
            continue;
        }
        let mut expose = |kind| {
            let position = document.position(statement.span.start);
            exposures.push(Exposure {
                kind,
                statement: at,
                sid: statement.sid().map(str::to_owned),
                position,
            });
        };
        let admits_another = || admits(document, statement, &admitted.with_claim("aud", NOBODY));
        if !names_audiences(statement, &audience_key) && admits_another() {
            expose(ExposureKind::AudienceUnconstrained);
        }
        if let Some(kind) = subjects(document, statement, &admitted, &mut trials) {
            expose(kind);
        }
        if names_everybody(statement) {
            expose(ExposureKind::PrincipalTooBroad);
        }
    }
    exposures
}

/// Whether a statement applies to the audiences alone that it names: most do, and no request has to be made to see it. The key is in
/// lower case.
fn names_audiences(statement: &Statement, key: &str) -> bool {
    let is_name = |value: &ConditionValue| value.template.is_none() && !value.text.contains(['*', '?']);
    statement.conditions.iter().any(|clause| {
        clause.is_about(key) && clause.operator.is_positive_text() && clause.values.iter().all(is_name)
    })
}

/// Whether this statement admits a request, and no Deny keeps it out.
fn admits(document: &Document, statement: &Statement, request: &Request) -> bool {
    applies(statement, request) == Truth::True && decide(document, request) == Decision::Allowed
}

fn names_everybody(statement: &Statement) -> bool {
    let wildcard = |(kind, value): (PrincipalKind, &str)| {
        value == "*" && matches!(kind, PrincipalKind::Aws | PrincipalKind::Federated)
    };
    statement.is_for_everyone() || statement.principals().any(wildcard)
}

fn subjects(
    document: &Document,
    statement: &Statement,
    admitted: &Admitted<'_>,
    trials: &mut usize,
) -> Option<ExposureKind> {
    let key = &admitted.subject_key;
    let positive = |clause: &&Clause| clause.is_about(key) && clause.operator.is_positive_text();
    if !statement.conditions.iter().any(|clause| positive(&clause)) {
        let anyone = admitted.with_subject(&format!("{SUBJECT_PREFIX}{NOBODY}:{NOBODY}"));
        if admits(document, statement, &anyone) {
            return Some(ExposureKind::SubjectUnconstrained);
        }
        // Only a Deny keeps subjects out, by the patterns of those that it spares.
        let spared = document
            .statements
            .iter()
            .filter(|statement| statement.effect == Effect::Deny);
        let clauses = spared.flat_map(|statement| &statement.conditions);
        let negated = clauses.filter(|clause| clause.is_about(key) && clause.operator.test.is_negated());
        return too_broad(document, statement, admitted, negated, trials);
    }
    let clauses = statement.conditions.iter().filter(positive);
    too_broad(document, statement, admitted, clauses, trials)
}

/// The patterns that match the identity, if other subjects that match them are admitted as well, as far as the `trials` that are
/// left tell.
fn too_broad<'d>(
    document: &Document,
    statement: &Statement,
    admitted: &Admitted<'_>,
    clauses: impl Iterator<Item = &'d Clause>,
    trials: &mut usize,
) -> Option<ExposureKind> {
    let subject = &admitted.identity.subject;
    let mut patterns: Vec<String> = Vec::new();
    for clause in clauses.filter(|clause| clause.operator.test.family() == Family::Pattern) {
        for value in &clause.values {
            if !value.text.contains(['*', '?']) || patterns.iter().any(|known| value.text == *known) {
                continue;
            }
            let pattern = SubjectPattern::new(&value.text);
            if pattern.matches(subject) {
                let mut neighbours = neighbours(&pattern, subject).take(*trials);
                let reaches_others = neighbours.any(|other| {
                    *trials -= 1;
                    admits(document, statement, &admitted.with_subject(&other))
                });
                if reaches_others {
                    patterns.push(value.text.to_string());
                }
            }
        }
    }
    (!patterns.is_empty()).then_some(ExposureKind::SubjectTooBroad { patterns })
}

/// Subjects beside this one that a pattern matches: the same name elsewhere, another name in the same namespace,
/// and the pattern's own instances.
fn neighbours(pattern: &SubjectPattern, subject: &str) -> impl Iterator<Item = String> {
    let (namespace, name) = subject
        .strip_prefix(SUBJECT_PREFIX)
        .and_then(|rest| rest.split_once(':'))
        .unwrap_or_default();
    let mut subjects = vec![
        format!("{SUBJECT_PREFIX}{namespace}:{NOBODY}"),
        format!("{SUBJECT_PREFIX}{NOBODY}:{name}"),
        format!("{SUBJECT_PREFIX}{NOBODY}:{NOBODY}"),
    ];
    for pair in pattern.namespaces_and_names().unwrap_or_default() {
        for (star, one) in [(NOBODY, "0"), ("", "z"), ("z", "0"), ("0", "z")] {
            let fill = |text: &str| text.replace('*', star).replace('?', one);
            subjects.push(format!(
                "{SUBJECT_PREFIX}{}:{}",
                fill(&pair.namespace),
                fill(&pair.name)
            ));
            subjects.push(format!("{SUBJECT_PREFIX}{namespace}:{}", fill(&pair.name)));
            subjects.push(format!("{SUBJECT_PREFIX}{}:{name}", fill(&pair.namespace)));
        }
    }
    let subject = subject.to_owned();
    subjects.into_iter().filter(move |other| *other != subject)
}
