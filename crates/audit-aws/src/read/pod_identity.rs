//! The associations of EKS Pod Identity.

use std::collections::{BTreeMap, BTreeSet};

use audit_core::model::{BindingKey, PodIdentityAssociation};
use jiff::Timestamp;

use super::next_marker;
use crate::account::AccountClient;
use crate::failure::Miss;
use crate::reading::Failure;

/// The most that EKS puts on a page.
const PAGE_SIZE: i32 = 100;

/// The most associations whose roles are read: a list does not have them, and to know that there is an association matters
/// more than its role.
const MOST_DESCRIBED: usize = 50;

/// What was found: the associations, and why roles are missing, if that is not for their number.
pub(crate) type Found = (BTreeMap<BindingKey, PodIdentityAssociation>, Option<Failure>);

/// Reads all associations of a cluster, and the roles of those for `wanted` ServiceAccounts.
pub(crate) async fn associations(
    account: &AccountClient,
    cluster_name: &str,
    wanted: &BTreeSet<BindingKey>,
) -> (Timestamp, Result<Found, Failure>) {
    let eks = aws_sdk_eks::Client::new(&account.config);
    let (at, listed) = list(account, &eks, cluster_name).await;
    let mut associations = match listed {
        Ok(listed) => listed,
        Err(failure) => return (at, Err(failure)),
    };
    let mut trouble = None;
    let described = associations.iter_mut().filter(|(key, _)| wanted.contains(*key));
    for (_, association) in described.take(MOST_DESCRIBED) {
        match role(account, &eks, cluster_name, &association.id).await {
            Ok(role_arn) => association.role_arn = role_arn,
            // The next would fail alike.
            Err(failure) => {
                trouble = Some(failure);
                break;
            }
        }
    }
    (at, Ok((associations, trouble)))
}

async fn list(
    account: &AccountClient,
    eks: &aws_sdk_eks::Client,
    cluster_name: &str,
) -> (
    Timestamp,
    Result<BTreeMap<BindingKey, PodIdentityAssociation>, Failure>,
) {
    let (mut associations, mut token, mut began) = (BTreeMap::new(), None::<String>, None);
    loop {
        let send = || {
            eks.list_pod_identity_associations()
                .cluster_name(cluster_name)
                .max_results(PAGE_SIZE)
                .set_next_token(token.clone())
                .send()
        };
        let (at, answer) = account
            .caller
            .call("eks", "ListPodIdentityAssociations", send)
            .await;
        let began = *began.get_or_insert(at);
        let page = match answer {
            Ok(page) => page,
            Err(miss) => return (began, Err(miss.into_failure())),
        };
        for item in page.associations.unwrap_or_default() {
            if let (Some(namespace), Some(name), Some(id)) =
                (item.namespace, item.service_account, item.association_id)
            {
                associations.insert(
                    BindingKey::new(namespace, name),
                    PodIdentityAssociation {
                        id,
                        role_arn: None,
                        has_session_tags: true,
                    },
                );
            }
        }
        let truncated = page.next_token.as_ref().is_some_and(|next| !next.is_empty());
        match next_marker(truncated, page.next_token, token.as_deref()) {
            Ok(None) => return (began, Ok(associations)),
            Ok(next) => token = next,
            Err(failure) => return (began, Err(failure)),
        }
    }
}

/// The role of an association; none where it is gone by now.
async fn role(
    account: &AccountClient,
    eks: &aws_sdk_eks::Client,
    cluster_name: &str,
    id: &str,
) -> Result<Option<String>, Failure> {
    let send = || {
        eks.describe_pod_identity_association()
            .cluster_name(cluster_name)
            .association_id(id)
            .send()
    };
    let (_, answer) = account
        .caller
        .call("eks", "DescribePodIdentityAssociation", send)
        .await;
    match answer {
        Ok(described) => Ok(described.association.and_then(|association| association.role_arn)),
        Err(Miss::NotFound(_)) => Ok(None),
        Err(Miss::Failed(failure)) => Err(failure),
    }
}
