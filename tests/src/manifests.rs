//! What an administrator installs: the custom resources, and the operator's manifest.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::runtime::wait::{await_condition, conditions::is_crd_established};
use serde_json::Value;
use tokio::time::timeout;

use crate::cluster::{Cluster, ClusterError};

/// The manifest as it is shipped.
const OPERATOR: &str = include_str!("../../deploy/operator.yaml");

/// As `kubectl` would call itself.
const MANAGER: &str = "kubectl";

const ESTABLISHED_WITHIN: Duration = Duration::from_mins(1);

/// Why the installation is not whole.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The manifest is no YAML.
    #[error("deploy/operator.yaml: {0}")]
    Yaml(#[from] serde_saphyr::Error),
    /// The API server refused something.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A definition is not served.
    #[error("the definition `{0}` did not become established")]
    NotEstablished(String),
}

/// The objects of the operator's manifest, in its order.
///
/// # Errors
/// [`InstallError::Yaml`].
pub fn operator() -> Result<Vec<Value>, InstallError> {
    Ok(serde_saphyr::from_multiple(OPERATOR)?)
}

/// The definitions of the custom resources.
///
/// # Errors
/// [`ClusterError::Object`] if they cannot be written as JSON.
pub fn definitions() -> Result<Vec<Value>, ClusterError> {
    audit_api::crds::all()
        .iter()
        .map(|(_, definition)| Ok(serde_json::to_value(definition)?))
        .collect()
}

/// Installs the definitions and awaits that they are served.
///
/// # Errors
/// [`InstallError`].
pub async fn install_definitions(cluster: &Cluster) -> Result<(), InstallError> {
    for definition in definitions()? {
        cluster.apply(&definition, MANAGER).await?;
    }
    await_definitions(cluster).await
}

/// Awaits that the definitions, which somebody has installed, are served.
///
/// # Errors
/// [`InstallError`].
pub async fn await_definitions(cluster: &Cluster) -> Result<(), InstallError> {
    for (_, definition) in audit_api::crds::all() {
        await_definition(cluster, &definition.metadata.name.unwrap_or_default()).await?;
    }
    Ok(())
}

/// Awaits that a definition is served.
///
/// # Errors
/// [`InstallError`].
pub async fn await_definition(cluster: &Cluster, name: &str) -> Result<(), InstallError> {
    let api: Api<CustomResourceDefinition> = Api::all(cluster.client());
    let established = await_condition(api, name, is_crd_established());
    if matches!(timeout(ESTABLISHED_WITHIN, established).await, Ok(Ok(_))) {
        Ok(())
    } else {
        Err(InstallError::NotEstablished(name.to_owned()))
    }
}

/// Installs the operator's manifest; nobody runs its Deployment here.
///
/// # Errors
/// [`InstallError`].
pub async fn install_operator(cluster: &Cluster) -> Result<(), InstallError> {
    for object in operator()? {
        cluster.apply(&object, MANAGER).await?;
    }
    Ok(())
}
