//! The least edit that makes a trust policy admit an identity, as advice for people.
//!
//! An edit is given only if the edited text, read and diagnosed again, admits the identity. It admits nothing else:
//! no other subject, and not this subject with a token for another audience. Everyone who was admitted before still
//! is. An edit in place is proven to do so (see `proof`); where it would not, the statement template is appended.
//!
//! What the statement that was meant for the identity asks for beside its token stays, in place or copied (see `guards`): then AWS
//! alone knows whether the edited text admits the identity.

mod guards;
mod proof;
mod splice;

use serde_json::Value;

use crate::diagnose::{
    Cause, CauseKind, Claim, KeyClass, Miss, Nearest, ProviderDifference, ProviderMismatch, classify_key,
    diagnose_trust, right_key,
};
use crate::document::{Clause, Document, PrincipalKind, Statement};
use crate::evaluate::Decision;
use crate::parse::{Parsed, parse};
use crate::pattern::tokens;
use crate::request::{Request, WebIdentity};
use crate::subject_pattern::SubjectPattern;
use crate::template;
pub use guards::{Guard, Guards, guards};
use guards::{Meant, is_left_to_guards};
use splice::Splice;

/// A trust policy with the least edit made.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The decoded text with only the edited places replaced: order and layout stay.
    pub text: String,
    /// The same as a value.
    pub document: Value,
    /// What was changed, in the order in which it was done.
    pub changes: Vec<Change>,
}

/// One change within an [`Edit`].
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The statement, from 0.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// What was done to it.
    pub kind: ChangeKind,
}

/// What an [`Edit`] does to a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeKind {
    /// A condition's value is replaced.
    Value {
        /// The condition's operator.
        operator: String,
        /// Its key.
        key: String,
        /// The value it had.
        from: String,
        /// The value it gets.
        to: String,
    },
    /// A condition gets one more value.
    AddedValue {
        /// The condition's operator.
        operator: String,
        /// Its key.
        key: String,
        /// The value that is added.
        value: String,
    },
    /// A condition's key is replaced.
    Key {
        /// The condition's operator.
        operator: String,
        /// The key it had.
        from: String,
        /// The key it gets.
        to: String,
    },
    /// The provider is replaced.
    Principal {
        /// The principal that was named.
        from: String,
        /// The provider that is named now.
        to: String,
    },
    /// The statement is new.
    AppendedStatement {
        /// The whole statement.
        statement: Value,
    },
}

/// More steps than this are no small edit.
const MAX_STEPS: usize = 8;

/// The least edit after which the trust policy `text` admits the identity, and nothing else that it did not admit before. Where
/// [`guards`] keeps a condition of which nothing is known, it admits the identity as far as that is met.
///
/// `None` if it does so already, if IAM would refuse the document or a key is there twice, if a Deny or something
/// unknown is in the way, if the identity cannot be named literally in a policy, and if no edit could be proven.
#[must_use]
pub fn least_edit(text: &str, identity: &WebIdentity) -> Option<Edit> {
    let parsed = parse(text);
    let diagnosis = diagnose_trust(&parsed, identity);
    if !parsed.is_whole() || diagnosis.decision != Decision::ImplicitlyDenied {
        return None;
    }
    // A name with a wildcard would admit others under `StringLike`.
    template::trust_statement(identity, "Literal").ok()?;
    let meant = Meant::find(parsed.document.as_ref()?, identity);
    // In place of another statement than the meant one, its guards would be gone.
    let keeps_guards = |edit: &Edit| {
        meant.as_ref().is_none_or(|meant| {
            !meant.has_guards()
                || edit
                    .changes
                    .first()
                    .is_some_and(|change| change.statement == meant.at)
        })
    };
    in_place(&parsed, identity)
        .filter(keeps_guards)
        .or_else(|| appended(&parsed, meant.as_ref(), identity))
}

