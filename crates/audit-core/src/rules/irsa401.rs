//! # IRSA401 `CredentialsNotInjected`
//!
//! ## What it means
//! A pod of an annotated ServiceAccount runs, but none of its containers has `AWS_ROLE_ARN`,
//! `AWS_WEB_IDENTITY_TOKEN_FILE` and the mounted token. Containers with variables from other sources (`envFrom`,
//! `valueFrom`) count as injected if a token is mounted. Pods that a different credential path explains do not
//! count: their own token, EKS Pod Identity, a mounted `SecretProviderClass` for which the driver requests the ServiceAccount's
//! token.
//!
//! The finding is *unknown* if another controller requests the token (a `SecretStore`, Flux, cert-manager) and no pod was injected: the
//! annotation may be only for the controller. In this case, pods that opt out, by their own label or
//! `skip-containers`, do not count, nor do pods of a cluster without the webhook, where the annotation can be only for the controller.
//! If other pods of the ServiceAccount were injected, the webhook is supposed to inject them all, and the finding is
//! *broken*. If irsa-audit could not list objects for which a controller may request the token, the finding is
//! *unknown* as well (IRSA915).
//!
//! ## Why it breaks
//! The pod identity webhook changes pods only when they are created, and its failure is ignored. The finding names the
//! reason if it can be determined:
//! - no registration of the webhook selects the pod, by its labels or by those of its namespace: a restart changes nothing.
//!   EKS excludes pods with the label `eks.amazonaws.com/skip-pod-identity-webhook`;
//! - an annotation tells the webhook to skip the container;
//! - every container sets one of the two variables itself, so the webhook sets neither; a container that also sets a Region and
//!   `AWS_STS_REGIONAL_ENDPOINTS` does not get the token's mount either;
//! - no webhook is registered;
//! - the pod is older than the ServiceAccount, or was created within ten seconds of it, possibly before the webhook knew the
//!   ServiceAccount.
//!
//! In all other cases the pod is older than the annotation, or the webhook failed. The cluster does not record when an annotation was set.
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
//! Run `kubectl rollout restart`. Or remove the label, the container's name in the annotation, or the variables from the pod template. Or
//! change the registration, if its owner excluded the namespace by mistake. Or install the webhook first. The next run of a `CronJob` is
//! correct without a change; a Job must be recreated. If files contain the workload, its pod template counts: if the template is already
//! correct, only new pods are needed. If a controller writes the template, change that controller's object.
//!
//! ## Verify
//! `kubectl exec … -- env` in a new pod shows both variables.
//!
//! ## References
//! - [Configure pods to use a Kubernetes service account](https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html)
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)

use std::collections::BTreeSet;

use super::pods::{is_mended, some_of, workloads};
use super::uninjected::{Why, first_left_out, has_webhook};
use super::{rollout, selection, skipped, unseen_kinds};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix};
use crate::model::{Container, Pod};
use crate::paths::{BarePod, CredentialPath};
use crate::text::quote;
use crate::webhook::{InjectedPods, Injection, LabelOf, Lack, Selection};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA401",
    reason: "CredentialsNotInjected",
    severity: Severity::Broken,
    link: Link::Pods,
    title: "pods run without injected credentials",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    if let Some(injected) = chain.injected_pods() {
        return of_pods(chain, &injected.injection, &injected.missing);
    }
    // The role that decides is that of a controller, or of a pod's own. What the webhook is asked for may be for other pods.
    if !chain.is_requested() {
        return None;
    }
    let injected = InjectedPods::new(Injection::asked(chain)?, &chain.pods, &chain.templates);
    of_pods(chain, &injected.injection, &injected.missing)
}

