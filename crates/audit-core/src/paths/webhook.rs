//! # `Webhook`
//!
//! The pod identity webhook injects the role that the ServiceAccount's annotation names, or the webhook's ConfigMap, with a
//! token for it. Known by that annotation or entry, and by pods with the webhook's own volume. All links are audited.
//!
//! A running container without any of it is not on the path, whatever the annotation says: see IRSA401.
//!
//! Source: [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook).

use super::way::{Claim, CredentialPath, PathEntry, PathInput, PathRole, Taker, Way};
use crate::model::{Container, Pod};

pub(super) static ENTRY: PathEntry = PathEntry {
    path: CredentialPath::Webhook,
    claim,
    rest,
};

fn claim<'a>(sight: &PathInput<'a>, pod: &'a Pod, container: &'a Container) -> Option<Claim<'a>> {
    let takes = if pod.is_template() {
        sight.asked.role.is_some()
    } else if sight.asked.role.is_some() {
        container.may_have_web_identity()
    } else {
        // Injected before the annotation went away.
        container.has_web_identity()
    };
    takes.then(|| Claim::of(role(sight)))
}

fn rest<'a>(sight: &PathInput<'a>, ways: &mut Vec<Way<'a>>) {
    let has_consumers = sight.snapshot.cluster.consumers(sight.key).next().is_some();
    if sight.asked.role.is_some() && sight.pods.is_empty() && !has_consumers {
        ways.push(Way {
            path: CredentialPath::Webhook,
            taker: Taker::Nothing,
            role: PathRole::Asked,
            audience: None,
            then: &[],
        });
    }
}

fn role(sight: &PathInput<'_>) -> PathRole<'static> {
    if sight.asked.role.is_some() {
        PathRole::Asked
    } else {
        PathRole::None
    }
}
