//! The proofs of an edit. The planner and the writer both call them.

use iam_policy::{
    Decision, Document, Request, StatementShape, SubjectPattern, SubjectSet, WebIdentity, access_change,
    decide, parse, put_back, take_away, who_can,
};
use serde_json::Value;

use super::statement::is_our_statement;
use super::{ProposedEdit, RemedyOperation};

/// Which proof of an edit failed. Any of them means an error in this program: the edit is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofFailure {
    /// One of the two documents does not parse whole.
    NotWhole,
    /// The statement is not that of the template for this identity.
    NotTheTemplate,
    /// Undoing the edit does not give the live document back.
    NotRestored,
    /// The edit does not have the effect that it is made for.
    NoEffect,
    /// Someone other than the ServiceAccount would be admitted who was not.
    GainsOthers,
    /// Someone who was admitted would not be any more.
    LosesOthers,
}

/// Proves that an edit does what it says and nothing else:
///
/// - **The statement is the template's** for this identity: one Allow, one provider, one action, one subject, one audience.
/// - **The rest is the live document, exactly**, as a JSON value. Taking an appended statement away gives `before`; where
///   `Statement` was a single object, the list of two becomes that object again. Putting a removed
///   statement back at its place gives `before`. A list in `before` stays a list, also one of a single statement.
/// - **Appending admits this subject and no other**, and no one loses access; the reverse for removing. It is evaluated for this
///   provider and audience with the subject left open, and for tokens of another audience and of another provider.
///
/// # Errors
/// The first proof that fails.
pub fn prove(edit: &ProposedEdit, identity: &WebIdentity) -> Result<(), ProofFailure> {
    let (Some(before), Some(after)) = (whole(&edit.before), whole(&edit.after)) else {
        return Err(ProofFailure::NotWhole);
    };
    if !is_our_statement(&edit.statement, identity) {
        return Err(ProofFailure::NotTheTemplate);
    }
    if !is_restored(edit) {
        return Err(ProofFailure::NotRestored);
    }
    let (with, without) = match edit.operation {
        RemedyOperation::Append => (&after, &before),
        RemedyOperation::Remove => (&before, &after),
    };
    let request = Request::from(identity);
    if edit.operation == RemedyOperation::Append
        && (decide(without, &request), decide(with, &request))
            != (Decision::ImplicitlyDenied, Decision::Allowed)
    {
        return Err(ProofFailure::NoEffect);
    }
    let change = access_change(&who_can(without, identity), &who_can(with, identity));
    if !change.loses_nobody() {
        return Err(ProofFailure::LosesOthers);
    }
    if !change
        .gained
        .iter()
        .all(|gained| is_only(gained, &identity.subject))
    {
        return Err(ProofFailure::GainsOthers);
    }
    for other in others(identity) {
        let change = access_change(&who_can(without, &other), &who_can(with, &other));
        if !change.loses_nobody() {
            return Err(ProofFailure::LosesOthers);
        }
        if !change.gained.is_empty() {
            return Err(ProofFailure::GainsOthers);
        }
    }
    Ok(())
}

/// Whether undoing the edit gives the live JSON value back.
fn is_restored(edit: &ProposedEdit) -> bool {
    let (Some(before), Some(after)) = (value(&edit.before), value(&edit.after)) else {
        return false;
    };
    match edit.operation {
        RemedyOperation::Append => {
            let shape = match before.get("Statement") {
                Some(Value::Array(_)) => StatementShape::List,
                _ => StatementShape::Single,
            };
            take_away(&after, &edit.statement, shape).is_ok_and(|restored| restored == before)
        }
        RemedyOperation::Remove => {
            let places = before.get("Statement").and_then(Value::as_array);
            let index = places.and_then(|list| list.iter().position(|one| *one == edit.statement));
            let restored = index.and_then(|index| put_back(&after, &edit.statement, index));
            restored.is_some_and(|restored| restored == before)
        }
    }
}

/// Whether a set of subjects has this one at most.
fn is_only(set: &SubjectSet, subject: &str) -> bool {
    let this = SubjectPattern::new(subject);
    set.all_of
        .iter()
        .any(|any_of| any_of.iter().all(|pattern| this.covers(pattern)))
}

/// Identities to which the statement must say nothing: the same subject with another audience, and through another provider.
fn others(identity: &WebIdentity) -> [WebIdentity; 2] {
    let issuer = format!("{}/other", identity.issuer);
    [
        WebIdentity {
            audience: format!("{}.other", identity.audience),
            ..identity.clone()
        },
        WebIdentity {
            provider_arn: format!("{}/other", identity.provider_arn),
            issuer,
            ..identity.clone()
        },
    ]
}

/// Whether two texts are the same document: each has one reading, and as JSON values they are equal.
#[must_use]
pub fn same_document(one: &str, other: &str) -> bool {
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => {
            let one = value(one.text());
            one.is_some() && one == value(other.text())
        }
        _ => false,
    }
}

fn whole(text: &str) -> Option<Document> {
    let parsed = parse(text);
    if parsed.is_whole() { parsed.document } else { None }
}

fn value(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}
