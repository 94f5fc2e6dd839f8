//! One account at work: its queue, and the way in.

use std::collections::BTreeSet;
use std::sync::Arc;

use audit_core::model::{BindingKey, RoleLookup, RolePolicies};
use tokio::sync::mpsc;

use crate::account::AccountClient;
use crate::queue::{Job, Queue, Simulation, Single};
use crate::read::{self, ListingProgress, PageRead};
use crate::reading::Reading;

/// One account. Lanes do not wait for each other.
pub(crate) struct Lane {
    pub(crate) account: Arc<AccountClient>,
    pub(crate) queue: Queue,
    /// Jobs under way.
    pub(crate) running: usize,
}

impl Lane {
    pub(crate) fn new(account: AccountClient) -> Self {
        Self {
            account: Arc::new(account),
            queue: Queue::default(),
            running: 0,
        }
    }
}

/// What is left to do after a job.
pub(crate) enum Followed {
    /// Nothing.
    Nothing,
    /// The rest of a listing.
    Page(Box<ListingProgress>),
    /// Questions that came up.
    Singles(Vec<Single>),
}

impl Followed {
    fn policies(arns: impl IntoIterator<Item = String>) -> Self {
        Self::Singles(arns.into_iter().map(Single::Managed).collect())
    }
}

/// Does a job and sends what it found.
pub(crate) async fn work(account: Arc<AccountClient>, job: Job, readings: mpsc::Sender<Reading>) -> Followed {
    // When nobody listens any more, the directory is about to end: what is sent then does not matter.
    let send = async |reading| drop(readings.send(reading).await);
    match job {
        Job::Page(progress) => match progress.read_page(&account).await {
            PageRead::More(progress) => return Followed::Page(progress),
            PageRead::Ended(reading, unlisted) => {
                send(reading).await;
                return Followed::policies(unlisted);
            }
        },
        Job::Single(Single::Role(name)) => {
            role(&account, &name, &readings).await;
        }
        Job::Single(Single::Permissions(name)) => {
            let Some((boundary, policies)) = role(&account, &name, &readings).await else {
                return Followed::Nothing;
            };
            if !policies.inline.is_empty() {
                let (at, result) = read::inline(&account, &name, &policies.inline).await;
                let account = account.id.clone();
                send(Reading::Inline {
                    account,
                    name,
                    at,
                    result,
                })
                .await;
            }
            let boundary = boundary.map(String::from);
            return Followed::policies(policies.attached.into_iter().chain(boundary));
        }
        Job::Single(Single::Simulation(asked)) => send(simulation(&account, *asked).await).await,
        Job::Single(Single::Managed(arn)) => {
            let (at, result) = read::managed(&account, &arn).await;
            let account = account.id.clone();
            send(Reading::Managed {
                account,
                arn,
                at,
                result,
            })
            .await;
        }
        Job::Single(Single::Provider(arn)) => {
            let (at, result) = read::provider(&account, &arn).await;
            let account = account.id.clone();
            send(Reading::Provider {
                account,
                arn,
                at,
                result,
            })
            .await;
        }
        Job::Single(Single::ProviderUrls) => {
            let (at, result) = read::provider_urls(&account).await;
            let account = account.id.clone();
            send(Reading::ProviderUrls { account, at, result }).await;
        }
        Job::Single(Single::TrustQuota) => {
            let (at, result) = read::trust_quota(&account).await;
            let account = account.id.clone();
            send(Reading::TrustQuota { account, at, result }).await;
        }
        Job::Single(Single::PodIdentity(cluster_name, wanted)) => {
            send(pod_identity(&account, &cluster_name, &wanted).await).await;
        }
        Job::Single(Single::Clusters(region)) => {
            let (at, result) = read::clusters(&account, &region).await;
            let account = account.id.clone();
            send(Reading::Clusters {
                account,
                region,
                at,
                result,
            })
            .await;
        }
        Job::Single(Single::EksIssuer(cluster_name)) => {
            let (at, result) = read::issuer(&account, &cluster_name).await;
            send(Reading::EksIssuer {
                cluster_name,
                at,
                result,
            })
            .await;
        }
    }
    Followed::Nothing
}

/// Asks the policy simulator.
async fn simulation(account: &AccountClient, asked: Simulation) -> Reading {
    let (at, result) = read::simulate(account, &asked.role_arn, &asked.inquiries).await;
    Reading::Simulation {
        account: account.id.clone(),
        name: asked.name,
        state: asked.state,
        at,
        result,
    }
}

/// Reads the associations of EKS Pod Identity of a cluster.
async fn pod_identity(account: &AccountClient, cluster_name: &str, wanted: &BTreeSet<BindingKey>) -> Reading {
    let (at, found) = read::associations(account, cluster_name, wanted).await;
    let (result, trouble) = match found {
        Ok((associations, trouble)) => (Ok(associations), trouble),
        Err(failure) => (Err(failure), None),
    };
    Reading::PodIdentity {
        account: account.id.clone(),
        at,
        result,
        trouble,
    }
}

/// Reads a role and which policies it has, and sends both. Returns its boundary and its policies, if it exists and they could be
/// read.
async fn role(
    account: &AccountClient,
    name: &str,
    readings: &mpsc::Sender<Reading>,
) -> Option<(Option<Box<str>>, RolePolicies)> {
    let (at, result) = read::role(account, name).await;
    let boundary = match &result {
        Ok(RoleLookup::Found(role)) => Some(role.boundary.clone()),
        _ => None,
    };
    let send = async |reading| drop(readings.send(reading).await);
    send(Reading::Role {
        account: account.id.clone(),
        name: name.to_owned(),
        at,
        result,
    })
    .await;
    let boundary = boundary?;
    let (at, result) = read::policies(account, name).await;
    let policies = result.as_ref().ok().cloned();
    send(Reading::Policies {
        account: account.id.clone(),
        name: name.to_owned(),
        at,
        result,
    })
    .await;
    Some((boundary, policies?))
}
