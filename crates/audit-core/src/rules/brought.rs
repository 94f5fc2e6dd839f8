//! What containers bring in place of web identity, for the question which credentials their pods use.

use super::irsa406::{file, origin};
use crate::chain::Chain;
use crate::model::{Container, EnvFrom, EnvSource, Pod};
use crate::paths::Taker;
use crate::text::{quote, quote_list};

/// The first container whose SDK takes credentials that are not the ServiceAccount's, and where these are from; absent where no
/// container has any. What they allow shows nowhere in the cluster.
#[must_use]
pub fn instead(chain: &Chain<'_>) -> Option<String> {
    all(chain).find_map(|(pod, container)| {
        let what = of(container)?;
        Some(format!("{} {what}", Taker::Container(pod, container).shown()))
    })
}

fn of(container: &Container) -> Option<String> {
    if container.pod_identity {
        return Some("gets its credentials from EKS Pod Identity".to_owned());
    }
    if let Some(set) = container.access_key() {
        return Some(format!("gets `AWS_ACCESS_KEY_ID` from {}", origin(set)));
    }
    if let Some(credentials) = container.credentials_file() {
        return Some(format!("has shared credentials at {}", file(credentials)));
    }
    if let Some(config) = container.config_file() {
        return Some(format!("has profiles of the AWS SDKs at {}", file(config)));
    }
    let by_variable = container.profile().is_some() || container.names_variable;
    by_variable.then(|| {
        "sets `AWS_PROFILE`, `AWS_ROLE_ARN` or `AWS_WEB_IDENTITY_TOKEN_FILE` to what was not seen".to_owned()
    })
}

/// The Secrets and ConfigMaps that become variables of a container and may hold access keys.
#[must_use]
pub fn unread_variables(chain: &Chain<'_>) -> Option<String> {
    all(chain).find_map(|(pod, container)| {
        let sources = &container.rarities.as_ref()?.env_from;
        sources.first()?;
        let names: Vec<String> = sources.iter().map(named).collect();
        Some(format!(
            "{} takes variables from {}",
            Taker::Container(pod, container).shown(),
            quote_list(&names, 3)
        ))
    })
}

fn named(from: &EnvFrom) -> String {
    let kind = match from.source {
        EnvSource::Secret => "Secret",
        EnvSource::ConfigMap => "ConfigMap",
    };
    format!("{kind}/{}", quote(&from.name))
}

fn all<'c>(chain: &'c Chain<'_>) -> impl Iterator<Item = (&'c Pod, &'c Container)> {
    let pods = chain.pods.iter().chain(&chain.templates).copied();
    pods.flat_map(|pod| pod.containers.iter().map(move |container| (pod, container)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MountedFile, Rarities, SetBy, VolumeKind};
    use crate::testing::*;

    fn said(container: Container) -> Option<String> {
        let world = World::healthy().without_annotation().container(container);
        let chain = Chain::derive(&world.snapshot, &world.config, &world.key, world.now);
        instead(&chain)
    }

    fn with(rarities: Rarities) -> Container {
        Container {
            rarities: Some(Box::new(rarities)),
            ..bare("app")
        }
    }

    #[test]
    fn what_a_container_brings_is_named() {
        let mounted = || MountedFile {
            path: "/root/.aws/credentials".to_owned(),
            volume: VolumeKind::Secret("keys".to_owned()),
            key: String::new(),
        };
        for (container, expected) in [
            (bare("app"), None),
            (with_pod_identity("app"), Some("EKS Pod Identity")),
            (
                with(Rarities {
                    access_key: Some(SetBy::Env),
                    ..Rarities::default()
                }),
                Some("container `app` of `Deployment/cart` gets `AWS_ACCESS_KEY_ID` from its `env`"),
            ),
            (
                with(Rarities {
                    access_key: Some(SetBy::Nothing),
                    ..Rarities::default()
                }),
                None,
            ),
            (
                with(Rarities {
                    credentials_file: Some(mounted()),
                    ..Rarities::default()
                }),
                Some("`/root/.aws/credentials` (from Secret `keys`)"),
            ),
            (
                with(Rarities {
                    config_file: Some(mounted()),
                    ..Rarities::default()
                }),
                Some("profiles of the AWS SDKs"),
            ),
        ] {
            let said = said(container);
            assert_eq!(said.is_some(), expected.is_some(), "{said:?}");
            assert!(said.unwrap_or_default().contains(expected.unwrap_or_default()));
        }
    }
}
