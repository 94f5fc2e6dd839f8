//! # IRSA904 `EvidenceStale`
//!
//! ## What it means
//! The evidence from AWS is older than the policy's limit (`stalenessLimit`), so it no longer proves anything. Until
//! then the last evidence was valid.
//!
//! ## Why it is unknown
//! The role or the trust policy may have changed since irsa-audit last read it.
//!
//! ## In logs
//! The operator logs each failed attempt to read again.
//!
//! ## Example
//! ```yaml
//! kind: IrsaAuditPolicy
//! metadata:
//!   name: default
//! spec:
//!   stalenessLimit: 1h   # and IAM has answered nothing for longer
//! ```
//!
//! ## Fix
//! Fix the failure that the finding names: usually a missing permission of the operator, or throttling.
//!
//! ## Verify
//! The metric `irsa_audit_evidence_age_seconds` of the account falls below the limit.
//!
//! ## References
//! - [Common errors of the IAM API](https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html)
//! - [GetAccountAuthorizationDetails](https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html)

use super::evidence::{account, gaps};
use crate::chain::{Chain, Gap};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::model::FailureKind;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA904",
    reason: "EvidenceStale",
    severity: Severity::Unknown,
    link: Link::Role,
    title: "the evidence is too old",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (link, observed, failure) = gaps(chain).into_iter().find_map(|(link, gap)| match gap {
        Gap::Stale { observed, failure } => Some((link, observed, failure)),
        _ => None,
    })?;
    let why = match failure {
        Some(FailureKind::AccessDenied { action }) => {
            format!(": irsa-audit may no longer call `{}`", quote(action))
        }
        Some(FailureKind::Throttled) => ": AWS throttles irsa-audit".to_owned(),
        Some(FailureKind::Unavailable) => ": AWS does not answer".to_owned(),
        None => String::new(),
    };
    Some(
        Finding::new(
            &ENTRY,
            format!(
                "the evidence from account {} is too old: it is from {observed}{why}",
                account(chain)
            ),
        )
        .at(link),
    )
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const LIMIT: i64 = 3600;

    #[test]
    fn evidence_stands_to_the_last_second_of_the_limit_and_no_longer() {
        let world = World::healthy();
        let end = world
            .now
            .saturating_add(SignedDuration::from_secs(LIMIT))
            .unwrap();
        assert_eq!(world.audit().valid_until, Some(end));
        let last = world.clone().later(LIMIT).audit();
        assert_healthy(&last);
        assert_eq!(last.valid_until, Some(end));
        let after = world.later(LIMIT + 1).audit();
        the_one(
            &after,
            ("IRSA904", Severity::Unknown, Link::Role, Verdict::Unknown),
        );
        assert_eq!(after.valid_until, None, "nothing changes by itself any more");
        assert!(!after.pending);
    }

    #[test]
    fn each_link_has_evidence_of_its_own_age() {
        let now = World::healthy().later(LIMIT + 1).now;
        let fresh_role = |account: &mut crate::model::Account| {
            let role = account.roles.get("cart").unwrap().latest().unwrap().clone();
            account.roles.get_mut("cart").unwrap().succeed(role, now);
        };
        let report = World::healthy().later(LIMIT + 1).account(fresh_role).audit();
        the_one(
            &report,
            ("IRSA904", Severity::Unknown, Link::Provider, Verdict::Unknown),
        );
    }

    #[test]
    fn stale_permissions_do_not_count_where_nobody_asked() {
        let now = World::healthy().later(LIMIT + 1).now;
        let world = World::healthy().later(LIMIT + 1).account(|account| {
            let role = account.roles.get("cart").unwrap().latest().unwrap().clone();
            account.roles.get_mut("cart").unwrap().succeed(role, now);
            let provider = account.provider.latest().unwrap().clone();
            account.provider.succeed(provider, now);
        });
        let report = world.audit();
        assert_eq!(
            (report.verdict, codes(&report)),
            (Verdict::Working, vec!["IRSA904"])
        );
        the_one(
            &world.expect_aws().audit(),
            ("IRSA904", Severity::Unknown, Link::Permissions, Verdict::Unknown),
        );
    }

    #[test]
    fn a_stale_absence_proves_nothing_either() {
        let report = World::healthy()
            .role(crate::model::RoleLookup::Absent)
            .later(LIMIT + 1)
            .audit();
        the_one(
            &report,
            ("IRSA904", Severity::Unknown, Link::Role, Verdict::Unknown),
        );
    }

    #[test]
    fn a_limit_beyond_all_time_never_ends() {
        let world = World::healthy().config(|config| config.staleness_limit = std::time::Duration::MAX);
        assert_eq!(world.audit().valid_until, None);
        assert_healthy(&world.later(1_000_000_000).audit());
    }
}