/// So many statement ids are tried where someone has changed the statement of the first.
const MAX_SIDS: usize = 9;

/// Appends the statement template with the guards of the statement that was meant.
fn appended(parsed: &Parsed, meant: Option<&Meant<'_>>, identity: &WebIdentity) -> Option<Edit> {
    let document = parsed.document.as_ref()?;
    let text = document.text();
    let first = sid(identity);
    let others = (2..=MAX_SIDS).map(|number| format!("{first}n{number}"));
    let mut tries = std::iter::once(first.clone()).chain(others);
    let (sid, appended) = tries.find_map(|sid| match template::append(text, identity, &sid) {
        Err(template::TemplateError::SidTaken(_)) => None,
        result => Some((sid, result)),
    })?;
    let mut appended = appended.ok()?;
    // Without guards it admits the identity: nothing else stands in the way.
    if appended.decision != Decision::Allowed {
        return None;
    }
    let extras = match meant {
        Some(meant) => meant.extras(document)?,
        None => Vec::new(),
    };
    if !extras.is_empty() {
        appended = template::append_with(text, identity, &sid, &extras).ok()?;
        if !matches!(appended.decision, Decision::Allowed | Decision::Undetermined) {
            return None;
        }
    }
    let statement = parse(&appended.text).document?.statements.len().checked_sub(1)?;
    let kind = ChangeKind::AppendedStatement {
        statement: appended.statement,
    };
    Some(Edit {
        text: appended.text,
        document: appended.document,
        changes: vec![Change {
            statement,
            sid: Some(sid),
            kind,
        }],
    })
}

/// A statement id that is the same for the same identity (64-bit FNV-1a of its parts).
fn sid(identity: &WebIdentity) -> String {
    let WebIdentity {
        provider_arn,
        issuer,
        subject,
        audience,
        called_at: _,
    } = identity;
    let bytes = [provider_arn, issuer, subject, audience]
        .into_iter()
        .flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("WebIdentity{hash:016x}")
}

/// Mends the nearest statement miss by miss, if the result is proven to admit this identity and nothing else.
fn in_place(before: &Parsed, identity: &WebIdentity) -> Option<Edit> {
    let mut changes: Vec<Change> = Vec::new();
    let mut parsed = before.clone();
    for _ in 0..MAX_STEPS {
        let diagnosis = diagnose_trust(&parsed, identity);
        let document = parsed.document.as_ref()?;
        let is_left_to_guards = || {
            diagnosis.decision == Decision::Undetermined
                && changes
                    .first()
                    .is_some_and(|change| is_left_to_guards(document, change.statement, identity))
        };
        let Some(cause) = diagnosis.cause.as_ref().filter(|_| !is_left_to_guards()) else {
            let value = serde_json::from_str(&document.text).ok()?;
            let proven = proof::admits_only(before.document.as_ref()?, document, identity, &changes);
            return proven.then(|| Edit {
                text: document.text.to_string(),
                document: value,
                changes,
            });
        };
        let same = changes
            .first()
            .is_none_or(|first| Some(first.statement) == cause.statement);
        if !same || diagnosis.decision != Decision::ImplicitlyDenied {
            return None;
        }
        let (splices, kinds) = step(document, cause, identity)?;
        let text = splice::apply(&document.text, splices)?;
        let (statement, sid) = (cause.statement?, cause.sid.clone());
        changes.extend(kinds.into_iter().map(|kind| Change {
            statement,
            sid: sid.clone(),
            kind,
        }));
        parsed = parse(&text);
        if !parsed.is_whole() {
            return None;
        }
    }
    None
}

type Step = (Vec<Splice>, Vec<ChangeKind>);

