//! One account at work: its queue, and the way in.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::account::AccountClient;
use crate::evidence::{Managed, Piece};
use crate::issuer;
use crate::listing::{ListingProgress, PageRead};
use crate::queue::{Job, Queue, Single};
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
#[derive(Default)]
pub(crate) struct Followed {
    /// The rest of a listing.
    pub(crate) page: Option<Box<ListingProgress>>,
    /// Questions that came up.
    pub(crate) pieces: Vec<Piece>,
}

/// Does a job and sends what it found.
pub(crate) async fn work(account: Arc<AccountClient>, job: Job, readings: mpsc::Sender<Reading>) -> Followed {
    let mut followed = Followed::default();
    let reading = match job {
        Job::Page(progress) => match progress.read_page(&account).await {
            PageRead::More(progress) => {
                followed.page = Some(progress);
                return followed;
            }
            PageRead::Ended(reading, unlisted) => {
                let unlisted = unlisted.into_iter().map(|arn| Managed { arn }.into());
                followed.pieces = unlisted.collect();
                *reading
            }
        },
        Job::Single(asked) => match asked.single {
            Single::Piece(piece) => {
                let answer = piece.read(&account).await;
                followed.pieces = answer.then();
                let account = account.id.clone();
                Reading::Piece { account, answer }
            }
            Single::EksIssuer(cluster_name) => {
                let (at, result) = issuer::issuer(&account, &cluster_name).await;
                Reading::EksIssuer {
                    cluster_name,
                    at,
                    result,
                }
            }
        },
    };
    // When nobody listens any more, the directory is about to end: what is sent then does not matter.
    drop(readings.send(reading).await);
    followed
}
