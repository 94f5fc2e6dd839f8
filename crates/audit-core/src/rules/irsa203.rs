//! # IRSA203 `ProviderPrincipalMismatch`
//!
//! ## What it means
//! The trust policy allows web identity, but for a different provider from the cluster's: the provider of a different cluster (often one
//! that was deleted and recreated, with a new issuer), of a different account, region or partition, or a SAML provider.
//!
//! ## Why it breaks
//! The principal must be exactly the ARN of the provider for the cluster's issuer in the role's own account.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! The cluster was recreated, and its issuer now ends in `…/id/0123…`:
//! ```json
//! "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/FEDC…"}
//! ```
//!
//! ## Fix
//! Append a statement for the cluster's provider. If the named provider can admit no one, and the statement names only this
//! ServiceAccount, replace the provider and the condition keys.
//!
//! ## Verify
//! `aws iam get-role --role-name NAME --query Role.AssumeRolePolicyDocument` names the ARN that
//! `aws iam list-open-id-connect-providers` prints for the issuer.
//!
//! ## References
//! - [The element Principal](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html)
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)
//! - [Authenticate to another account with IRSA](https://docs.aws.amazon.com/eks/latest/userguide/cross-account-access.html)

use iam_policy::{CauseKind, ProviderDifference, ProviderMismatch};

use super::trust::{denied, got, or_by_hand, wanted};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA203",
    reason: "ProviderPrincipalMismatch",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "the trust policy names a different OIDC provider",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let finding = denied(chain, CauseKind::ProviderPrincipalMismatch, &ENTRY, |cause| {
        let difference = cause.provider.as_ref().map_or_else(String::new, difference);
        format!(
            "`Principal` must be the cluster's provider {}, but is {}{difference}",
            wanted(cause),
            got(cause)
        )
    })?;
    Some(or_by_hand(chain, finding))
}

/// What sets the provider that was found apart, in brackets.
fn difference(mismatch: &ProviderMismatch) -> String {
    let words: Vec<&str> = mismatch
        .differences
        .iter()
        .map(|difference| match difference {
            ProviderDifference::Excluded => "excluded by NotPrincipal",
            ProviderDifference::Spelling => "different spelling",
            ProviderDifference::Partition => "different partition",
            ProviderDifference::Account => "different account",
            ProviderDifference::Region => "different region",
            ProviderDifference::Cluster => "different cluster",
            ProviderDifference::Issuer => "different issuer",
            ProviderDifference::Saml => "a SAML provider",
            ProviderDifference::NotAProvider => "not an OIDC provider",
            ProviderDifference::Nobody => "no principal is named",
        })
        .collect();
    if words.is_empty() {
        String::new()
    } else {
        format!(" ({})", words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA203", Severity::Broken, Link::Trust, Verdict::Broken);

    /// The usual trust policy for another principal, with that principal's condition keys.
    fn trusting(principal: &str, host_path: &str) -> World {
        let condition: Value = json!({ "StringEquals": { format!("{host_path}:sub"): SUBJECT, format!("{host_path}:aud"): AUDIENCE } });
        let mut document = trust(&condition);
        document["Statement"][0]["Principal"]["Federated"] = json!(principal);
        World::healthy().trust(&document)
    }

    #[test]
    fn another_provider_is_broken_and_can_be_repaired() {
        let region = HOST_PATH.replace("eu-west-1", "us-east-1");
        for (principal, host_path, word) in [
            (
                provider_arn(OTHER_HOST_PATH),
                OTHER_HOST_PATH,
                "different cluster",
            ),
            (
                provider_arn(HOST_PATH).replace(ACCOUNT, OTHER_ACCOUNT),
                HOST_PATH,
                "different account",
            ),
            (
                provider_arn(HOST_PATH).replace("arn:aws:", "arn:aws-cn:"),
                HOST_PATH,
                "different partition",
            ),
            (provider_arn(&region), region.as_str(), "different region"),
            (
                provider_arn(&format!("{HOST_PATH}/")),
                HOST_PATH,
                "different spelling",
            ),
            (
                format!("arn:aws:iam::{ACCOUNT}:saml-provider/corp"),
                HOST_PATH,
                "a SAML provider",
            ),
        ] {
            let world = trusting(&principal, host_path);
            let report = world.audit();
            let finding = the_one(&report, BROKEN);
            assert!(finding.message.contains(word), "{principal}: {}", finding.message);
            assert!(finding.fix.is_some(), "{principal}");
            assert_healthy(&world.with_trust_repaired().audit());
        }
    }

    #[test]
    fn the_message_says_which_is_trusted_and_which_is_the_clusters() {
        let report = trusting(&provider_arn(OTHER_HOST_PATH), OTHER_HOST_PATH).audit();
        let message = &report.findings[0].message;
        let place = |host_path| message.find(&format!("`{}`", provider_arn(host_path)));
        let (trusted, own) = (place(OTHER_HOST_PATH), place(HOST_PATH));
        assert!(trusted.is_some() && own.is_some(), "{message}");
    }

    #[test]
    fn a_list_that_has_the_provider_is_fine() {
        let mut document = trust(&condition(SUBJECT));
        document["Statement"][0]["Principal"]["Federated"] =
            json!([provider_arn(OTHER_HOST_PATH), provider_arn(HOST_PATH)]);
        assert_healthy(&World::healthy().trust(&document).audit());
    }
}
