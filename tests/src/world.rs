//! A real API server, an AWS endpoint, and whatever operators a test starts in it.

use std::time::Duration;

use test_kit::{ControlPlane, ControlPlaneError, Launch, Options, Proxy, ProxyError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::aws::{self, Aws, AwsError};
use crate::cluster::{Cluster, ClusterError};
use crate::foreign;
pub use crate::issuer::{ISSUER, SECOND_AUDIENCE};
use crate::manifests::{self, InstallError};
use crate::objects;
use crate::operator::{Operator, OperatorError};
use crate::scenario::Scenario;
use crate::trust;

/// The namespace of the operator, and the name of its ServiceAccount.
pub const OPERATOR: &str = "irsa-audit";

/// A world takes half a gigabyte, and a machine with many cores would run as many tests at once.
static PLACES: Semaphore = Semaphore::const_new(6);

/// Why a world is not whole.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// There is no control plane.
    #[error(transparent)]
    ControlPlane(#[from] ControlPlaneError),
    /// The installation failed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// Something in the cluster failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// There is no proxy.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// Something in AWS failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The operator failed.
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

/// A cluster with the custom resources and the operator's rights installed, and an AWS account that knows the cluster's
/// issuer. No operator runs until [`World::operator`].
pub struct World {
    plane: ControlPlane,
    cluster: Cluster,
    aws: Aws,
    // After everything else: in this order they are dropped.
    _place: Option<SemaphorePermit<'static>>,
}

impl World {
    /// Makes a world around an AWS endpoint.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn start(aws: Aws) -> Result<Self, WorldError> {
        Self::start_with(aws, &Options::default()).await
    }

    /// The same, with a control plane of another kind.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn start_with(aws: Aws, options: &Options) -> Result<Self, WorldError> {
        let world = Self::bare_with(aws, options).await?;
        manifests::install_definitions(&world.cluster).await?;
        manifests::install_operator(&world.cluster).await?;
        world.cluster.create(&objects::webhook()).await?;
        Ok(world)
    }

    /// As [`World::start`], with nothing installed in the cluster.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn bare(aws: Aws) -> Result<Self, WorldError> {
        Self::bare_with(aws, &Options::default()).await
    }

    /// As [`World::bare`], with a control plane of another kind.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn bare_with(aws: Aws, options: &Options) -> Result<Self, WorldError> {
        // Nobody ever closes it.
        let permit = PLACES.acquire().await.ok();
        let plane = ControlPlane::start_with(options).await?;
        let cluster = Cluster::new(plane.client().await?);
        aws.create_provider(aws::HOME, ISSUER, &[trust::AUDIENCE, SECOND_AUDIENCE])
            .await?;
        aws.create_provider(aws::NEAR, &format!("{ISSUER}/"), &[trust::AUDIENCE])
            .await?;
        for account in [aws::OTHER, aws::NEAR] {
            aws.create_role(&reader(account)).await?;
        }
        Ok(Self {
            plane,
            cluster,
            aws,
            _place: permit,
        })
    }

    /// The control plane.
    #[must_use]
    pub fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// The control plane, to restart parts of it.
    pub fn plane_mut(&mut self) -> &mut ControlPlane {
        &mut self.plane
    }

    /// The cluster, as its administrator has it.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The AWS endpoint.
    #[must_use]
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// Starts an operator as the ServiceAccount of the shipped manifest, so that it has the rights which the manifest
    /// gives it and no others.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn operator(&self, flags: &[&str]) -> Result<Operator, WorldError> {
        let token = self.plane.service_account_token(OPERATOR, OPERATOR, None).await?;
        Ok(Operator::started(self.prepare(&self.plane.kubeconfig(&token), flags).await?).await?)
    }

    /// The same, with all its calls to the API server through a proxy.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn operator_through(&self, proxy: &Proxy, flags: &[&str]) -> Result<Operator, WorldError> {
        Ok(Operator::started(self.prepare_through(proxy, flags).await?).await?)
    }

    /// Prepares what [`World::operator_through`] starts, for [`Operator::started`], or to be a mere process.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn prepare_through(&self, proxy: &Proxy, flags: &[&str]) -> Result<Launch, WorldError> {
        let token = self.plane.service_account_token(OPERATOR, OPERATOR, None).await?;
        self.prepare(&proxy.kubeconfig(&token), flags).await
    }

    async fn prepare(&self, kubeconfig: &str, flags: &[&str]) -> Result<Launch, WorldError> {
        let access = ways_in();
        let mut all: Vec<&str> = access.iter().map(String::as_str).collect();
        all.extend(flags);
        Ok(Operator::prepare("operator", kubeconfig, &self.aws.environment(), &all).await?)
    }

    /// Creates what a scenario is made of, AWS first: as the operator finds it when it starts on an existing cluster. The kinds of
    /// other projects are installed where they are not yet.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn play(&self, scenario: &Scenario) -> Result<(), WorldError> {
        for role in &scenario.roles {
            self.aws.create_role(role).await?;
        }
        self.cluster.create_namespace(scenario.namespace).await?;
        foreign::install(&self.cluster, &foreign::kinds(&scenario.objects)).await?;
        for object in &scenario.objects {
            self.cluster.create(object).await?;
        }
        Ok(())
    }
}

/// The flags that give a way into the accounts that are not the caller's own, as far as there is one.
#[must_use]
pub fn ways_in() -> [String; 2] {
    [aws::OTHER, aws::NEAR]
        .map(|account| format!("--account={account}={}", aws::arn(account, "/", aws::READER)))
}

/// The role by which the operator reads an account that is not its own.
fn reader(account: &'static str) -> aws::Role {
    let root = format!("arn:aws:iam::{}:root", aws::HOME);
    let statement =
        serde_json::json!({"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"});
    aws::Role {
        account,
        ..aws::Role::new(aws::READER, trust::document(&[statement]))
    }
}

/// Awaits a condition that has no watch of its own, such as a metric: asked again and again, briefly.
pub async fn eventually<F>(within: Duration, mut holds: impl FnMut() -> F) -> bool
where
    F: Future<Output = bool>,
{
    let poll = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(within, poll).await.is_ok()
}
