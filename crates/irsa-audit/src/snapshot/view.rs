//! What is said of a snapshot. Pure.

use std::fmt::Write as _;

use audit_core::text::quote;
use audit_offline::SnapshotManifest;
use jiff::Timestamp;

/// That Ctrl-C ended it.
pub const INTERRUPTED: &str = "irsa-audit: interrupted: run the same command again, and it keeps the parts that are whole and takes the rest";

/// The parts, and which of them are not whole.
#[must_use]
pub fn summary(manifest: &SnapshotManifest) -> String {
    let count = |side: &str| {
        let parts = manifest.parts.iter().filter(|(name, _)| name.starts_with(side));
        let parts = parts.filter(|(_, part)| part.file.is_some());
        parts.map(|(_, part)| part.count).sum::<u64>()
    };
    let roles: u64 = manifest
        .parts
        .iter()
        .filter(|(name, _)| name.ends_with("/details") || name.ends_with("/roles"))
        .map(|(_, part)| part.count)
        .sum();
    let bytes: u64 = manifest.files().map(|file| file.bytes).sum();
    let mut text = format!(
        "{} parts, {} KB: {} Kubernetes objects, {roles} roles and policies\n",
        manifest.parts.len(),
        bytes.div_ceil(1024),
        count("kubernetes/"),
    );
    let mut not_whole = manifest.not_whole().peekable();
    if not_whole.peek().is_none() {
        text.push_str(
            "Every part is whole. `irsa-audit audit` with this directory says what it says live.\n",
        );
        return text;
    }
    text.push_str(
        "Not whole, so that `irsa-audit audit` with this directory cannot know what these may have held:\n",
    );
    for (name, part) in not_whole {
        let _ = writeln!(text, "  {} {}", quote(name), part.told());
    }
    text
}

/// That parts of an earlier run are kept.
#[must_use]
pub fn kept((parts, oldest): (usize, Timestamp), now: Timestamp) -> String {
    let age = now.duration_since(oldest).as_secs().max(0) / 60;
    format!(
        "{parts} parts of an earlier run are kept, up to {age} minutes old: set --max-age to take them again"
    )
}

#[cfg(test)]
mod tests {
    use audit_offline::snapshot_manifest::{PartReason, SnapshotCluster, SnapshotPart};

    use super::*;

    #[test]
    fn parts_that_are_not_whole_are_named() {
        let cluster = SnapshotCluster {
            identity: "uid:1".to_owned(),
            issuer: None,
            name: None,
            namespace: None,
            annotation_prefix: String::new(),
            webhook_namespace: String::new(),
        };
        let mut manifest = SnapshotManifest::new(String::new(), Timestamp::UNIX_EPOCH, cluster);
        assert_eq!(summary(&manifest).lines().count(), 2);
        let missing = SnapshotPart::missing(
            Timestamp::UNIX_EPOCH,
            PartReason::Forbidden,
            Some("no\u{1b}[2J".to_owned()),
        );
        manifest.parts.insert("kubernetes/pods".to_owned(), missing);
        let text = summary(&manifest);
        assert!(
            text.contains("kubernetes/pods") && !text.contains('\u{1b}'),
            "{text}"
        );
    }
}
