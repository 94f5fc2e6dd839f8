//! Which accounts, and how fast.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use crate::account_access::AccountAccess;

/// How many calls an account gets. AWS publishes no limits for IAM, and all callers in an account share them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Calls a second in the long run, halved while AWS throttles; more than 0.
    pub per_second: f64,
    /// Calls at once after a quiet time; at least 1.
    pub burst: u32,
}

/// How the directory works.
#[derive(Debug, Clone)]
pub struct DirectorySettings {
    /// The operator's own credentials, region and endpoints.
    pub home: SdkConfig,
    /// Accounts besides the operator's own. Of several entries for one account the last counts.
    pub accounts: Vec<AccountAccess>,
    /// The rate limit of each account.
    pub rate: Rate,
    /// How many requests each account serves at a time; at least 1.
    pub concurrency: usize,
    /// How long a call waits for its answer, in each attempt.
    pub call_timeout: Duration,
    /// How often a call that was throttled, timed out or met a broken service is attempted; at least 1.
    pub attempts: u32,
    /// The longest wait before the first retry; doubled for each further one.
    pub backoff: Duration,
}

impl DirectorySettings {
    /// The defaults: 10 calls a second with bursts of 20, four requests at a time, 20 seconds for an answer, three
    /// attempts.
    #[must_use]
    pub fn new(home: SdkConfig) -> Self {
        Self {
            home,
            accounts: Vec::new(),
            rate: Rate {
                per_second: 10.0,
                burst: 20,
            },
            concurrency: 4,
            call_timeout: Duration::from_secs(20),
            attempts: 3,
            backoff: Duration::from_secs(1),
        }
    }
}

/// IAM is global, and STS answers there for the whole partition.
pub(crate) const DEFAULT_REGION: Region = Region::from_static("us-east-1");

/// Loads credentials, region and endpoints as every AWS SDK does: environment (`AWS_ENDPOINT_URL` included), shared
/// files, web identity, container, instance.
pub async fn load_home() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).load().await
}

impl DirectorySettings {
    /// With what every call keeps to: a region, a timeout, and one attempt, because the rate limit has to count each.
    pub(crate) fn prepare(mut self) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(self.call_timeout)
            .build();
        let mut home = self
            .home
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if self.home.region().is_none() {
            tracing::info!(region = %DEFAULT_REGION, "AWS_REGION is not set: AWS is asked in the default region");
            home = home.region(DEFAULT_REGION);
        }
        self.home = home.build();
        self
    }
}
