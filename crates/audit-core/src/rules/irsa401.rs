//! # IRSA401 `CredentialsNotInjected`
//!
//! ## What it means
//! A pod of an annotated ServiceAccount runs, and none of its containers has `AWS_ROLE_ARN`,
//! `AWS_WEB_IDENTITY_TOKEN_FILE` and the mounted token. Containers whose environment comes from elsewhere (`envFrom`,
//! `valueFrom`) get the benefit of the doubt if a token is mounted.
//!
//! ## Why it breaks
//! The pod identity webhook changes pods only when they are created, and its failure is ignored: the pod is older than
//! the annotation, the webhook was not there, a label told it to leave the pod alone, it had not yet heard of a
//! ServiceAccount that was created just before; or every container presets one of the two variables, so that it set
//! neither.
//!
//! ## In logs
//! `Unable to locate credentials`, `NoCredentialProviders`, or errors that name the node's role.
//!
//! ## Example
//! ```console
//! $ kubectl exec deploy/cart -- env | grep AWS_
//! $ kubectl get serviceaccount cart -o yaml | grep role-arn
//!     eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/cart
//! ```
//!
//! ## Fix
//! `kubectl rollout restart`; or take the label, or the preset variable, out of the pod template.
//!
//! ## Verify
//! `kubectl exec … -- env` in a new pod shows both variables.
//!
//! ## References
//! - [Configure pods to use a Kubernetes service account](https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html)
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)

use super::pods::{missing, some_of, workloads};
use crate::chain::Chain;
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix};
use crate::model::Pod;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA401",
    reason: "CredentialsNotInjected",
    severity: Severity::Broken,
    link: Link::Pods,
    title: "pods run without injected credentials",
};
pub(super) const CHECK: Option<super::Check> = Some(check);

/// Why a pod was not injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// A label told the webhook to leave it alone.
    OptedOut,
    /// A container sets one of the two variables itself, so that the webhook set neither there.
    Preset,
    /// The webhook did not see it, or did not know the annotation.
    NotSeen,
}

impl Why {
    fn of(pod: &Pod) -> Self {
        if pod.webhook_opt_out {
            Self::OptedOut
        } else if pod.containers.iter().any(|c| c.role_arn.is_some() || c.token_file.is_some()) {
            Self::Preset
        } else {
            Self::NotSeen
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::OptedOut => "a label tells the webhook to leave them alone",
            Self::Preset => {
                "a container sets `AWS_ROLE_ARN` or `AWS_WEB_IDENTITY_TOKEN_FILE` itself, where the webhook then sets \
                 neither"
            }
            Self::NotSeen => "they are older than the annotation, or the webhook did not see them",
        }
    }

    fn step(self, prefix: &str) -> String {
        match self {
            Self::OptedOut => format!("take the label `{prefix}/skip-pod-identity-webhook` out of the pod templates"),
            Self::Preset => "take the variable out of the pod templates".to_owned(),
            Self::NotSeen => "create the pods anew".to_owned(),
        }
    }
}

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let pods = missing(chain);
    let first = pods.first()?;
    let (restart, names) = workloads(&pods);
    let mut reasons: Vec<Why> = pods.iter().map(|pod| Why::of(pod)).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let why: Vec<&str> = reasons.iter().map(|why| why.words()).collect();
    let message = format!(
        "{} no injected credentials, such as `{}` of {names}: {}",
        some_of(pods.len(), chain.pods.len(), "has", "have"),
        quote(&first.name),
        why.join("; or ")
    );
    let fix = if reasons == [Why::NotSeen] {
        fix::restart(&chain.key.namespace, &restart)
    } else {
        let steps: Vec<String> = reasons.iter().map(|why| why.step(&chain.config.annotation_prefix)).collect();
        Some(Fix::manual(format!("{}, of {names}", steps.join("; "))))
    };
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::FixKind;
    use crate::model::{Container, PodPhase, Workload};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) = ("IRSA401", Severity::Broken, Link::Pods, Verdict::Broken);

    #[test]
    fn a_pod_without_credentials_is_broken_and_restarted() {
        let report = World::healthy().container(bare("app")).audit();
        let finding = the_one(&report, BROKEN);
        assert_eq!(
            finding.fix.as_ref().unwrap().text,
            "kubectl rollout restart --namespace shop deployment/cart"
        );
        assert_eq!((report.pods.total, report.pods.missing, report.pods.stale), (1, 1, 0));
        assert_eq!(report.pods.workloads, [Workload { kind: "Deployment".into(), name: "cart".into() }]);
    }

    #[test]
    fn one_pod_of_several_is_enough() {
        let report = World::healthy().another_pod("worker", bare("app")).audit();
        assert!(the_one(&report, BROKEN).message.starts_with("1 of 2 pods has"), "{}", report.message);
    }

    #[test]
    fn one_container_with_credentials_is_enough() {
        assert_healthy(&World::healthy().pod(|pod| pod.containers.push(bare("sidecar"))).audit());
    }

    #[test]
    fn no_pods_and_pods_that_are_done_are_no_failure() {
        assert_healthy(&World::healthy().without_pods().audit());
        for phase in [PodPhase::Succeeded, PodPhase::Failed, PodPhase::Template] {
            assert_healthy(&World::healthy().container(bare("app")).pod(|pod| pod.phase = phase).audit());
        }
        assert_healthy(&World::healthy().container(bare("app")).pod(|pod| pod.terminating = true).audit());
    }

    #[test]
    fn what_comes_from_elsewhere_may_be_there_if_the_token_is() {
        let opaque = Container { opaque_env: true, ..bare("app") };
        let with_token = Container { tokens: vec![token(AUDIENCE)], ..opaque.clone() };
        assert_healthy(&World::healthy().container(with_token).audit());
        the_one(&World::healthy().container(opaque).audit(), BROKEN);
    }

    #[test]
    fn pods_of_pod_identity_have_credentials_of_their_own() {
        assert_healthy(&World::healthy().container(with_pod_identity("app")).audit());
        assert_healthy(&World::healthy().another_pod("worker", with_pod_identity("app")).audit());
    }

    #[test]
    fn a_label_or_a_preset_variable_is_named_and_no_restart_is_proposed() {
        let step = |world: World, word: &str| {
            let report = world.audit();
            let finding = the_one(&report, BROKEN);
            assert!(finding.message.contains(word), "{}", finding.message);
            assert_eq!(finding.fix.as_ref().unwrap().kind, FixKind::Manual);
        };
        step(World::healthy().container(bare("app")).pod(|pod| pod.webhook_opt_out = true), "label");
        for preset in [
            Container { token_file: None, ..injected("app", ROLE) },
            Container { role_arn: None, ..injected("app", ROLE) },
        ] {
            step(World::healthy().container(preset), "sets `AWS_ROLE_ARN`");
        }
    }

    #[test]
    fn what_cannot_be_restarted_gives_a_step() {
        let job = Workload { kind: "Job".into(), name: "once".into() };
        let report = World::healthy().container(bare("app")).pod(|pod| pod.workload = job).audit();
        assert_eq!(the_one(&report, BROKEN).fix.as_ref().unwrap().kind, FixKind::Manual);
    }

    #[test]
    fn it_is_found_whatever_aws_says() {
        let report = World::healthy().container(bare("app")).without_account().audit();
        assert_eq!((report.verdict, report.reason), (Verdict::Broken, "CredentialsNotInjected"));
    }
}
