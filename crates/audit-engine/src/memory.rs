//! What was said last of each `IrsaAudit`. A status is compared with this and never read as an input: whatever stands in the
//! cluster and is something else was written by others, and is written over.

use std::collections::BTreeMap;
use std::time::Duration;

use audit_api::status::PackedStatus;
use audit_k8s::{AuditObject, Index};
use jiff::Timestamp;

use super::schedule::after;
use audit_core::model::{NamespacedName, Uid};

/// So often within this time a status is written over that others write to, so that nobody keeps the operator busy.
const MENDS: u32 = 3;
const MENDING: Duration = Duration::from_secs(4);

/// What is known of one object: another one of the same name has been told nothing.
#[derive(Debug)]
struct Remembered {
    uid: Uid,
    /// Shared with the index once the watch has shown it; nothing until this process has said something.
    said: Option<PackedStatus>,
    /// When this process found a status of which it did not know whether it is right.
    found: Option<Timestamp>,
    /// What others wrote was written over lately: since when, and how often.
    mended: Option<(Timestamp, u32)>,
}

impl Remembered {
    fn new(uid: &Uid) -> Self {
        Self {
            uid: uid.clone(),
            said: None,
            found: None,
            mended: None,
        }
    }
}

/// The memory of a leader. It begins empty with each term.
#[derive(Debug, Default)]
pub struct Memory {
    objects: BTreeMap<NamespacedName, Remembered>,
}

impl Memory {
    /// What was said last of an object.
    #[must_use]
    pub fn said(&self, name: &NamespacedName, audit: &AuditObject) -> Option<&PackedStatus> {
        let remembered = self.objects.get(name)?;
        remembered.said.as_ref().filter(|_| remembered.uid == audit.uid)
    }

    /// Takes note of what was said of the object with this UID, or of what is taken over as said.
    pub fn say(&mut self, name: &NamespacedName, uid: &Uid, status: PackedStatus) {
        let remembered = self.of(name, uid);
        remembered.said = Some(status);
        remembered.found = None;
    }

    /// Since when this process has known of a status without knowing whether it is right.
    pub fn found(&mut self, name: &NamespacedName, audit: &AuditObject, now: Timestamp) -> Timestamp {
        *self.of(name, &audit.uid).found.get_or_insert(now)
    }

    /// Takes note of what the watch shows. Returns whether that is what was said.
    pub fn see(&mut self, name: &NamespacedName, audit: &AuditObject) -> bool {
        let is_kept = self.is_kept(name, audit);
        if let (true, Some(shown), Some(remembered)) = (is_kept, &audit.status, self.objects.get_mut(name)) {
            // Kept once, not twice.
            remembered.said = Some(shown.clone());
        }
        is_kept
    }

    /// When to write over what somebody else has written into a status; `None` where nobody has. The watch must have shown the
    /// latest write.
    #[must_use]
    pub fn mend_at(&self, name: &NamespacedName, audit: &AuditObject, now: Timestamp) -> Option<Timestamp> {
        self.said(name, audit)?;
        if self.is_kept(name, audit) {
            return None;
        }
        let (since, times) = self.objects.get(name)?.mended.unwrap_or((now, 0));
        let next = after(since, MENDING);
        Some(if times >= MENDS { next.max(now) } else { now })
    }

    /// Takes note that a status is written over.
    pub fn mend(&mut self, name: &NamespacedName, now: Timestamp) {
        if let Some(remembered) = self.objects.get_mut(name) {
            remembered.mended = Some(match remembered.mended {
                Some((since, times)) if after(since, MENDING) > now => (since, times + 1),
                _ => (now, 1),
            });
        }
    }

    /// Forgets objects that are no more.
    pub fn sweep(&mut self, index: &Index) {
        self.objects
            .retain(|id, _| index.audit(&id.namespace, &id.name).is_some());
    }

    /// Forgets everything: another process writes by now.
    pub fn forget(&mut self) {
        self.objects.clear();
    }

    fn of(&mut self, name: &NamespacedName, uid: &Uid) -> &mut Remembered {
        let remembered = self
            .objects
            .entry(name.clone())
            .or_insert_with(|| Remembered::new(uid));
        if remembered.uid != *uid {
            *remembered = Remembered::new(uid);
        }
        remembered
    }

    fn is_kept(&self, name: &NamespacedName, audit: &AuditObject) -> bool {
        let (Some(said), Some(shown)) = (self.said(name, audit), &audit.status) else {
            return false;
        };
        said == shown
    }
}
