//! # IRSA916 `TooManyCredentialPaths`
//!
//! ## What it means
//! The containers of a ServiceAccount, and the objects for which controllers request its token, name more different roles or
//! audiences than irsa-audit follows for one ServiceAccount: sixteen, and the role that the webhook injects. The finding says how
//! many irsa-audit did not check. The others are reported as usual.
//!
//! ## Why it is unknown
//! irsa-audit reads each role from AWS and evaluates its trust policy. Without a limit, anyone who can create objects in a namespace could
//! slow down the audit of the whole cluster, and use up the account's rate limit for IAM, with thousands of them. Whether the roles
//! beyond the limit admit the ServiceAccount is not known.
//!
//! ## In logs
//! Nothing: no call has failed.
//!
//! ## Example
//! ```yaml
//! # twenty of these, each with a role of its own and the same ServiceAccount
//! kind: SecretStore
//! spec:
//!   provider:
//!     aws:
//!       role: arn:aws:iam::111122223333:role/team-1
//!       auth:
//!         jwt:
//!           serviceAccountRef: {name: cart}
//! ```
//!
//! ## Fix
//! Use one ServiceAccount for each role, or for a few of them. Least privilege requires this as well: anyone who gets the token of
//! this ServiceAccount can assume all its roles.
//!
//! ## Verify
//! `irsa-audit audit` no longer reports IRSA916 for the ServiceAccount.
//!
//! ## References
//! - [IAM roles for service accounts](https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html)
//! - [EKS best practices: identity and access management](https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::paths::MOST_WAYS;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA916",
    reason: "TooManyCredentialPaths",
    severity: Severity::Unknown,
    link: Link::Role,
    title: "a ServiceAccount is used with more roles than irsa-audit follows",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    // What pods carry and what they would be given are told apart, and may be the same roles.
    let left = chain.ways.unfollowed().max(chain.carried_roles().left());
    if left == 0 {
        return None;
    }
    let account = quote(&chain.key.to_string());
    let message = format!(
        "containers and objects use ServiceAccount `{account}` with {} different roles or audiences: irsa-audit followed {MOST_WAYS}, and did \
         not check the other {left}",
        MOST_WAYS + left
    );
    let fix = Fix::manual(format!(
        "use a separate ServiceAccount for each role instead of `{account}` for all of them"
    ));
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Consumer, ConsumerObject, Observed, RequestedAudience, RoleLookup, RolePolicies, Use, Used,
    };
    use crate::testing::*;
    use crate::verdict::Verdict;

    /// As many stores, each with a role of its own, of which all admit the ServiceAccount.
    fn stores(count: usize) -> World {
        (0..count).fold(World::healthy().without_pods(), |mut world, n| {
            let object = ConsumerObject {
                group: "external-secrets.io".to_owned(),
                kind: "SecretStore".to_owned(),
                namespace: "shop".to_owned(),
                name: format!("s{n}"),
            };
            let arn = format!("arn:aws:iam::{ACCOUNT}:role/team-{n}");
            let consumer = Consumer {
                object: object.clone().into(),
                used: Used::Named(world.key.clone()),
                how: Use::Requests {
                    audience: RequestedAudience::Annotated,
                    role: Some(arn.clone()),
                    then: Vec::new(),
                },
                is_certain: true,
            };
            world.snapshot.cluster.put_consumer(object, vec![consumer]);
            let now = world.now;
            let one_policy = RolePolicies {
                attached: vec!["arn:aws:iam::aws:policy/P0".to_owned()],
                inline: Vec::new(),
            };
            world.good_role(&arn).account(|account| {
                account
                    .policies
                    .insert(format!("team-{n}"), Observed::known(one_policy, now));
            })
        })
    }

    #[test]
    fn as_many_as_are_followed_are_healthy() {
        assert_healthy(&stores(MOST_WAYS).audit());
    }

    #[test]
    fn one_more_is_unknown_and_never_working() {
        let report = stores(MOST_WAYS + 1).audit();
        the_one(
            &report,
            ("IRSA916", Severity::Unknown, Link::Role, Verdict::Unknown),
        );
    }

    #[test]
    fn what_is_broken_among_those_that_are_followed_is_said() {
        let world = stores(MOST_WAYS + 10).any_role("team-3", RoleLookup::Absent);
        let report = world.audit();
        assert_eq!(report.verdict, Verdict::Broken, "{}", shown(&report));
        assert_eq!(codes(&report), ["IRSA201", "IRSA916"]);
    }

    #[test]
    fn what_the_webhook_is_asked_for_is_always_followed() {
        let world = World::healthy().role(RoleLookup::Absent);
        let pods = world
            .snapshot
            .cluster
            .binding(&world.key)
            .unwrap()
            .pods()
            .to_vec();
        let mut world = stores(MOST_WAYS + 10).role(RoleLookup::Absent);
        for pod in pods {
            world.snapshot.cluster.put_pod(crate::model::Pod::clone(&pod));
        }
        let report = world.audit();
        assert_eq!(report.verdict, Verdict::Broken, "{}", shown(&report));
        assert_eq!(codes(&report), ["IRSA201", "IRSA916"]);
    }

    #[test]
    fn roles_that_pods_carry_are_counted_as_well() {
        let carrying = |count: usize| {
            (0..count).fold(World::healthy(), |world, n| {
                let role = format!("arn:aws:iam::{ACCOUNT}:role/old-{n}");
                world.another_pod(&format!("old-{n}"), injected("app", &role))
            })
        };
        let few = carrying(MOST_WAYS - 1).audit();
        assert!(!codes(&few).contains(&"IRSA916"), "{}", shown(&few));
        let world = carrying(MOST_WAYS + 4);
        assert!(codes(&world.audit()).contains(&"IRSA916"));
        let chain = Chain::derive(&world.snapshot, &world.config, &world.key, world.now);
        assert_eq!(chain.carried_roles().followed().len(), MOST_WAYS);
        assert_eq!(chain.carried_roles().left(), 5);
    }

    #[test]
    fn thousands_ask_for_no_more_roles_than_are_followed() {
        let world = stores(3_000);
        let chain = Chain::derive(&world.snapshot, &world.config, &world.key, world.now);
        assert_eq!(chain.ways.unfollowed(), 3_000 - MOST_WAYS);
        assert_eq!(chain.ways.named_roles().len(), MOST_WAYS);
    }
}
