//! One account at work: its queue, and the way in.

use std::sync::Arc;

use audit_core::model::RoleLookup;
use tokio::sync::mpsc;

use crate::account::AccountClient;
use crate::queue::{Job, Queue, Single};
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

/// Does a job and sends what it found. Returns a listing that goes on.
pub(crate) async fn work(
    account: Arc<AccountClient>,
    job: Job,
    readings: mpsc::Sender<Reading>,
) -> Option<Box<ListingProgress>> {
    // When nobody listens any more, the directory is about to end: what is sent then does not matter.
    let send = async |reading| drop(readings.send(reading).await);
    let id = account.id.clone();
    match job {
        Job::Page(progress) => match progress.read_page(&account).await {
            PageRead::More(progress) => return Some(progress),
            PageRead::Ended(reading) => send(reading).await,
        },
        Job::Single(Single::Role(name)) => {
            let (at, result) = read::role(&account, &name).await;
            let exists = matches!(result, Ok(RoleLookup::Found(_)));
            send(Reading::Role {
                account: id.clone(),
                name: name.clone(),
                at,
                result,
            })
            .await;
            if exists {
                let (at, result) = read::policies(&account, &name).await;
                send(Reading::Policies {
                    account: id,
                    name,
                    at,
                    result,
                })
                .await;
            }
        }
        Job::Single(Single::Provider(arn)) => {
            let (at, result) = read::provider(&account, &arn).await;
            send(Reading::Provider {
                account: id,
                arn,
                at,
                result,
            })
            .await;
        }
        Job::Single(Single::ProviderUrls) => {
            let (at, result) = read::provider_urls(&account).await;
            send(Reading::ProviderUrls {
                account: id,
                at,
                result,
            })
            .await;
        }
        Job::Single(Single::TrustQuota) => {
            let (at, result) = read::trust_quota(&account).await;
            send(Reading::TrustQuota {
                account: id,
                at,
                result,
            })
            .await;
        }
        Job::Single(Single::PodIdentity(cluster_name, wanted)) => {
            let (at, found) = read::associations(&account, &cluster_name, &wanted).await;
            let (result, trouble) = match found {
                Ok((associations, trouble)) => (Ok(associations), trouble),
                Err(failure) => (Err(failure), None),
            };
            send(Reading::PodIdentity {
                account: id,
                at,
                result,
                trouble,
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
    None
}
