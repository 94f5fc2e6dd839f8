//! A directory pointed at a fake, with everything fast.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_aws::evidence::Role;
use audit_aws::{
    AccountAccess, AskedFor, CallOutcome, Directory, DirectoryRequest, DirectorySettings, Piece, Rate,
    Reading, RequestObserver,
};
use audit_core::model::IssuerUrl;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use fake_aws::FakeAws;
use tokio::sync::mpsc;

pub const HOME: &str = "111122223333";
pub const OTHER: &str = "444455556666";
pub const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
pub const HOST_PATH: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

/// Longer than anything takes that works.
const WATCHDOG: Duration = Duration::from_mins(1);

/// A trust policy for one subject of the cluster.
pub fn trust(account: &str, subject: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::{account}:oidc-provider/{HOST_PATH}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{"{HOST_PATH}:sub":"{subject}"}}}}}}]}}"#
    )
}

pub async fn config(endpoint: &str, key: String, secret: String) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new(key, secret, None, None, "test"))
        .load()
        .await
}

/// The operator as a user in the home account.
pub async fn settings(aws: &FakeAws) -> DirectorySettings {
    let (key, secret) = aws.credentials(HOME);
    fast(config(aws.endpoint(), key, secret).await)
}

pub fn fast(home: SdkConfig) -> DirectorySettings {
    DirectorySettings {
        rate: Rate {
            per_second: 100_000.0,
            burst: 100_000,
        },
        backoff: Duration::from_millis(1),
        call_timeout: Duration::from_secs(30),
        ..DirectorySettings::new(home)
    }
}

pub fn access(text: &str) -> AccountAccess {
    text.parse().unwrap()
}

/// Remembers account, operation and outcome of every attempt.
#[derive(Default)]
pub struct Attempts(Mutex<Vec<(String, &'static str, CallOutcome)>>);

impl RequestObserver for Attempts {
    fn observe(
        &self,
        account: &str,
        _: &'static str,
        operation: &'static str,
        outcome: CallOutcome,
        _: Duration,
    ) {
        self.0
            .lock()
            .unwrap()
            .push((account.to_owned(), operation, outcome));
    }
}

impl Attempts {
    /// The outcomes of one operation in one account, in order.
    pub fn of(&self, account: &str, operation: &str) -> Vec<CallOutcome> {
        let attempts = self.0.lock().unwrap();
        attempts
            .iter()
            .filter(|(id, name, _)| id == account && *name == operation)
            .map(|(_, _, o)| *o)
            .collect()
    }
}

/// A running directory.
pub struct Running {
    pub directory: Directory,
    pub readings: mpsc::Receiver<Reading>,
    pub attempts: Arc<Attempts>,
}

impl Running {
    pub fn start(settings: DirectorySettings) -> Self {
        let attempts = Arc::new(Attempts::default());
        let (directory, readings) =
            Directory::start(settings, Arc::clone(&attempts) as Arc<dyn RequestObserver>);
        Self {
            directory,
            readings,
            attempts,
        }
    }

    /// A directory in the home account, which it knows.
    pub async fn at_home(aws: &FakeAws) -> Self {
        let mut running = Self::start(settings(aws).await);
        running.find_home().await;
        running
    }

    pub async fn find_home(&mut self) {
        let reading = self.next().await;
        let Reading::HomeAccount { result, .. } = &reading else {
            panic!("{reading:?}")
        };
        assert_eq!(result.as_deref(), Ok(HOME));
    }

    pub async fn next(&mut self) -> Reading {
        let reading = tokio::time::timeout(WATCHDOG, self.readings.recv()).await;
        reading
            .expect("a reading in time")
            .expect("a directory that runs")
    }

    pub fn role(&self, account: &str, name: &str) {
        let (name, with_documents) = (name.into(), false);
        self.ask(account, Role { name, with_documents });
    }

    /// Asks for a role with what its policies say.
    pub fn permissions(&self, account: &str, name: &str) {
        let (name, with_documents) = (name.into(), true);
        self.ask(account, Role { name, with_documents });
    }

    pub fn ask(&self, account: &str, piece: impl Into<Piece>) {
        self.directory
            .request(DirectoryRequest::piece(account, piece, AskedFor::default()));
    }

    pub fn listing(&self, account: &str, wanted: &[&str]) {
        let wanted: BTreeSet<String> = wanted.iter().map(|&name| name.into()).collect();
        let issuer = IssuerUrl::parse(ISSUER).unwrap();
        self.directory.request(DirectoryRequest::Listing {
            account: account.into(),
            issuer,
            wanted,
        });
    }
}
