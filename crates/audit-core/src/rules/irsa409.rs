//! # IRSA409 `WebhookMissing`
//!
//! ## What it means
//! No `MutatingWebhookConfiguration` of the pod identity webhook is registered with the API server, so pods of annotated
//! ServiceAccounts run without credentials.
//!
//! ## Why it matters
//! Annotations do nothing by themselves: the webhook puts role and token into pods when they are created. EKS registers the webhook
//! automatically. A self-hosted cluster must install it, and a restored or cleaned-up cluster may have lost it.
//!
//! ## In logs
//! `NoCredentialProviders: no valid providers in chain`, in every pod that was created without the webhook.
//!
//! ## Example
//! ```console
//! $ kubectl get mutatingwebhookconfigurations
//! No resources found
//! ```
//!
//! ## Fix
//! Install the webhook. If its configuration was deleted on EKS, ask AWS support. Then recreate the pods.
//!
//! ## Verify
//! `kubectl get mutatingwebhookconfigurations` lists `pod-identity-webhook`, and a new pod has `AWS_ROLE_ARN`.
//!
//! ## References
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)
//! - [Set it up on a self-hosted cluster](https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/SELF_HOSTED_SETUP.md)

use jiff::Timestamp;

use super::pods::lacks_injection;
use crate::check::{Check, Rule};
use crate::config::Config;
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::snapshot::Snapshot;
use crate::text::quote_list;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA409",
    reason: "WebhookMissing",
    severity: Severity::Risk,
    link: Link::Pods,
    title: "the webhook that gives pods their credentials is not registered",
};

/// What looks for it. It is about the cluster: the pods that lack credentials are IRSA401's.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Cluster(of_cluster)],
};

fn of_cluster(snapshot: &Snapshot, config: &Config, now: Timestamp) -> Vec<Finding> {
    finding(snapshot, config, now).into_iter().collect()
}

fn finding(snapshot: &Snapshot, config: &Config, now: Timestamp) -> Option<Finding> {
    if snapshot.cluster.has_webhook() != Some(false) {
        return None;
    }
    let bindings = snapshot.cluster.bindings().map(|(key, _)| key);
    let lacking: Vec<String> = bindings
        .filter(|key| lacks_injection(snapshot, config, key, now))
        .map(ToString::to_string)
        .collect();
    if lacking.is_empty() {
        return None;
    }
    let message = format!(
        "no MutatingWebhookConfiguration of the pod identity webhook is registered, so pods of {} have no credentials",
        quote_list(&lacking, 3)
    );
    let fix = Fix::manual("install the pod identity webhook, and recreate the pods");
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::audit_cluster;
    use crate::model::PodPhase;
    use crate::testing::*;

    fn cluster_codes(world: &World) -> Vec<&'static str> {
        let cluster = audit_cluster(&world.snapshot, &world.config, world.now);
        cluster
            .findings
            .iter()
            .map(|finding| finding.entry.code)
            .collect()
    }

    /// A pod without credentials, where the webhook is registered or is not.
    fn lacking(is_registered: Option<bool>) -> World {
        let mut world = World::healthy().container(bare("app"));
        world.snapshot.cluster.set_webhook(is_registered);
        world
    }

    #[test]
    fn no_webhook_is_a_risk_of_the_cluster_while_pods_lack_credentials() {
        let world = lacking(Some(false));
        assert_eq!(cluster_codes(&world), ["IRSA409"]);
        assert_eq!(codes(&world.audit()), ["IRSA401"]);
        let listed = lacking(Some(false))
            .without_annotation()
            .listed_by_webhook(ROLE, AUDIENCE);
        assert_eq!(cluster_codes(&listed), ["IRSA409"]);
    }

    #[test]
    fn elsewhere_it_is_none() {
        assert_eq!(cluster_codes(&lacking(Some(true))), [""; 0]);
        assert_eq!(cluster_codes(&lacking(None)), [""; 0], "nobody looked");
        assert_eq!(
            cluster_codes(&lacking(Some(false)).container(injected("app", ROLE))),
            [""; 0]
        );
        assert_eq!(
            cluster_codes(&lacking(Some(false)).container(with_pod_identity("app"))),
            [""; 0]
        );
        assert_eq!(cluster_codes(&lacking(Some(false)).without_annotation()), [""; 0]);
        assert_eq!(
            cluster_codes(&lacking(Some(false)).pod(|pod| pod.phase = PodPhase::Template)),
            [""; 0]
        );
        let excluded = |config: &mut Config| config.excluded_namespaces = ["shop".to_owned()].into();
        assert_eq!(cluster_codes(&lacking(Some(false)).config(excluded)), [""; 0]);
    }
}
