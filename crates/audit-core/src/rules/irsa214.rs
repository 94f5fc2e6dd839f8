//! # IRSA214 `ConditionUndetermined`
//!
//! ## What it means
//! The answer hangs on a key that depends on where the call comes from or how it is made (`aws:SourceIp`,
//! `aws:SourceVpc`, `sts:RoleSessionName` …); or a key stands twice in one object, and AWS documents nowhere which
//! counts.
//!
//! ## Why it is unknown
//! Nobody but AWS sees these keys. Calling it broken or working would be a guess.
//!
//! ## In logs
//! If the condition does not hold: `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```json
//! "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
//! ```
//!
//! ## Fix
//! None is proposed. Ask from where the pod runs whether it gets credentials, and waive this code if it should stay so.
//!
//! ## Verify
//! `aws sts get-caller-identity` in the pod names the role.
//!
//! ## References
//! - [Global condition keys](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)
//! - [How IAM evaluates policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html)

use iam_policy::CauseKind;

use super::trust::{clause, denied, got, wanted};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::text::reveal;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA214",
    reason: "ConditionUndetermined",
    severity: Severity::Unknown,
    link: Link::Trust,
    title: "the answer depends on something that only AWS sees",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    denied(chain, CauseKind::ConditionUndetermined, &ENTRY, |cause| {
        match (&cause.key, cause.position) {
            (Some(_), _) => format!(
                "{} wants {}, which depends on the caller",
                clause(cause),
                wanted(cause)
            ),
            (None, Some(position)) => format!("{position}: {}", reveal(&cause.got.join(", "))),
            (None, None) => format!(
                "{} cannot be told; what is there is {}",
                clause(cause),
                got(cause)
            ),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA214", Severity::Unknown, Link::Trust, Verdict::Unknown);

    fn with(operator: &str, key: &str, value: &Value) -> World {
        let mut conditions = condition(SUBJECT);
        conditions[operator][key] = value.clone();
        World::healthy().condition(&conditions)
    }

    #[test]
    fn what_depends_on_the_caller_is_unknown() {
        for (operator, key, value) in [
            ("IpAddress", "aws:SourceIp", json!("10.0.0.0/8")),
            ("StringEquals", "aws:SourceVpc", json!("vpc-1")),
            ("StringLike", "sts:RoleSessionName", json!("cart-*")),
        ] {
            let report = with(operator, key, &value).audit();
            let finding = the_one(&report, UNKNOWN);
            assert!(finding.message.contains(key), "{}", finding.message);
            assert_eq!(finding.fix, None);
            assert_eq!(state(&report, Link::Permissions), LinkState::NotReached);
        }
    }

    #[test]
    fn what_fails_anyway_is_broken() {
        let mut conditions = condition("system:serviceaccount:staging:cart");
        conditions["IpAddress"]["aws:SourceIp"] = json!("10.0.0.0/8");
        let report = World::healthy().condition(&conditions).audit();
        assert_eq!(
            (codes(&report), report.verdict),
            (vec!["IRSA204"], Verdict::Broken)
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_unknown() {
        let text = trust(&condition(SUBJECT)).to_string().replacen(
            &format!("\"{HOST_PATH}:sub\""),
            &format!("\"{HOST_PATH}:sub\":\"system:serviceaccount:staging:cart\",\"{HOST_PATH}:sub\""),
            1,
        );
        let report = World::healthy().trust_text(&text).audit();
        the_one(&report, UNKNOWN);
    }

    #[test]
    fn another_statement_that_certainly_admits_settles_it() {
        let mut conditions = condition(SUBJECT);
        conditions["IpAddress"]["aws:SourceIp"] = json!("10.0.0.0/8");
        let mut document = trust(&conditions);
        document["Statement"]
            .as_array_mut()
            .unwrap()
            .push(statement(&condition(SUBJECT)));
        assert_healthy(&World::healthy().trust(&document).audit());
    }
}
