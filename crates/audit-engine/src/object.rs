//! What the engine knows of the `IrsaAudit`s that it writes to, beyond what the watch has told.

use std::collections::BTreeMap;
use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use audit_core::model::BindingKey;
use audit_k8s::{AuditObject, Index};
use jiff::Timestamp;

use super::action::{Write, WriteOutcome};
use super::creations::Creations;
use super::details::Details;
use super::made::Made;
use super::schedule::{after, backoff};
use audit_core::model::{NamespacedName, Uid};

/// The first wait after a write that failed.
const RETRY: Duration = Duration::from_secs(1);

/// The longest wait.
const MOST: Duration = Duration::from_mins(1);

/// How long the watch may take to show what was written, before it is written again.
const SHOWS: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Object {
    /// The binding for which a write is under way.
    in_flight: Option<BindingKey>,
    /// The resource version of the status that was written, until the watch shows it.
    unseen: Option<u64>,
    /// The latest write of another kind, until the watch shows it.
    awaited: Option<Awaited>,
    /// Writes that failed one after another.
    failures: u32,
    /// Writes one after another that the API server took, and kept something else.
    refusals: u32,
    retry_at: Option<Timestamp>,
    /// The UID of an object that is not there any more, although the watch still shows it.
    gone: Option<Uid>,
    /// The watch has shown its end while a write was under way: it will not show what was written.
    is_lost: bool,
    /// The write under way says nothing new but numbers and times.
    is_detail: bool,
}

/// A write that was done, and would be done again as long as the watch does not show it.
#[derive(Debug)]
struct Awaited {
    kind: Discriminant<Write>,
    /// What shows it.
    shows: Shows,
    /// When to wait no longer.
    until: Timestamp,
}

#[derive(Debug)]
enum Shows {
    /// An object of that name.
    Any,
    /// An object with another UID.
    Other(Uid),
    /// This version, or a later one.
    Version(u64),
    /// Nobody can tell: the version is no number.
    Nothing,
}

impl Awaited {
    fn new(write: &Write, version: Option<u64>, now: Timestamp) -> Self {
        let shows = match (write, version) {
            (Write::Create { .. }, _) => Shows::Any,
            (Write::Delete { uid, .. }, _) => Shows::Other(uid.clone()),
            (_, Some(version)) => Shows::Version(version),
            (_, None) => Shows::Nothing,
        };
        Self {
            kind: discriminant(write),
            shows,
            until: after(now, SHOWS),
        }
    }

    fn is_shown(&self, audit: &AuditObject) -> bool {
        match &self.shows {
            Shows::Any => true,
            Shows::Other(uid) => audit.uid != *uid,
            Shows::Version(version) => seen_version(audit).is_some_and(|seen| seen >= *version),
            Shows::Nothing => false,
        }
    }
}

impl Object {
    fn is_forgettable(&self, now: Timestamp) -> bool {
        self.in_flight.is_none()
            && self.retry_at.is_none_or(|at| at <= now)
            && self.unseen.is_none()
            && self.awaited.is_none()
            && self.failures == 0
            && self.refusals == 0
    }

    fn wait(&mut self, failures: u32, now: Timestamp) {
        self.retry_at = Some(after(now, backoff(RETRY, MOST, failures.saturating_sub(1))));
    }

    /// The trouble is over: a write was done, or another object bears the name, or none.
    fn start_anew(&mut self) {
        self.gone = None;
        self.failures = 0;
        self.retry_at = None;
    }
}

/// Whether a write may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It may.
    Now,
    /// Another one is under way; its end is told.
    Busy,
    /// At this time.
    At(Timestamp),
    /// At this time, because the API server refuses what is created in its namespace.
    Held(Timestamp),
}

/// The objects by name. Only those are kept that are being written to, were just written, or gave trouble.
#[derive(Debug, Default)]
pub struct Objects {
    by_name: BTreeMap<NamespacedName, Object>,
    made: Made,
    creations: Creations,
    details: Details,
}

impl Objects {
    /// Starts a write, unless one is under way or must wait.
    pub fn start(&mut self, name: &NamespacedName, key: &BindingKey, write: &Write, now: Timestamp) -> Start {
        let object = self.by_name.entry(name.clone()).or_default();
        if object.in_flight.is_some() {
            return Start::Busy;
        }
        if object.gone.is_some() && matches!(write, Write::Create { .. }) {
            object.start_anew();
        }
        let awaited = object
            .awaited
            .as_ref()
            .filter(|awaited| awaited.kind == discriminant(write));
        let is_create = matches!(write, Write::Create { .. });
        let waits = [
            object.retry_at,
            awaited.map(|awaited| awaited.until),
            self.made.again_at(name).filter(|_| is_create),
        ];
        if let Some(at) = waits.into_iter().flatten().max().filter(|at| *at > now) {
            return Start::At(at);
        }
        if write.is_detail() {
            if !self.details.start(&name.namespace, key, now) {
                if object.is_forgettable(now) {
                    self.by_name.remove(name);
                }
                return Start::Busy;
            }
            object.is_detail = true;
        }
        if is_create {
            if let Some(at) = self.creations.held_until(&name.namespace, now) {
                if object.is_forgettable(now) {
                    self.by_name.remove(name);
                }
                return Start::Held(at);
            }
            self.creations.start(name);
        }
        object.in_flight = Some(key.clone());
        Start::Now
    }

    /// When a binding is looked at whose status is to say other numbers and times.
    pub fn detail_due(&self) -> Option<Timestamp> {
        self.details.due()
    }

    /// The binding that is, if it is time.
    pub fn next_detail(&mut self, now: Timestamp) -> Option<BindingKey> {
        self.details.next(now)
    }

