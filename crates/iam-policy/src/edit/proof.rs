//! The proof that an edit in place admits one identity and nothing else.
//!
//! It is asked of the whole edit, not of its steps, and may refuse an edit that would be right: then a statement is
//! appended.

use super::{Change, ChangeKind};
use crate::document::{Document, Effect, PrincipalKind, Statement};
use crate::operator::{Family, Quantifier};
use crate::request::WebIdentity;
use crate::subject_pattern::SubjectPattern;
use crate::who_can::{SubjectSet, WhoCan, access_change, who_can};

/// Whether `after`, which differs from `before` in one statement by these changes, admits of all web identities this one
/// and those that `before` admits, and loses none of them.
pub(super) fn admits_only(
    before: &Document,
    after: &Document,
    identity: &WebIdentity,
    changes: &[Change],
) -> bool {
    let edited = changes
        .first()
        .and_then(|change| after.statements.get(change.statement));
    edited.is_some_and(|statement| is_confined(statement, identity, changes)) && {
        let (before, after) = (who_can(before, identity), who_can(after, identity));
        access_change(&before, &after).loses_nobody() && gains_only(&before, &after, &identity.subject)
    }
}

/// Whether the edited statement speaks of tokens of this provider only, and what [`who_can`] does not see cannot have
/// changed: other audiences.
fn is_confined(statement: &Statement, identity: &WebIdentity, changes: &[Change]) -> bool {
    let mut principals = statement.principals();
    let provider = (PrincipalKind::Federated, identity.provider_arn.as_str());
    let names_the_provider = principals.next() == Some(provider)
        && principals.next().is_none()
        && !statement.is_not_principal()
        && !statement.is_for_everyone();
    // Tokens for other audiences never meet the statement; or the subject was named, and only the audience came in.
    let audience_key = format!("{}:aud", identity.issuer).to_lowercase();
    let only_the_audience_is_new = || {
        changes.iter().all(|change| {
            matches!(&change.kind, ChangeKind::AddedValue { key, .. } if key.to_lowercase() == audience_key)
        })
    };
    let subject_key = format!("{}:sub", identity.issuer).to_lowercase();
    statement.effect == Effect::Allow
        && !statement.actions().1
        && names_the_provider
        && (demands(statement, &audience_key, &identity.audience)
            || (demands(statement, &subject_key, &identity.subject) && only_the_audience_is_new()))
}

/// Whether the statement applies only where the key, in lower case, has exactly this value.
fn demands(statement: &Statement, key: &str, value: &str) -> bool {
    statement.conditions.iter().any(|clause| {
        clause.is_about(key)
            && clause.operator.is_positive_text()
            && !clause.operator.if_exists
            && clause.operator.quantifier != Quantifier::ForAllValues
            && clause.operator.test.family() != Family::TextIgnoringCase
            && !clause.values.is_empty()
            && clause.values.iter().all(|wanted| wanted.text == value)
    })
}

/// Whether each grant of `after` is of this subject alone, or within one grant of `before` but for this subject.
fn gains_only(before: &WhoCan, after: &WhoCan, subject: &str) -> bool {
    let this = SubjectPattern::new(subject);
    let is_this = |any_of: &Vec<SubjectPattern>| any_of.iter().all(|pattern| this.covers(pattern));
    let within = |old: &SubjectSet, new: &SubjectSet| {
        let narrower = |wide: &Vec<SubjectPattern>, narrow: &Vec<SubjectPattern>| {
            narrow
                .iter()
                .all(|pattern| this.covers(pattern) || wide.iter().any(|other| other.covers(pattern)))
        };
        let named = old
            .all_of
            .iter()
            .all(|wide| new.all_of.iter().any(|narrow| narrower(wide, narrow)));
        named && old.none_of == new.none_of && (old.certain || !new.certain)
    };
    after
        .grants
        .iter()
        .all(|new| new.all_of.iter().any(is_this) || before.grants.iter().any(|old| within(old, new)))
}