/// What is said of pods without credentials.
fn of_pods(chain: &Chain<'_>, injection: &Injection<'_>, pods: &[&Pod]) -> Option<Finding> {
    let may_need_none = |pod: &Pod| chain.ways.of_bare(pod) == BarePod::MayNeedNone;
    let is_left_alone = |pod: &Pod| !has_webhook(chain) || has_opted_out(injection, pod);
    let told = |pod: &&Pod| !(may_need_none(pod) && is_left_alone(pod));
    let pods: Vec<&Pod> = pods.iter().copied().filter(told).collect();
    let pods = pods.as_slice();
    let first = pods.first()?;
    let (_, names) = workloads(pods);
    let reasons = Why::of_all(chain, injection, pods);
    let why: Vec<String> = reasons
        .iter()
        .map(|why| why.words(chain, injection, pods))
        .collect();
    let is_past = |pods: &[&Pod]| {
        Why::of_all(chain, injection, pods)
            .iter()
            .all(|why| why.is_past())
    };
    let (past, rest): (Vec<&Pod>, Vec<&Pod>) = pods.iter().copied().partition(|pod| is_past(&[*pod]));
    let mended: Vec<&Pod> = rest
        .iter()
        .copied()
        .filter(|pod| is_mended(chain, injection, pod))
        .collect();
    let note = if mended.is_empty() {
        String::new()
    } else {
        let (_, names) = workloads(&mended);
        format!(". The pod template of {names} has changed since then: new pods get credentials")
    };
    let message = format!(
        "{} no injected credentials (`{}` of {names}): {}{note}",
        some_of(pods.len(), chain.pods.len(), "has", "have"),
        quote(&first.name),
        why.join("; or ")
    );
    if let Some(unseen) = unseen_kinds::of_missing_credentials(chain) {
        let message = format!("{message}{}", unseen.note);
        return Some(
            Finding::new(&ENTRY, message)
                .severity(Severity::Unknown)
                .fix(unseen.fix),
        );
    }
    if may_need_none(first) {
        return Some(beside_a_requester(chain, &message, &names));
    }
    let edited = rollout::edited(
        chain,
        &rest,
        |pod, _| !is_mended(chain, injection, pod),
        |due| command(chain, injection, due),
        |due| by_hand(chain, injection, due),
    );
    let fix = [edited, rollout::restart(chain, &past)];
    Some(Finding::new(&ENTRY, message).fix(fix.into_iter().flatten().reduce(Fix::and_then)))
}

/// Whether a pod itself asks the webhook to leave it alone, all of it.
fn has_opted_out(injection: &Injection<'_>, pod: &Pod) -> bool {
    if let Selection::LeftOut(why) = injection.selection(pod) {
        return why.of == LabelOf::Pod;
    }
    let is_skipped = |container: &Container| injection.lack(pod, container) == Some(Lack::Skipped);
    pod.containers.iter().all(is_skipped)
}

/// Of pods whose ServiceAccount a controller uses: its role may be for that alone.
fn beside_a_requester(chain: &Chain<'_>, message: &str, names: &str) -> Finding {
    let taker = chain.ways.taker_of(CredentialPath::Requested);
    let object = taker.map(|taker| taker.shown()).unwrap_or_default();
    let message = format!(
        "{message}. A controller also requests the token of this ServiceAccount, for {object}: whether the pods call AWS themselves \
         cannot be determined"
    );
    let fix = Fix::manual(format!(
        "if pods of {names} call AWS, recreate them so that the webhook injects credentials. If they do not, name their containers in \
         the annotation `{}/skip-containers` of the pod templates, or run them as a different ServiceAccount",
        chain.config.annotation_prefix
    ));
    Finding::new(&ENTRY, message).severity(Severity::Unknown).fix(fix)
}

/// What a person changes so that new pods get credentials.
fn by_hand(chain: &Chain<'_>, injection: &Injection<'_>, pods: &[&Pod]) -> String {
    let reasons = Why::of_all(chain, injection, pods);
    let (_, names) = workloads(pods);
    match only(&reasons) {
        Some(Why::NotSelected) => first_left_out(injection, pods).map_or_else(String::new, |why| {
            selection::by_hand(&why, &chain.key.namespace, &names)
        }),
        Some(Why::Skipped) => skipped::by_hand(chain, pods),
        _ => {
            let steps: Vec<String> = reasons.iter().map(|why| why.step(injection)).collect();
            format!("{} (for {names})", steps.join("; "))
        }
    }
}

/// The one reason, if there is one only.
fn only(reasons: &BTreeSet<Why>) -> Option<Why> {
    reasons.first().copied().filter(|_| reasons.len() == 1)
}

/// The command that edits the templates of pods, where one reason is all there is.
fn command(chain: &Chain<'_>, injection: &Injection<'_>, pods: &[&Pod]) -> Option<Fix> {
    let namespace = &chain.key.namespace;
    match only(&Why::of_all(chain, injection, pods))? {
        Why::NotSelected => {
            let why = first_left_out(injection, pods)?;
            selection::command(&why, namespace, pods)
        }
        Why::Skipped => skipped::command(chain, pods),
        Why::Preset | Why::LeftAlone => {
            let presets = |container: &&Container| container.names_web_identity();
            let containers = pods.iter().flat_map(|pod| {
                let presetting = pod.containers.iter().filter(presets);
                presetting.map(|container| (&*pod.workload, container.name.as_str()))
            });
            fix::unset_env(
                namespace,
                containers,
                &["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"],
            )
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "../../tests/unit/rules/irsa401.rs"]
mod tests;
