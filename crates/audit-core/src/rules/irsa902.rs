//! # IRSA902 `AwsUnavailable`
//!
//! ## What it means
//! AWS throttles irsa-audit, or does not answer. A binding has the finding only if irsa-audit never read the evidence. Otherwise
//! the last evidence remains valid, with its age, until IRSA904. If irsa-audit is still waiting for an answer, the finding is IRSA914.
//!
//! ## Why it is unknown
//! Evidence that irsa-audit never read proves nothing.
//!
//! ## In logs
//! The operator logs `Throttling: Rate exceeded`, `ServiceUnavailable`, or a connection error.
//!
//! ## Example
//! ```text
//! Throttling: Rate exceeded
//! ```
//!
//! ## Fix
//! Usually none: the operator retries with growing intervals. If the finding remains: set a longer refresh interval, reduce the calls of
//! other clients to IAM in the same account, or allow the connection in proxy and firewall.
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
    title: "AWS does not answer",
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
        "has throttled irsa-audit"
    } else {
        "has not answered"
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
        Gap::Failed(FailureKind::Throttled) => Some((link, "throttles irsa-audit")),
        Gap::Failed(FailureKind::Unavailable) => Some((link, "does not answer")),
        _ => None,
    })?;
    Some(
        Finding::new(
            &ENTRY,
            format!(
                "AWS {what} in account {}, so irsa-audit could not read this evidence",
                account(chain)
            ),
        )
        .at(link),
    )
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
