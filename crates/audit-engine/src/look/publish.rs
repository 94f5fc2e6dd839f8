//! The last step of a look: what the objects of a binding should be, and what its status should say.

use std::time::Duration;

use audit_api::status::{Difference, difference, duplicate_status, stalls_at, status};
use audit_core::audit::Bound;
use audit_core::disclosure::told;
use audit_core::finding::{Link, Severity};
use audit_core::model::BindingKey;
use audit_core::permissions::simulation::Wanted;
use audit_core::report::BindingReport;
use audit_core::{Disclosure, Snapshot};
use audit_k8s::{AuditObject, Index};
use jiff::Timestamp;

use super::super::action::{Action, ObjectName, Owner, Write};
use super::super::evidence::Cause;
use super::super::object::{Objects, Start};
use super::super::publication::{Publication, announcement, publication};
use super::super::schedule::{after, hash};
use super::super::summary::Summary;
use super::judge::Judged;

/// How long a report waits for the first answers of AWS and of the API server before it is shown without them.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest name of an object.
const MAX_NAME: usize = 253;

/// For which role first answers are awaited, and since when.
pub type Waiting = (Option<String>, Timestamp);

/// What compares a binding's objects with what they should be.
pub struct Publisher<'a> {
    /// The binding.
    pub key: &'a BindingKey,
    /// Whether anything shows that it is one.
    pub bound: Bound,
    /// All observations.
    pub snapshot: &'a Snapshot,
    /// What may be told of a role in the binding's namespace.
    pub disclosure: Disclosure,
    /// The `IrsaAudit`s.
    pub index: &'a Index,
    /// What was written to them.
    pub objects: &'a mut Objects,
    /// The API server may yet say that what no role allows is allowed.
    pub may_be_contradicted: bool,
    /// Since when first answers about a role are awaited.
    pub waiting: Option<Waiting>,
    /// The time.
    pub now: Timestamp,
    /// What is to be done.
    pub actions: &'a mut Vec<Action>,
    /// When to look again.
    pub wake: Option<Timestamp>,
}

/// What came of a look.
#[derive(Debug)]
pub struct Published {
    /// What became of the audit.
    pub audited: Audited,
    /// Set while first answers are awaited.
    pub waiting: Option<Waiting>,
    /// When to look again, if nothing happens before.
    pub wake: Option<Timestamp>,
}

/// What follows from an audit, besides writes.
#[derive(Debug)]
pub struct Consequences {
    /// For metrics, and the cluster's status.
    pub summary: Summary,
    /// What to read again.
    pub cause: Option<Cause>,
    /// What IAM's policy simulator is to confirm.
    pub simulation: Option<Wanted>,
}

/// What became of an audit.
#[derive(Debug)]
pub enum Audited {
    /// The status says what was judged.
    Yes(Box<Consequences>),
    /// The first answers of AWS are awaited; what was known stands.
    NotYet,
    /// It is not to be audited.
    No,
}

