//! Why pods have no injected credentials, as far as it shows: what IRSA401 says and does.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::selection;
use crate::chain::Chain;
use crate::model::Pod;
use crate::snapshot::AskedIn;
use crate::webhook::{Injection, Lack, LeftOut, Selection};

/// How long after a ServiceAccount the webhook may not have heard of it.
const RACE: SignedDuration = SignedDuration::from_secs(10);

/// Why a pod was not injected, as far as it shows. When an annotation came, nothing tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// No registration selects it.
    NotSelected,
    /// A registration may leave it out, by what was not seen or is not evaluated.
    MayBeLeftOut,
    /// An annotation told it to skip the container.
    Skipped,
    /// A container sets one of the two variables itself, so that the webhook set neither there.
    Preset,
    /// It sets a Region and `AWS_STS_REGIONAL_ENDPOINTS` as well, so that the webhook does nothing there.
    LeftAlone,
    /// No webhook is registered with the API server.
    NoWebhook,
    /// Whether one is registered was not read, nothing else shows it, and the cluster is not of EKS.
    WebhookUnseen,
    /// It is older than the ServiceAccount that has the annotation.
    OlderThanAccount,
    /// It was created right after the ServiceAccount.
    Race,
    /// The webhook did not see it, or did not know the annotation.
    NotSeen,
}

impl Why {
    /// Why a pod has nothing, container by container.
    fn of(chain: &Chain<'_>, injection: &Injection<'_>, pod: &Pod) -> BTreeSet<Self> {
        let lacks = pod
            .containers
            .iter()
            .filter_map(|container| injection.lack(pod, container));
        let mut reasons: BTreeSet<Self> = lacks
            .map(|lack| match lack {
                Lack::NotSelected => Self::NotSelected,
                Lack::Skipped => Self::Skipped,
                Lack::Preset => Self::Preset,
                Lack::LeftAlone => Self::LeftAlone,
                Lack::NotSeen | Lack::PodIdentity => Self::of_unseen(chain, injection, pod),
            })
            .collect();
        if reasons.is_empty() {
            reasons.insert(Self::of_unseen(chain, injection, pod));
        }
        reasons
    }

    /// Why pods have nothing.
    pub(super) fn of_all(chain: &Chain<'_>, injection: &Injection<'_>, pods: &[&Pod]) -> BTreeSet<Self> {
        pods.iter()
            .flat_map(|pod| Self::of(chain, injection, pod))
            .collect()
    }

    fn of_unseen(chain: &Chain<'_>, injection: &Injection<'_>, pod: &Pod) -> Self {
        if !has_webhook(chain) {
            return match chain.snapshot.cluster.has_webhook() {
                Some(false) => Self::NoWebhook,
                _ => Self::WebhookUnseen,
            };
        }
        if matches!(injection.selection(pod), Selection::Unknown(_)) {
            return Self::MayBeLeftOut;
        }
        let account = chain.service_account.and_then(|account| account.created);
        let (Some(account), Some(pod)) = (account, pod.created) else {
            return Self::NotSeen;
        };
        match pod.duration_since(account) {
            age if age.is_negative() => Self::OlderThanAccount,
            age if age <= RACE => Self::Race,
            _ => Self::NotSeen,
        }
    }

