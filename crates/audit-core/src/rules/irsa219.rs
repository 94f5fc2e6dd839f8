//! # IRSA219 `TrustPolicyNearQuota`
//!
//! ## What it means
//! The role's trust policy uses at least nine tenths of the size that the account allows: the quota
//! `AssumeRolePolicySizeQuota`, 2048 characters unless AWS granted more. White space does not count.
//!
//! ## Why it matters
//! The next ServiceAccount or cluster that is added may not fit, and IAM then refuses the change in the middle of a
//! rollout.
//!
//! ## In logs
//! When a longer policy is written: `LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048`.
//!
//! ## Example
//! ```console
//! $ aws iam get-account-summary --query SummaryMap.AssumeRolePolicySizeQuota
//! 2048
//! ```
//!
//! ## Fix
//! Give some of its ServiceAccounts separate roles, name several ServiceAccounts in one statement, or request a higher quota:
//! `Role trust policy length` of IAM in Service Quotas.
//!
//! ## Verify
//! The policy without white space is shorter than nine tenths of the quota.
//!
//! ## References
//! - [IAM and AWS STS quotas](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)
//! - [GetAccountSummary](https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::model::aws::is_near_quota;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA219",
    reason: "TrustPolicyNearQuota",
    severity: Severity::Notice,
    link: Link::Trust,
    title: "the trust policy has nearly reached its quota",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let role = chain.past_role()?.found()?;
    let quota = *chain.fresh(&chain.role_account()?.trust_quota)?;
    let size = role.trust_size();
    if !is_near_quota(size, quota) {
        return None;
    }
    let message = format!(
        "trust policy of role `{}`: {size} of the {quota} characters that account {} allows are used (without white space), so the \
         next addition may not fit",
        quote(role.arn.name()),
        role.arn.account()
    );
    Some(Finding::new(&ENTRY, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{FailureKind, Observed};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const NOTICE: (&str, Severity, Link, Verdict) =
        ("IRSA219", Severity::Notice, Link::Trust, Verdict::Working);

    /// A trust policy of exactly so many characters that count, and the quota of its account.
    fn with(size: usize, quota: usize) -> World {
        let document = |filler: usize| {
            let mut document = trust(&condition(SUBJECT));
            document["Id"] = json!("é".repeat(filler));
            document
        };
        let base = document(0).to_string().chars().count();
        let text = format!("{:#}", document(size - base));
        let world = World::healthy().trust_text(&text);
        let now = world.now;
        world.account(|account| account.trust_quota = Observed::known(quota, now))
    }

    #[test]
    fn a_tenth_below_the_quota_it_begins() {
        the_one(&with(1844, 2048).audit(), NOTICE);
        the_one(&with(2048, 2048).audit(), NOTICE);
        assert_healthy(&with(1843, 2048).audit());
    }

    #[test]
    fn the_account_may_have_been_granted_more() {
        assert_healthy(&with(2048, 4096).audit());
        the_one(&with(3687, 4096).audit(), NOTICE);
    }

    #[test]
    fn a_quota_that_nobody_knows_proves_nothing() {
        let unknown = || with(2048, 2048).account(|account| account.trust_quota = Observed::default());
        assert_healthy(&unknown().audit());
        let now = unknown().now;
        let denied = FailureKind::AccessDenied {
            action: "iam:GetAccountSummary".to_owned(),
        };
        assert_healthy(
            &unknown()
                .account(|account| account.trust_quota.fail(denied, String::new(), now))
                .audit(),
        );
    }
}
