//! Where a cluster and its accounts are looked at: the flags for it, and files read in their place.

use std::path::{Path, PathBuf};

use audit_offline::{GivenSnapshot, Options, Weight};
use jiff::Timestamp;

pub use super::evidence::AuditInput;
use super::input::{InputError, Reader};
use super::live::LiveError;
use super::snapshot_files::{self, SnapshotFiles, SnapshotFilesError};
pub use super::source_args::SourceArgs;
use super::source_args::{ANNOTATION_PREFIX, WEBHOOK_NAMESPACE};
use crate::console::{self, Progress};

/// The namespace of objects that name none, as kubectl has it.
const DEFAULT_NAMESPACE: &str = "default";

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A path cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A snapshot is damaged.
    #[error(transparent)]
    Snapshot(#[from] SnapshotFilesError),
    /// Each snapshot is of a cluster of its own.
    #[error("several snapshots are given, and each is of one cluster: give one of them")]
    SeveralSnapshots,
    /// What was read cannot be understood; each problem is told by itself.
    #[error("{}", .0.join("\nirsa-audit: "))]
    Problems(Vec<String>),
    /// The files hold nothing of a cluster.
    #[error(
        "the files have no namespace, ServiceAccount or pod of a cluster, so there is nothing to audit: {see}give the objects of the cluster with \
         --kubernetes, or set --partial if a chart has none"
    )]
    Nothing {
        /// Where more is said: empty, or words with a comma.
        see: &'static str,
    },
    /// Of files, one account's outputs at most may name none.
    #[error(
        "--account gives, with --kubernetes, one account to which outputs belong that name none: give one ID, without a role"
    )]
    Account,
    /// The cluster or AWS cannot be asked.
    #[error(transparent)]
    Live(#[from] LiveError),
}

/// What files say. Objects that name no namespace are in `namespace`.
///
/// # Errors
/// [`SourceError`], unless the cluster is asked.
pub fn read(args: &SourceArgs, namespace: Option<&str>) -> Result<AuditInput, SourceError> {
    let account = match args.accounts.as_slice() {
        [] => None,
        [access] if access.role_arn.is_none() => Some(access.id.clone()),
        _ => return Err(SourceError::Account),
    };
    let progress = Progress::start("reading files");
    let mut snapshots = Vec::new();
    let kubernetes = take_snapshots(&args.kubernetes, &mut snapshots)?;
    let paths = take_snapshots(&args.paths, &mut snapshots)?;
    let mut reader = Reader::default();
    let mut manifests = reader.read(&kubernetes)?;
    let mut outputs = reader.read(&args.aws)?;
    for (one, other) in reader.read_twice(&paths)? {
        manifests.push(one);
        outputs.push(other);
    }
    let mut snapshots = snapshots.into_iter();
    let snapshot = snapshots.next().map(|found| {
        manifests.extend(found.manifests);
        outputs.extend(found.outputs);
        found.given
    });
    if snapshots.next().is_some() {
        return Err(SourceError::SeveralSnapshots);
    }
    let as_taken = |given: &str, default: &str, taken: &dyn Fn(&GivenSnapshot) -> String| {
        let taken = snapshot.as_ref().filter(|_| given == default).map(taken);
        taken.unwrap_or_else(|| given.to_owned())
    };
    let plans = reader.read(&args.terraform)?;
    let now = snapshot
        .as_ref()
        .map_or_else(Timestamp::now, |given| given.manifest.as_of());
    let options = Options {
        annotation_prefix: as_taken(&args.annotation_prefix, ANNOTATION_PREFIX, &|given| {
            given.manifest.cluster.annotation_prefix.clone()
        }),
        namespace: namespace.unwrap_or(DEFAULT_NAMESPACE).to_owned(),
        namespace_is_assumed: namespace.is_none(),
        webhook_namespace: as_taken(&args.webhook_namespace, WEBHOOK_NAMESPACE, &|given| {
            given.manifest.cluster.webhook_namespace.clone()
        }),
        partial: args.partial,
        issuer: args.issuer.clone(),
        account,
        snapshot,
        now,
    };
    let mut loaded = audit_offline::load_planned(manifests, outputs, plans, &options);
    drop(progress);
    loaded.config.role_home.clone_from(&args.compose_role_arn);
    loaded.config.token_audience.clone_from(&args.token_audience);
    if loaded.has_errors() {
        let errors = loaded
            .problems
            .iter()
            .filter(|problem| problem.weight == Weight::Error);
        return Err(SourceError::Problems(errors.map(ToString::to_string).collect()));
    }
    for problem in &loaded.problems {
        console::warn(problem);
    }
    // A cluster has some; a command that failed has not. What plans alone say is a part of a cluster.
    let is_partial = args.partial || loaded.snapshot.cluster.is_partial();
    if !is_partial && options.snapshot.is_none() && loaded.snapshot.cluster.bindings().next().is_none() {
        let has_warned = !loaded.problems.is_empty() && console::shows_warnings();
        let see = if has_warned {
            "see the warnings above, "
        } else {
            ""
        };
        return Err(SourceError::Nothing { see });
    }
    Ok(AuditInput {
        snapshot: loaded.snapshot,
        config: loaded.config,
        places: loaded.places,
        resources: loaded.resources,
        now,
    })
}

/// Reads the snapshots among paths; gives back the other paths.
fn take_snapshots(
    paths: &[PathBuf],
    snapshots: &mut Vec<SnapshotFiles>,
) -> Result<Vec<PathBuf>, SnapshotFilesError> {
    let mut others = Vec::new();
    for path in paths {
        match snapshot_files::read(Path::new(path))? {
            Some(snapshot) => snapshots.push(snapshot),
            None => others.push(path.clone()),
        }
    }
    Ok(others)
}
