//! The objects of the cluster, a part for each kind.

use audit_core::text::quote_list;
use audit_k8s::capture::{self, CaptureFailure, CaptureKind, CaptureObstacle};
use audit_offline::snapshot_manifest::{PartReason, SERVED_KINDS};
use jiff::Timestamp;
use kube::Client;

use super::directory::SnapshotDirectory;
use super::error::SnapshotError;
use super::pace::Pace;
use crate::console::Progress;

/// How often a list is begun whose version the API server has forgotten in the meantime.
const BEGINNINGS: u32 = 3;

/// The most objects that a message names.
const SHOWN: usize = 5;

/// The name of the part with the objects of a kind.
#[must_use]
pub fn part(kind: &CaptureKind) -> String {
    format!("kubernetes/{}", kind.resource)
}

/// Lists every kind that is not there yet, page by page.
///
/// # Errors
/// When something cannot be written. What cannot be listed is noted in the manifest.
pub async fn capture(
    client: &Client,
    scope: &audit_k8s::Scope,
    namespace: Option<&str>,
    directory: &mut SnapshotDirectory,
    pace: &mut Pace,
    progress: &Progress,
) -> Result<(), SnapshotError> {
    let mut kinds = capture::kinds(scope, namespace);
    directory.plan(kinds.iter().map(part).chain([SERVED_KINDS.to_owned()]))?;
    progress.now("asking which kinds the cluster has");
    pace.turn().await;
    match capture::consumer_kinds(client, namespace).await {
        Ok(served) => {
            directory.plan(served.iter().map(part))?;
            directory.note(SERVED_KINDS, served.len() as u64)?;
            kinds.extend(served);
        }
        Err(failure) => directory.miss(SERVED_KINDS, reason(&failure), failure.message)?,
    }
    for kind in kinds {
        if directory.keeps(&part(&kind)) {
            continue;
        }
        progress.now(&format!("reading {}", kind.resource));
        list(client, &kind, directory, pace, progress).await?;
    }
    Ok(())
}

/// Lists a kind.
async fn list(
    client: &Client,
    kind: &CaptureKind,
    directory: &mut SnapshotDirectory,
    pace: &mut Pace,
    progress: &Progress,
) -> Result<(), SnapshotError> {
    let part = part(kind);
    let mut beginning = 1;
    loop {
        let taken_at = Timestamp::now();
        let mut writer = directory.begin(&part)?;
        writer.begin_objects(&kind.api_version, &kind.kind)?;
        let mut pages = kind.list(client);
        let (mut objects, mut unreadable) = (0_usize, Vec::new());
        let failure = loop {
            match pace.page(&mut pages).await {
                Ok(Some(captured)) => {
                    for object in &captured.objects {
                        writer.element(object)?;
                    }
                    objects += captured.objects.len();
                    let names = captured.unreadable.into_iter();
                    unreadable.extend(names.map(|object| format!("{}/{}", object.namespace, object.name)));
                    progress.reached(format!("reading {}: {objects}", kind.resource));
                }
                Ok(None) => break None,
                Err(failure) => break Some(failure),
            }
        };
        match failure {
            None => {
                writer.end_list()?;
                let trouble = (!unreadable.is_empty()).then(|| {
                    let count = unreadable.len();
                    let names: Vec<&String> = unreadable.iter().collect();
                    let message = format!("{count} cannot be read: {}", quote_list(&names, SHOWN));
                    (PartReason::Unreadable, message)
                });
                return directory.end(&part, writer, taken_at, trouble);
            }
            Some(failure) if failure.obstacle == CaptureObstacle::Expired && beginning < BEGINNINGS => {
                beginning += 1;
            }
            Some(failure) => {
                drop(writer);
                return directory.miss(&part, reason(&failure), failure.message);
            }
        }
    }
}

fn reason(failure: &CaptureFailure) -> PartReason {
    match failure.obstacle {
        CaptureObstacle::Forbidden => PartReason::Forbidden,
        CaptureObstacle::Throttled => PartReason::Throttled,
        CaptureObstacle::Expired | CaptureObstacle::Refused | CaptureObstacle::Unavailable => {
            PartReason::Unavailable
        }
    }
}
