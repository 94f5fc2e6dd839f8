//! # IRSA701 `TrustsMissingServiceAccount`
//!
//! ## What it means
//! Roles of an account trust this cluster's issuer for ServiceAccounts that do not exist. irsa-audit finds them by listing the whole
//! account, and reports the finding for the account, not for a binding. If a workload names such a ServiceAccount, IRSA106 is reported as
//! well.
//!
//! ## Why it matters
//! Anyone who may create a ServiceAccount of that name in that namespace gets the role.
//!
//! ## In logs
//! Nothing, until someone creates the ServiceAccount and uses the role.
//!
//! ## Example
//! ```json
//! "Condition": {"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/0123…:sub": "system:serviceaccount:shop:retired"}}
//! ```
//! where there is no ServiceAccount `retired` in `shop`.
//!
//! ## Fix
//! Remove the subject from the trust policy, or delete the role. Or create the intended ServiceAccount.
//!
//! ## Verify
//! `kubectl get clusterirsaaudit cluster -o yaml` no longer names it after the next refresh.
//!
//! ## References
//! - [EKS best practices: identity and access management](https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html)
//! - [Remove unused roles](https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html)

use super::reverse::{Named, list, named};
use crate::check::{AccountEvidence, Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::snapshot::Binding;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA701",
    reason: "TrustsMissingServiceAccount",
    severity: Severity::Risk,
    link: Link::Trust,
    title: "roles trust ServiceAccounts that do not exist",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Account(of_account)],
};

fn of_account(account: &AccountEvidence<'_>) -> Vec<Finding> {
    finding(account).into_iter().collect()
}

/// The finding on an account. What is not among objects that are not the whole cluster may exist all the same.
fn finding(account: &AccountEvidence<'_>) -> Option<Finding> {
    let id = account.id;
    let cluster = &account.snapshot.cluster;
    let missing: Vec<Named<'_>> = named(account)
        .filter(|named| !cluster.may_lack_accounts_of(&named.key.namespace))
        .filter(|named| named.binding.and_then(Binding::service_account).is_none())
        .collect();
    missing.first()?;
    let message = format!(
        "roles of account {id} trust {} of this cluster that {} not exist: {}. Anyone who may create such a ServiceAccount gets its role",
        if missing.len() == 1 {
            "a ServiceAccount".to_owned()
        } else {
            format!("{} ServiceAccounts", missing.len())
        },
        if missing.len() == 1 { "does" } else { "do" },
        list(&missing)
    );
    let fix =
        Fix::manual("remove these subjects from the trust policies, or create the intended ServiceAccounts");
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use crate::audit::audit_cluster;
    use crate::testing::*;

    fn cluster_codes(world: &World) -> Vec<&'static str> {
        let report = audit_cluster(&world.snapshot, &world.config, world.now);
        report.findings.iter().map(|finding| finding.entry.code).collect()
    }

    fn trusting(subjects: &[&str]) -> World {
        World::healthy().account(|account| {
            for subject in subjects {
                account
                    .trusted_subjects
                    .insert((*subject).to_owned(), vec!["app".to_owned()]);
            }
        })
    }

    #[test]
    fn of_namespaces_that_were_not_listed_nothing_is_said() {
        let mut world = trusting(&["system:serviceaccount:shop:retired"]);
        for (only, expected) in [("shop", &["IRSA701"][..]), ("other", &[])] {
            world.snapshot.cluster.set_only_namespace(Some(only.to_owned()));
            assert_eq!(cluster_codes(&world), expected, "{only}");
        }
    }

    #[test]
    fn of_a_namespace_without_even_its_default_nothing_is_said() {
        for (elsewhere, expected) in [("shop", &[][..]), ("kube-system", &["IRSA701"])] {
            let mut world = trusting(&["system:serviceaccount:payments:pay"]);
            world = world
                .service_account("shop", "default")
                .service_account(elsewhere, "default");
            world.snapshot.cluster.set_shows_defaults();
            assert_eq!(cluster_codes(&world), expected, "{elsewhere}");
        }
    }

    #[test]
    fn a_trusted_service_account_that_is_not_there_is_a_risk() {
        let world = trusting(&["system:serviceaccount:shop:retired"]);
        assert_eq!(cluster_codes(&world), ["IRSA701"]);
        assert_healthy(&world.audit());
        assert_eq!(
            cluster_codes(&world.service_account("shop", "retired")),
            ["IRSA702"]
        );
    }

    #[test]
    fn many_are_counted_and_few_are_listed() {
        let subjects: Vec<String> = (0..40)
            .map(|n| format!("system:serviceaccount:shop:gone-{n}"))
            .collect();
        let world = trusting(&subjects.iter().map(String::as_str).collect::<Vec<_>>());
        let report = audit_cluster(&world.snapshot, &world.config, world.now);
        let message = &report.findings[0].message;
        assert!(
            message.contains("40 ServiceAccounts") && message.contains("35 more"),
            "{message}"
        );
    }

    #[test]
    fn only_what_was_seen_proves_an_absence() {
        let subject = "system:serviceaccount:shop:retired";
        assert_eq!(cluster_codes(&trusting(&[subject]).partial()), [""; 0]);
        let unlisted =
            trusting(&[subject]).account(|account| account.listing = crate::model::Observed::default());
        assert_eq!(cluster_codes(&unlisted), [""; 0]);
        let excluded = trusting(&[subject]).config(|config| {
            config.excluded_namespaces.insert("shop".to_owned());
        });
        assert_eq!(cluster_codes(&excluded), [""; 0]);
        assert_eq!(
            cluster_codes(&trusting(&[
                "system:serviceaccount:shop",
                "repo:a/b",
                "system:serviceaccount:a:B"
            ])),
            [""; 0]
        );
    }
}
