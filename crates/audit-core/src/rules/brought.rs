//! What containers bring in place of web identity, for the question which credentials their pods use.

use super::irsa406::{file, origin};
use crate::chain::Chain;
use crate::model::{Container, CredentialSource, EnvFrom, EnvSource, Pod};
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
    let named = |source| match source {
        // Most hold no credentials: see `unread_variables`.
        CredentialSource::EnvFrom => None,
        CredentialSource::Keys(set) => Some(format!("gets `AWS_ACCESS_KEY_ID` from {}", origin(set))),
        CredentialSource::Variable => Some(
            "sets `AWS_ROLE_ARN` or `AWS_WEB_IDENTITY_TOKEN_FILE` to a value that irsa-audit cannot read"
                .to_owned(),
        ),
        CredentialSource::CredentialsFile(found) => {
            Some(format!("has shared credentials at {}", file(found)))
        }
        CredentialSource::ConfigFile(found) => {
            Some(format!("has a config file of the AWS SDKs at {}", file(found)))
        }
        CredentialSource::Profile(_) => {
            Some("sets `AWS_PROFILE`, but irsa-audit found no file for it".to_owned())
        }
        CredentialSource::Server => {
            Some("gets its credentials from the server in `AWS_CONTAINER_CREDENTIALS_FULL_URI`".to_owned())
        }
        CredentialSource::PodIdentity => Some("gets its credentials from EKS Pod Identity".to_owned()),
    };
    container.sources().find_map(named)
}

/// What all containers on the audited way have that every SDK but that for .NET takes before web identity; absent where one of them
/// would use the role.
#[must_use]
pub fn before_the_role(chain: &Chain<'_>) -> Option<String> {
    let deciding = chain.deciding.as_ref()?;
    let mut first = None;
    for way in chain.ways.like(deciding) {
        let Taker::Container(_, container) = way.taker else {
            return None;
        };
        let set = container.access_key()?;
        first.get_or_insert_with(|| {
            format!(
                "{} gets `AWS_ACCESS_KEY_ID` from {}",
                way.taker.shown(),
                origin(set)
            )
        });
    }
    first
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
                Some("config file of the AWS SDKs"),
            ),
        ] {
            let said = said(container);
            assert_eq!(said.is_some(), expected.is_some(), "{said:?}");
            assert!(said.unwrap_or_default().contains(expected.unwrap_or_default()));
        }
    }
}