    /// Takes note of what came of a creation. Returns whether it ends a pause of all creations in its namespace.
    pub fn created(&mut self, name: &NamespacedName, outcome: &WriteOutcome, now: Timestamp) -> bool {
        match outcome {
            WriteOutcome::Done { .. } => return self.creations.succeeded(&name.namespace),
            WriteOutcome::Refused => self.creations.refused(name, now),
            WriteOutcome::Gone | WriteOutcome::Failed | WriteOutcome::Unavailable => {
                self.creations.ended(name, now);
            }
        }
        false
    }

    /// Takes note of the end of a write. Returns the binding for which it was made.
    pub fn written(
        &mut self,
        name: &NamespacedName,
        write: &Write,
        outcome: &WriteOutcome,
        now: Timestamp,
    ) -> Option<BindingKey> {
        let object = self.by_name.get_mut(name)?;
        let key = object.in_flight.take();
        let is_lost = std::mem::take(&mut object.is_lost);
        if std::mem::take(&mut object.is_detail) {
            self.details.end(&name.namespace, now);
        }
        match (outcome, write) {
            (
                WriteOutcome::Done {
                    resource_version: Some(version),
                },
                Write::Status { .. },
            ) => {
                object.start_anew();
                object.unseen = Some(*version);
            }
            (WriteOutcome::Done { resource_version }, _) => {
                object.start_anew();
                object.awaited = (!is_lost).then(|| Awaited::new(write, *resource_version, now));
                if matches!(write, Write::Create { .. }) {
                    self.made.insert(name, now);
                }
            }
            (WriteOutcome::Unavailable, _) => object.retry_at = Some(after(now, RETRY)),
            (WriteOutcome::Gone | WriteOutcome::Refused | WriteOutcome::Failed, _) => {
                // The watch will show that it is gone; until then it would only be missed again.
                let is_gone = *outcome == WriteOutcome::Gone;
                object.gone = write.uid().filter(|_| is_gone).cloned();
                object.failures += 1;
                object.wait(object.failures, now);
            }
        }
        key
    }

    /// Takes note of what the watch shows, and of whether that is the status that was written last.
    pub fn see(&mut self, name: &NamespacedName, audit: &AuditObject, is_kept: bool, now: Timestamp) {
        let Some(object) = self.by_name.get_mut(name) else {
            return;
        };
        if object.gone.as_ref().is_some_and(|uid| *uid != audit.uid) {
            object.start_anew();
        }
        if object
            .awaited
            .as_ref()
            .is_some_and(|awaited| awaited.is_shown(audit))
        {
            object.awaited = None;
        }
        let seen = seen_version(audit);
        if let Some(version) = object.unseen
            && seen.is_some_and(|seen| seen >= version)
        {
            // Exactly what was written must read back the same. Where it does not (a definition that is older than the
            // operator drops what it does not know), to write it again at once would go on for ever.
            if seen == Some(version) && !is_kept {
                object.refusals += 1;
                object.wait(object.refusals, now);
            } else {
                object.refusals = 0;
            }
            object.unseen = None;
        }
        if object.is_forgettable(now) {
            self.by_name.remove(name);
        }
    }

    /// Takes note that the watch shows the end of an object: it will not show what was written to it before.
    pub fn lose(&mut self, namespace: &str, name: &str) {
        if let Some(object) = self.by_name.get_mut(&NamespacedName::new(namespace, name)) {
            object.start_anew();
            object.awaited = None;
            object.is_lost = object.in_flight.is_some();
        }
    }

    /// Whether the watch may not have shown yet what was written last.
    #[must_use]
    pub fn lags(&self, name: &NamespacedName, now: Timestamp) -> bool {
        let Some(object) = self.by_name.get(name) else {
            return false;
        };
        let awaited = object.awaited.as_ref();
        object.in_flight.is_some()
            || object.unseen.is_some()
            || awaited.is_some_and(|awaited| matches!(awaited.shows, Shows::Nothing) && awaited.until > now)
    }

    /// Takes note that all objects were listed. Lets all writes start that wait after a failure, because the definition of the kind may have
    /// come back, or for the watch to show what is gone. Returns whether any waited.
    pub fn relist(&mut self, index: &Index) -> bool {
        self.creations.clear();
        let mut waited = false;
        for (id, object) in &mut self.by_name {
            if index.audit(&id.namespace, &id.name).is_none() {
                waited |= object.awaited.take().is_some();
            }
            if object.failures > 0 {
                object.start_anew();
                waited = true;
            }
        }
        waited
    }

    /// Forgets what is known of objects that are no more.
    pub fn sweep(&mut self, index: &Index, now: Timestamp) {
        self.creations.sweep(now);
        self.made.sweep(now);
        self.by_name.retain(|id, object| {
            object.in_flight.is_some()
                || object.retry_at.is_some_and(|at| at > now)
                || object.awaited.as_ref().is_some_and(|awaited| awaited.until > now)
                || index.audit(&id.namespace, &id.name).is_some()
        });
    }

    /// Forgets all but which writes are under way, for a replica that no longer leads.
    pub fn forget(&mut self) {
        self.creations.clear();
        self.details.forget();
        self.made.clear();
        self.by_name.retain(|_, object| object.in_flight.is_some());
        for object in self.by_name.values_mut() {
            *object = Object {
                in_flight: object.in_flight.take(),
                is_detail: object.is_detail,
                ..Object::default()
            };
        }
    }
}

/// The version that the watch has shown, as a number.
fn seen_version(audit: &AuditObject) -> Option<u64> {
    audit
        .resource_version
        .as_ref()
        .and_then(|version| version.parse().ok())
}
