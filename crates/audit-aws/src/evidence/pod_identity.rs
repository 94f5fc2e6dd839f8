//! The associations of EKS Pod Identity of the cluster.

use std::collections::{BTreeMap, BTreeSet};

use audit_core::model::{Account, BindingKey, Observed, PodIdentityAssociation};

use super::kind::{Circumstances, EvidenceKind, Read};
use crate::account::AccountClient;
use crate::concern::Concern;
use crate::failure::{Failure, Miss};
use crate::pages::{Page, all};

/// The most that EKS puts on a page.
const PAGE_SIZE: i32 = 100;

/// The most associations whose roles are read: a list does not have them, and to know that there is an association matters
/// more than its role.
const MOST_DESCRIBED: usize = 50;

type Associations = BTreeMap<BindingKey, PodIdentityAssociation>;

/// Asks for all associations of a cluster, and for the roles of some.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodIdentity {
    /// The cluster's name.
    pub cluster_name: String,
    /// The ServiceAccounts whose associations' roles are of interest.
    pub wanted: BTreeSet<BindingKey>,
}

impl EvidenceKind for PodIdentity {
    type Value = Associations;

    const CALLS: &'static [&'static str] = &[
        "eks:ListPodIdentityAssociations",
        "eks:DescribePodIdentityAssociation",
    ];

    async fn read(&self, account: &AccountClient) -> Read<Associations> {
        let eks = &aws_sdk_eks::Client::new(&account.config);
        let (at, listed) = all(|token| async move {
            let request = eks
                .list_pod_identity_associations()
                .cluster_name(&self.cluster_name);
            let request = request.max_results(PAGE_SIZE);
            let send = || request.clone().set_next_token(token.clone()).send();
            let (at, answer) = account
                .caller
                .call("eks", "ListPodIdentityAssociations", send)
                .await;
            let page =
                answer.map(|page| Page::with_token(page.associations.unwrap_or_default(), page.next_token));
            (at, page)
        })
        .await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(failure) => return (at, Err(failure)).into(),
        };
        let mut associations: Associations = listed
            .into_iter()
            .filter_map(|item| {
                let key = BindingKey::new(item.namespace?, item.service_account?);
                let id = item.association_id?;
                Some((
                    key,
                    PodIdentityAssociation {
                        id,
                        role_arn: None,
                        is_described: false,
                        has_session_tags: true,
                    },
                ))
            })
            .collect();
        let mut trouble = None;
        let wanted = associations
            .iter_mut()
            .filter(|(key, _)| self.wanted.contains(*key));
        let mut wanted: Vec<&mut PodIdentityAssociation> = wanted
            .map(|(_, association)| association)
            .take(MOST_DESCRIBED)
            .collect();
        for association in &mut wanted {
            association.is_described = true;
        }
        for association in wanted {
            match self.described(account, eks, &association.id).await {
                Ok(Some(described)) => {
                    association.role_arn = described.role_arn;
                    association.has_session_tags = described.disable_session_tags != Some(true);
                }
                Ok(None) => {}
                // The next would fail alike.
                Err(failure) => {
                    trouble = Some(failure);
                    break;
                }
            }
        }
        Read {
            at,
            result: Ok(associations),
            trouble,
        }
    }

    fn kept<'a>(account: &'a Account, _: &str) -> Option<&'a Observed<Associations>> {
        Some(&account.pod_identity)
    }

    fn slot<'a>(account: &'a mut Account, _: &str) -> &'a mut Observed<Associations> {
        &mut account.pod_identity
    }

    fn needed(of: &Circumstances<'_>) -> Option<String> {
        of.cluster_name.map(|_| String::new())
    }

    fn ask(_: &str, of: &Circumstances<'_>) -> Option<Self> {
        let asked = Self {
            cluster_name: of.cluster_name?.to_owned(),
            wanted: of.references.keys().cloned().collect(),
        };
        Some(asked)
    }

    /// The ServiceAccounts whose association became another one.
    fn changes(&self, _: &str, old: Option<&Associations>, new: Option<&Associations>) -> Vec<Concern> {
        let Some(new) = new else { return Vec::new() };
        let of = |associations: Option<&Associations>, key: &BindingKey| {
            associations.and_then(|associations| associations.get(key).cloned())
        };
        let keys: BTreeSet<&BindingKey> = old
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
            .chain(new.keys())
            .collect();
        let changed = keys.into_iter().filter(|key| of(old, key) != of(Some(new), key));
        changed.cloned().map(Concern::Binding).collect()
    }
}

/// Whether the role of a ServiceAccount's association has not been asked for, and can be: nobody knew of the ServiceAccount when the
/// associations were read.
#[must_use]
pub fn lacks_role(associations: &Associations, key: &BindingKey) -> bool {
    let is_described = |one: &PodIdentityAssociation| one.is_described;
    associations.get(key).is_some_and(|own| !is_described(own))
        && associations.values().filter(|one| is_described(one)).count() < MOST_DESCRIBED
}

impl PodIdentity {
    /// An association with its role; none where it is gone by now.
    async fn described(
        &self,
        account: &AccountClient,
        eks: &aws_sdk_eks::Client,
        id: &str,
    ) -> Result<Option<aws_sdk_eks::types::PodIdentityAssociation>, Failure> {
        let request = eks
            .describe_pod_identity_association()
            .cluster_name(&self.cluster_name);
        let send = || request.clone().association_id(id).send();
        let (_, answer) = account
            .caller
            .call("eks", "DescribePodIdentityAssociation", send)
            .await;
        match answer {
            Ok(described) => Ok(described.association),
            Err(Miss::NotFound(_)) => Ok(None),
            Err(Miss::Failed(failure)) => Err(failure),
        }
    }
}
