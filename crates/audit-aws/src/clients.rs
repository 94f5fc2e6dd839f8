//! The accounts that are looked into, each with its client: for programs that ask once, without a directory.

use std::sync::Arc;
use std::time::Duration;

use crate::account::AccountClient;
use crate::account_access::AccountAccess;
use crate::caller::Caller;
use crate::failure::{Failure, Miss};
use crate::observer::{CallOutcome, RequestObserver};
use crate::settings::DirectorySettings;

/// Nobody counts the calls.
struct Unobserved;

impl RequestObserver for Unobserved {
    fn observe(&self, _: &str, _: &'static str, _: &'static str, _: CallOutcome, _: Duration) {}
}

/// The accounts, and where they are.
pub(crate) struct Clients {
    /// The caller's own account first. Its own credentials reach it, unless a role is named for it.
    pub(crate) accounts: Vec<AccountClient>,
    /// Such as `aws`.
    pub(crate) partition: String,
}

impl Clients {
    /// Asks AWS who the caller is.
    ///
    /// # Errors
    /// When AWS does not say which account the credentials are in.
    pub(crate) async fn open(settings: DirectorySettings) -> Result<Self, Failure> {
        let settings = settings.prepare();
        let observer: Arc<dyn RequestObserver> = Arc::new(Unobserved);
        let (home, partition) = home(&settings, &observer).await?;
        let mut accounts = vec![AccountClient::home(&home, &settings, &observer)];
        for AccountAccess {
            id,
            role_arn,
            external_id,
        } in &settings.accounts
        {
            if let Some(role_arn) = role_arn {
                let client =
                    AccountClient::by_role(id, role_arn, external_id.as_deref(), &settings, &observer).await;
                match accounts.iter_mut().find(|client| client.id == *id) {
                    Some(place) => *place = client,
                    None => accounts.push(client),
                }
            }
        }
        Ok(Self { accounts, partition })
    }
}

/// The caller's account and partition.
async fn home(
    settings: &DirectorySettings,
    observer: &Arc<dyn RequestObserver>,
) -> Result<(String, String), Failure> {
    let sts = aws_sdk_sts::Client::new(&settings.home);
    let caller = Caller::new("", settings, Arc::clone(observer));
    let (_, answer) = caller
        .call("sts", "GetCallerIdentity", || sts.get_caller_identity().send())
        .await;
    let identity = answer.map_err(Miss::into_failure)?;
    let arn = identity.arn.unwrap_or_default();
    let partition = arn.split(':').nth(1).unwrap_or("aws").to_owned();
    let account = identity.account.filter(|id| !id.is_empty());
    let unknown = || Failure::unavailable("AWS did not say which account the credentials are in");
    Ok((account.ok_or_else(unknown)?, partition))
}
