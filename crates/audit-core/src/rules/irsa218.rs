//! # IRSA218 `TrustPolicyInvalid`
//!
//! ## What it means
//! The trust policy is not JSON, or does not follow the grammar of a trust policy. The message gives line and column.
//!
//! ## Why it breaks
//! Such a document grants nothing. IAM refuses most of them when they are written. Those that remain come from emulators, imports
//! and documents that were read from files.
//!
//! ## In logs
//! When the policy is written: `MalformedPolicyDocument`. When a pod calls STS: `AccessDenied: Not authorized to perform
//! sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```json
//! {"Version": "2012-10-17", "Statement": [{"Effect": "allow", "Principals": {}}]}
//! ```
//!
//! ## Fix
//! Correct the policy at that place.
//!
//! ## Verify
//! `aws accessanalyzer validate-policy --policy-type RESOURCE_POLICY --policy-document file://trust.json` finds no error.
//!
//! ## References
//! - [Grammar of the policy language](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html)
//! - [ValidatePolicy](https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html)

use iam_policy::CauseKind;

use super::trust::denied;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::fix::Repaired;
use crate::text::{quote, reveal};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA218",
    reason: "TrustPolicyInvalid",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "the trust policy is not valid",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let finding = denied(chain, CauseKind::TrustPolicyInvalid, &ENTRY, |cause| {
        // Both are the parser's own words.
        let (got, wanted) = (reveal(&cause.got.join(", ")), reveal(&cause.wanted.join(", ")));
        match cause.position {
            Some(position) => {
                format!("{position}: {got}; expected {wanted}. An invalid policy grants nothing")
            }
            None => format!("{got}; expected {wanted}. An invalid policy grants nothing"),
        }
    })?;
    let role = chain.past_role()?.arn.name();
    let fix = Fix::manual(format!(
        "correct the trust policy of role `{}` at this place",
        quote(role)
    ));
    Some(finding.fix(fix.repairs(Repaired::Role)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA218", Severity::Broken, Link::Trust, Verdict::Broken);

    #[test]
    fn what_iam_would_refuse_is_broken_with_its_place() {
        let no_principal = json!({ "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity" });
        for text in [
            "no json".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            r#"{"Version":"2012-10-17","Statement":["#.to_owned(),
            json!({ "Version": "2012-10-17", "Statement": [no_principal] }).to_string(),
            trust(&json!({ "StringSame": { "x": "y" } })).to_string(),
        ] {
            let report = World::healthy().trust_text(&text).audit();
            let finding = the_one(&report, BROKEN);
            assert!(finding.message.contains("line 1, column "), "{}", finding.message);
            assert!(!finding.message.contains("\\u{60}"), "{}", finding.message);
        }
    }

    #[test]
    fn an_answer_without_a_trust_policy_proves_nothing() {
        let report = World::healthy().trust_text(" ").audit();
        the_one(
            &report,
            ("IRSA902", Severity::Unknown, Link::Role, Verdict::Unknown),
        );
    }

    #[test]
    fn order_and_layout_do_not_matter() {
        let text = format!("\n{:#}\n", trust(&condition(SUBJECT)));
        assert_healthy(&World::healthy().trust_text(&text).audit());
    }
}
