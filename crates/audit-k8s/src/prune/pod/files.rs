//! The files of credentials and profiles that SDKs read, where a volume brings them.
//!
//! SDKs read `~/.aws/credentials` and `~/.aws/config`, or what `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` name:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html>. Where a container's home is, its image says: any
//! folder `.aws` counts.

use audit_core::model::{MountedFile, VolumeKind};

use super::raw::{RawItem, RawMount};
use super::setting::Setting;
use super::volumes::{Contents, Volumes};

/// The folder in a home.
const FOLDER: &str = "/.aws";
/// Their names in it.
const CREDENTIALS: &str = "credentials";
const CONFIG: &str = "config";

/// The file of static credentials.
pub(super) fn credentials(
    variable: &Setting<'_>,
    mounts: &[RawMount],
    volumes: &Volumes,
) -> Option<MountedFile> {
    match variable {
        Setting::Literal(path) => at(path, mounts, volumes),
        Setting::Absent | Setting::Empty => in_home(CREDENTIALS, mounts, volumes),
        Setting::Elsewhere { .. } => None,
    }
}

/// The file of profiles.
pub(super) fn config(variable: &Setting<'_>, mounts: &[RawMount], volumes: &Volumes) -> Option<MountedFile> {
    match variable {
        Setting::Literal(path) => at(path, mounts, volumes).or_else(|| in_image(path, mounts)),
        Setting::Absent | Setting::Empty => in_home(CONFIG, mounts, volumes),
        Setting::Elsewhere { .. } => None,
    }
}

/// The file at a path that no volume covers: the image may have it.
fn in_image(path: &str, mounts: &[RawMount]) -> Option<MountedFile> {
    let covers = |mount: &RawMount| {
        let rest = path.strip_prefix(mount.mount_path.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    (!mounts.iter().any(covers)).then(|| MountedFile {
        path: path.to_owned(),
        volume: VolumeKind::Image,
        key: String::new(),
    })
}

/// The file in a folder `.aws`: where it is mounted itself, or the whole folder is.
fn in_home(name: &str, mounts: &[RawMount], volumes: &Volumes) -> Option<MountedFile> {
    let file = format!("{FOLDER}/{name}");
    let paths = || mounts.iter().map(|mount| mount.mount_path.trim_end_matches('/'));
    if let Some(path) = paths().find(|path| path.ends_with(&file)) {
        return at(path, mounts, volumes);
    }
    let folder = paths().find(|path| path.ends_with(FOLDER))?;
    let found = at(&format!("{folder}/{name}"), mounts, volumes)?;
    // A whole ConfigMap there holds profiles, and an emptyDir what the SDKs themselves cache.
    let holds_profiles = matches!(found.volume, VolumeKind::ConfigMap(_)) && found.key == name;
    let is_cache = found.volume == VolumeKind::Scratch;
    (!is_cache && (name == CONFIG || !holds_profiles)).then_some(found)
}

/// The file at a path, if a volume is mounted there that may have it.
fn at(path: &str, mounts: &[RawMount], volumes: &Volumes) -> Option<MountedFile> {
    let below = |mount: &RawMount| {
        let rest = path.strip_prefix(mount.mount_path.trim_end_matches('/'))?;
        match rest.strip_prefix('/') {
            Some(rest) => Some(rest.to_owned()),
            None => rest.is_empty().then(String::new),
        }
    };
    let covering = mounts.iter().filter_map(|mount| Some((mount, below(mount)?)));
    let (mount, rest) = covering.max_by_key(|(mount, _)| mount.mount_path.trim_end_matches('/').len())?;
    let inside = [mount.sub_path.trim_matches('/'), rest.as_str()];
    let inside: Vec<&str> = inside.into_iter().filter(|part| !part.is_empty()).collect();
    let inside = inside.join("/");
    let (volume, key) = match volumes.get(&mount.name)? {
        Contents::Tokens(_) => return None,
        Contents::Scratch => (VolumeKind::Scratch, String::new()),
        Contents::Other => (VolumeKind::Other, String::new()),
        Contents::Secret(keys) => (
            VolumeKind::Secret(keys.secret_name.clone()),
            key(&keys.items, inside)?,
        ),
        Contents::ConfigMap(keys) => (
            VolumeKind::ConfigMap(keys.name.clone()),
            key(&keys.items, inside)?,
        ),
    };
    // Which part of the volume it is, only the kubelet knows.
    let key = if mount.sub_path_expr.is_empty() {
        key
    } else {
        String::new()
    };
    Some(MountedFile {
        path: path.to_owned(),
        volume,
        key,
    })
}

/// The key that becomes the file `path` of a volume; absent where the volume's items leave it out.
fn key(items: &[RawItem], path: String) -> Option<String> {
    if items.is_empty() {
        return Some(path);
    }
    let item = items.iter().find(|item| item.path == path)?;
    Some(item.key.clone())
}
