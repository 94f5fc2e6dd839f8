//! A container, reduced to its credentials.

use super::file_path::{below, cleaned, is_whole};
use super::profile::Configured;
use super::webhook::{TOKEN_FOLDER, TOKEN_NAME};

/// A mount of a projected ServiceAccount token into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMount {
    /// `mountPath`.
    pub path: String,
    /// `audience` of the projected token; absent for the API server's default.
    pub audience: Option<String>,
    /// `path` of the token below the mount; empty where the mount is the file itself.
    pub file: String,
    /// It is of the volume that the pod identity webhook adds, and no other that the pod's template brings.
    pub by_webhook: bool,
    /// Mounted by `subPath`: what the kubelet writes later does not arrive.
    pub sub_path: bool,
}

impl TokenMount {
    /// The path of the token in the container.
    #[must_use]
    pub fn file_path(&self) -> String {
        match self.file.as_str() {
            "" => self.path.clone(),
            file => format!("{}/{file}", self.path.trim_end_matches('/')),
        }
    }

    /// Whether a path is that of its token, letter by letter.
    fn is_at(&self, file: &str) -> bool {
        let path = self.path.trim_end_matches('/');
        match file.strip_prefix(path) {
            Some("") => self.file.is_empty(),
            Some(rest) => rest.strip_prefix('/') == Some(self.file.as_str()) && !self.file.is_empty(),
            None => false,
        }
    }
}

/// Where the file comes from to which `AWS_WEB_IDENTITY_TOKEN_FILE` leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenSource<'a> {
    /// From a projected token.
    Projected(&'a TokenMount),
    /// From an init container of this name, which copied it once.
    Copied(&'a str),
    /// From a volume of which nothing shows what is in it, or from where the path leads that does not say.
    Unseen,
    /// From nothing: no volume is mounted there, it is the folder of a volume, or the volume has no such file.
    Nothing,
}

/// What `env` says of the STS endpoints that SDKs use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StsEndpoints {
    /// Nothing that shows.
    #[default]
    Unset,
    /// `AWS_STS_REGIONAL_ENDPOINTS=regional`, as the webhook sets it.
    Regional,
    /// `AWS_STS_REGIONAL_ENDPOINTS=legacy`: the one in us-east-1.
    Legacy,
}

/// The most tokens that are kept of one container. Real containers mount two or three. One volume with many tokens, mounted many times,
/// makes their product: a pod of 100 KB would take hundreds of megabytes. Of a container with more, how it gets credentials is unknown:
/// IRSA911.
pub const MOST_TOKENS: usize = 64;

/// The most tokens that are kept of all containers of one pod, except that each container keeps one.
pub const MOST_TOKENS_OF_POD: usize = 256;

/// The most containers of one pod that are kept: whoever may create pods may create one with five thousand, and what is looked at for each may
/// depend on all.
pub const MOST_CONTAINERS: usize = 128;

/// The most bytes of text that are kept of the containers of one pod. Those of real pods have some hundred bytes each; one object may
/// have 1.5 MB, and what it says of a volume is kept for each container that mounts it.
pub const MOST_BYTES_OF_POD: usize = 64 << 10;

/// A container, reduced to its credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Runs before the others.
    pub init: bool,
    /// The value of `AWS_ROLE_ARN`, where `env` sets one literally.
    pub role_arn: Option<String>,
    /// The value of `AWS_WEB_IDENTITY_TOKEN_FILE`, where `env` sets one literally.
    pub token_file: Option<String>,
    /// The two variables may also come from where nobody looks: `envFrom`, or a `valueFrom` of one of them.
    pub opaque_env: bool,
    /// `env` names one of the two without a value that shows: an empty one, or a `valueFrom`. The webhook leaves both alone.
    pub names_variable: bool,
    /// EKS Pod Identity gives it credentials: `AWS_CONTAINER_CREDENTIALS_FULL_URI` is the address of its agent, or the volume
    /// with the token for the agent is mounted.
    pub pod_identity: bool,
    /// Which STS endpoints it asks for.
    pub sts_endpoints: StsEndpoints,
    /// Projected ServiceAccount tokens that it mounts, at most [`MOST_TOKENS`].
    pub tokens: Vec<TokenMount>,
    /// `env` names one of the two variables, a Region and `AWS_STS_REGIONAL_ENDPOINTS`: the webhook then leaves the whole
    /// container alone, and mounts no token either.
    pub sets_all: bool,
    /// What few containers have.
    pub rarities: Option<Box<Rarities>>,
}

