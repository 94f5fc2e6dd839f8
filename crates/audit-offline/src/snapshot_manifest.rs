//! The manifest of a snapshot: what `irsa-audit snapshot` wrote into a directory, and what of it is whole.
//!
//! It is the file [`FILE_NAME`] of the directory, JSON. The parts are manifests and outputs of the AWS CLI like any others; what the manifest says
//! beside their names is which of them are missing, and why: the absence of what such a part may have held proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use audit_core::decode_error::plain;
use audit_core::model::{BindingKey, ClusterIssuer, IssuerSource, IssuerUrl, LookedUp, WorkloadRef};
use audit_core::text::quote;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The manifest's name in the directory.
pub const FILE_NAME: &str = "snapshot.json";

/// What the field `format` of a manifest says.
const FORMAT: &str = "irsa-audit.dev/snapshot";

/// The version of the format that is written, and the only one that is read.
const VERSION: u32 = 1;

/// The part that says which kinds of other projects the API server serves. It has no file.
pub const SERVED_KINDS: &str = "kubernetes/served-kinds";

/// The part that says which account the caller's credentials are in. It has no file.
pub const CALLER: &str = "aws/caller";

/// Why a text is not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotManifestError {
    /// Not JSON of this form; the reason is safe to show.
    #[error("is not the manifest of a snapshot: {0}")]
    Malformed(String),
    /// Of another version.
    #[error(
        "has version {0} of the format, and this program reads version {VERSION}: use the program that wrote it"
    )]
    Version(u32),
    /// The name of a file leads out of the directory; safe to show.
    #[error("names the file `{0}`, which is not below its directory")]
    Outside(String),
}

/// What a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotManifest {
    format: String,
    version: u32,
    /// The program that wrote it, with its version.
    pub program: String,
    /// When the first part was begun.
    pub started_at: Timestamp,
    /// When all parts had been tried; absent while the snapshot is being taken, and where that was interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Of which cluster, and how it was asked.
    pub cluster: SnapshotCluster,
    /// The account of the caller's credentials; absent where AWS did not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The parts by name, such as `kubernetes/pods` and `aws/111122223333/details`.
    pub parts: BTreeMap<String, SnapshotPart>,
    /// What the API server said of workloads that `IrsaAudit`s expect and that have no pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<SnapshotWorkload>,
    /// Accounts to which something in the cluster refers, and into which no way was given.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub closed_accounts: BTreeSet<String>,
    /// Names of roles that IAM says do not exist, by account, where the account could not be listed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absent_roles: BTreeMap<String, BTreeSet<String>>,
}

/// The cluster of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotCluster {
    /// What tells it from others: the UID of its namespace `kube-system`, or the server's URL where that cannot be read.
    pub identity: String,
    /// The issuer of its tokens, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<SnapshotIssuer>,
    /// Its name in EKS, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The only namespace of which objects were listed; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The prefix of the annotations that were kept, such as `eks.amazonaws.com`.
    pub annotation_prefix: String,
    /// The namespace in which the webhook's ConfigMap was looked for.
    pub webhook_namespace: String,
}

/// An issuer, and what said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotIssuer {
    url: String,
    source: String,
}

impl From<&ClusterIssuer> for SnapshotIssuer {
    fn from(issuer: &ClusterIssuer) -> Self {
        Self {
            url: issuer.url.as_str().to_owned(),
            source: issuer.source.as_str().to_owned(),
        }
    }
}

/// What a workload is that an `IrsaAudit` expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotWorkload {
    namespace: String,
    service_account: String,
    kind: String,
    name: String,
    /// Absent where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exists: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runs_as: Option<String>,
}

impl SnapshotWorkload {
    /// What the API server said of a workload that is expected to run as a ServiceAccount.
    #[must_use]
    pub fn new(key: &BindingKey, workload: &WorkloadRef, found: &LookedUp) -> Self {
        let (exists, runs_as) = match found {
            LookedUp::RunsAs(name) => (Some(true), Some(name.clone())),
            LookedUp::Absent => (Some(false), None),
            LookedUp::Unreadable => (None, None),
        };
        Self {
            namespace: key.namespace.to_string(),
            service_account: key.service_account.to_string(),
            kind: workload.kind.clone(),
            name: workload.name.clone(),
            exists,
            runs_as,
        }
    }

