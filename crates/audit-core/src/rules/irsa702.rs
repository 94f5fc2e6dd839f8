//! # IRSA702 `TrustsUnannotatedServiceAccount`
//!
//! ## What it means
//! Roles of an account trust ServiceAccounts of this cluster that exist but do not use the roles: they are annotated with a different role,
//! or have no annotation and nothing runs as them; and neither the webhook's ConfigMap, nor their pods, nor a controller that requests
//! their tokens names the role. (If something runs as the ServiceAccount, the missing annotation is IRSA101 for the binding.) irsa-audit
//! finds them by listing the whole account, and reports the finding for the account.
//!
//! ## Why it matters
//! The trust is left over, or the annotation was forgotten. Anyone who may annotate the ServiceAccount, or run pods as it, gets the role.
//!
//! ## In logs
//! Nothing.
//!
//! ## Example
//! ```console
//! $ kubectl -n shop get serviceaccount cart -o jsonpath='{.metadata.annotations}'
//! {}
//! ```
//! while role `cart` trusts `system:serviceaccount:shop:cart`.
//!
//! ## Fix
//! Annotate the ServiceAccount if it should have the role. Otherwise remove the subject from the trust policy.
//!
//! ## Verify
//! `kubectl get clusterirsaaudit cluster -o yaml` no longer names it.
//!
//! ## References
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)
//! - [EKS best practices: identity and access management](https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html)

use iam_policy::RoleArn;

use super::reverse::{Named, list, named};
use super::unseen_kinds::kinds_shown;
use crate::chain::asked_role;
use crate::check::{AccountEvidence, Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::paths::Ways;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA702",
    reason: "TrustsUnannotatedServiceAccount",
    severity: Severity::Notice,
    link: Link::Trust,
    title: "roles trust ServiceAccounts that do not use the roles",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Account(of_account)],
};

fn of_account(account: &AccountEvidence<'_>) -> Vec<Finding> {
    finding(account).into_iter().collect()
}

fn finding(account: &AccountEvidence<'_>) -> Option<Finding> {
    let id = account.id;
    let unused: Vec<Named<'_>> = named(account)
        .filter_map(|named| {
            let unused = unused(account, &named);
            (!unused.is_empty()).then_some(Named {
                roles: unused,
                ..named
            })
        })
        .collect();
    unused.first()?;
    let unseen = account.snapshot.cluster.unseen_role_givers();
    let unseen = if unseen.is_empty() {
        String::new()
    } else {
        format!(
            "; irsa-audit could not list {}, which may use these roles (IRSA915)",
            kinds_shown(&unseen)
        )
    };
    let message = format!(
        "roles of account {id} trust {} that {} not use these roles: {}{unseen}",
        if unused.len() == 1 {
            "a ServiceAccount".to_owned()
        } else {
            format!("{} ServiceAccounts", unused.len())
        },
        if unused.len() == 1 { "does" } else { "do" },
        list(&unused)
    );
    Some(Finding::new(&ENTRY, message))
}

/// The roles that name a ServiceAccount which is there, and which it uses in no way. None where it lacks the annotation while
/// something runs as it.
fn unused<'a>(account: &AccountEvidence<'_>, named: &Named<'a>) -> Vec<&'a str> {
    let AccountEvidence {
        snapshot,
        config,
        id,
        now,
        ..
    } = *account;
    let Some(binding) = named
        .binding
        .filter(|binding| binding.service_account().is_some())
    else {
        return Vec::new();
    };
    let annotated = asked_role(snapshot, config, &named.key);
    let is_annotated = |role: &&str| {
        let arn = annotated.as_ref();
        arn.is_some_and(|arn| arn.account() == id && arn.name().eq_ignore_ascii_case(role))
    };
    // Most are annotated with the one role that names them: nothing else has to be looked at.
    if named.roles.iter().all(is_annotated) {
        return Vec::new();
    }
    let ways = Ways::find(snapshot, config, now, &named.key);
    let asked = snapshot.cluster.asked(&named.key, &config.annotation_prefix).role;
    let may_be_requested = snapshot.cluster.cut_requesters(&named.key).next().is_some();
    if ways.unseen().next().is_some()
        || may_be_requested
        || (asked.is_none() && binding.pods().iter().any(|pod| pod.is_active()))
    {
        return Vec::new();
    }
    let active = binding.pods().iter().filter(|pod| pod.is_active());
    let carried = active
        .flat_map(|pod| pod.role_arns())
        .filter_map(|text| RoleArn::parse(text).ok());
    let used: Vec<RoleArn> = annotated
        .into_iter()
        .chain(ways.named_roles())
        .chain(carried)
        .collect();
    // Of one that is named in another case, IRSA201 says so; of one in a text that is not an ARN, IRSA102.
    let misspelt = asked.filter(|text| RoleArn::parse(text).is_err()).map(last_word);
    let is_used = |role: &str| {
        let mut used = used.iter();
        used.any(|arn| arn.account() == id && arn.name().eq_ignore_ascii_case(role))
            || misspelt.is_some_and(|name| name.eq_ignore_ascii_case(role))
    };
    let roles = named.roles.iter().copied();
    roles.filter(|role| !is_used(role)).collect()
}