/// What few containers have; apart, because there are thousands of others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rarities {
    /// What sets `AWS_ACCESS_KEY_ID`. Never its value.
    pub access_key: Option<SetBy>,
    /// What sets `AWS_PROFILE`.
    pub profile: Option<SetBy>,
    /// The value of `AWS_PROFILE`, where `env` sets one literally.
    pub profile_name: Option<String>,
    /// Where the token file lies, if that is not simply in a mounted token.
    pub token_place: Option<TokenPlace>,
    /// The volume that brings the token file, if that is a Secret's or a ConfigMap's.
    pub token_volume: Option<MountedFile>,
    /// The same container in the template of the pod's workload, where that was seen: what a new pod begins with. Only files
    /// hold templates.
    pub in_template: Option<Box<Container>>,
    /// `AWS_ROLE_ARN` stands before a variable that the webhook would have appended before it: the pod had it already.
    pub role_came_first: bool,
    /// Whole Secrets and ConfigMaps that become variables, in their order.
    pub env_from: Vec<EnvFrom>,
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI` leads to a server of credentials that is not the agent of EKS Pod Identity.
    pub other_server: bool,
    /// The file of static credentials that SDKs read, where a volume brings it: at `AWS_SHARED_CREDENTIALS_FILE`, else in a
    /// folder `.aws`.
    pub credentials_file: Option<MountedFile>,
    /// The file of profiles that SDKs read, where a volume brings it: at `AWS_CONFIG_FILE`, else in a folder `.aws`.
    pub config_file: Option<MountedFile>,
    /// Where volumes are mounted. Kept only beside one of these files.
    pub mounts: Vec<String>,
    /// What its profile in these files says, where they were read.
    pub configured: Option<Configured>,
    /// What there is more of than is kept.
    pub unkept: Option<Unkept>,
    /// Where SDKs send their calls to STS because a variable says so, where that is not STS at AWS.
    pub sts_endpoint: Option<OtherEndpoint>,
    /// The value of `AWS_ROLE_SESSION_NAME`, where `env` sets one literally that STS refuses.
    pub refused_session_name: Option<String>,
}

/// A server that a variable names in place of a service's own endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherEndpoint {
    /// The variable.
    pub variable: &'static str,
    /// Scheme, host and port.
    pub url: String,
}

/// What a pod may have more of than is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unkept {
    /// Tokens of the container: that one is not among those that are kept proves nothing.
    Tokens,
    /// Containers of its pod, or texts in them, of which this is the last that is kept.
    Containers,
}

/// A file that a volume brings into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountedFile {
    /// Its path in the container.
    pub path: String,
    /// The kind of volume.
    pub volume: VolumeKind,
    /// The Secret's or ConfigMap's key that becomes the file; empty where that does not show.
    pub key: String,
}

/// What a volume is made of, as far as it tells what may be in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeKind {
    /// A Secret, with its name.
    Secret(String),
    /// A ConfigMap, with its name.
    ConfigMap(String),
    /// An `emptyDir`: what containers put there.
    Scratch,
    /// None: the image may have the file.
    Image,
    /// Anything else: several sources, a host's folder, a CSI driver.
    Other,
}

/// What sets a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetBy {
    /// `env`, with a value or from a key that must be there.
    Env,
    /// `env`, to nothing: SDKs take that for unset, whatever `envFrom` brings.
    Nothing,
    /// A Secret or ConfigMap in `envFrom`.
    EnvFrom(EnvFrom),
}

impl SetBy {
    /// Whether the variable has a value.
    #[must_use]
    pub fn has_value(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

/// Where the file lies that the SDKs would read, if that is not simply in a mounted token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// Where no volume is mounted, or in one that has no such file: nothing puts a token there.
    Nowhere,
    /// At this path, which is the folder of a volume: no file.
    Folder(String),
    /// Under another volume that lies over the token, with its mount path.
    Hidden(String),
    /// In an `emptyDir` that only an init container can have filled, with its name.
    CopiedBy(String),
    /// In another volume, of which nothing shows what is in it.
    Elsewhere,
}

/// A kind of object whose keys become variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EnvSource {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

/// A whole Secret or ConfigMap that becomes variables of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFrom {
    /// Which kind.
    pub source: EnvSource,
    /// Its name, in the pod's namespace.
    pub name: String,
    /// What stands before its keys in the variables' names.
    pub prefix: String,
}

impl Container {
    /// The bytes of its texts, about: see [`MOST_BYTES_OF_POD`].
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let texts = [&self.role_arn, &self.token_file];
        let own: usize = self.name.len() + texts.into_iter().flatten().map(String::len).sum::<usize>();
        let of_token = |token: &TokenMount| {
            let audience = token.audience.as_ref().map_or(0, String::len);
            size_of::<TokenMount>() + token.path.len() + token.file.len() + audience
        };
        let tokens: usize = self.tokens.iter().map(of_token).sum();
        let rare = self.rarities.as_ref().map_or(0, |rarities| {
            let of_source = |from: &EnvFrom| size_of::<EnvFrom>() + from.name.len() + from.prefix.len();
            let files = [
                &rarities.credentials_file,
                &rarities.config_file,
                &rarities.token_volume,
            ];
            let of_file = |file: &MountedFile| file.path.len() + file.key.len();
            let place = match &rarities.token_place {
                Some(TokenPlace::Folder(text) | TokenPlace::Hidden(text) | TokenPlace::CopiedBy(text)) => {
                    text.len()
                }
                Some(TokenPlace::Nowhere | TokenPlace::Elsewhere) | None => 0,
            };
            place
                + rarities
                    .sts_endpoint
                    .as_ref()
                    .map_or(0, |endpoint| endpoint.url.len())
                + rarities.profile_name.as_ref().map_or(0, String::len)
                + rarities.refused_session_name.as_ref().map_or(0, String::len)
                + rarities.env_from.iter().map(of_source).sum::<usize>()
                + rarities
                    .mounts
                    .iter()
                    .map(|mount| size_of::<String>() + mount.len())
                    .sum::<usize>()
                + files.into_iter().flatten().map(of_file).sum::<usize>()
        });
        own + tokens + rare
    }

    /// Whether the container certainly has all that web identity needs: role, token file, and a projected token.
    #[must_use]
    pub fn has_web_identity(&self) -> bool {
        self.role_arn.is_some() && self.token_file.is_some() && !self.tokens.is_empty()
    }

    /// Whether the container has, or may have, all that web identity needs: role, token file, and a projected token.
    ///
    /// The token's mount is the part that cannot hide: it stands in the pod or it is not there.
    #[must_use]
    pub fn may_have_web_identity(&self) -> bool {
        let has_variables = self.role_arn.is_some() && self.token_file.is_some();
        (has_variables || self.opaque_env) && !self.tokens.is_empty()
    }

    /// Whether `env` names one of the two variables, in whatever way.
    #[must_use]
    pub fn names_web_identity(&self) -> bool {
        self.names_variable || self.role_arn.is_some() || self.token_file.is_some()
    }

    /// The mounted token to which the variable leads. Another volume may be mounted over it: see
    /// [`Container::token_source`].
    #[must_use]
    pub fn token(&self) -> Option<&TokenMount> {
        self.token_at(self.token_file.as_deref()?)
    }

    /// The mounted token in a file.
    #[must_use]
    pub fn token_at(&self, file: &str) -> Option<&TokenMount> {
        let as_written = self.tokens.iter().find(|mount| mount.is_at(file));
        as_written.or_else(|| {
            let file = is_whole(file).then(|| cleaned(file))?;
            self.tokens
                .iter()
                .find(|mount| cleaned(&mount.file_path()) == file)
        })
    }

    /// Whether its variable leads to where the webhook mounts the token.
    #[must_use]
    pub fn leads_to_the_webhooks(&self) -> bool {
        let usual = || cleaned(&format!("{TOKEN_FOLDER}/{TOKEN_NAME}"));
        self.token_file
            .as_deref()
            .is_some_and(|file| is_whole(file) && cleaned(file) == usual())
    }

    /// Where the file comes from to which its variable leads. Absent without the variable, or where that was not looked at.
    #[must_use]
    pub fn token_source(&self) -> Option<TokenSource<'_>> {
        self.token_file.as_ref()?;
        match (self.token_place(), self.token()) {
            (Some(TokenPlace::Nowhere | TokenPlace::Folder(_)), _) => Some(TokenSource::Nothing),
            (Some(TokenPlace::Hidden(_) | TokenPlace::Elsewhere), _) => Some(TokenSource::Unseen),
            (Some(TokenPlace::CopiedBy(name)), _) => Some(TokenSource::Copied(name)),
            (None, Some(token)) => Some(TokenSource::Projected(token)),
            (None, None) => None,
        }
    }

    /// The same container in the template of its pod's workload, where that was seen.
    #[must_use]
    pub fn in_template(&self) -> Option<&Self> {
        self.rarities.as_ref()?.in_template.as_deref()
    }

    /// Whether its role is its template's, so that a new pod has it again, and the webhook leaves both variables alone. Absent where
    /// that does not show.
    #[must_use]
    pub fn presets_role(&self) -> Option<bool> {
        let rarities = self.rarities.as_ref()?;
        match &rarities.in_template {
            Some(template) => Some(template.role_arn.is_some() && template.role_arn == self.role_arn),
            None => rarities.role_came_first.then_some(true),
        }
    }

    /// The volume that brings its token file, if that is a Secret's or a ConfigMap's.
    #[must_use]
    pub fn token_volume(&self) -> Option<&MountedFile> {
        self.rarities.as_ref()?.token_volume.as_ref()
    }

    /// The one projected token that it mounts itself for somebody else than the API server.
    #[must_use]
    pub fn only_own_token(&self) -> Option<&TokenMount> {
        let mut own = self
            .tokens
            .iter()
            .filter(|token| !token.by_webhook && token.audience.is_some());
        match (own.next(), own.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }

    /// The file in which its SDK would look for a token: that of the variable, else that of its profile.
    #[must_use]
    pub fn token_path(&self) -> Option<&str> {
        let of_profile = || match self.configured() {
            Some(Configured::WebIdentity(profile)) => Some(profile.token_file.as_str()),
            _ => None,
        };
        self.token_file.as_deref().or_else(of_profile)
    }

    /// What its profile in config files says, where these were read.
    #[must_use]
    pub fn configured(&self) -> Option<&Configured> {
        self.rarities.as_ref()?.configured.as_ref()
    }

    /// The audience of the token that its SDK would read. `None` where the variable points to no mounted token, and for
    /// the API server's own audience.
    #[must_use]
    pub fn token_audience(&self) -> Option<&str> {
        self.token()?.audience.as_deref()
    }

    /// Where its token file lies, if that is not simply in a mounted token.
    #[must_use]
    pub fn token_place(&self) -> Option<&TokenPlace> {
        self.rarities.as_ref()?.token_place.as_ref()
    }

    /// Whether it sets both variables, or has a profile with role and token file, and nothing puts a token where these lead.
    #[must_use]
    pub fn leads_nowhere(&self) -> bool {
        let is_empty = || {
            let file = self.token_path();
            file.is_some_and(|file| self.token_at(file).is_none())
                && self.token_place() == Some(&TokenPlace::Nowhere)
        };
        let by_profile =
            || !self.names_web_identity() && matches!(self.configured(), Some(Configured::WebIdentity(_)));
        (self.role_arn.is_some() && self.token_source() == Some(TokenSource::Nothing))
            || (by_profile() && is_empty())
    }

    /// What there is more of than is kept, so that nothing shows which credentials are used.
    #[must_use]
    pub fn unkept(&self) -> Option<Unkept> {
        self.rarities.as_ref()?.unkept
    }

    /// Whether its credentials come from a server other than the agent of EKS Pod Identity.
    #[must_use]
    pub fn has_other_server(&self) -> bool {
        self.rarities
            .as_ref()
            .is_some_and(|rarities| rarities.other_server)
    }

    /// What gives it static access keys, if something does.
    #[must_use]
    pub fn access_key(&self) -> Option<&SetBy> {
        let set = self.rarities.as_ref()?.access_key.as_ref()?;
        Some(set).filter(|set| set.has_value())
    }

    /// What gives it a profile, if something does.
    #[must_use]
    pub fn profile(&self) -> Option<&SetBy> {
        let set = self.rarities.as_ref()?.profile.as_ref()?;
        Some(set).filter(|set| set.has_value())
    }

    /// The file of static credentials that a volume brings, if one does.
    #[must_use]
    pub fn credentials_file(&self) -> Option<&MountedFile> {
        self.rarities.as_ref()?.credentials_file.as_ref()
    }

    /// The file of profiles that a volume brings, if one does.
    #[must_use]
    pub fn config_file(&self) -> Option<&MountedFile> {
        self.rarities.as_ref()?.config_file.as_ref()
    }

    /// Forgets files that are not in the volumes that should bring them: `has` tells of a Secret or ConfigMap whether it has
    /// a key, where it was given at all.
    pub fn resolve_files(&mut self, has: impl Fn(EnvSource, &str, &str) -> Option<bool>) {
        let Some(rarities) = &mut self.rarities else {
            return;
        };
        let is_there = |file: &MountedFile| {
            let seen = match &file.volume {
                VolumeKind::Secret(name) => has(EnvSource::Secret, name, &file.key),
                VolumeKind::ConfigMap(name) => has(EnvSource::ConfigMap, name, &file.key),
                VolumeKind::Scratch | VolumeKind::Image | VolumeKind::Other => None,
            };
            file.key.is_empty() || seen != Some(false)
        };
        rarities.credentials_file = rarities.credentials_file.take().filter(is_there);
        rarities.config_file = rarities.config_file.take().filter(is_there);
        if rarities.token_volume.as_ref().is_some_and(|file| !is_there(file)) {
            rarities.token_place = Some(TokenPlace::Nowhere);
        }
    }

    /// Takes in what its profile says, once the files that it is in were read.
    pub fn configure(&mut self, configured: Configured) {
        let Some(rarities) = &mut self.rarities else {
            return;
        };
        rarities.configured = Some(configured);
        let covers = |mount: &String, file: &str| below(&cleaned(mount), file).is_some();
        let is_uncovered = |file: &str| {
            let file = cleaned(file);
            !rarities.mounts.iter().any(|mount| covers(mount, &file))
        };
        if let (None, None, Some(Configured::WebIdentity(profile))) =
            (&self.token_file, &rarities.token_place, &rarities.configured)
            && is_uncovered(&profile.token_file)
        {
            rarities.token_place = Some(TokenPlace::Nowhere);
        }
    }

    /// Takes in what Secrets and ConfigMaps bring: `has` tells of one whether it has a key, where it was given at all. Of
    /// several that bring a variable the last counts, and `env` before all of them.
    pub fn resolve_env_from(&mut self, has: impl Fn(&EnvFrom, &str) -> Option<bool>) {
        let Some(rarities) = &mut self.rarities else {
            return;
        };
        let brought = |variable: &str| {
            let brings = |from: &&EnvFrom| {
                let key = variable.strip_prefix(from.prefix.as_str());
                key.and_then(|key| has(from, key)) == Some(true)
            };
            rarities
                .env_from
                .iter()
                .rev()
                .find(brings)
                .cloned()
                .map(SetBy::EnvFrom)
        };
        let (access_key, profile) = (brought("AWS_ACCESS_KEY_ID"), brought("AWS_PROFILE"));
        rarities.access_key = rarities.access_key.take().or(access_key);
        rarities.profile = rarities.profile.take().or(profile);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AUDIENCE, ROLE, bare, injected, token};

    #[test]
    fn the_token_that_counts_is_the_one_to_which_the_variable_points() {
        let mut container = injected("app", ROLE);
        let other = TokenMount {
            path: "/vault".into(),
            ..token("vault")
        };
        container.tokens.insert(0, other);
        assert_eq!(container.token_audience(), Some(AUDIENCE));
        container.token_file = Some("/vault/token".into());
        assert_eq!(container.token_audience(), Some("vault"));
        container.token_file = Some("/elsewhere/token".into());
        assert_eq!(container.token_audience(), None);
        let file = r"C:\var\run\secrets\eks.amazonaws.com\serviceaccount\token";
        container.token_file = Some(file.to_owned());
        assert_eq!(container.token_audience(), Some(AUDIENCE));
        for file in ["/vault//token", "/x/../vault/./token"] {
            container.token_file = Some(file.into());
            assert_eq!(container.token_audience(), Some("vault"), "{file}");
        }
        container.token_file = Some("/run/secrets/eks.amazonaws.com/serviceaccount/token".into());
        assert_eq!(container.token_audience(), Some(AUDIENCE), "`/var/run` is `/run`");
        container.tokens[0] = TokenMount {
            path: "/vault/jwt".into(),
            file: String::new(),
            ..token("vault")
        };
        for (file, audience) in [
            ("/vault/jwt", Some("vault")),
            ("/vault/jwt/", None),
            ("/vault", None),
        ] {
            container.token_file = Some(file.into());
            assert_eq!(container.token_audience(), audience, "{file}");
        }
    }

    #[test]
    fn web_identity_takes_role_file_and_token() {
        let whole = injected("app", ROLE);
        assert!(whole.has_web_identity() && whole.may_have_web_identity());
        for part in [
            Container {
                role_arn: None,
                ..whole.clone()
            },
            Container {
                token_file: None,
                ..whole.clone()
            },
            Container {
                tokens: Vec::new(),
                ..whole.clone()
            },
        ] {
            assert!(
                !part.has_web_identity() && !part.may_have_web_identity(),
                "{part:?}"
            );
            let opaque = Container {
                opaque_env: true,
                ..part
            };
            assert!(!opaque.has_web_identity());
            assert_eq!(opaque.may_have_web_identity(), !opaque.tokens.is_empty());
        }
    }

    #[test]
    fn env_counts_before_env_from_and_of_that_the_last() {
        let from = |name: &str, prefix: &str| EnvFrom {
            source: EnvSource::Secret,
            name: name.into(),
            prefix: prefix.into(),
        };
        let with = |access_key: Option<SetBy>, env_from: Vec<EnvFrom>| Container {
            rarities: Some(Box::new(Rarities {
                access_key,
                env_from,
                ..Rarities::default()
            })),
            ..bare("app")
        };
        let resolved = |mut container: Container| {
            container.resolve_env_from(|from, key| match from.name.as_str() {
                "keys" => Some(key == "AWS_ACCESS_KEY_ID"),
                "short" => Some(key == "ACCESS_KEY_ID"),
                "other" => Some(false),
                _ => None,
            });
            container.access_key().cloned()
        };
        let both = || vec![from("keys", ""), from("short", "AWS_"), from("unseen", "")];
        assert_eq!(
            resolved(with(None, both())),
            Some(SetBy::EnvFrom(from("short", "AWS_")))
        );
        assert_eq!(resolved(with(Some(SetBy::Env), both())), Some(SetBy::Env));
        assert_eq!(resolved(with(Some(SetBy::Nothing), both())), None);
        assert_eq!(
            resolved(with(None, vec![from("other", ""), from("unseen", "")])),
            None
        );
        assert_eq!(resolved(with(None, vec![from("keys", "MY_")])), None);
        assert_eq!(resolved(bare("app")), None);
    }
}