    /// Why `pods` have nothing, of which the first shows what a registration wants.
    pub(super) fn words(self, chain: &Chain<'_>, injection: &Injection<'_>, pods: &[&Pod]) -> String {
        let namespace = &chain.key.namespace;
        let asked = match chain.source {
            AskedIn::ConfigMap => "entry in the webhook's ConfigMap",
            AskedIn::Annotation | AskedIn::Pod | AskedIn::Requester => "annotation",
        };
        let text = match self {
            Self::NotSelected => {
                return first_left_out(injection, pods)
                    .map_or_else(String::new, |why| selection::reason(&why, namespace));
            }
            Self::MayBeLeftOut => {
                let doubts = pods.iter().find_map(|pod| match injection.selection(pod) {
                    Selection::Unknown(doubt) => Some(selection::doubt(&doubt, namespace)),
                    _ => None,
                });
                let doubts = doubts.unwrap_or_default();
                return format!(
                    "the pods are older than the {asked}, or the webhook does not select them: {doubts}"
                );
            }
            Self::Skipped => "an annotation tells the webhook to skip the container",
            Self::Preset => {
                "a container sets `AWS_ROLE_ARN` or `AWS_WEB_IDENTITY_TOKEN_FILE` itself, so the webhook sets neither there"
            }
            Self::LeftAlone => {
                "a container sets `AWS_ROLE_ARN` or `AWS_WEB_IDENTITY_TOKEN_FILE`, a Region and `AWS_STS_REGIONAL_ENDPOINTS` \
                 itself, so the webhook mounts no token there"
            }
            Self::NoWebhook => "no pod identity webhook is registered with the API server",
            Self::WebhookUnseen => {
                "irsa-audit found no pod identity webhook; outside of EKS, a cluster has one only if it was installed"
            }
            Self::OlderThanAccount => "the pods are older than the ServiceAccount",
            Self::Race => {
                "the pods were created within seconds of the ServiceAccount, possibly before the webhook knew it"
            }
            Self::NotSeen if must_answer(chain) => {
                return format!(
                    "the pods are older than the {asked}, or than the registration of the webhook"
                );
            }
            Self::NotSeen => {
                return format!("the pods are older than the {asked}, or the webhook did not process them");
            }
        };
        text.to_owned()
    }

    /// Whether a pod that is created now gets its credentials.
    pub(super) fn is_past(self) -> bool {
        matches!(self, Self::OlderThanAccount | Self::Race | Self::NotSeen)
    }

    pub(super) fn step(self, injection: &Injection<'_>) -> String {
        let prefix = injection.prefix;
        match self {
            Self::NotSelected => "make the webhook select the pods".to_owned(),
            Self::MayBeLeftOut => {
                "check that the webhook selects these pods, and recreate them if it does".to_owned()
            }
            Self::Skipped => format!(
                "remove the containers that call AWS from the annotation `{prefix}/skip-containers` of the pod templates"
            ),
            Self::Preset | Self::LeftAlone => {
                "remove the variables from the containers in the pod templates".to_owned()
            }
            Self::NoWebhook => "install the pod identity webhook, then recreate the pods".to_owned(),
            Self::WebhookUnseen => "look for the pod identity webhook with `kubectl get mutatingwebhookconfigurations`, install it if \
                 it is missing, and then recreate the pods"
                .to_owned(),
            Self::OlderThanAccount | Self::Race | Self::NotSeen => "recreate the pods".to_owned(),
        }
    }
}

/// Whether there is a webhook, as far as anything shows. EKS has one in every cluster.
pub(super) fn has_webhook(chain: &Chain<'_>) -> bool {
    let cluster = &chain.snapshot.cluster;
    let is_elsewhere = chain.issuer.is_some_and(|issuer| !issuer.url.is_of_eks());
    cluster.has_webhook() != Some(false) && (!is_elsewhere || cluster.shows_webhook())
}

/// Whether no pod is created without the webhook's answer.
fn must_answer(chain: &Chain<'_>) -> bool {
    let registrations = chain.snapshot.cluster.registrations().unwrap_or_default();
    !registrations.is_empty() && registrations.iter().all(|registration| registration.must_answer)
}

/// Why the first of the pods that no registration selects is left out.
#[must_use]
pub(super) fn first_left_out<'p>(injection: &'p Injection<'_>, pods: &[&'p Pod]) -> Option<LeftOut<'p>> {
    pods.iter().find_map(|pod| match injection.selection(pod) {
        Selection::LeftOut(why) => Some(why),
        _ => None,
    })
}
