//! The credentials of containers.

use std::borrow::Cow;

use audit_core::model::file_path::{below, cleaned};
use audit_core::model::{
    Container, EnvFrom, EnvSource, MOST_BYTES_OF_POD, MOST_CONTAINERS, MOST_TOKENS, MOST_TOKENS_OF_POD,
    Rarities, StsEndpoints, TokenMount, Unkept, is_session_name,
};
use audit_core::webhook::TOKEN_VOLUME;

use super::raw::{RawContainer, RawEnvFrom, RawMount, RawProjected, RawToken, RawVolume};
use super::setting::{LONGEST, Setting};
use super::volumes::{Contents, Projected, Seen, Volumes};
use super::{endpoint, files, token_place};

/// The role that the SDKs assume with a web identity token.
const ROLE_ARN: &str = "AWS_ROLE_ARN";
/// Where the SDKs find that token.
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
/// Where a server of credentials is, by its address or below that of Amazon ECS.
const SERVERS: [&str; 2] = [
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
];
/// The addresses of the agent of EKS Pod Identity: <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html>.
const POD_IDENTITY_AGENT: [&str; 2] = [
    "http://169.254.170.23/v1/credentials",
    "http://[fd00:ec2::23]/v1/credentials",
];
/// The volume with the token for the agent.
const POD_IDENTITY_VOLUME: &str = "eks-pod-identity-token";
/// What the SDKs prefer to all of them.
const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
/// What some SDKs prefer.
const PROFILE: &str = "AWS_PROFILE";
/// Which endpoints of STS older SDKs use.
const STS_ENDPOINTS: &str = "AWS_STS_REGIONAL_ENDPOINTS";
/// How SDKs name the session that they request.
const SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";
/// Either of them tells the webhook that the Region is set.
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
/// Where the SDKs find static credentials.
const CREDENTIALS_FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";
/// Where the SDKs find profiles.
const CONFIG_FILE: &str = "AWS_CONFIG_FILE";

/// How much of a variable's value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// The value.
    Whole,
    /// Which of the servers of EKS Pod Identity it is, if it is one of them.
    Agent,
    /// Of an address, the server alone.
    Origin,
    /// That it has one.
    Presence,
}

/// In the place of a value that is not read.
const NOT_KEPT: &str = "not-kept";

impl Told {
    /// A value that is read as the given one is.
    pub(super) fn of(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Whole => value.into(),
            Self::Agent if is_agent(value) => value.into(),
            Self::Origin => endpoint::origin(value).map_or_else(|| NOT_KEPT.into(), Cow::Owned),
            Self::Agent | Self::Presence => NOT_KEPT.into(),
        }
    }
}

/// How much of the value of a variable is read; nothing of others than these is, not even the name.
pub(super) fn told(variable: &str) -> Option<Told> {
    match variable {
        ROLE_ARN
        | TOKEN_FILE
        | PROFILE
        | STS_ENDPOINTS
        | CREDENTIALS_FILE
        | CONFIG_FILE
        | SESSION_NAME
        | endpoint::IGNORED => Some(Told::Whole),
        endpoint::OF_STS | endpoint::OF_ALL => Some(Told::Origin),
        ACCESS_KEY => Some(Told::Presence),
        other if SERVERS.contains(&other) => Some(Told::Agent),
        other if REGIONS.contains(&other) => Some(Told::Presence),
        _ => None,
    }
}

fn is_agent(server: &str) -> bool {
    POD_IDENTITY_AGENT.contains(&server.trim_end_matches('/'))
}

/// Volumes by name.
pub(super) fn volumes(volumes: Vec<RawVolume>) -> Volumes {
    let by_name = volumes
        .into_iter()
        .map(|volume| (volume.name.clone(), contents(volume)));
    by_name.collect()
}

/// A pod's containers, those that run first before the others.
pub(super) fn all(init: Vec<RawContainer>, main: Vec<RawContainer>, volumes: &Volumes) -> Vec<Container> {
    let init = init.into_iter().map(|raw| Seen { init: true, raw });
    let main = main.into_iter().map(|raw| Seen { init: false, raw });
    let mut all: Vec<Seen> = init.chain(main).collect();
    let mut is_cut = all.len() > MOST_CONTAINERS;
    all.truncate(MOST_CONTAINERS);
    let most_tokens = (MOST_TOKENS_OF_POD / all.len().max(1)).clamp(1, MOST_TOKENS);
    let one = |seen: &Seen| {
        let mut container = container(seen, volumes, most_tokens);
        if let Some((place, volume)) = token_place::of(&container, seen, &all, volumes) {
            let rarities = container.rarities.get_or_insert_default();
            (rarities.token_place, rarities.token_volume) = (Some(place), volume);
        }
        container
    };
    let mut kept: Vec<Container> = Vec::with_capacity(all.len());
    let mut bytes = 0;
    for seen in &all {
        let container = one(seen);
        bytes += container.text_bytes();
        if bytes > MOST_BYTES_OF_POD {
            kept.push(without_texts(container));
            is_cut = true;
            break;
        }
        kept.push(container);
    }
    if let Some(last) = kept.last_mut().filter(|_| is_cut) {
        last.rarities.get_or_insert_default().unkept = Some(Unkept::Containers);
    }
    kept
}

