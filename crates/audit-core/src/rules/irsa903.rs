//! # IRSA903 `AccountUnreachable`
//!
//! ## What it means
//! The role lives in an account for which no access is configured, or which the `default` `IrsaAuditPolicy` does not
//! allow.
//!
//! ## Why it is unknown
//! The operator reads only its own account and those that it is told how to enter.
//!
//! ## Fix
//! Start the operator with `--account ID=ROLE_ARN`, naming a role in that account that it may assume.
//!
//! ## Verify
//! `kubectl get clusterirsaaudit cluster -o yaml` lists the account.

use super::evidence::{account, gaps};
use crate::chain::{Chain, Gap};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA903",
    reason: "AccountUnreachable",
    severity: Severity::Unknown,
    link: Link::Role,
    title: "no access to the role's account is configured",
};
pub(super) const CHECK: Option<super::Check> = Some(check);

/// The finding for an account.
#[must_use]
pub fn finding(account: &str) -> Finding {
    let fix = Fix::manual(format!(
        "start the operator with `--account {account}=arn:aws:iam::{account}:role/NAME`, naming a role that it may assume"
    ));
    Finding::new(&ENTRY, format!("no access to account {account} is configured")).fix(fix)
}

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (link, _) = gaps(chain).into_iter().find(|(_, gap)| **gap == Gap::AccountNotConfigured)?;
    Some(finding(account(chain)).at(link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::audit_cluster;
    use crate::testing::*;
    use crate::verdict::Verdict;

    #[test]
    fn a_role_in_an_account_without_access_is_unknown() {
        let world = World::healthy().account_not_configured();
        the_one(&world.audit(), ("IRSA903", Severity::Unknown, Link::Role, Verdict::Unknown));
        let cluster = audit_cluster(&world.snapshot, &world.config, world.now);
        assert_eq!(cluster.findings.iter().map(|f| f.entry.code).collect::<Vec<_>>(), ["IRSA903"]);
    }

    #[test]
    fn what_was_seen_before_access_was_taken_away_does_not_count() {
        let world = World::healthy().account(|account| account.access = crate::model::Access::NotConfigured);
        the_one(&world.audit(), ("IRSA903", Severity::Unknown, Link::Role, Verdict::Unknown));
    }
}
