//! The way into one account.

use std::fmt;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::{
    ProvideCredentials, Result as CredentialsResult, SharedCredentialsProvider, future,
};
use tokio::time::Instant;

use crate::caller::Caller;
use crate::failure::judge_credentials;
use crate::observer::{CallOutcome, RequestObserver};
use crate::settings::DirectorySettings;

/// The session name by which the logs of other accounts know the operator.
const SESSION_NAME: &str = "irsa-audit";

/// An account that can be looked into.
pub struct AccountClient {
    /// Its id.
    pub(crate) id: String,
    /// Its IAM.
    pub(crate) iam: aws_sdk_iam::Client,
    /// For services other than IAM.
    pub(crate) config: SdkConfig,
    /// Makes the calls.
    pub(crate) caller: Caller,
}

impl AccountClient {
    /// The account `id`, by the operator's own credentials.
    pub(crate) fn home(id: &str, settings: &DirectorySettings, observer: &Arc<dyn RequestObserver>) -> Self {
        Self::new(id, settings.home.clone(), settings, observer)
    }

    /// The account `id`, by a role in it. Nothing is called before the first request.
    pub(crate) async fn by_role(
        id: &str,
        role_arn: &str,
        external_id: Option<&str>,
        settings: &DirectorySettings,
        observer: &Arc<dyn RequestObserver>,
    ) -> Self {
        let mut builder = AssumeRoleProvider::builder(role_arn)
            .session_name(SESSION_NAME)
            .configure(&settings.home);
        if let Some(external_id) = external_id {
            builder = builder.external_id(external_id);
        }
        let provider = ObservedAssumeRole {
            account: id.to_owned(),
            inner: builder.build().await,
            observer: Arc::clone(observer),
        };
        let config = settings
            .home
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .build();
        Self::new(id, config, settings, observer)
    }

    fn new(
        id: &str,
        config: SdkConfig,
        settings: &DirectorySettings,
        observer: &Arc<dyn RequestObserver>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            iam: aws_sdk_iam::Client::new(&config),
            config,
            caller: Caller::new(id, settings, Arc::clone(observer)),
        }
    }
}

/// Assumes a role and tells the observer. The client that uses it keeps the credentials until shortly before they
/// expire, and assumes the role once for all that wait for it.
struct ObservedAssumeRole {
    account: String,
    inner: AssumeRoleProvider,
    observer: Arc<dyn RequestObserver>,
}

impl ObservedAssumeRole {
    async fn assume(&self) -> CredentialsResult {
        let started = Instant::now();
        let result = self.inner.provide_credentials().await;
        let outcome = match &result {
            Ok(_) => CallOutcome::Ok,
            Err(error) => judge_credentials(error).map_or(CallOutcome::Error, |judgement| judgement.outcome),
        };
        self.observer
            .observe(&self.account, "sts", "AssumeRole", outcome, started.elapsed());
        result
    }
}

impl ProvideCredentials for ObservedAssumeRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

impl fmt::Debug for ObservedAssumeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedAssumeRole")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}