/// The edit that removes one cause.
fn step(document: &Document, cause: &Cause, identity: &WebIdentity) -> Option<Step> {
    let request = Request::from(identity);
    let (nearest, _) = Nearest::find(document, identity, &request)?;
    let statement = nearest.statement;
    if cause.kind == CauseKind::ProviderPrincipalMismatch {
        return provider(statement, cause.provider.as_ref()?, identity);
    }
    let miss = nearest
        .failing
        .iter()
        .map(|clause| Miss::of(clause, identity))
        .min_by_key(|miss| miss.kind)?;
    let clause = miss.clause;
    match miss.kind {
        CauseKind::ConditionKeyMalformed | CauseKind::ConditionKeyOtherIssuer => {
            rename(statement, clause, identity)
        }
        // What the wildcard was meant to reach is for the role's owner to say: the value stays, and admits nothing.
        CauseKind::WildcardInStringEquals
            if matches!(
                classify_key(&clause.key, identity),
                KeyClass::Ours(Claim::Subject)
            ) =>
        {
            Some(splice::add_value(document, clause, &identity.subject))
        }
        CauseKind::SubjectMalformed
        | CauseKind::SubjectNamespaceMismatch
        | CauseKind::SubjectServiceAccountMismatch => {
            let value = miss.value?;
            let family = clause.operator.test.family();
            let named =
                SubjectPattern::for_operator(tokens(&value.text).collect(), family).namespaces_and_names();
            let literal = value.template.is_none();
            // Only a misspelling of this subject may go, which names no ServiceAccount: else someone would lose the role.
            let misspelt = miss.kind == CauseKind::SubjectMalformed && literal;
            if misspelt && named.is_some_and(|named| named.is_empty()) {
                Some(splice::replace_value(clause, value, &identity.subject))
            } else {
                Some(splice::add_value(document, clause, &identity.subject))
            }
        }
        CauseKind::AudienceConditionMismatch | CauseKind::WildcardInStringEquals => {
            Some(splice::add_value(document, clause, &identity.audience))
        }
        _ => None,
    }
}

/// Puts a key right. Nobody meets the condition as it stands, so nobody is lost; unless the statement also names
/// another provider, whose key it may be.
fn rename(statement: &Statement, clause: &Clause, identity: &WebIdentity) -> Option<Step> {
    let is_ours = |(kind, value)| kind != PrincipalKind::Federated || value == identity.provider_arn;
    if !statement.principals().all(is_ours) {
        return None;
    }
    let to = right_key(clause, identity)?;
    let taken = statement
        .conditions
        .iter()
        .any(|other| other.operator == clause.operator && other.is_about(&to.to_lowercase()));
    (!taken).then(|| splice::rename_key(clause, to))
}

/// Replaces a provider through which nobody can come, together with its condition keys.
fn provider(statement: &Statement, mismatch: &ProviderMismatch, identity: &WebIdentity) -> Option<Step> {
    use ProviderDifference as D;
    let [named] = &*statement.principal.as_ref()?.named else {
        return None;
    };
    let found = mismatch.found.as_str();
    // STS takes providers of the role's own account and partition alone, and no provider has such a name.
    let mut differences = mismatch.differences.iter();
    let dead = differences.any(|difference| matches!(difference, D::Account | D::Partition))
        || found.contains("://")
        || found.contains(char::is_whitespace);
    if !dead || named.kind != PrincipalKind::Federated {
        return None;
    }
    let mut splices = vec![Splice::string(named.span.clone(), &identity.provider_arn)];
    let mut kinds = vec![ChangeKind::Principal {
        from: named.value.to_string(),
        to: identity.provider_arn.clone(),
    }];
    for clause in &statement.conditions {
        if let KeyClass::OtherIssuer(Claim::Subject | Claim::Audience) = classify_key(&clause.key, identity) {
            let (more_splices, more_kinds) = rename(&without_principals(statement), clause, identity)?;
            splices.extend(more_splices);
            kinds.extend(more_kinds);
        }
    }
    Some((splices, kinds))
}

fn without_principals(statement: &Statement) -> Statement {
    Statement {
        principal: None,
        ..statement.clone()
    }
}
