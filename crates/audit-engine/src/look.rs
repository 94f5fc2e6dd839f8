//! One look at one binding: what its objects should be, and what its status should say.

use std::time::Duration;

use audit_api::status::{Difference, difference, duplicate_status, stalls_at, status};
use audit_core::audit::Bound;
use audit_core::disclosure::told;
use audit_core::finding::{Link, Severity};
use audit_core::model::BindingKey;
use audit_core::report::BindingReport;
use audit_core::{Config, Disclosure, Snapshot, Verdict, audit_binding};
use audit_k8s::{AuditObject, Index};
use iam_policy::RoleArn;
use jiff::Timestamp;

use super::action::{Action, ObjectName, Owner, Write};
use super::evidence::{Cause, Target};
use super::object::{Objects, Start};
use super::publication::{Publication, announcement, publication};
use super::schedule::{after, hash};
use super::summary::Summary;

/// How long a report waits for the first answers of AWS and of the API server before it is shown without them.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest name of an object.
const MAX_NAME: usize = 253;

/// A look under way.
pub struct Look<'a> {
    /// The binding.
    pub key: &'a BindingKey,
    /// Whether anything shows that it is one.
    pub bound: Bound,
    /// All observations.
    pub snapshot: &'a Snapshot,
    /// The settings.
    pub config: &'a Config,
    /// What may be told of a role in the binding's namespace.
    pub disclosure: Disclosure,
    /// The `IrsaAudit`s.
    pub index: &'a Index,
    /// What was written to them.
    pub objects: &'a mut Objects,
    /// The API server may yet say that what no role allows is allowed.
    pub may_be_contradicted: bool,
    /// Since when first answers about a role are awaited.
    pub waiting: &'a mut Option<(Option<String>, Timestamp)>,
    /// The time.
    pub now: Timestamp,
    /// What is to be done.
    pub actions: &'a mut Vec<Action>,
    /// When to look again.
    pub wake: Option<Timestamp>,
}

/// What came of a look.
#[derive(Debug)]
pub enum Audited {
    /// The binding was audited.
    Yes(Summary, Option<Cause>),
    /// The first answers of AWS are awaited; what was known stands.
    NotYet,
    /// It is not to be audited.
    No,
}

impl Look<'_> {
    /// Looks at the binding's objects, and audits it.
    pub fn look(&mut self) -> Audited {
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
        let rests = primary.suspend || self.config.excludes(self.key);
        let audited = if rests {
            Audited::No
        } else {
            self.audit(&name, audit)
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

    fn audit(&mut self, name: &ObjectName, audit: &AuditObject) -> Audited {
        let report = audit_binding(self.snapshot, self.config, self.key, self.now);
        if self.must_wait(&report) {
            return Audited::NotYet;
        }
        let report = told(report, self.disclosure);
        self.publish(name, audit, &report);
        self.wake_at(report.valid_until.map(|at| after(at, Duration::from_secs(1))));
        Audited::Yes(Summary::new(&report, self.now), cause(&report))
    }

    /// Whether the report would say nothing but that AWS has not answered yet, or call the binding broken before the API server
    /// has. It may say so after a while.
    fn must_wait(&mut self, report: &BindingReport) -> bool {
        let may_be_contradicted = self.may_be_contradicted && is_broken_by_rbac(report);
        if !report.pending && !may_be_contradicted {
            *self.waiting = None;
            return false;
        }
        let role = &report.facts.role_arn;
        let since = match self.waiting.take() {
            Some((awaited, since)) if awaited == *role => since,
            _ => self.now,
        };
        *self.waiting = Some((role.clone(), since));
        let patience = after(since, PATIENCE);
        let must_wait = self.now < patience;
        if must_wait {
            self.wake_at(Some(patience));
        }
        must_wait
    }

    /// Writes a status if it is worth it; otherwise sees to it that it is written when it will be.
    fn publish(&mut self, name: &ObjectName, audit: &AuditObject, report: &BindingReport) {
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

/// What to read again for an unhealthy binding, by the link that decides; what Kubernetes will tell needs no reading.
fn cause(report: &BindingReport) -> Option<Cause> {
    if report.verdict == Verdict::Working {
        return None;
    }
    let deciding = report
        .findings
        .iter()
        .find(|f| f.counts() && f.entry.reason == report.reason)?;
    // Access is configured, and issuers are found out, elsewhere.
    if matches!(deciding.entry.code, "IRSA903" | "IRSA304") {
        return None;
    }
    let arn = RoleArn::parse(report.facts.role_arn.as_deref()?).ok()?;
    let target = match deciding.link {
        Link::Role | Link::Trust => Target::role(arn.account(), arn.name()),
        Link::Permissions if deciding.entry.code == "IRSA910" => {
            Target::simulation(arn.account(), arn.name())
        }
        Link::Permissions => Target::permissions(arn.account(), arn.name()),
        Link::Provider => Target::provider(arn.account()),
        Link::ServiceAccount | Link::Pods | Link::Rbac => return None,
    };
    Some(Cause {
        reason: report.reason,
        target,
    })
}
