//! # IRSA914 `EvidencePending`
//!
//! ## What it means
//! The binding or the role is new to the operator, which has not read its evidence from AWS yet: the request is in the queue, or
//! the answer has not arrived. The status says `Reconciling` until the answer arrives.
//!
//! ## Why it is unknown
//! The evidence that is not read yet may show a fault or a risk.
//!
//! ## In logs
//! Nothing: no call has failed.
//!
//! ## Example
//! ```text
//! Ready  Unknown  EvidencePending
//! ```
//!
//! ## Fix
//! None: the finding disappears within seconds. It takes longer if there are many new roles at once, because the operator limits its rate
//! of calls.
//!
//! ## Verify
//! `kubectl get irsaaudit NAME` shows another reason.
//!
//! ## References
//! - [IAM quotas](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)

use super::evidence::{account, gaps};
use crate::chain::{Chain, Gap};
use crate::check::{Check, Rule};
use crate::finding::{EVIDENCE_PENDING, Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: EVIDENCE_PENDING,
    reason: "EvidencePending",
    severity: Severity::Unknown,
    link: Link::Role,
    title: "AWS has not answered yet",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (link, _) = gaps(chain).into_iter().find(|(_, gap)| **gap == Gap::Pending)?;
    let message = format!(
        "irsa-audit has not read this evidence from account {} yet",
        account(chain)
    );
    Some(Finding::new(&ENTRY, message).at(link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Observed;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    #[test]
    fn what_has_not_been_answered_is_pending() {
        for (world, link) in [
            (World::healthy().without_account(), Link::Role),
            (World::healthy().role_unseen(None), Link::Role),
            (World::healthy().provider_unseen(None), Link::Provider),
            (
                World::healthy().policies_unseen(None).expect_aws(),
                Link::Permissions,
            ),
        ] {
            let report = world.audit();
            the_one(&report, ("IRSA914", Severity::Unknown, link, Verdict::Unknown));
            assert!(report.pending);
        }
    }

    #[test]
    fn nothing_passes_unread() {
        for world in [
            World::healthy().policies_unseen(None),
            World::healthy().documents_unseen(None),
        ] {
            let report = world.audit();
            the_one(
                &report,
                ("IRSA914", Severity::Unknown, Link::Permissions, Verdict::Unknown),
            );
            assert_eq!(
                state(&report, Link::Permissions),
                LinkState::Unseen("EvidencePending")
            );
            assert!(report.pending);
        }
    }

    #[test]
    fn an_inline_policy_that_is_gone_since_it_was_listed_is_not_waited_for() {
        let statement = serde_json::json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" });
        let document = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] });
        let without_document = || {
            World::healthy().inline(&document).account(|account| {
                let (documents, _) = account.inline.get_mut("cart").unwrap().value.as_mut().unwrap();
                documents.clear();
            })
        };
        assert!(without_document().audit().pending, "it was never read");
        let gone = without_document().account(|account| {
            let (_, listed) = account.policies.get_mut("cart").unwrap().value.as_mut().unwrap();
            *listed = listed.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap();
            assert!(account.inline.get("cart").and_then(Observed::observed_at) > Some(*listed));
        });
        assert!(!gone.audit().pending);
    }
}