/// A container of which nothing is told but its name and what it may have.
fn without_texts(container: Container) -> Container {
    Container {
        role_arn: None,
        token_file: None,
        opaque_env: true,
        tokens: Vec::new(),
        rarities: None,
        ..container
    }
}

/// What is in a volume. A Secret or `ConfigMap` without a name, which no API server admits and a file may have, is nothing to look up.
fn contents(volume: RawVolume) -> Contents {
    if let Some(projected) = volume
        .projected
        .map(projected)
        .filter(|all| !all.tokens.is_empty() || all.has_longer_tokens)
    {
        Contents::Tokens(projected)
    } else if let Some(keys) = volume.secret.filter(|keys| !keys.secret_name.is_empty()) {
        Contents::Secret(keys)
    } else if let Some(keys) = volume.config_map.filter(|keys| !keys.name.is_empty()) {
        Contents::ConfigMap(keys)
    } else if volume.empty_dir.is_some() {
        Contents::Scratch
    } else {
        Contents::Other
    }
}

fn projected(raw: RawProjected) -> Projected {
    let mut projected = Projected {
        tokens: Vec::new(),
        others: Vec::new(),
        has_more: false,
        has_longer_tokens: false,
    };
    for source in raw.sources {
        let keys = [source.secret, source.config_map, source.downward_api];
        projected.has_more |= source.service_account_token.is_none() && keys.iter().all(Option::is_none);
        if let Some(token) = source.service_account_token {
            if token.path.len().max(token.audience.len()) > LONGEST {
                projected.has_longer_tokens = true;
            } else {
                projected.tokens.push(token);
            }
        }
        for keys in keys.into_iter().flatten() {
            // Without items, all keys of the object are files.
            projected.has_more |= keys.items.is_empty();
            projected
                .others
                .extend(keys.items.into_iter().map(|item| item.path));
        }
    }
    projected
}

fn session_name(raw: &RawContainer) -> Setting<'_> {
    let last = raw.env.iter().rposition(|variable| variable.name == SESSION_NAME);
    let read = if raw.env_from.is_empty() {
        Setting::without_others
    } else {
        Setting::of
    };
    last.map(|at| read(&raw.env, at)).unwrap_or_default()
}

fn container(seen: &Seen, volumes: &Volumes, most_tokens: usize) -> Container {
    let raw = &seen.raw;
    // Of several variables of one name, the last counts.
    let setting = |name: &str| {
        let last = raw.env.iter().rposition(|variable| variable.name == name);
        last.map(|at| Setting::of(&raw.env, at)).unwrap_or_default()
    };
    let (role_arn, token_file) = (setting(ROLE_ARN), setting(TOKEN_FILE));
    let servers = SERVERS.map(|name| setting(name).literal());
    let mounts_its_token = || {
        raw.volume_mounts
            .iter()
            .any(|mount| mount.name == POD_IDENTITY_VOLUME)
    };
    let credentials_file = files::credentials(&setting(CREDENTIALS_FILE), &raw.volume_mounts, volumes);
    let config_file = files::config(&setting(CONFIG_FILE), &raw.volume_mounts, volumes);
    let has_file = credentials_file.is_some() || config_file.is_some();
    let mounts = raw.volume_mounts.iter().filter(|_| has_file);
    let (tokens, has_more_tokens) = tokens(raw, volumes, token_file.literal().as_deref(), most_tokens);
    let leaves_out = |mount: &RawMount| {
        let has_longer =
            matches!(volumes.get(&mount.name), Some(Contents::Tokens(all)) if all.has_longer_tokens);
        has_longer || mount.mount_path.len() > LONGEST
    };
    let has_more_tokens = has_more_tokens || raw.volume_mounts.iter().any(leaves_out);
    let rarities = Rarities {
        access_key: setting(ACCESS_KEY).set_by(),
        profile: setting(PROFILE).set_by(),
        token_place: None,
        token_volume: None,
        in_template: None,
        role_came_first: role_came_first(raw),
        env_from: raw.env_from.iter().filter_map(env_from).collect(),
        credentials_file,
        config_file,
        mounts: mounts.map(|mount| mount.mount_path.clone()).collect(),
        configured: None,
        profile_name: setting(PROFILE).literal().filter(|_| has_file),
        other_server: servers.iter().flatten().any(|server| !is_agent(server)),
        unkept: has_more_tokens.then_some(Unkept::Tokens),
        sts_endpoint: endpoint::of(setting),
        refused_session_name: session_name(raw).literal().filter(|name| !is_session_name(name)),
    };
    let names = |names: &[&str]| {
        raw.env
            .iter()
            .any(|variable| names.contains(&variable.name.as_str()))
    };
    let sets_all = names(&[ROLE_ARN, TOKEN_FILE]) && names(&REGIONS) && names(&[STS_ENDPOINTS]);
    Container {
        name: raw.name.clone(),
        init: seen.init,
        role_arn: role_arn.literal(),
        token_file: token_file.literal(),
        opaque_env: !raw.env_from.is_empty() || role_arn.is_elsewhere() || token_file.is_elsewhere(),
        names_variable: role_arn.is_named_only() || token_file.is_named_only(),
        pod_identity: servers.iter().flatten().any(|server| is_agent(server))
            || (servers == [None, None] && mounts_its_token()),
        sts_endpoints: match setting(STS_ENDPOINTS) {
            Setting::Literal(value) if value.eq_ignore_ascii_case("regional") => StsEndpoints::Regional,
            Setting::Literal(value) if value.eq_ignore_ascii_case("legacy") => StsEndpoints::Legacy,
            _ => StsEndpoints::Unset,
        },
        tokens,
        sets_all,
        rarities: (rarities != Rarities::default()).then(|| Box::new(rarities)),
    }
}

