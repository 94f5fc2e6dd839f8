//! # IRSA103 `AnnotationMisplaced`
//!
//! ## What it means
//! The ServiceAccount has no `eks.amazonaws.com/role-arn`, but a similar annotation: the prefix, the name
//! or the case is wrong, or the prefix is not the one that the cluster's webhook is configured with. Or the annotation is right,
//! but it is on the pods (in their template), where the webhook does not look for it. In an audit of files, also: on the Deployment or
//! other workload itself.
//!
//! The finding is a *risk* while running pods still have a role from before. The annotation of kiam and kube2iam,
//! `iam.amazonaws.com/role`, is a *notice* if it is the only one: IRSA does not read it. The finding is *unknown* if irsa-audit could not
//! list objects that may name the role themselves, or whose controller reads the annotation that is there (IRSA915).
//!
//! ## Why it breaks
//! The webhook reads exactly one annotation key. It ignores every other annotation.
//!
//! ## In logs
//! `NoCredentialProviders: no valid providers in chain`, or `AccessDenied` that names the role of the node.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: ServiceAccount
//! metadata:
//!   name: cart
//!   namespace: shop
//!   annotations:
//!     eks.amazonaws.com/role_arn: arn:aws:iam::111122223333:role/cart   # role-arn, with a hyphen
//! ```
//!
//! ## Fix
//! `kubectl annotate serviceaccount NAME --namespace NS eks.amazonaws.com/role-arn=ARN WRONG-KEY-`, and make the same
//! change where the ServiceAccount is managed. Then recreate its pods.
//!
//! ## Verify
//! A new pod has `AWS_ROLE_ARN`.
//!
//! ## References
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)

use super::{repair, unseen_kinds};
use crate::chain::{Chain, NamedRole};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::model::service_account::KIAM;
use crate::model::{DEFAULT_SERVICE_ACCOUNT, Misplaced, Workload};
use crate::snapshot::Origin;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA103",
    reason: "AnnotationMisplaced",
    severity: Severity::Broken,
    link: Link::ServiceAccount,
    title: "the role is in an annotation that the webhook does not read",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    if chain.uses_pod_identity || chain.named_role != NamedRole::Missing {
        return None;
    }
    let Some(misplaced) = &chain.misplaced else {
        return kiam(chain);
    };
    let prefix = &chain.config.annotation_prefix;
    let (severity, note) = if chain.carries_role() {
        (
            Severity::Risk,
            "; running pods still have a role, which they lose when they are recreated",
        )
    } else {
        (Severity::Broken, "")
    };
    let (key, value) = (quote(misplaced.key), quote(misplaced.value));
    let message = match misplaced.on_pods_of {
        None => format!(
            "ServiceAccount `{}` has annotation `{key}`, set to `{value}`, but the webhook reads only `{prefix}/role-arn`{note}",
            quote(&chain.key.to_string())
        ),
        Some(Workload { kind, name }) => {
            let workload = format!("{}/{}", quote(kind), quote(name));
            let reads_workloads =
                chain.snapshot.origin == Origin::Files && !chain.snapshot.cluster.is_captured();
            let place = if reads_workloads {
                format!("{workload}, its pod template or its pods have")
            } else {
                format!("pods of {workload} have")
            };
            format!(
                "{place} annotation `{key}`, set to `{value}`, but the webhook reads only the annotation of the ServiceAccount{note}"
            )
        }
    };
    if let Some(unseen) = unseen_kinds::of_misplaced_annotation(chain).filter(|_| !chain.carries_role()) {
        let message = format!("{message}{}", unseen.note);
        return Some(
            Finding::new(&ENTRY, message)
                .severity(Severity::Unknown)
                .fix(unseen.fix),
        );
    }
    Some(
        Finding::new(&ENTRY, message)
            .severity(severity)
            .fix(mended(chain, misplaced)),
    )
}

