//! # `PodIdentity`
//!
//! EKS Pod Identity gives the credentials: known by the address of its agent in the container's environment, which EKS
//! injects, and nobody else's: `AWS_CONTAINER_CREDENTIALS_FULL_URI` with another address leads to another server. Or a controller asks for
//! them: the secrets-store CSI driver, for a `SecretProviderClass` with `usePodIdentity`. The chain
//! of EKS Pod Identity (association, trust policy for `pods.eks.amazonaws.com`, agent) is not audited: IRSA912 says so.
//!
//! Source: [EKS Pod Identity](https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html).

use super::way::{Claim, CredentialPath, PathEntry, PathInput, PathRole, Taker, Way};
use crate::model::{Account, Container, Pod, Use};
use crate::snapshot::AccountTrait;

pub(super) static ENTRY: PathEntry = PathEntry {
    path: CredentialPath::PodIdentity,
    claim,
    rest,
};

fn claim<'a>(_: &PathInput<'a>, _: &'a Pod, container: &'a Container) -> Option<Claim<'a>> {
    container.pod_identity.then_some(Claim::of(PathRole::None))
}

/// Controllers that ask for the credentials of the ServiceAccount; and new pods, which get them from an association where
/// nothing asks the webhook as well.
fn rest<'a>(sight: &PathInput<'a>, ways: &mut Vec<Way<'a>>) {
    let way = |taker| Way {
        path: CredentialPath::PodIdentity,
        taker,
        role: PathRole::None,
        audience: None,
        then: &[],
    };
    let consumers = sight.snapshot.cluster.consumers(sight.key);
    let asking = consumers.filter(|consumer| consumer.how == Use::UsesPodIdentity);
    ways.extend(asking.map(|consumer| way(Taker::Object(consumer))));
    let is_associated = || {
        let mut accounts = sight.snapshot.accounts.having(AccountTrait::SawAssociations);
        let has_one = |account: &Account| {
            let seen = account.pod_identity.latest();
            seen.is_some_and(|all| all.contains_key(sight.key))
        };
        accounts.any(|(_, account)| has_one(account))
    };
    if sight.account.is_some() && sight.asked.role.is_none() && ways.is_empty() && is_associated() {
        ways.push(way(Taker::Nothing));
    }
}
