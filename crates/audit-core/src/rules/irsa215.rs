//! # IRSA215 `SubjectConditionMissing`
//!
//! ## What it means
//! A statement admits the cluster's provider without any condition on `:sub`.
//!
//! ## Why it matters
//! Any ServiceAccount of the cluster can assume the role: anyone who can create a pod in any namespace gets it. This finding cannot be
//! waived, unless the `default` `IrsaAuditPolicy` allows it.
//!
//! ## In logs
//! Nothing: the workload gets its credentials.
//!
//! ## Example
//! ```json
//! "Condition": {"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/0123…:aud": "sts.amazonaws.com"}}
//! ```
//!
//! ## Fix
//! Add a `StringEquals` condition on `<issuer>:sub` with the subjects that should have the role.
//!
//! ## Verify
//! `aws iam get-role --role-name NAME --query Role.AssumeRolePolicyDocument` shows the condition, and the pod still gets
//! credentials.
//!
//! ## References
//! - [Create a role for OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html)
//! - [EKS best practices: identity and access management](https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html)

use iam_policy::ExposureKind;

use super::trust::{exposure, statement};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA215",
    reason: "SubjectConditionMissing",
    severity: Severity::Risk,
    link: Link::Trust,
    title: "any ServiceAccount of the cluster can assume the role",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (_, role, at) = exposure(chain, &ExposureKind::SubjectUnconstrained)?;
    let message = format!(
        "trust policy of role `{}`, {}: no condition on `{}:sub`, so any ServiceAccount of the cluster can assume the role; add \
         StringEquals `{}`",
        quote(role.arn.name()),
        statement(role, at),
        chain.issuer?.url.host_path(),
        quote(&chain.subject)
    );
    Some(Finding::new(&ENTRY, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) = ("IRSA215", Severity::Risk, Link::Trust, Verdict::AtRisk);

    fn open() -> World {
        World::healthy().condition(&json!({ "StringEquals": { format!("{HOST_PATH}:aud"): AUDIENCE } }))
    }

    #[test]
    fn no_condition_on_the_subject_is_a_risk() {
        the_one(&open().audit(), RISK);
    }

    #[test]
    fn no_waiver_counts_unless_a_policy_says_so() {
        the_one(&open().waive("IRSA215", None).audit(), RISK);
        let allowed = open()
            .waive("IRSA215", None)
            .config(|c| c.waivable = Some(["IRSA215".to_owned()].into()));
        assert_eq!(allowed.audit().verdict, Verdict::Working);
    }

    #[test]
    fn a_condition_on_the_subject_is_fine() {
        assert_healthy(&World::healthy().audit());
    }
}
