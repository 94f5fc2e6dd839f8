//! Which other ServiceAccounts a trust policy admits now.

use std::cell::OnceCell;

use iam_policy::{Decision, Pattern, WhoCan, who_can};
use jiff::Timestamp;

use super::trust::identity;
use crate::chain::{Chain, RoleChain};
use crate::shared::{Others, Search, SharedQuestion};

/// The other ServiceAccounts that a role admits with tokens for the chain's audience, of those whose subjects fit one of some patterns;
/// without patterns, of all. A pattern alone does not admit: other conditions, and a Deny, have their say. Absent where neither role nor
/// issuer is known.
pub(crate) fn admitted(chain: &Chain<'_>, aws: &RoleChain<'_>, patterns: &[String]) -> Option<Others> {
    let (role, identity) = (aws.found()?, identity(chain, aws)?);
    let parsed = role.trust();
    let document = parsed.document.as_ref()?;
    let compiled: Vec<Pattern> = patterns.iter().map(|pattern| Pattern::new(pattern)).collect();
    // Most bindings ask what another one has asked already.
    let admission: OnceCell<WhoCan> = OnceCell::new();
    let admission = || admission.get_or_init(|| who_can(document, &identity));
    let is_meant = |subject: &str| {
        (compiled.is_empty() || compiled.iter().any(|pattern| pattern.matches(subject)))
            && admission().decide(subject) == Decision::Allowed
    };
    let granted;
    let search = Search {
        patterns: if patterns.is_empty() {
            granted = granted_patterns(admission());
            &granted
        } else {
            patterns
        },
        is_meant: &is_meant,
        until: iam_policy::next_turn(document, chain.now.as_second())
            .and_then(|second| Timestamp::from_second(second).ok()),
    };
    let question = SharedQuestion::Admitted {
        trust: role.trust_text.clone(),
        provider_arn: identity.provider_arn.clone(),
        audience: identity.audience.clone(),
        patterns: patterns.to_vec(),
    };
    Some(chain.others(question, &search))
}

/// Patterns that every admitted subject fits, one of them at least.
fn granted_patterns(admission: &WhoCan) -> Vec<String> {
    let mut patterns = Vec::new();
    for grant in &admission.grants {
        let narrowest = grant.all_of.iter().min_by_key(|any_of| any_of.len());
        match narrowest {
            Some(any_of) if any_of.iter().all(iam_policy::SubjectPattern::heeds_case) => {
                patterns.extend(any_of.iter().map(ToString::to_string));
            }
            _ => return vec!["*".to_owned()],
        }
    }
    patterns
}