    /// The same, for a snapshot.
    pub(crate) fn found(&self) -> (BindingKey, WorkloadRef, LookedUp) {
        let workload = WorkloadRef {
            kind: self.kind.clone(),
            name: self.name.clone(),
        };
        let found = match (self.exists, &self.runs_as) {
            (Some(true), Some(name)) => LookedUp::RunsAs(name.clone()),
            (Some(false), _) => LookedUp::Absent,
            _ => LookedUp::Unreadable,
        };
        let key = BindingKey::new(self.namespace.as_str(), self.service_account.as_str());
        (key, workload, found)
    }
}

/// A part of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotPart {
    /// How much of it there is.
    pub state: PartState,
    /// When it was begun, which is the time that it tells of.
    pub taken_at: Timestamp,
    /// How many objects, or elements of lists, it holds.
    #[serde(default)]
    pub count: u64,
    /// What is in the directory; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PartFile>,
    /// Why it is not whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<PartReason>,
    /// The same in the words of who was asked; safe to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartFile {
    /// Its path below the directory, with slashes.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes in hexadecimal digits.
    pub sha256: String,
}

/// How much of a part there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PartState {
    /// All of it.
    Whole,
    /// Some of it.
    Partial,
    /// Nothing.
    Missing,
}

/// Why a part is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PartReason {
    /// The caller may not read it.
    Forbidden,
    /// The other side had too much to do.
    Throttled,
    /// There was no answer, or none that could be read.
    Unavailable,
    /// Some objects cannot be read, as objects of a newer version of a kind.
    Unreadable,
    /// It was not tried yet: the snapshot was interrupted.
    NotTaken,
}

impl PartReason {
    /// As the end of a sentence that begins with the part's name.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Forbidden => "could not be read for lack of permission",
            Self::Throttled => "could not be read because of throttling",
            Self::Unavailable => "could not be read",
            Self::Unreadable => "holds objects that could not be read",
            Self::NotTaken => "has not been taken yet",
        }
    }
}

impl SnapshotPart {
    /// Nothing of a part.
    #[must_use]
    pub fn missing(taken_at: Timestamp, reason: PartReason, message: Option<String>) -> Self {
        Self {
            state: PartState::Missing,
            taken_at,
            count: 0,
            file: None,
            reason: Some(reason),
            message,
        }
    }

    /// Whether all of it is there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.state == PartState::Whole
    }

    /// Why it is not whole, as the end of a sentence that begins with its name; safe to show.
    #[must_use]
    pub fn told(&self) -> String {
        let reason = self.reason.unwrap_or(PartReason::Unavailable).told();
        match &self.message {
            Some(message) => format!("{reason}: {}", audit_core::text::reveal(message)),
            None => reason.to_owned(),
        }
    }
}

impl SnapshotManifest {
    /// The manifest of a snapshot that has just begun.
    #[must_use]
    pub fn new(program: String, started_at: Timestamp, cluster: SnapshotCluster) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            program,
            started_at,
            finished_at: None,
            cluster,
            account: None,
            parts: BTreeMap::new(),
            workloads: Vec::new(),
            closed_accounts: BTreeSet::new(),
            absent_roles: BTreeMap::new(),
        }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// [`SnapshotManifestError`].
    pub fn parse(text: &[u8]) -> Result<Self, SnapshotManifestError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let malformed =
            |error: &serde_json::Error| SnapshotManifestError::Malformed(quote(&plain(&error.to_string())));
        let head: Head = serde_json::from_slice(text).map_err(|error| malformed(&error))?;
        if head.format != FORMAT {
            let why = format!("its `format` is `{}`", quote(&head.format));
            return Err(SnapshotManifestError::Malformed(why));
        }
        if head.version != VERSION {
            return Err(SnapshotManifestError::Version(head.version));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(|error| malformed(&error))?;
        for PartFile { path, .. } in manifest.files() {
            if !is_below(path) {
                return Err(SnapshotManifestError::Outside(quote(path)));
            }
        }
        if let Some(issuer) = &manifest.cluster.issuer
            && issuer.known().is_none()
        {
            let why = format!(
                "its issuer `{}` is not one that IAM could register",
                quote(&issuer.url)
            );
            return Err(SnapshotManifestError::Malformed(why));
        }
        Ok(manifest)
    }

    /// The manifest as its file has it.
    #[must_use]
    pub fn text(&self) -> String {
        // Text, numbers and lists of them: nothing that fails to serialize.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The files in the directory.
    pub fn files(&self) -> impl Iterator<Item = &PartFile> {
        self.parts.values().filter_map(|part| part.file.as_ref())
    }

    /// The parts that are not whole, with their names.
    pub fn not_whole(&self) -> impl Iterator<Item = (&str, &SnapshotPart)> {
        let parts = self.parts.iter().filter(|(_, part)| !part.is_whole());
        parts.map(|(name, part)| (name.as_str(), part))
    }

    /// Whether all of a part is there.
    #[must_use]
    pub fn has_whole(&self, part: &str) -> bool {
        self.parts.get(part).is_some_and(SnapshotPart::is_whole)
    }

    /// The time of which the snapshot tells: its end, or that of the latest part where it was interrupted.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        let latest = self.parts.values().map(|part| part.taken_at).max();
        self.finished_at.or(latest).unwrap_or(self.started_at)
    }

    /// The issuer of the cluster.
    #[must_use]
    pub fn issuer(&self) -> Option<ClusterIssuer> {
        self.cluster.issuer.as_ref()?.known()
    }
}

