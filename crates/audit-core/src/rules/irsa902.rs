//! # IRSA902 `AwsUnavailable`
//!
//! ## What it means
//! AWS throttles the operator, or fails. On a binding only where evidence was never had: otherwise
//! the last evidence stands, with its age, until IRSA904. An answer that is merely on its way is IRSA914.
//!
//! ## Why it is unknown
//! What was never seen proves nothing.
//!
//! ## In logs
//! In the operator's: `Throttling: Rate exceeded`, `ServiceUnavailable`, or no connection.
//!
//! ## Example
//! ```text
//! Throttling: Rate exceeded
//! ```
//!
//! ## Fix
//! Usually none: the operator tries again with growing intervals. Where it lasts: a longer refresh interval, fewer others
//! that ask IAM in the same account, a way through proxy and firewall.
//!
//! ## Verify
//! `kubectl get clusterirsaaudit cluster -o yaml` no longer shows the finding.
//!
//! ## References
//! - [Common errors of the IAM API](https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html)

use super::evidence::{account, gaps};
use crate::chain::{Chain, Gap};
use crate::check::{AccountEvidence, Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::model::{FailureKind, ReadFailure};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA902",
    reason: "AwsUnavailable",
    severity: Severity::Unknown,
    link: Link::Role,
    title: "AWS could not be asked",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check), Check::Account(of_account)],
};

fn of_account(account: &AccountEvidence<'_>) -> Vec<Finding> {
    let failures = account.failures.iter().filter(|_| account.is_accessible());
    failures
        .filter(|failure| !matches!(failure.kind, FailureKind::AccessDenied { .. }))
        .map(|failure| account_finding(account.id, failure))
        .collect()
}

fn account_finding(account: &str, failure: &ReadFailure) -> Finding {
    let what = if failure.kind == FailureKind::Throttled {
        "throttles the operator"
    } else {
        "does not answer"
    };
    Finding::new(
        &ENTRY,
        format!(
            "AWS {what} in account {account} since {}: {}",
            failure.since,
            quote(&failure.message)
        ),
    )
}

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (link, what) = gaps(chain).into_iter().find_map(|(link, gap)| match gap {
        Gap::Failed(FailureKind::Throttled) => Some((link, "throttles the operator")),
        Gap::Failed(FailureKind::Unavailable) => Some((link, "does not answer")),
        _ => None,
    })?;
    Some(Finding::new(&ENTRY, format!("AWS {what} in account {}", account(chain))).at(link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const ON_ROLE: (&str, Severity, Link, Verdict) =
        ("IRSA902", Severity::Unknown, Link::Role, Verdict::Unknown);

    #[test]
    fn what_fails_and_was_never_seen_is_unknown() {
        for kind in [FailureKind::Throttled, FailureKind::Unavailable] {
            for (world, link) in [
                (World::healthy().role_unseen(Some(kind.clone())), Link::Role),
                (
                    World::healthy().provider_unseen(Some(kind.clone())),
                    Link::Provider,
                ),
                (
                    World::healthy().policies_unseen(Some(kind.clone())).expect_aws(),
                    Link::Permissions,
                ),
            ] {
                let report = world.audit();
                the_one(&report, ("IRSA902", Severity::Unknown, link, Verdict::Unknown));
                assert_eq!(state(&report, link), LinkState::Unseen("AwsUnavailable"));
                assert!(!report.pending);
            }
        }
    }

    #[test]
    fn a_role_that_waits_for_a_failing_listing_says_why() {
        for kind in [FailureKind::Throttled, FailureKind::Unavailable] {
            let report = World::healthy().role_unseen(None).listing_fails(kind).audit();
            the_one(&report, ON_ROLE);
            assert!(!report.pending);
        }
    }

    #[test]
    fn what_was_seen_stands_while_reading_fails() {
        assert_healthy(&World::healthy().listing_fails(FailureKind::Throttled).audit());
    }

    #[test]
    fn a_fault_of_pods_outweighs_it() {
        let report = World::healthy()
            .role_unseen(Some(FailureKind::Throttled))
            .container(bare("app"))
            .audit();
        assert_eq!(
            (report.verdict, report.reason),
            (Verdict::Broken, "CredentialsNotInjected")
        );
    }
}
