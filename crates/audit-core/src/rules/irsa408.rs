//! # IRSA408 `PodIdentityTakesPrecedence`
//!
//! ## What it means
//! The ServiceAccount names a role for IRSA, but an EKS Pod Identity association exists for it as well. New pods get the
//! credentials of the association, and nothing for IRSA.
//!
//! ## Why it matters
//! The pods may have a different role after the next restart. If the association's role has fewer permissions,
//! or its trust policy is not for Pod Identity, the restart breaks the workload.
//!
//! ## In logs
//! After a restart: `assumed-role/<the association's role>/eks-…` in `aws sts get-caller-identity`, and no `AWS_ROLE_ARN` in
//! the pod.
//!
//! ## Example
//! ```console
//! $ aws eks list-pod-identity-associations --cluster-name CLUSTER --namespace shop --service-account cart
//! ```
//!
//! ## Fix
//! Keep one of the two: delete the association, or, once its role is known to work, remove the annotation.
//!
//! ## Verify
//! New pods have either `AWS_ROLE_ARN` or `AWS_CONTAINER_CREDENTIALS_FULL_URI`, whichever is intended.
//!
//! ## References
//! - [EKS Pod Identity](https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html)
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)

use crate::chain::{Chain, NamedRole};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{Command, Fix};
use crate::snapshot::AccountTrait;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA408",
    reason: "PodIdentityTakesPrecedence",
    severity: Severity::Risk,
    link: Link::Pods,
    title: "new pods get credentials from EKS Pod Identity instead of IRSA",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    if chain.named_role == NamedRole::Missing || !chain.aws_applies() || !chain.is_webhooks() {
        return None;
    }
    let mut accounts = chain.snapshot.accounts.having(AccountTrait::SawAssociations);
    let association = accounts.find_map(|(_, account)| chain.fresh(&account.pod_identity)?.get(chain.key))?;
    let role = match &association.role_arn {
        Some(arn) => format!("role `{}`", quote(arn)),
        None => "its role".to_owned(),
    };
    // One that a Terraform plan creates has no id yet.
    let (name, delete) = if association.id.is_empty() {
        (
            "a planned EKS Pod Identity association".to_owned(),
            "remove the association from the Terraform configuration".to_owned(),
        )
    } else {
        let delete = Command::new("aws eks delete-pod-identity-association --cluster-name CLUSTER")
            .option("--association-id", &association.id);
        (
            format!("EKS Pod Identity association `{}`", quote(&association.id)),
            format!("delete the association with `{delete}`"),
        )
    };
    let message = format!("{name} gives new pods {role} instead of the role in the annotation");
    let fix = Fix::manual(format!(
        "keep one of the two: {delete}, or remove the annotation `{}/role-arn`",
        chain.config.annotation_prefix
    ));
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BindingKey, FailureKind, Observed, PodIdentityAssociation};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) = ("IRSA408", Severity::Risk, Link::Pods, Verdict::AtRisk);

    /// With an association for this ServiceAccount.
    fn associated(world: World, service_account: &str, role_arn: Option<&str>) -> World {
        let association = PodIdentityAssociation {
            is_described: true,
            id: "a-1".to_owned(),
            role_arn: role_arn.map(str::to_owned),
            has_session_tags: true,
        };
        let (now, key) = (world.now, BindingKey::new("shop", service_account));
        world.account(|account| account.pod_identity = Observed::known([(key, association)].into(), now))
    }

    #[test]
    fn an_association_beside_the_annotation_is_a_risk() {
        let report = associated(World::healthy(), "cart", Some(OLD_ROLE)).audit();
        assert!(the_one(&report, RISK).message.contains(OLD_ROLE));
        the_one(
            &associated(World::healthy().without_pods(), "cart", None).audit(),
            RISK,
        );
    }

    #[test]
    fn its_id_stays_within_the_command() {
        for id in ["a$(reboot)`reboot`;reboot'\"", "-x", "a\nreboot", "a\u{202e}b"] {
            let mut world = associated(World::healthy(), "cart", None);
            let (now, key) = (world.now, BindingKey::new("shop", "cart"));
            let association = PodIdentityAssociation {
                is_described: true,
                id: id.to_owned(),
                role_arn: None,
                has_session_tags: true,
            };
            world = world
                .account(|account| account.pod_identity = Observed::known([(key, association)].into(), now));
            let report = world.audit();
            the_one(&report, RISK);
            assert_safe(&report);
        }
    }

    #[test]
    fn one_that_a_plan_creates_has_no_id_and_so_no_command_deletes_it() {
        let mut world = associated(World::healthy(), "cart", Some(OLD_ROLE));
        let planned = PodIdentityAssociation {
            is_described: true,
            id: String::new(),
            role_arn: None,
            has_session_tags: true,
        };
        let (now, key) = (world.now, BindingKey::new("shop", "cart"));
        world = world.account(|account| account.pod_identity = Observed::known([(key, planned)].into(), now));
        let report = world.audit();
        let fix = the_one(&report, RISK).fix.as_ref().unwrap().whole();
        assert!(!fix.contains("aws eks"), "{fix}");
    }

    #[test]
    fn pods_that_already_use_it_show_that_it_was_meant() {
        let report = associated(World::healthy().container(with_pod_identity("app")), "cart", None).audit();
        assert_eq!(codes(&report), ["IRSA912"]);
    }

    #[test]
    fn others_have_nothing_to_do_with_it() {
        assert_healthy(&associated(World::healthy(), "orders", None).audit());
        let unbound = World::healthy().without_annotation().container(bare("app"));
        assert_healthy(&associated(unbound, "cart", None).audit());
    }

    #[test]
    fn not_being_allowed_to_look_says_nothing_of_the_binding() {
        let world = World::healthy();
        let now = world.now;
        let denied = FailureKind::AccessDenied {
            action: "eks:ListPodIdentityAssociations".to_owned(),
        };
        assert_healthy(
            &world
                .account(|account| account.pod_identity.fail(denied, String::new(), now))
                .audit(),
        );
    }
}