impl SnapshotIssuer {
    fn known(&self) -> Option<ClusterIssuer> {
        Some(ClusterIssuer {
            url: IssuerUrl::parse(&self.url).ok()?,
            source: IssuerSource::named(&self.source)?,
        })
    }
}

/// Whether a path stays below the directory in which it begins.
fn is_below(path: &str) -> bool {
    let is_plain = |component: Component<'_>| matches!(component, Component::Normal(_));
    !path.is_empty() && !path.contains('\\') && Path::new(path).components().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> SnapshotManifest {
        let cluster = SnapshotCluster {
            identity: "uid:1".to_owned(),
            issuer: None,
            name: None,
            namespace: None,
            annotation_prefix: "eks.amazonaws.com".to_owned(),
            webhook_namespace: "kube-system".to_owned(),
        };
        SnapshotManifest::new("irsa-audit 0".to_owned(), Timestamp::UNIX_EPOCH, cluster)
    }

    fn with_file(path: &str) -> SnapshotManifest {
        let mut manifest = manifest();
        let part = SnapshotPart {
            state: PartState::Whole,
            taken_at: Timestamp::UNIX_EPOCH,
            count: 1,
            file: Some(PartFile {
                path: path.to_owned(),
                bytes: 3,
                sha256: "00".to_owned(),
            }),
            reason: None,
            message: None,
        };
        manifest.parts.insert("kubernetes/pods".to_owned(), part);
        manifest
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let mut manifest = with_file("kubernetes/pods.json");
        let url = IssuerUrl::parse("https://oidc.example.com").unwrap();
        let issuer = ClusterIssuer {
            url,
            source: IssuerSource::Discovery,
        };
        manifest.cluster.issuer = Some((&issuer).into());
        let key = BindingKey::new("shop", "cart");
        for found in [
            LookedUp::RunsAs("cart".to_owned()),
            LookedUp::Absent,
            LookedUp::Unreadable,
        ] {
            let workload = SnapshotWorkload::new(&key, &WorkloadRef::default(), &found);
            assert_eq!(workload.found(), (key.clone(), WorkloadRef::default(), found));
            manifest.workloads.push(workload);
        }
        let read = SnapshotManifest::parse(manifest.text().as_bytes()).unwrap();
        assert_eq!(read, manifest);
        assert_eq!(read.issuer(), Some(issuer));
        assert!(read.has_whole("kubernetes/pods") && !read.has_whole("kubernetes/namespaces"));
    }

    #[test]
    fn what_is_not_a_manifest_and_files_elsewhere_are_refused() {
        use SnapshotManifestError::{Malformed, Outside, Version};
        let parse = |text: &str| SnapshotManifest::parse(text.as_bytes()).unwrap_err();
        for text in ["", "{", "[]", "{}", r#"{"format":"x","version":1}"#] {
            assert!(matches!(parse(text), Malformed(_)), "{text}");
        }
        assert_eq!(
            parse(r#"{"format":"irsa-audit.dev/snapshot","version":7}"#),
            Version(7)
        );
        for path in ["../x", "/etc/passwd", "a/../../x", "", "a\\..\\x", "./a/.."] {
            assert!(matches!(parse(&with_file(path).text()), Outside(_)), "{path}");
        }
    }
}
