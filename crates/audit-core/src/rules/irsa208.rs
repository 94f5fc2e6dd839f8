//! # IRSA208 `AudienceConditionMissing`
//!
//! ## What it means
//! The statement that admits the ServiceAccount has no condition on `:aud`. A *notice* where the expected audience is
//! the only one that the provider accepts, else a *risk*.
//!
//! ## Why it matters
//! A token that the cluster issued to the same ServiceAccount for another purpose, say for Vault, can assume the role if
//! the provider knows that audience: whoever receives such a token can use it.
//!
//! ## In logs
//! Nothing: the workload gets its credentials.
//!
//! ## Example
//! ```json
//! "Condition": {"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/0123…:sub": "system:serviceaccount:shop:cart"}}
//! ```
//!
//! ## Fix
//! Add `StringEquals` of `<issuer>:aud` to `sts.amazonaws.com`.
//!
//! ## Verify
//! `aws iam get-role --role-name NAME --query Role.AssumeRolePolicyDocument` shows the condition, and the pod still gets
//! credentials.
//!
//! ## References
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)
//! - [Condition keys of OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)

use iam_policy::ExposureKind;

use super::trust::{exposure, statement};
use crate::chain::Chain;
use crate::finding::{Entry, Finding, Link, Severity};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA208",
    reason: "AudienceConditionMissing",
    severity: Severity::Risk,
    link: Link::Trust,
    title: "nothing constrains the audience",
};
pub(super) const CHECK: Option<super::Check> = Some(check);

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (aws, role, at) = exposure(chain, &ExposureKind::AudienceUnconstrained)?;
    let client_ids = match &aws.provider {
        Ok(Some(provider)) => provider.client_ids.as_slice(),
        _ => &[],
    };
    let only = matches!(client_ids, [id] if id == chain.audience);
    let message = format!(
        "role `{}`: {} has no condition on `{}:aud`; add StringEquals of `{}`",
        quote(role.arn.name()),
        statement(role, at),
        chain.issuer?.url.host_path(),
        quote(chain.audience)
    );
    Some(Finding::new(&ENTRY, message).severity(if only { Severity::Notice } else { Severity::Risk }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    fn without_audience() -> World {
        World::healthy().condition(&json!({ "StringEquals": { format!("{HOST_PATH}:sub"): SUBJECT } }))
    }

    #[test]
    fn it_is_a_notice_where_the_provider_accepts_nothing_else() {
        the_one(&without_audience().audit(), ("IRSA208", Severity::Notice, Link::Trust, Verdict::Working));
    }

    #[test]
    fn it_is_a_risk_where_other_audiences_pass_the_provider() {
        let report = without_audience().client_ids(&[AUDIENCE, "vault"]).audit();
        the_one(&report, ("IRSA208", Severity::Risk, Link::Trust, Verdict::AtRisk));
    }

    #[test]
    fn it_is_a_risk_where_nobody_knows_what_the_provider_accepts() {
        let report = without_audience().provider_unseen(Some(crate::model::FailureKind::Throttled)).audit();
        let finding = report.findings.iter().find(|f| f.entry.code == "IRSA208").unwrap();
        assert_eq!(finding.severity, Severity::Risk);
    }

    #[test]
    fn another_statement_with_the_condition_does_not_help() {
        let open = json!({ "StringEquals": { format!("{HOST_PATH}:sub"): SUBJECT } });
        let mut document = trust(&condition(SUBJECT));
        document["Statement"].as_array_mut().unwrap().push(crate::testing::statement(&open));
        let report = World::healthy().trust(&document).audit();
        let finding = the_one(&report, ("IRSA208", Severity::Notice, Link::Trust, Verdict::Working));
        assert!(finding.message.contains("statement 2"), "{}", finding.message);
    }
}
