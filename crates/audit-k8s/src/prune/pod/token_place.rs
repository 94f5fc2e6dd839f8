//! Where the token file lies that a container's SDK would read.

use audit_core::model::container::slashed;
use audit_core::model::{Container, TokenPlace};
use audit_core::webhook::{TOKEN_FOLDER, TOKEN_NAME};

use super::raw::RawMount;
use super::volumes::{Contents, Seen, Volumes};

/// Where it lies, if not simply in a mounted token. Of nested mounts the deeper one lies over the other, in whatever order
/// they are listed: runtimes sort them.
///
/// Where the container does not say where the file is, the webhook will: then only what would lie over it counts.
pub(super) fn of(container: &Container, seen: &Seen, all: &[Seen], volumes: &Volumes) -> Option<TokenPlace> {
    let usual = format!("{TOKEN_FOLDER}/{TOKEN_NAME}");
    let file = match container.token_file.as_deref() {
        Some(file) => slashed(file),
        None if container.names_variable => return None,
        None => usual.clone(),
    };
    let over = |mount: &&RawMount| covers(&mount.mount_path, &file);
    let mounts = seen.raw.volume_mounts.iter();
    let deepest = mounts
        .filter(over)
        .max_by_key(|mount| mount.mount_path.trim_end_matches('/').len());
    let is_told = container.token_file.is_some();
    let Some(mount) = deepest else {
        return is_told.then_some(TokenPlace::Nowhere);
    };
    let contents = volumes.get(&mount.name);
    if matches!(contents, Some(Contents::Tokens(_))) {
        return (is_told && container.token().is_none()).then_some(TokenPlace::Nowhere);
    }
    let lies_over_the_webhooks = file == usual && covers(TOKEN_FOLDER, &mount.mount_path);
    if container.token().is_some() || lies_over_the_webhooks {
        return Some(TokenPlace::Hidden(mount.mount_path.clone()));
    }
    if !is_told {
        return None;
    }
    let copier = match contents {
        Some(Contents::Scratch) if !seen.init => copier(&mount.name, seen, all),
        _ => None,
    };
    Some(copier.map_or(TokenPlace::Elsewhere, TokenPlace::CopiedBy))
}

/// Whether a path is that of a mount, or below it.
fn covers(mount: &str, path: &str) -> bool {
    let rest = path.strip_prefix(mount.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
