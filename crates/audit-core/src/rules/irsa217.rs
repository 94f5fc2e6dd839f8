//! # IRSA217 `PrincipalTooBroad`
//!
//! ## What it means
//! The statement that admits the web identity names everyone: `"Principal": "*"` or `"AWS": "*"`.
//!
//! ## Why it matters
//! Only its conditions then restrict who can assume the role, and principals of any AWS account may try. This finding cannot be
//! waived, unless the `default` `IrsaAuditPolicy` allows it.
//!
//! ## In logs
//! Nothing: the workload gets its credentials.
//!
//! ## Example
//! ```json
//! {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"…": {}}}
//! ```
//!
//! ## Fix
//! Name the cluster's provider: `"Principal": {"Federated": "arn:aws:iam::<account>:oidc-provider/<issuer>"}`.
//!
//! ## Verify
//! `aws iam get-role --role-name NAME --query Role.AssumeRolePolicyDocument` names the provider, and the pod still gets
//! credentials.
//!
//! ## References
//! - [The element Principal](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html)
//! - [EKS best practices: identity and access management](https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html)

use iam_policy::ExposureKind;

use super::trust::{exposure, statement};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA217",
    reason: "PrincipalTooBroad",
    severity: Severity::Risk,
    link: Link::Trust,
    title: "the trust policy admits any principal",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (aws, role, at) = exposure(chain, &ExposureKind::PrincipalTooBroad)?;
    let message = format!(
        "trust policy of role `{}`, {}: `Principal` is everyone, so only the conditions restrict who can assume the role; name the \
         provider `{}` instead",
        quote(role.arn.name()),
        statement(role, at),
        aws.provider_arn.as_deref().unwrap_or_default()
    );
    Some(Finding::new(&ENTRY, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) = ("IRSA217", Severity::Risk, Link::Trust, Verdict::AtRisk);

    #[test]
    fn everybody_as_principal_is_a_risk() {
        for principal in [
            json!("*"),
            json!({ "Federated": [provider_arn(HOST_PATH), "*"] }),
            json!({ "Federated": provider_arn(HOST_PATH), "AWS": "*" }),
        ] {
            let mut document = trust(&condition(SUBJECT));
            document["Statement"][0]["Principal"] = principal;
            the_one(&World::healthy().trust(&document).audit(), RISK);
        }
    }

    #[test]
    fn named_principals_beside_the_provider_are_fine() {
        let mut document = trust(&condition(SUBJECT));
        document["Statement"][0]["Principal"]["AWS"] = json!(format!("arn:aws:iam::{ACCOUNT}:role/admin"));
        assert_healthy(&World::healthy().trust(&document).audit());
    }
}