/// The annotation of kiam, by itself.
fn kiam(chain: &Chain<'_>) -> Option<Finding> {
    let role = chain.service_account?.kiam_role()?;
    let message = format!(
        "ServiceAccount `{}` has annotation `{KIAM}`, set to `{}`: kiam reads it, but IRSA does not",
        quote(&chain.key.to_string()),
        quote(role)
    );
    Some(Finding::new(&ENTRY, message).severity(Severity::Notice))
}

/// The right key instead of the wrong one, for the expected role, else for the role that the wrong one names.
fn mended(chain: &Chain<'_>, misplaced: &Misplaced<'_>) -> Fix {
    let expected = chain.request.and_then(|request| request.role_arn.clone());
    let expected = expected.filter(|arn| iam_policy::RoleArn::parse(arn).is_ok());
    let arn = expected.or_else(|| misplaced.role.as_ref().map(ToString::to_string));
    if chain.key.service_account == DEFAULT_SERVICE_ACCOUNT && misplaced.on_pods_of.is_some() {
        // With it, every other pod of the namespace that names no ServiceAccount would get the role.
        return Fix::manual(format!(
            "create a separate ServiceAccount for the workload, annotate it with `{}/role-arn`, and remove the annotation \
             from the workload and its pod template",
            chain.config.annotation_prefix
        ));
    }
    match arn {
        Some(arn) if misplaced.on_pods_of.is_some() => repair::annotate_role(chain, &arn),
        Some(arn) => repair::move_annotation(chain, misplaced.key, &arn),
        None => Fix::manual(format!(
            "set annotation `{}/role-arn` of the ServiceAccount to the ARN of the role, remove annotation `{}`, and recreate its \
             pods",
            chain.config.annotation_prefix,
            quote(misplaced.key)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Bound, is_bound};
    use crate::fix::FixKind;
    use crate::model::{BindingKey, PodPhase};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA103", Severity::Broken, Link::ServiceAccount, Verdict::Broken);
    const RISK: (&str, Severity, Link, Verdict) =
        ("IRSA103", Severity::Risk, Link::ServiceAccount, Verdict::AtRisk);
    const NOTICE: (&str, Severity, Link, Verdict) = (
        "IRSA103",
        Severity::Notice,
        Link::ServiceAccount,
        Verdict::Working,
    );
    const WRONG: &str = "eks.amazonaws.com/role_arn";

    /// Another key in place of the right one, and a pod that was created under it.
    fn misplaced(key: &str, value: &str) -> World {
        World::healthy()
            .without_annotation()
            .annotate(key, Some(value))
            .container(bare("app"))
    }

    #[test]
    fn a_key_that_nobody_reads_is_broken_and_can_be_moved() {
        for key in [
            WRONG,
            "eks.amazon.com/role-arn",
            "eks.amazonaws.com/Role-ARN",
            "role-arn",
        ] {
            let world = misplaced(key, ROLE);
            assert_eq!(
                is_bound(&world.snapshot, &world.config, &world.key, world.now),
                Bound::Yes
            );
            let report = world.audit();
            let fix = the_one(&report, BROKEN).fix.clone().unwrap();
            assert_eq!(
                fix.first.text,
                format!(
                    "kubectl annotate serviceaccount cart --namespace shop --overwrite {PREFIX}/role-arn={ROLE} {key}-"
                )
            );
            assert_eq!(
                fix.then[0].text,
                "kubectl rollout restart --namespace shop deployment/cart"
            );
            assert_healthy(
                &world
                    .annotation(ROLE)
                    .annotate(key, None)
                    .container(injected("app", ROLE))
                    .audit(),
            );
        }
    }

    #[test]
    fn the_right_key_beside_it_is_enough() {
        assert_healthy(&World::healthy().annotate(WRONG, Some(OLD_ROLE)).audit());
    }

    #[test]
    fn the_clusters_prefix_may_be_another() {
        let world = World::healthy().container(bare("app"));
        let report = world
            .config(|config| "irsa.example.com".clone_into(&mut config.annotation_prefix))
            .audit();
        let fix = the_one(&report, BROKEN).fix.clone().unwrap();
        assert!(
            fix.first
                .text
                .ends_with(&format!("irsa.example.com/role-arn={ROLE} {PREFIX}/role-arn-")),
            "{}",
            fix.first.text
        );
    }

    #[test]
    fn the_right_key_on_pods_is_moved_to_their_service_account() {
        let on_pods = |phase| {
            let annotated = [(format!("{PREFIX}/role-arn"), ROLE.to_owned())];
            let world = World::healthy().without_annotation().container(bare("app"));
            world.pod(|pod| (pod.annotations, pod.phase) = (annotated.into_iter().collect(), phase))
        };
        for phase in [PodPhase::Running, PodPhase::Template] {
            let world = on_pods(phase);
            assert_eq!(
                is_bound(&world.snapshot, &world.config, &world.key, world.now),
                Bound::Yes
            );
            let report = world.audit();
            let finding = the_one(&report, BROKEN);
            assert!(finding.message.contains("Deployment/cart"), "{}", finding.message);
            assert!(
                finding
                    .fix
                    .as_ref()
                    .unwrap()
                    .first
                    .text
                    .ends_with(&format!("{PREFIX}/role-arn={ROLE}"))
            );
        }
        assert_healthy(
            &on_pods(PodPhase::Running)
                .annotation(ROLE)
                .container(injected("app", ROLE))
                .audit(),
        );
        assert_eq!(
            codes(&on_pods(PodPhase::Running).without_service_account().audit()),
            ["IRSA106"]
        );
    }

    #[test]
    fn the_default_service_account_is_not_given_a_role_by_command() {
        let mut world = World::healthy().service_account("shop", "default");
        world.key = BindingKey::new("shop", "default");
        let mut stray = pod(&world.key, "web", bare("app"));
        stray.annotations = [(format!("{PREFIX}/role-arn"), ROLE.to_owned())]
            .into_iter()
            .collect();
        world.snapshot.cluster.put_pod(stray);
        assert_eq!(
            the_one(&world.audit(), BROKEN).fix.as_ref().unwrap().first.kind,
            FixKind::Manual
        );
    }

    #[test]
    fn pods_from_before_make_it_a_risk() {
        the_one(
            &misplaced(WRONG, ROLE).container(injected("app", ROLE)).audit(),
            RISK,
        );
    }

    #[test]
    fn it_is_the_nearer_cause_of_a_missing_annotation() {
        let report = misplaced(WRONG, ROLE).expect_role(OLD_ROLE).audit();
        let fix = the_one(&report, BROKEN).fix.clone().unwrap();
        assert!(
            fix.first.text.contains(&format!("role-arn={OLD_ROLE} ")),
            "what is expected goes before: {}",
            fix.first.text
        );
        the_one(&misplaced(WRONG, ROLE).trusted_by("cart").audit(), BROKEN);
    }

    #[test]
    fn a_value_that_is_no_role_gives_a_step() {
        let report = misplaced(WRONG, "cart").audit();
        assert_eq!(
            the_one(&report, BROKEN).fix.as_ref().unwrap().first.kind,
            FixKind::Manual
        );
    }

    #[test]
    fn kiams_annotation_alone_is_worth_a_notice_and_no_binding() {
        let world = misplaced(KIAM, "cart");
        the_one(&world.audit(), NOTICE);
        assert_eq!(
            is_bound(&world.snapshot, &world.config, &world.key, world.now),
            Bound::No
        );
        assert_healthy(&World::healthy().annotate(KIAM, Some("cart")).audit());
    }

    #[test]
    fn pods_of_pod_identity_need_no_annotation() {
        assert_eq!(
            codes(&misplaced(WRONG, ROLE).container(with_pod_identity("app")).audit()),
            ["IRSA912"]
        );
    }
}
