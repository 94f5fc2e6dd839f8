//! # IRSA703 `TrustsDeadIssuer`
//!
//! ## What it means
//! Roles trust the issuer of an EKS cluster that is gone: the accounts of these roles have no OIDC provider for the issuer, and no account
//! that irsa-audit read has a cluster with it. The message names these accounts: the cluster may be in an account that irsa-audit cannot
//! read. There is one finding for each such issuer, for the cluster's audit, not for a binding, and never for this cluster's own issuer.
//!
//! irsa-audit lists the roles of the account. It lists the providers and, in the issuer's region, the clusters only while some
//! role trusts an issuer that nothing else shows. If `eks:ListClusters` or `eks:DescribeCluster` fails in the roles' own
//! account, or before everything is read, the finding is not reported. An audit of files needs `list-open-id-connect-providers`,
//! `list-clusters` and the `describe-cluster` of each cluster. An empty list of clusters does not say its region, so it proves nothing.
//!
//! ## Why it matters
//! No one can use this trust now, but a reader of the policy believes that it is used. If the role trusts no other principal,
//! nothing can use the role. If someone registers a provider for that URL again, the trust is valid again.
//!
//! ## In logs
//! Nothing.
//!
//! ## Example
//! ```json
//! "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/FEDC…"}
//! ```
//! after the cluster and its provider were deleted.
//!
//! ## Fix
//! Remove the statements for that provider from the trust policies. Delete the roles that trust no other principal, if only that
//! cluster needed them.
//!
//! ## Verify
//! `kubectl get clusterirsaaudit cluster -o yaml` no longer names the issuer after the next refresh.
//!
//! ## References
//! - [Create an IAM OIDC provider for your cluster](https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html)
//! - [Delete an IAM OIDC provider](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html)
//! - [ListClusters](https://docs.aws.amazon.com/eks/latest/APIReference/API_ListClusters.html)

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::check::{Check, Rule};
use crate::config::Config;
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{Command, Fix};
use crate::issuers::{Dead, dead};
use crate::snapshot::Snapshot;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA703",
    reason: "TrustsDeadIssuer",
    severity: Severity::Risk,
    link: Link::Trust,
    title: "roles trust the issuer of a cluster that is gone",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Cluster(of_cluster)],
};

/// The most roles, and the most accounts, that a finding lists.
const SHOWN: usize = 5;

/// The most issuers that have a finding of their own; the last of them counts the rest.
const MOST: usize = 10;

/// The findings on all accounts together.
fn of_cluster(snapshot: &Snapshot, _: &Config, _: Timestamp) -> Vec<Finding> {
    let dead = dead(snapshot);
    let more = dead.len().saturating_sub(MOST);
    let mut findings: Vec<Finding> = dead.iter().take(MOST).map(finding).collect();
    if let Some(last) = findings.last_mut().filter(|_| more > 0) {
        let _ = write!(last.message, "; {more} more issuers are gone in the same way");
    }
    findings
}

fn finding(dead: &Dead<'_>) -> Finding {
    let roles = || dead.trusting.iter().map(|(_, roles)| roles);
    let (total, alone) = (
        roles().map(|roles| roles.total).sum(),
        roles().map(|roles| roles.alone).sum(),
    );
    let host_path = roles().next().map_or("", |roles| &roles.host_path);
    let unseen = match &*dead.unseen {
        [] => String::new(),
        accounts => format!("; irsa-audit could not see the clusters of {}", named(accounts)),
    };
    let message = format!(
        "{} EKS issuer `{}`, which has no OIDC provider any more, and no cluster in {}: {}{}{unseen}",
        if total == 1 {
            "a role trusts".to_owned()
        } else {
            format!("{total} roles trust")
        },
        quote(host_path),
        named(&dead.looked_into),
        list(dead, total),
        nobody_else(total, alone)
    );
    Finding::new(&ENTRY, message).fix(fix(dead))
}

/// Accounts by their numbers.
fn named(accounts: &[&str]) -> String {
    let noun = if accounts.len() == 1 {
        "account"
    } else {
        "accounts"
    };
    let mut shown: Vec<String> = accounts
        .iter()
        .take(SHOWN)
        .map(|account| (*account).to_owned())
        .collect();
    if accounts.len() > SHOWN {
        shown.push(format!("{} more", accounts.len() - SHOWN));
    }
    format!("{noun} {}", shown.join(", "))
}

/// A few roles with their accounts, then how many more there are.
fn list(dead: &Dead<'_>, total: usize) -> String {
    let roles = dead
        .trusting
        .iter()
        .flat_map(|(account, roles)| roles.named.iter().map(move |(name, _)| (account, name)));
    let mut shown: Vec<String> = roles
        .take(SHOWN)
        .map(|(account, name)| format!("`{}` of {account}", quote(name)))
        .collect();
    if total > shown.len() {
        shown.push(format!("{} more", total - shown.len()));
    }
    shown.join(", ")
}

fn nobody_else(total: usize, alone: usize) -> String {
    match (total, alone) {
        (_, 0) => String::new(),
        (1, _) => ", which trusts no other principal".to_owned(),
        (total, alone) if total == alone => "; none of them trusts any other principal".to_owned(),
        (_, 1) => "; one of them trusts no other principal".to_owned(),
        (_, alone) => format!("; {alone} of them trust no other principal"),
    }
}

