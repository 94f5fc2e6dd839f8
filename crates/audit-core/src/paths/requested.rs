//! # `Requested`
//!
//! A controller asks the API server for the ServiceAccount's token, and assumes a role with it: the stores of
//! external-secrets, the secrets-store CSI driver for pods that mount a `SecretProviderClass`, Flux, cert-manager. Neither a
//! pod nor the webhook takes part. The role is the one that the object names, or that of the annotation
//! `eks.amazonaws.com/role-arn`, which these controllers read under this very name, whatever prefix the webhook has.
//!
//! Which kinds there are, and what is read of each, is a table in `audit-k8s`, one file a kind.
//!
//! Source: [TokenRequest](https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/), and
//! the documentation of each project, in the file of its kind.

use super::way::{CredentialPath, PathEntry, PathInput, PathRole, Taker, Way, no_container};
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::model::{Consumer, RequestedAudience, Use, Used};

pub(super) static ENTRY: PathEntry = PathEntry {
    path: CredentialPath::Requested,
    claim: no_container,
    rest,
};

/// The prefix under which controllers read the annotations, whatever that of the webhook is.
pub const PREFIX: &str = "eks.amazonaws.com";

fn rest<'a>(sight: &PathInput<'a>, ways: &mut Vec<Way<'a>>) {
    let consumers = sight.snapshot.cluster.consumers(sight.key);
    ways.extend(consumers.filter_map(|consumer| way(sight, consumer)));
}

fn way<'a>(sight: &PathInput<'a>, consumer: &'a Consumer) -> Option<Way<'a>> {
    let Use::Requests { audience, role, then } = &consumer.how else {
        return None;
    };
    let annotated = |name| sight.account.and_then(|account| account.annotation(PREFIX, name));
    let role = role.as_deref().or_else(|| annotated("role-arn"));
    let role = role.filter(|role| !role.is_empty());
    if role.is_none() && !consumer.is_certain {
        return None;
    }
    let audience = match audience {
        RequestedAudience::Fixed(audience) => Some(audience.as_str()),
        RequestedAudience::Annotated => {
            let asked = annotated("audience").filter(|audience| !audience.is_empty());
            Some(asked.unwrap_or(DEFAULT_AUDIENCE))
        }
        RequestedAudience::Several => None,
    };
    let mut role = role.map_or(PathRole::None, PathRole::Named);
    if let (Used::WithController { name, usual }, PathRole::Named(arn)) = (&consumer.used, role) {
        // Where no namespace has such a ServiceAccount, this one is a guess, and no role is looked at for it.
        sight.account?;
        let homes = sight.snapshot.cluster.with_controller(name, usual);
        if homes.len() > 1 && sight.is_refused(sight.key, arn, audience) {
            if !homes.iter().all(|home| sight.is_refused(home, arn, audience)) {
                return None;
            }
            // Which of them the controller's is does not show, and nothing is opened for a guess.
            role = PathRole::Unseen;
        }
    }
    Some(Way {
        path: CredentialPath::Requested,
        then,
        taker: Taker::Object(consumer),
        role,
        audience,
    })
}
