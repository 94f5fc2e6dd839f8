//! # IRSA210 `ConditionKeyOtherIssuer`
//!
//! ## What it means
//! The principal is this cluster's provider, but a condition key belongs to a different issuer. It is left over from before the cluster
//! was recreated, or the conditions of two clusters were put into one statement.
//!
//! ## Why it breaks
//! A token has only keys of its own issuer. A key of a different issuer is absent, so the condition is never met, and all
//! conditions of a statement must be met.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```json
//! "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123…"},
//! "Condition": {"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/FEDC…:sub": "system:serviceaccount:shop:cart"}}
//! ```
//!
//! ## Fix
//! Rename the key if that admits only this ServiceAccount. Otherwise append a statement, so that each cluster has its own.
//!
//! ## Verify
//! The pod's next attempt succeeds. An IAM change can take a minute to take effect.
//!
//! ## References
//! - [Condition keys of OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)

use iam_policy::CauseKind;

use super::trust::{clause_of, denied, or_by_hand, suggestion};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA210",
    reason: "ConditionKeyOtherIssuer",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "a condition key belongs to a different issuer",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let finding = denied(chain, CauseKind::ConditionKeyOtherIssuer, &ENTRY, |cause| {
        format!(
            "condition key {} belongs to a different issuer, so this cluster's tokens do not have it; the key must be {}",
            clause_of(cause),
            suggestion(cause)
        )
    })?;
    Some(or_by_hand(chain, finding))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA210", Severity::Broken, Link::Trust, Verdict::Broken);

    #[test]
    fn keys_of_the_cluster_before_are_broken_and_can_be_repaired() {
        let world = World::healthy().condition(&json!({ "StringEquals": {
            format!("{OTHER_HOST_PATH}:sub"): SUBJECT, format!("{OTHER_HOST_PATH}:aud"): AUDIENCE } }));
        let report = world.audit();
        assert!(the_one(&report, BROKEN).fix.is_some());
        assert_healthy(&world.with_trust_repaired().audit());
    }

    #[test]
    fn two_clusters_in_one_statement_are_broken_and_can_be_repaired() {
        let mut conditions = condition(SUBJECT);
        conditions["StringEquals"][format!("{OTHER_HOST_PATH}:sub")] = json!(SUBJECT);
        let mut document = trust(&conditions);
        document["Statement"][0]["Principal"]["Federated"] =
            json!([provider_arn(HOST_PATH), provider_arn(OTHER_HOST_PATH)]);
        let world = World::healthy().trust(&document);
        the_one(&world.audit(), BROKEN);
        assert_healthy(&world.with_trust_repaired().audit());
    }

    #[test]
    fn each_cluster_in_a_statement_of_its_own_is_fine() {
        let mut other = statement(&json!({ "StringEquals": {
            format!("{OTHER_HOST_PATH}:sub"): SUBJECT, format!("{OTHER_HOST_PATH}:aud"): AUDIENCE } }));
        other["Principal"]["Federated"] = json!(provider_arn(OTHER_HOST_PATH));
        let mut document = trust(&condition(SUBJECT));
        document["Statement"].as_array_mut().unwrap().insert(0, other);
        assert_healthy(&World::healthy().trust(&document).audit());
    }
}
