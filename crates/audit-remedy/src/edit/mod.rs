//! The one kind of edit: a statement of a fixed template is appended to a trust policy, or exactly that statement is taken out.
//!
//! | file | what is in it |
//! |---|---|
//! | this one | an edit, made of the live document and proven before anyone sees it |
//! | `refusal` | why there is none |
//! | [`statement`] | the template, and the id that tells our statements from all others |
//! | [`proof`] | nothing else is touched, no other subject is admitted, no one loses access |

mod proof;
mod refusal;
mod statement;

use audit_core::model::aws::{counted, keeper};
use iam_policy::{Decision, Document, Request, TemplateError, WebIdentity, append, decide, parse, remove};
use jiff::Timestamp;
use serde_json::Value;

use crate::facts::{LiveRole, RemedySubject};

pub use proof::{ProofFailure, prove, same_document};
pub use refusal::EditRefusal;
pub(crate) use statement::statements;
pub use statement::{is_our_statement, template_statements};

/// What is done with the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemedyOperation {
    /// It is appended.
    Append,
    /// It is taken out again: a rollback.
    Remove,
}

impl RemedyOperation {
    /// Its name in hashes and custom resources.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Append => "Append",
            Self::Remove => "Remove",
        }
    }
}

/// An edit of one trust policy, proven by [`prove`].
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedEdit {
    /// What is done.
    pub operation: RemedyOperation,
    /// The one statement that it is done with.
    pub statement: Value,
    /// The live document, decoded.
    pub before: String,
    /// The document to write: `before` with nothing but the statement put in or cut out, byte for byte. A single statement that is
    /// no list gets brackets around itself.
    pub after: String,
    /// How many characters of `after` count against the quota.
    pub size: usize,
}

/// The edit that lets a role admit a ServiceAccount. `counter` is the role's change counter from the journal, and `at` the time of
/// the evaluation.
///
/// # Errors
/// If the edit must not be made or cannot be proven right.
pub fn append_statement(
    role: &LiveRole,
    subject: &RemedySubject,
    counter: u64,
    at: Timestamp,
) -> Result<ProposedEdit, EditRefusal> {
    let identity = editable(role, subject, at)?;
    if let Some(expected) = &subject.expected_role
        && *expected != role.arn.to_string()
    {
        return Err(EditRefusal::ExpectsAnother {
            expected: expected.clone(),
        });
    }
    let before = whole(&role.trust_text)?;
    match decide(&before, &Request::from(&identity)) {
        Decision::ImplicitlyDenied => {}
        Decision::Allowed => return Err(EditRefusal::AlreadyAdmitted),
        Decision::ExplicitlyDenied => return Err(EditRefusal::Denied),
        Decision::Undetermined => return Err(EditRefusal::DependsOnConditions),
        Decision::Invalid => return Err(EditRefusal::NotATrustPolicy),
    }
    // Our statement has no other conditions than those of the template. What a plan says of the claims of tokens, people see.
    let claims = format!("{}:", identity.issuer.to_lowercase());
    let is_claim = |guard: &iam_policy::Guard| guard.key.to_lowercase().starts_with(&claims);
    let guards = iam_policy::guards(&before, &identity);
    let mut guards = guards.iter().flat_map(|all| all.kept.iter().chain(&all.left_out));
    if guards.any(|guard| !is_claim(guard)) {
        return Err(EditRefusal::DependsOnConditions);
    }
    let sid = statement::statement_id(role, subject, counter);
    let appended = append(before.text(), &identity, &sid).map_err(EditRefusal::from)?;
    if appended.decision != Decision::Allowed {
        return Err(EditRefusal::MayBeDenied);
    }
    let edit = ProposedEdit {
        operation: RemedyOperation::Append,
        statement: appended.statement,
        before: before.text().to_owned(),
        size: counted(&appended.text),
        after: appended.text,
    };
    if edit.size > role.quota {
        return Err(EditRefusal::OverQuota {
            size: edit.size,
            quota: role.quota,
        });
    }
    prove(&edit, &identity).map_err(EditRefusal::Unproven)?;
    Ok(edit)
}

/// The edit that takes exactly `statement`, which the journal says is ours, out of the live document. The statement's audience counts,
/// not the subject's, which may have changed since.
///
/// # Errors
/// If the edit must not be made or cannot be proven right.
pub fn remove_statement(
    role: &LiveRole,
    subject: &RemedySubject,
    statement: &Value,
    at: Timestamp,
) -> Result<ProposedEdit, EditRefusal> {
    let audience = statement::audience_of(statement, subject).ok_or(EditRefusal::NotOurs)?;
    let of_statement = RemedySubject {
        audience: audience.to_owned(),
        ..subject.clone()
    };
    let identity = editable(role, &of_statement, at)?;
    if !is_our_statement(statement, &identity) {
        return Err(EditRefusal::NotOurs);
    }
    let before = whole(&role.trust_text)?;
    let removed = remove(before.text(), statement).map_err(EditRefusal::from)?;
    let edit = ProposedEdit {
        operation: RemedyOperation::Remove,
        statement: statement.clone(),
        before: before.text().to_owned(),
        size: counted(&removed.text),
        after: removed.text,
    };
    prove(&edit, &identity).map_err(EditRefusal::Unproven)?;
    Ok(edit)
}

/// The identity, if the role may be edited for it at all.
fn editable(role: &LiveRole, subject: &RemedySubject, at: Timestamp) -> Result<WebIdentity, EditRefusal> {
    if let Some(keeper) = keeper(&role.arn) {
        return Err(EditRefusal::KeptByAws(keeper));
    }
    if role.arn != subject.role_arn {
        return Err(EditRefusal::OtherRole {
            live: role.arn.to_string(),
        });
    }
    statement::plain_identity(subject, at).ok_or(EditRefusal::OddIdentity)
}

/// The live document, if it has one reading and no problem at all.
fn whole(text: &str) -> Result<Document, EditRefusal> {
    let parsed = parse(text);
    if !parsed.is_whole() {
        return Err(EditRefusal::NotWhole(parsed.problems));
    }
    parsed.document.ok_or(EditRefusal::NotWhole(Vec::new()))
}

impl From<TemplateError> for EditRefusal {
    fn from(error: TemplateError) -> Self {
        match error {
            TemplateError::NotWhole(_) => Self::NotWhole(Vec::new()),
            TemplateError::NotATrustPolicy => Self::NotATrustPolicy,
            TemplateError::SidTaken(_) => Self::SidTaken,
            TemplateError::NotOnce(times) => Self::NotOnce(times),
            TemplateError::OnlyStatement => Self::OnlyStatement,
            TemplateError::Unproven => Self::Unproven(ProofFailure::NotRestored),
            TemplateError::BadSid(_)
            | TemplateError::ProviderMismatch(..)
            | TemplateError::BadSubject(_)
            | TemplateError::BadAudience(_) => Self::OddIdentity,
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/edit.rs"]
mod tests;
