//! The first question of every plan: the role may admit others already, and who says that this ServiceAccount is meant?
//!
//! An editor of a namespace writes any role's ARN into an annotation. What answers the question is the role's consent; the rest is for
//! the person who approves.

use iam_policy::{Effect, PrincipalKind, parse};

use crate::facts::RemedySubject;

/// One Allow statement of the live document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmittedBy {
    /// The statement's index, from 0.
    pub statement: usize,
    /// Its `Sid`, untrusted text.
    pub sid: Option<String>,
    /// The principals that it names, with the kind's key in a policy, untrusted text. `AWS` and `*` for everyone.
    pub principals: Vec<(&'static str, String)>,
    /// It admits everyone except the principals that it names (`NotPrincipal`).
    pub is_negated: bool,
    /// The values that it compares a `…:sub` key of any issuer with, untrusted text.
    pub subjects: Vec<String>,
}

/// Whom a role admits, and who says that a ServiceAccount is meant to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// Whom the live document admits already. If it is not empty, the role has other users and a purpose of its own.
    pub already: Vec<AdmittedBy>,
    /// The `IrsaAudit` expects a role, and no other than this one is planned for: the team says it.
    pub by_team: bool,
    /// An Allow statement of the live document compares a key of this cluster's issuer with this subject, and fails for another reason:
    /// the role's owner may have said it, or may have meant that other reason.
    pub by_statement: bool,
}

impl Meant {
    /// What a live document says about it. Of a document that does not parse, nothing.
    #[must_use]
    pub fn of(subject: &RemedySubject, document: &str) -> Self {
        let parsed = parse(document);
        let statements = parsed
            .document
            .as_ref()
            .map_or(&[][..], |document| document.statements());
        let own_key = format!("{}:sub", subject.issuer.host_path()).to_lowercase();
        let own_subject = subject.subject();
        let mut by_statement = false;
        let mut already = Vec::new();
        for (at, statement) in statements.iter().enumerate() {
            if statement.effect() != Effect::Allow {
                continue;
            }
            let mut subjects = Vec::new();
            for (operator, key, values) in statement.conditions() {
                let key = key.to_lowercase();
                if !key.ends_with(":sub") {
                    continue;
                }
                by_statement |=
                    key == own_key && operator.is_positive_text() && values.contains(&own_subject.as_str());
                subjects.extend(values.into_iter().map(str::to_owned));
            }
            let everyone = statement
                .is_for_everyone()
                .then(|| (PrincipalKind::Aws.name(), "*".to_owned()));
            let named = statement
                .principals()
                .map(|(kind, value)| (kind.name(), value.to_owned()));
            already.push(AdmittedBy {
                statement: at,
                sid: statement.sid().map(str::to_owned),
                principals: everyone.into_iter().chain(named).collect(),
                is_negated: statement.is_not_principal(),
                subjects,
            });
        }
        Self {
            already,
            by_team: subject.expected_role.is_some(),
            by_statement,
        }
    }
}