/// Whether the role stands in `env` before the variable for STS endpoints. The webhook appends to what a pod has, that variable first
/// and the role later: <https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/pkg/handler/handler.go>
/// (`addEnvToContainer`).
fn role_came_first(raw: &RawContainer) -> bool {
    let at = |name: &str| raw.env.iter().position(|variable| variable.name == name);
    matches!((at(ROLE_ARN), at(STS_ENDPOINTS)), (Some(role), Some(sts)) if role < sts)
}

fn env_from(raw: &RawEnvFrom) -> Option<EnvFrom> {
    let secret = raw.secret_ref.as_ref().map(|from| (EnvSource::Secret, from));
    let config_map = raw
        .config_map_ref
        .as_ref()
        .map(|from| (EnvSource::ConfigMap, from));
    let (source, from) = secret.or(config_map)?;
    Some(EnvFrom {
        source,
        name: from.name.clone(),
        prefix: raw.prefix.clone(),
    })
}

/// The mounted tokens, at most so many, and whether there are more. Where there are, those come first that are mounted where the token
/// file is, or by the webhook.
fn tokens(
    raw: &RawContainer,
    volumes: &Volumes,
    token_file: Option<&str>,
    most: usize,
) -> (Vec<TokenMount>, bool) {
    let of_mount = |mount| mounted(mount, volumes, token_file, most + 1);
    let mut kept: Vec<TokenMount> = raw
        .volume_mounts
        .iter()
        .flat_map(of_mount)
        .take(most + 1)
        .collect();
    let has_more = kept.len() > most;
    if has_more {
        let matters = |mount: &&RawMount| mount.name == TOKEN_VOLUME || leads_to(mount, token_file);
        let (first, others): (Vec<_>, Vec<_>) = raw.volume_mounts.iter().partition(matters);
        kept = first
            .into_iter()
            .chain(others)
            .flat_map(of_mount)
            .take(most)
            .collect();
    }
    kept.shrink_to_fit();
    (kept, has_more)
}

/// The tokens of one mount, at most so many: their number in a container is a product.
fn mounted<'a>(
    mount: &'a RawMount,
    volumes: &'a Volumes,
    token_file: Option<&str>,
    most: usize,
) -> impl Iterator<Item = TokenMount> + use<'a> {
    let tokens = match volumes.get(&mount.name) {
        Some(Contents::Tokens(projected)) => projected.tokens.as_slice(),
        _ => &[],
    };
    let leads_here = !tokens.is_empty() && leads_to(mount, token_file);
    tokens
        .iter()
        .filter(move |token| leads_here || !token.audience.is_empty())
        .filter_map(move |token| token_mount(mount, token))
        .take(most)
}

/// A token as it is mounted; none where `subPath` mounts something else of its volume, and where the path is longer than any that is
/// read: each token would have a copy of it.
fn token_mount(mount: &RawMount, token: &RawToken) -> Option<TokenMount> {
    if mount.mount_path.len() > LONGEST {
        return None;
    }
    let sub_path = [&mount.sub_path, &mount.sub_path_expr]
        .into_iter()
        .find(|path| !path.is_empty());
    let file = match sub_path {
        // Which part of it, only the kubelet knows.
        Some(path) if path.contains("$(") => token.path.as_str(),
        Some(path) => match token.path.strip_prefix(path.trim_end_matches('/'))? {
            "" => "",
            rest => rest.strip_prefix('/')?,
        },
        None => token.path.as_str(),
    };
    Some(TokenMount {
        path: mount.mount_path.clone(),
        audience: Some(token.audience.clone()).filter(|audience| !audience.is_empty()),
        file: file.to_owned(),
        by_webhook: mount.name == TOKEN_VOLUME,
        sub_path: sub_path.is_some(),
    })
}

/// Whether a container's token file is below a mount. The token that every pod gets for the API server names no audience; it is not a
/// web identity, unless the container itself reads it.
fn leads_to(mount: &RawMount, token_file: Option<&str>) -> bool {
    token_file.is_some_and(|file| below(&cleaned(&mount.mount_path), &cleaned(file)).is_some())
}