/// A step for a person: no policy says what else the roles are for.
fn fix(dead: &Dead<'_>) -> Option<Fix> {
    let (account, roles) = dead.trusting.first()?;
    let (name, _) = roles.named.first()?;
    let look = Command::new("aws iam get-role")
        .option("--role-name", name)
        .own("--query Role.AssumeRolePolicyDocument");
    Some(Fix::manual(format!(
        "remove the statements for this issuer from the trust policies, and delete the roles that trust no other principal, if only \
         that cluster needed them; in account {account}, `{look}` shows the trust policy of the first role"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::audit_cluster;
    use crate::fix::FixKind;
    use crate::model::{Access, Account, Clusters, EksIssuer, Observed, TrustedIssuer, TrustingRoles};
    use crate::testing::*;

    const REGION: &str = "eu-west-1";

    fn reported(world: &World) -> Vec<Finding> {
        audit_cluster(&world.snapshot, &world.config, world.now).findings
    }

    /// Roles of the account that trust an issuer, and whether each trusts no other principal.
    fn trusting(world: World, host_path: &str, roles: &[(&str, bool)]) -> World {
        let mut trusting = TrustingRoles::new(host_path);
        for (name, alone) in roles {
            trusting.add(name, *alone);
        }
        let trusted = TrustedIssuer {
            roles: trusting,
            since: world.now,
        };
        let issuer = EksIssuer::parse(host_path).unwrap();
        world.account(|account| drop(account.trusted_issuers.insert(issuer, trusted)))
    }

    /// Of an account that was looked into, and has only this cluster.
    fn looked_into(world: World) -> World {
        let clusters = Clusters {
            issuers: [EksIssuer::parse(HOST_PATH).unwrap()].into(),
            is_whole: true,
        };
        let now = world.now;
        world.provider_urls(&[HOST_PATH]).account(|account| {
            drop(
                account
                    .clusters
                    .insert(REGION.to_owned(), Observed::known(clusters, now)),
            );
        })
    }

    #[test]
    fn trust_in_a_cluster_that_is_gone_is_a_risk() {
        let world = looked_into(trusting(World::healthy(), OTHER_HOST_PATH, &[("old", true)]));
        let findings = reported(&world);
        assert_eq!(findings.len(), 1, "{findings:?}");
        let finding = &findings[0];
        assert_eq!(
            (finding.entry.code, finding.severity),
            ("IRSA703", Severity::Risk)
        );
        for word in [OTHER_HOST_PATH, "`old`", ACCOUNT, "no other principal"] {
            assert!(finding.message.contains(word), "{word}: {}", finding.message);
        }
        let fix = finding.fix.as_ref().unwrap();
        assert!(
            fix.first.kind == FixKind::Manual && fix.first.text.contains("aws iam get-role --role-name old"),
            "{fix:?}"
        );
        assert_healthy(&world.audit());
    }

    #[test]
    fn what_is_alive_or_was_not_seen_is_none() {
        let trusting = || trusting(World::healthy(), OTHER_HOST_PATH, &[("old", true)]);
        assert_eq!(reported(&trusting()), []);
        assert_eq!(
            reported(&looked_into(trusting()).provider_urls(&[OTHER_HOST_PATH])),
            []
        );
    }

    #[test]
    fn roles_and_issuers_are_counted_and_few_are_listed() {
        let mut world = looked_into(World::healthy());
        let names: Vec<String> = (0..40).map(|n| format!("role-{n:02}")).collect();
        let roles: Vec<(&str, bool)> = names
            .iter()
            .map(|name| (name.as_str(), name == "role-07"))
            .collect();
        for n in 0..40 {
            world = trusting(
                world,
                &format!("oidc.eks.{REGION}.amazonaws.com/id/{n:032X}"),
                &roles,
            );
        }
        let findings = reported(&world);
        assert_eq!(findings.len(), MOST);
        let (first, last) = (&findings[0].message, &findings[MOST - 1].message);
        assert!(
            first.contains("40 roles") && first.contains("35 more") && first.contains("one of them"),
            "{first}"
        );
        assert!(last.contains("30 more issuers") && last.len() < 1000, "{last}");
    }

    #[test]
    fn accounts_that_cannot_be_seen_are_named_or_closed() {
        let mut world = looked_into(trusting(
            World::healthy(),
            OTHER_HOST_PATH,
            &[("a", false), ("b", false)],
        ));
        let mut other = Account::default();
        let seen = other.clusters.entry(REGION.to_owned()).or_default();
        seen.fail(crate::model::FailureKind::Unavailable, "no".to_owned(), world.now);
        world.snapshot.accounts.insert(OTHER_ACCOUNT.to_owned(), other);
        let messages: Vec<String> = reported(&world)
            .into_iter()
            .map(|finding| finding.message)
            .collect();
        assert!(
            messages[0].contains(OTHER_ACCOUNT) && messages[0].contains("could not see"),
            "{messages:?}"
        );
        world.snapshot.accounts.get_mut(OTHER_ACCOUNT).unwrap().access = Access::NotConfigured;
        let message = &reported(&world).remove(0).message;
        assert!(!message.contains(OTHER_ACCOUNT), "{message}");
    }
}
