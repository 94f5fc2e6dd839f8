//! What gives a container credentials beside web identity: the one place that knows.

use super::container::{Container, MountedFile, SetBy};
use super::profile::Configured;

/// Something other than web identity in the environment that gives a container credentials, or may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialSource<'a> {
    /// Access keys in the environment. Every SDK but that for .NET takes them before web identity.
    Keys(&'a SetBy),
    /// One of the two variables of web identity, with a value that does not show.
    Variable,
    /// Whole Secrets or ConfigMaps that become variables and were not read: most hold no credentials.
    EnvFrom,
    /// A shared credentials file, which was not read, or whose profile has credentials.
    CredentialsFile(&'a MountedFile),
    /// A config file of profiles, which was not read, or whose profile has credentials.
    ConfigFile(&'a MountedFile),
    /// A profile by name, of which no file shows.
    Profile(&'a SetBy),
    /// A server of credentials that is not the agent of EKS Pod Identity.
    Server,
    /// EKS Pod Identity.
    PodIdentity,
}

impl Container {
    /// What gives it credentials beside web identity in its environment, or may, in the order in which SDKs ask. They differ in
    /// where web identity comes, see [`paths`](crate::paths): before the files for most of them, and after the keys for all but one.
    ///
    /// A profile that was read and leads to web identity is no other source, unless the environment has web identity as well.
    pub fn sources(&self) -> impl Iterator<Item = CredentialSource<'_>> {
        let keys = self.access_key().map(CredentialSource::Keys);
        let is_named = self.names_variable && self.opaque_env;
        let variable = is_named.then_some(CredentialSource::Variable);
        let env_from = (self.opaque_env && !is_named).then_some(CredentialSource::EnvFrom);
        let has_credentials = match self.configured() {
            None | Some(Configured::Elsewhere(_)) => true,
            Some(Configured::WebIdentity(_)) => self.names_web_identity(),
            Some(Configured::Nowhere | Configured::Absent(_)) => false,
        };
        let credentials = self.credentials_file().map(CredentialSource::CredentialsFile);
        let config = self.config_file().map(CredentialSource::ConfigFile);
        let has_file = credentials.is_some() || config.is_some();
        let profile = self.profile().map(CredentialSource::Profile);
        let server = self.has_other_server().then_some(CredentialSource::Server);
        let pod_identity = self.pod_identity.then_some(CredentialSource::PodIdentity);
        [
            keys,
            variable,
            env_from,
            credentials.filter(|_| has_credentials),
            config.filter(|_| has_credentials),
            profile.filter(|_| !has_file),
            server,
            pod_identity,
        ]
        .into_iter()
        .flatten()
    }

    /// Whether something other than web identity gives it credentials, or may.
    #[must_use]
    pub fn may_have_other_credentials(&self) -> bool {
        self.sources().next().is_some()
    }

    /// Whether a config file decides from where it gets credentials, and does not show from where: the environment has nothing that SDKs
    /// take before it.
    #[must_use]
    pub fn depends_on_unread_config(&self) -> bool {
        let is_first = |source| match source {
            CredentialSource::CredentialsFile(_) | CredentialSource::EnvFrom => None,
            CredentialSource::ConfigFile(_) => Some(true),
            _ => Some(false),
        };
        self.sources().find_map(is_first) == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Rarities, VolumeKind, WebIdentityProfile};
    use crate::testing::{ROLE, bare, injected, with_pod_identity};

    fn file() -> MountedFile {
        MountedFile {
            path: "/etc/aws/file".to_owned(),
            volume: VolumeKind::Secret("aws".to_owned()),
            key: String::new(),
        }
    }

    fn with(rarities: Rarities) -> Container {
        Container {
            rarities: Some(Box::new(rarities)),
            ..bare("app")
        }
    }

    /// The names of a container's sources, in their order.
    fn names(container: &Container) -> Vec<&'static str> {
        let name = |source| match source {
            CredentialSource::Keys(_) => "keys",
            CredentialSource::Variable => "variable",
            CredentialSource::EnvFrom => "env from",
            CredentialSource::CredentialsFile(_) => "credentials",
            CredentialSource::ConfigFile(_) => "config",
            CredentialSource::Profile(_) => "profile",
            CredentialSource::Server => "server",
            CredentialSource::PodIdentity => "pod identity",
        };
        container.sources().map(name).collect()
    }

    #[test]
    fn all_that_gives_credentials_is_listed_in_the_order_of_the_sdks() {
        let everything = Container {
            opaque_env: true,
            ..with(Rarities {
                access_key: Some(SetBy::Env),
                profile: Some(SetBy::Env),
                credentials_file: Some(file()),
                config_file: Some(file()),
                other_server: true,
                ..Rarities::default()
            })
        };
        assert_eq!(
            names(&everything),
            ["keys", "env from", "credentials", "config", "server"]
        );
        assert_eq!(names(&with_pod_identity("app")), ["pod identity"]);
        for container in [bare("app"), injected("app", ROLE)] {
            assert_eq!(names(&container), [""; 0]);
            assert!(!container.may_have_other_credentials());
        }
        let empty = with(Rarities {
            access_key: Some(SetBy::Nothing),
            profile: Some(SetBy::Nothing),
            ..Rarities::default()
        });
        assert_eq!(names(&empty), [""; 0]);
    }

    #[test]
    fn a_file_that_was_read_counts_by_what_its_profile_says() {
        let read = |configured: Configured| Rarities {
            profile: Some(SetBy::Env),
            config_file: Some(file()),
            configured: Some(configured),
            ..Rarities::default()
        };
        let web_identity = || {
            Configured::WebIdentity(WebIdentityProfile {
                role: ROLE.to_owned(),
                token_file: "/t".to_owned(),
                then: Vec::new(),
            })
        };
        assert_eq!(names(&with(read(web_identity()))), [""; 0]);
        let both = Container {
            rarities: Some(Box::new(read(web_identity()))),
            ..injected("app", ROLE)
        };
        assert_eq!(names(&both), ["config"]);
        assert_eq!(
            names(&with(read(Configured::Elsewhere(String::new())))),
            ["config"]
        );
        for nothing in [Configured::Nowhere, Configured::Absent("x".to_owned())] {
            assert_eq!(names(&with(read(nothing))), [""; 0]);
        }
    }

    #[test]
    fn a_config_file_decides_only_where_nothing_comes_before_it() {
        let with_config = |rarities: Rarities| {
            with(Rarities {
                config_file: Some(file()),
                ..rarities
            })
        };
        assert!(with_config(Rarities::default()).depends_on_unread_config());
        let with_credentials = Rarities {
            credentials_file: Some(file()),
            ..Rarities::default()
        };
        assert!(with_config(with_credentials).depends_on_unread_config());
        let with_keys = Rarities {
            access_key: Some(SetBy::Env),
            ..Rarities::default()
        };
        assert!(!with_config(with_keys).depends_on_unread_config());
        assert!(!bare("app").depends_on_unread_config());
    }
}
