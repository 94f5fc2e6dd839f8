//! # IRSA215 `SubjectConditionMissing`
//!
//! ## What it means
//! A statement admits the cluster's provider without a condition on `:sub` that names who may assume the role. A `StringNotEquals` names
//! only who may not.
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
    let key = format!("{}:sub", chain.issuer?.url.host_path());
    let parsed = role.trust();
    let open = parsed.document.as_ref()?.statements().get(at)?;
    let negated: Vec<String> = open
        .conditions()
        .filter(|(_, other, _)| other.eq_ignore_ascii_case(&key))
        .map(|(operator, ..)| operator.to_string())
        .collect();
    let why = if negated.is_empty() {
        format!("no condition on `{key}`, so any ServiceAccount of the cluster can assume the role")
    } else {
        format!(
            "the condition on `{key}` ({}) does not name who may assume the role, so any ServiceAccount of the cluster that it does not \
             exclude can",
            negated.join(", ")
        )
    };
    let message = format!(
        "trust policy of role `{}`, {}: {why}; add StringEquals `{}`",
        quote(role.arn.name()),
        statement(role, at),
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
    fn a_condition_that_only_excludes_is_not_said_to_be_missing() {
        let message = |world: World| the_one(&world.audit(), RISK).message.clone();
        assert!(message(open()).contains("no condition"));
        let excluding = World::healthy().condition(&json!({
            "StringEquals": { format!("{HOST_PATH}:aud"): AUDIENCE },
            "StringNotEquals": { format!("{HOST_PATH}:sub"): "system:serviceaccount:kube-system:default" }
        }));
        let message = message(excluding);
        assert!(
            message.contains("StringNotEquals") && !message.contains("no condition"),
            "{message}"
        );
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
