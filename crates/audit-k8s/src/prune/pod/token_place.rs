//! Where the token file lies that a container's SDK would read.

use audit_core::model::file_path::{below, cleaned, is_whole};
use audit_core::model::{Container, MountedFile, TokenPlace, VolumeKind};
use audit_core::webhook::{TOKEN_FOLDER, TOKEN_NAME};

use super::raw::{RawKeys, RawMount};
use super::volumes::{Contents, Seen, Volumes};

/// Where it lies, if not simply in a mounted token, and the Secret or ConfigMap in which it does. Of nested mounts the deeper one lies
/// over the other, in whatever order they are listed: runtimes sort them.
///
/// Where the container does not say where the file is, the webhook will: then only what would lie over it counts.
pub(super) fn of(
    container: &Container,
    seen: &Seen,
    all: &[Seen],
    volumes: &Volumes,
) -> Option<(TokenPlace, Option<MountedFile>)> {
    let usual = cleaned(&format!("{TOKEN_FOLDER}/{TOKEN_NAME}"));
    let file = match container.token_file.as_deref() {
        // From which folder it starts, the image says.
        Some(file) if !is_whole(file) => return Some((TokenPlace::Elsewhere, None)),
        Some(file) => cleaned(file),
        None if container.names_variable => return None,
        None => usual.clone(),
    };
    let mounts = seen.raw.volume_mounts.iter();
    let over = mounts.filter_map(|mount| {
        let path = cleaned(&mount.mount_path);
        let rest = below(&path, &file)?.to_owned();
        Some((mount, path, rest))
    });
    let deepest = over.max_by_key(|(_, path, _)| path.trim_end_matches('/').len());
    let is_told = container.token_file.is_some();
    let Some((mount, path, rest)) = deepest else {
        return is_told.then_some((TokenPlace::Nowhere, None));
    };
    let has_token = container.token().is_some();
    let is_tokens = matches!(volumes.get(&mount.name), Some(Contents::Tokens(_)));
    let lies_over_the_webhooks =
        file == usual && below(&cleaned(TOKEN_FOLDER), &path).is_some() && !is_tokens;
    if (is_tokens && has_token) || !(is_told || lies_over_the_webhooks) {
        return None;
    }
    let found = within(mount, &rest, seen, all, volumes);
    let is_over_a_token = has_token || lies_over_the_webhooks;
    Some(match found {
        Found::Nothing if rest.is_empty() => (TokenPlace::Folder(mount.mount_path.clone()), None),
        Found::Nothing if is_told => (TokenPlace::Nowhere, None),
        _ if is_over_a_token => (TokenPlace::Hidden(mount.mount_path.clone()), None),
        Found::Nothing => (TokenPlace::Nowhere, None),
        Found::CopiedBy(name) => (TokenPlace::CopiedBy(name), None),
        Found::Key(volume, key) => {
            let path = container.token_file.clone().unwrap_or_default();
            (TokenPlace::Elsewhere, Some(MountedFile { path, volume, key }))
        }
        Found::Anything => (TokenPlace::Elsewhere, None),
    })
}

/// What is at a path of a volume, as far as that shows.
enum Found {
    /// No file: the volume has others, or this is its folder.
    Nothing,
    /// What an init container put there.
    CopiedBy(String),
    /// A key of a Secret or ConfigMap.
    Key(VolumeKind, String),
    /// Anything, or nothing.
    Anything,
}

/// What is at the path `rest` below a mount; empty for the mount itself.
fn within(mount: &RawMount, rest: &str, seen: &Seen, all: &[Seen], volumes: &Volumes) -> Found {
    let inside = [mount.sub_path.trim_matches('/'), rest];
    let inside: Vec<&str> = inside.into_iter().filter(|part| !part.is_empty()).collect();
    let inside = inside.join("/");
    // Which part of the volume is mounted, only the kubelet knows.
    let is_whole = mount.sub_path_expr.is_empty();
    match volumes.get(&mount.name) {
        Some(_) if !is_whole => Found::Anything,
        Some(Contents::Tokens(projected)) => {
            let is_other = projected.others.iter().any(|path| is_same(path, &inside));
            // A token that is there and not meant for AWS is one all the same.
            let is_token = projected.tokens.iter().any(|token| is_same(&token.path, &inside));
            if is_other || is_token || (projected.has_more && !inside.is_empty()) {
                Found::Anything
            } else {
                Found::Nothing
            }
        }
        Some(Contents::Secret(keys)) => keyed(keys, &inside, VolumeKind::Secret(keys.secret_name.clone())),
        Some(Contents::ConfigMap(keys)) => keyed(keys, &inside, VolumeKind::ConfigMap(keys.name.clone())),
        Some(Contents::Scratch) if inside.is_empty() => Found::Nothing,
        Some(Contents::Scratch) if !seen.init => {
            copier(&mount.name, seen, all).map_or(Found::Anything, Found::CopiedBy)
        }
        Some(Contents::Scratch | Contents::Other) => Found::Anything,
        // A pod without the volume that it mounts.
        None => Found::Nothing,
    }
}

/// What is at a path of a Secret's or ConfigMap's volume: one of its items, or without items one of its keys, which have no slashes.
fn keyed(keys: &RawKeys, inside: &str, volume: VolumeKind) -> Found {
    let key = if keys.items.is_empty() {
        Some(inside).filter(|key| !key.is_empty() && !key.contains('/'))
    } else {
        let item = keys.items.iter().find(|item| is_same(&item.path, inside));
        item.map(|item| item.key.as_str())
    };
    key.map_or(Found::Nothing, |key| Found::Key(volume, key.to_owned()))
}

fn is_same(path: &str, other: &str) -> bool {
    cleaned(&format!("/{path}")) == cleaned(&format!("/{other}"))
}

/// The init container that filled an `emptyDir`, if none that goes on running can write there, besides the one that reads.
fn copier(volume: &str, reader: &Seen, all: &[Seen]) -> Option<String> {
    let writes = |seen: &&Seen| {
        let mut mounts = seen.raw.volume_mounts.iter();
        mounts.any(|mount| mount.name == volume && !mount.read_only)
    };
    let goes_on = |seen: &&Seen| !seen.init || seen.raw.restart_policy == "Always";
    let mut others = all
        .iter()
        .filter(|seen| seen.raw.name != reader.raw.name)
        .filter(writes);
    if others.clone().any(|seen| goes_on(&seen)) {
        return None;
    }
    others.next_back().map(|seen| seen.raw.name.clone())
}
