//! Accounts to be written down: what an audit reads of them, as the AWS CLI prints it.
//!
//! | module | command of the AWS CLI |
//! |---|---|
//! | `details` | `iam get-account-authorization-details`, page by page, without users and groups |
//! | `roles` | `iam get-role` with the role's policies, where the account cannot be listed |
//! | `providers` | `iam list-open-id-connect-providers`, `iam get-open-id-connect-provider`, `iam get-account-summary` |
//! | `clusters` | `eks list-clusters`, `eks describe-cluster`, `eks list-pod-identity-associations`, `eks describe-pod-identity-association` |
//!
//! Policy documents are texts, exactly as IAM has them: the AWS CLI prints them as objects.

mod clusters;
mod details;
mod providers;
mod roles;

use audit_core::model::IssuerUrl;

use crate::account::AccountClient;
use crate::clients::Clients;
use crate::failure::Failure;
use crate::settings::DirectorySettings;

pub use clusters::{CapturedAssociations, CapturedClusters};
pub use details::{DetailsList, DetailsPage};
pub use roles::CapturedRoles;

/// An account to be written down.
pub struct CapturedAccount {
    client: AccountClient,
    partition: String,
    /// The caller's own credentials are in it.
    is_home: bool,
}

/// The accounts that the settings give a way into, the caller's own first. Nothing but `sts:GetCallerIdentity` is called.
///
/// # Errors
/// When AWS does not say which account the credentials are in.
pub async fn accounts(settings: DirectorySettings) -> Result<Vec<CapturedAccount>, Failure> {
    let Clients { accounts, partition } = Clients::open(settings).await?;
    let all = accounts
        .into_iter()
        .enumerate()
        .map(|(at, client)| CapturedAccount {
            client,
            partition: partition.clone(),
            is_home: at == 0,
        });
    Ok(all.collect())
}

impl CapturedAccount {
    /// Its ID: 12 digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.client.id
    }

    /// Whether the caller's own credentials are in it.
    #[must_use]
    pub fn is_home(&self) -> bool {
        self.is_home
    }

    /// Its roles and their policies, page by page.
    #[must_use]
    pub fn details(&self) -> DetailsList<'_> {
        DetailsList::new(&self.client)
    }

    /// The ARN that the provider for an issuer has in it.
    #[must_use]
    pub fn provider_arn(&self, issuer: &IssuerUrl) -> String {
        issuer.provider_arn(&self.partition, self.id())
    }
}