/// What is at the end of a text that was meant for an ARN: the role's name, if it has one.
fn last_word(text: &str) -> &str {
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    text.rsplit(['/', ':', '"', '\'', ' ']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::audit::audit_cluster;
    use crate::model::Container;
    use crate::testing::*;

    fn cluster_codes(world: &World) -> Vec<&'static str> {
        let report = audit_cluster(&world.snapshot, &world.config, world.now);
        report.findings.iter().map(|finding| finding.entry.code).collect()
    }

    #[test]
    fn a_trust_that_nobody_uses_is_told() {
        assert_eq!(cluster_codes(&World::healthy().trusted_by("other")), ["IRSA702"]);
        assert_eq!(
            cluster_codes(
                &World::healthy()
                    .trusted_by("other")
                    .without_annotation()
                    .without_pods()
            ),
            ["IRSA702"]
        );
    }

    #[test]
    fn of_two_roles_the_one_that_is_not_used_is_told() {
        let world = World::healthy().trusted_by("other").trusted_by("cart");
        let report = audit_cluster(&world.snapshot, &world.config, world.now);
        let message = &report.findings[0].message;
        assert!(message.ends_with("`shop/cart` (role `other`)"), "{message}");
    }

    /// A pod that brings a token for `vault`, which the role `other` accepts from a day on.
    fn accepted_from(day: &str) -> World {
        let condition = json!({
            "StringEquals": { format!("{HOST_PATH}:sub"): SUBJECT, format!("{HOST_PATH}:aud"): "vault" },
            "DateGreaterThan": { "aws:CurrentTime": day }
        });
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/other");
        let container = Container {
            role_arn: None,
            token_file: None,
            ..own("vault", ROLE)
        };
        World::healthy()
            .container(container)
            .client_ids(&[AUDIENCE, "vault"])
            .any_role("other", role(&arn, &trust(&condition).to_string()))
            .trusted_by("other")
    }

    #[test]
    fn what_may_use_it_is_judged_by_the_time_of_the_audit() {
        assert_eq!(cluster_codes(&accepted_from("2020-01-01T00:00:00Z")), [""; 0]);
        assert_eq!(cluster_codes(&accepted_from("2100-01-01T00:00:00Z")), ["IRSA702"]);
        let stale = accepted_from("2100-01-01T00:00:00Z").later(3601);
        assert_eq!(cluster_codes(&stale), [""; 0], "nothing is proven by it");
    }

    #[test]
    fn what_is_used_or_told_elsewhere_is_not() {
        assert_eq!(cluster_codes(&World::healthy().trusted_by("cart")), [""; 0]);
        let in_another_case = World::healthy()
            .annotation("arn:aws:iam::111122223333:role/CART")
            .trusted_by("cart");
        assert_eq!(cluster_codes(&in_another_case), [""; 0], "IRSA201 says it");
        for text in [
            "\"arn:aws:iam::111122223333:role/cart\"",
            "arn:aws:iam::11112222333:role/cart",
            "cart\n",
        ] {
            let misspelt = World::healthy().annotation(text).trusted_by("cart");
            assert_eq!(cluster_codes(&misspelt), [""; 0], "IRSA102 says it: {text}");
        }
        assert_eq!(
            cluster_codes(&World::healthy().trusted_by("other").without_annotation()),
            [""; 0]
        );
    }
}