impl Publisher<'_> {
    /// Looks at the binding's objects, and says of the one that counts what was judged: nothing where it is not audited.
    pub fn publish(mut self, judged: Option<Judged>) -> Published {
        let audited = self.look(judged);
        Published {
            audited,
            waiting: self.waiting,
            wake: self.wake,
        }
    }

    fn look(&mut self, judged: Option<Judged>) -> Audited {
        let binding = self.snapshot.cluster.binding(self.key);
        let requests = binding.map_or(&[][..], |binding| binding.requests());
        let Some((primary, others)) = requests.split_first() else {
            if self.bound == Bound::Yes {
                self.create();
            }
            return Audited::No;
        };
        for other in others {
            self.outranked(&other.name, &primary.name);
        }
        let name = self.name(&primary.name);
        let Some(audit) = self.index.audit(&name.0, &name.1) else {
            return Audited::No;
        };
        self.objects.see(&name, audit, self.now);
        if audit.automatic && !audit.adopted && self.bound == Bound::No {
            self.write(Write::Delete {
                object: name,
                uid: audit.uid.clone(),
            });
            return Audited::No;
        }
        let rests = judged.is_none();
        let audited = match judged {
            Some(judged) => self.say(&name, audit, judged),
            None => Audited::No,
        };
        if audit.automatic && audit.adopted {
            self.write(Write::Release {
                object: name,
                uid: audit.uid.clone(),
            });
        } else if let Some(owner) = self.missing_owner(audit).filter(|_| !rests) {
            self.write(Write::Own {
                object: name,
                uid: audit.uid.clone(),
                owner,
            });
        }
        audited
    }

    fn name(&self, name: &str) -> ObjectName {
        (self.key.namespace.clone(), name.to_owned())
    }

    fn create(&mut self) {
        let owner = self.service_account_uid().map(|uid| Owner {
            name: self.key.service_account.clone(),
            uid,
        });
        let mut name = self.key.service_account.clone();
        // Somebody may have given that name to the audit of another ServiceAccount.
        if self.index.audit(&self.key.namespace, &name).is_some() {
            let suffix = format!("-{:08x}", hash(self.key) & 0xffff_ffff);
            name.truncate(name.floor_char_boundary(MAX_NAME - suffix.len()));
            name.push_str(&suffix);
        }
        self.write(Write::Create {
            name,
            key: self.key.clone(),
            owner,
        });
    }

    fn service_account_uid(&self) -> Option<String> {
        self.snapshot
            .cluster
            .binding(self.key)?
            .service_account()
            .map(|account| account.uid.clone())
    }

    /// The owner that an automatic object should have, and has not.
    fn missing_owner(&self, audit: &AuditObject) -> Option<Owner> {
        let uid = self.service_account_uid()?;
        let is_owned = audit.owner.as_ref().is_some_and(|owner| owner.uid == uid);
        (audit.automatic && !is_owned).then(|| Owner {
            name: self.key.service_account.clone(),
            uid,
        })
    }

    /// An `IrsaAudit` for a ServiceAccount that another one audits.
    fn outranked(&mut self, name: &str, audited: &str) {
        let name = self.name(name);
        let Some(audit) = self.index.audit(&name.0, &name.1) else {
            return;
        };
        self.objects.see(&name, audit, self.now);
        let uid = audit.uid.clone();
        if audit.automatic && audit.adopted {
            self.write(Write::Release { object: name, uid });
        } else if audit.automatic {
            self.write(Write::Delete { object: name, uid });
        } else {
            let current = self.objects.current_status(&name, audit);
            let new = duplicate_status(audited, current, audit.generation, self.now);
            if current.is_none_or(|old| difference(old, &new) > Difference::None) {
                self.write(Write::Status {
                    object: name,
                    uid,
                    status: Box::new(new),
                    announce: None,
                });
            }
        }
    }

    fn say(&mut self, name: &ObjectName, audit: &AuditObject, judged: Judged) -> Audited {
        let Judged {
            report,
            cause,
            simulation,
            ..
        } = judged;
        if self.must_wait(&report) {
            return Audited::NotYet;
        }
        let report = told(report, self.disclosure);
        self.write_status(name, audit, &report);
        self.wake_at(report.valid_until.map(|at| after(at, Duration::from_secs(1))));
        Audited::Yes(Box::new(Consequences {
            summary: Summary::new(&report, self.now),
            cause,
            simulation,
        }))
    }

    /// Whether the report would say nothing but that AWS has not answered yet, or call the binding broken before the API server
    /// has. It may say so after a while.
    fn must_wait(&mut self, report: &BindingReport) -> bool {
        let may_be_contradicted = self.may_be_contradicted && is_broken_by_rbac(report);
        if !report.pending && !may_be_contradicted {
            self.waiting = None;
            return false;
        }
        let role = &report.facts.role_arn;
        let since = match self.waiting.take() {
            Some((awaited, since)) if awaited == *role => since,
            _ => self.now,
        };
        self.waiting = Some((role.clone(), since));
        let patience = after(since, PATIENCE);
        let must_wait = self.now < patience;
        if must_wait {
            self.wake_at(Some(patience));
        }
        must_wait
    }

    /// Writes a status if it is worth it; otherwise sees to it that it is written when it will be.
    fn write_status(&mut self, name: &ObjectName, audit: &AuditObject, report: &BindingReport) {
        let current = self.objects.current_status(name, audit);
        let new = status(report, current, audit.generation, self.now);
        let publication = publication(current, &new, report, self.now);
        let announce = announcement(current, report);
        self.wake_at(stalls_at(&new));
        match publication {
            Publication::Now => {
                self.write(Write::Status {
                    object: name.clone(),
                    uid: audit.uid.clone(),
                    status: Box::new(new),
                    announce,
                });
            }
            Publication::At(at) => self.wake_at(Some(at)),
            Publication::No => {}
        }
    }

    fn write(&mut self, write: Write) {
        let Some(object) = write.object() else { return };
        match self.objects.start(&object, self.key, &write, self.now) {
            Start::Now => self.actions.push(Action::Write(write)),
            Start::At(at) => self.wake_at(Some(at)),
            Start::Busy => {}
        }
    }

    fn wake_at(&mut self, at: Option<Timestamp>) {
        self.wake = [self.wake, at].into_iter().flatten().min();
    }
}

/// Whether the roles of Kubernetes alone make the binding broken.
fn is_broken_by_rbac(report: &BindingReport) -> bool {
    let breaking = report
        .findings
        .iter()
        .filter(|finding| finding.counts() && finding.severity == Severity::Broken);
    let mut links = breaking.map(|finding| finding.link).peekable();
    links.peek().is_some() && links.all(|link| link == Link::Rbac)
}
