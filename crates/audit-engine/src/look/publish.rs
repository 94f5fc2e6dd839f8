//! The last step of a look: what the objects of a binding should be, and what its status should say.

use std::time::Duration;

use audit_api::IrsaAuditStatus;
use audit_api::status::{
    Difference, Lifetime, PackedStatus, RemediationStatus, difference, duplicate_status, is_the_same,
    stalls_at, status, taken_over, with_remediation,
};
use audit_core::audit::Bound;
use audit_core::disclosure::told;
use audit_core::finding::{Link, Severity};
use audit_core::model::BindingKey;
use audit_core::permissions::simulation::Wanted;
use audit_core::report::BindingReport;
use audit_core::{Config, Disclosure, Snapshot};
use audit_k8s::{AuditObject, Index};
use jiff::Timestamp;

use super::super::action::{Action, Announcement, AuditOwner, Occasion, Write};
use super::super::evidence::RereadCause;
use super::super::memory::Memory;
use super::super::object::{Objects, Start};
use super::super::publication::{Publication, announcement, publication};
use super::super::schedule::{after, hash};
use super::super::settings::RemediationSettings;
use super::super::summary::BindingSummary;
use super::judge::Judged;
use super::remediation::{PlanInputs, PlanView};
use audit_core::model::NamespacedName;

/// How long a report waits for the first answers of AWS and of the API server before it is shown without them.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it waits while the role's account is listed: that takes a while where there are thousands of roles, and ten thousand statuses
/// would be written twice.
const LISTING: Duration = Duration::from_mins(1);

/// How long a status that a fresh start finds, and that has the right verdict and reason, may differ in other things: some of the
/// evidence for them comes last.
const FOUND: Duration = Duration::from_secs(4);

/// The longest name of an object.
const MAX_NAME: usize = 253;

/// For which role first answers are awaited, and since when.
pub type Waiting = (Option<String>, Timestamp);

/// What compares a binding's objects with what they should be.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
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
    /// Which writes to them are under way.
    pub objects: &'a mut Objects,
    /// What was said of them.
    pub memory: &'a mut Memory,
    /// The API server may yet say that what no role allows is allowed.
    pub may_be_contradicted: bool,
    /// A listing is to bring its role.
    pub is_being_listed: bool,
    /// Something of the binding has just changed.
    pub is_urgent: bool,
    /// Since when first answers about a role are awaited.
    pub waiting: Option<Waiting>,
    /// Who repairs trust policies.
    pub remediation: &'a RemediationSettings,
    /// The settings of the audit.
    pub config: &'a Config,
    /// The audience for which the webhook is seen to ask where no annotation says otherwise.
    pub default_audience: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
    /// What is to be done.
    pub actions: &'a mut Vec<Action>,
    /// When to look again.
    pub wake: Option<Timestamp>,
    /// No `IrsaAudit` is created now, because the API server refuses others in the namespace.
    pub is_held: bool,
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
    /// No `IrsaAudit` was created, because the API server refuses others in the namespace.
    pub is_held: bool,
}

/// What follows from an audit, besides writes.
#[derive(Debug)]
pub struct Consequences {
    /// For metrics, and the cluster's status.
    pub summary: BindingSummary,
    /// What to read again.
    pub cause: Option<RereadCause>,
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

impl<'a> Publisher<'a> {
    /// Looks at the binding's objects, and says of the one that counts what was judged: nothing where it is not audited.
    pub fn publish(mut self, judged: Option<Judged>) -> Published {
        let audited = self.look(judged);
        Published {
            audited,
            waiting: self.waiting,
            wake: self.wake,
            is_held: self.is_held,
        }
    }

    fn look(&mut self, judged: Option<Judged>) -> Audited {
        let binding = self.snapshot.cluster.binding(self.key);
        let requests = binding.map_or(&[][..], |binding| binding.requests());
        let Some((primary, others)) = requests.split_first() else {
            if self.bound == Bound::Yes {
                self.create();
                return judged.map_or(Audited::No, |judged| self.count(judged));
            }
            return Audited::No;
        };
        for other in others {
            self.outranked(&other.name, &primary.name);
        }
        let name = self.name(&primary.name);
        let Some(audit) = self.index.audit(&name.namespace, &name.name) else {
            return Audited::No;
        };
        self.see(&name, audit);
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
            None => self.rest(&name, audit),
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

    /// Counts a binding whose `IrsaAudit` the API server refuses: nothing else can tell of it.
    fn count(&mut self, judged: Judged) -> Audited {
        if self.must_wait(&judged.report) {
            return Audited::NotYet;
        }
        let report = told(judged.report, self.disclosure);
        self.wake_at(report.valid_until.map(|at| after(at, Duration::from_secs(1))));
        Audited::Yes(Box::new(Consequences {
            summary: BindingSummary::new(&report, None, self.now),
            cause: judged.cause,
            simulation: judged.simulation,
        }))
    }

    fn name(&self, name: &str) -> NamespacedName {
        NamespacedName::new(self.key.namespace.clone(), name)
    }

    fn create(&mut self) {
        let owner = self.service_account_uid().map(|uid| AuditOwner {
            name: self.key.service_account.clone(),
            uid: uid.into(),
        });
        let Some(name) = self.free_name() else {
            self.is_held = true;
            return;
        };
        self.write(Write::Create {
            name,
            key: self.key.clone(),
            owner,
        });
    }

    /// A name for an automatic object. Somebody may have given the first, or all of them, to audits of other ServiceAccounts.
    fn free_name(&self) -> Option<String> {
        let first = self.key.service_account.to_string();
        let suffix = format!("-{:08x}", hash(self.key) & 0xffff_ffff);
        let mut second = first.clone();
        second.truncate(second.floor_char_boundary(MAX_NAME - suffix.len()));
        second.push_str(&suffix);
        [first, second].into_iter().find(|name| {
            let id = self.name(name);
            self.index.audit(&id.namespace, &id.name).is_none() && !self.index.is_unreadable_audit(&id)
        })
    }

    fn service_account_uid(&self) -> Option<&'a str> {
        let account = self.snapshot.cluster.binding(self.key)?.service_account();
        account.map(|account| account.uid.as_str())
    }

    /// The owner that an automatic object should have, and has not.
    fn missing_owner(&self, audit: &AuditObject) -> Option<AuditOwner> {
        let uid = self.service_account_uid()?;
        let is_owned = audit.owner.as_ref().is_some_and(|owner| *owner.uid == *uid);
        (audit.automatic && !is_owned).then(|| AuditOwner {
            name: self.key.service_account.clone(),
            uid: uid.into(),
        })
    }

    /// An `IrsaAudit` for a ServiceAccount that another one audits.
    fn outranked(&mut self, name: &str, audited: &str) {
        let name = self.name(name);
        let Some(audit) = self.index.audit(&name.namespace, &name.name) else {
            return;
        };
        self.see(&name, audit);
        let uid = audit.uid.clone();
        if audit.automatic && audit.adopted {
            self.write(Write::Release { object: name, uid });
        } else if audit.automatic {
            self.write(Write::Delete { object: name, uid });
        } else {
            let now = lifetime(audit, self.now).now();
            let make = |previous: Option<&_>| duplicate_status(audited, previous, audit.generation, now);
            let compare = |said: &_, new: &_| match difference(said, new) {
                Difference::None => Publication::No,
                Difference::Detail | Difference::Meaning => Publication::Now,
            };
            self.tell(&name, audit, make, compare, None);
        }
    }

    /// What is said of a binding that is not looked into stays, whatever others write over it. What a fresh start finds may be anybody's
    /// words, and nothing that is evaluated now can confirm it.
    fn rest(&mut self, name: &NamespacedName, audit: &AuditObject) -> Audited {
        if self.memory.said(name, audit).is_none() {
            self.memory.say(name, &audit.uid, PackedStatus::new(&unaudited()));
        }
        self.mend(name, audit);
        Audited::No
    }

    fn say(&mut self, name: &NamespacedName, audit: &AuditObject, judged: Judged) -> Audited {
        let Judged {
            report,
            cause,
            simulation,
            ..
        } = judged;
        if self.must_wait(&report) {
            self.mend(name, audit);
            return Audited::NotYet;
        }
        let plan = self.plan(audit, &report);
        let progress = plan.status.progress;
        self.wake_at(plan.wake.map(|at| after(at, Duration::from_secs(1))));
        let report = told(report, self.disclosure);
        self.write_status(name, audit, &report, &plan.status);
        self.wake_at(report.valid_until.map(|at| after(at, Duration::from_secs(1))));
        Audited::Yes(Box::new(Consequences {
            summary: BindingSummary::new(&report, progress, self.now),
            cause,
            simulation,
        }))
    }

    /// What there is to say about the repair of the trust policy.
    fn plan(&self, audit: &AuditObject, report: &BindingReport) -> PlanView {
        let inputs = PlanInputs {
            key: self.key,
            snapshot: self.snapshot,
            index: self.index,
            settings: self.remediation,
            config: self.config,
            default_audience: self.default_audience,
            disclosure: self.disclosure,
            now: self.now,
        };
        inputs.view(audit, report)
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
        let patience = if self.is_being_listed { LISTING } else { PATIENCE };
        let patience = after(since, patience);
        let must_wait = self.now < patience;
        if must_wait {
            self.wake_at(Some(patience));
        }
        must_wait
    }

    /// Writes a status if it is worth it; otherwise sees to it that it is written when it will be.
    fn write_status(
        &mut self,
        name: &NamespacedName,
        audit: &AuditObject,
        report: &BindingReport,
        remediation: &RemediationStatus,
    ) {
        let (now, lived) = (self.now, lifetime(audit, self.now));
        let make = |previous: Option<&_>| {
            let status = status(report, previous, audit.generation, lived.now());
            with_remediation(status, remediation.clone())
        };
        let compare = |said: &_, new: &_| publication(said, new, report, now);
        self.tell(name, audit, make, compare, Some(report));
    }

    /// Compares what is to be said with what this process said last; where it has said nothing yet, with what it finds, of which it
    /// believes no more than times.
    fn tell(
        &mut self,
        object: &NamespacedName,
        audit: &AuditObject,
        make: impl Fn(Option<&IrsaAuditStatus>) -> IrsaAuditStatus,
        compare: impl Fn(&IrsaAuditStatus, &IrsaAuditStatus) -> Publication,
        news: Option<&BindingReport>,
    ) {
        let said = self.memory.said(object, audit).map(PackedStatus::status);
        let (new, publication) = match &said {
            Some(said) => {
                let new = make(Some(said));
                let publication = compare(said, &new);
                (new, publication)
            }
            None => self.begin(object, audit, make),
        };
        self.wake_at(stalls_at(&new));
        let mend_at = self.mend_at(object, audit);
        match publication {
            Publication::At(at) if at > self.now => self.wake_at(Some(at)),
            _ => {}
        }
        // What others have written over waits for nothing.
        let occasion = if publication == Publication::Detail && mend_at.is_none() {
            Occasion::Detail
        } else {
            self.occasion()
        };
        if matches!(publication, Publication::Now | Publication::Detail) {
            let is_known = said.is_none()
                && audit
                    .status
                    .as_ref()
                    .is_some_and(|found| found.status().verdict == new.verdict);
            let before = said.and_then(|said| said.verdict);
            let announce = news
                .filter(|_| !is_known)
                .and_then(|report| announcement(before, report));
            self.write_to(object, audit, PackedStatus::new(&new), announce, occasion);
        } else if let Some(at) = mend_at {
            self.mend_with(object, audit, PackedStatus::new(&new), at);
        }
    }

    /// What a fresh start says first, and whether it has to: of what it finds, it takes over times, where they can be true.
    fn begin(
        &mut self,
        object: &NamespacedName,
        audit: &AuditObject,
        make: impl Fn(Option<&IrsaAuditStatus>) -> IrsaAuditStatus,
    ) -> (IrsaAuditStatus, Publication) {
        let Some(shown) = &audit.status else {
            return (make(None), Publication::Now);
        };
        let found = &shown.status();
        let lived = lifetime(audit, self.now);
        let Some(taken) = taken_over(found, &make(None), lived) else {
            return (make(None), Publication::Now);
        };
        let new = make(Some(&taken));
        let publication = if is_the_same(found, &new, lived) {
            self.memory.say(object, &audit.uid, shown.clone());
            Publication::No
        } else if found.observed_generation != new.observed_generation {
            Publication::Now
        } else {
            match after(self.memory.found(object, audit, self.now), FOUND) {
                at if at > self.now => Publication::At(at),
                _ => Publication::Now,
            }
        };
        (new, publication)
    }

    fn see(&mut self, object: &NamespacedName, audit: &AuditObject) {
        let is_kept = self.memory.see(object, audit);
        self.objects.see(object, audit, is_kept, self.now);
    }

    /// When to write over what somebody else has written.
    fn mend_at(&self, object: &NamespacedName, audit: &AuditObject) -> Option<Timestamp> {
        let lags = self.objects.lags(object, self.now);
        self.memory.mend_at(object, audit, self.now).filter(|_| !lags)
    }

    /// Writes what was said last over what somebody else has written since.
    fn mend(&mut self, object: &NamespacedName, audit: &AuditObject) {
        if let Some(at) = self.mend_at(object, audit)
            && let Some(said) = self.memory.said(object, audit)
        {
            let status = said.clone();
            self.mend_with(object, audit, status, at);
        }
    }

    fn mend_with(
        &mut self,
        object: &NamespacedName,
        audit: &AuditObject,
        status: PackedStatus,
        at: Timestamp,
    ) {
        if at > self.now {
            self.wake_at(Some(at));
        } else if self.write_to(object, audit, status, None, self.occasion()) {
            self.memory.mend(object, self.now);
        }
    }

    fn write_to(
        &mut self,
        object: &NamespacedName,
        audit: &AuditObject,
        status: PackedStatus,
        announce: Option<Announcement>,
        occasion: Occasion,
    ) -> bool {
        self.write(Write::Status {
            object: object.clone(),
            uid: audit.uid.clone(),
            status,
            announce,
            occasion,
        })
    }

    /// Why a status is written of which more is new than numbers.
    fn occasion(&self) -> Occasion {
        if self.is_urgent {
            Occasion::Change
        } else {
            Occasion::Refresh
        }
    }

    /// Starts a write, unless it has to wait. Returns whether it was started.
    fn write(&mut self, write: Write) -> bool {
        let Some(object) = write.object() else {
            return false;
        };
        match self.objects.start(&object, self.key, &write, self.now) {
            Start::Now => {
                self.actions.push(Action::Write(write));
                return true;
            }
            Start::At(at) => self.wake_at(Some(at)),
            Start::Held(at) => {
                self.is_held = true;
                self.wake_at(Some(at));
            }
            Start::Busy => {}
        }
        false
    }

    fn wake_at(&mut self, at: Option<Timestamp>) {
        self.wake = [self.wake, at].into_iter().flatten().min();
    }
}

/// From when to when an `IrsaAudit` has lived.
fn lifetime(audit: &AuditObject, now: Timestamp) -> Lifetime {
    Lifetime::new(audit.request.created, now)
}

/// The status of an `IrsaAudit` that has never been audited, as the API server makes it.
fn unaudited() -> IrsaAuditStatus {
    IrsaAuditStatus {
        observed_generation: Some(-1),
        ..IrsaAuditStatus::default()
    }
}

/// Whether the roles of Kubernetes alone make the binding broken.
pub(super) fn is_broken_by_rbac(report: &BindingReport) -> bool {
    let breaking = report
        .findings
        .iter()
        .filter(|finding| finding.counts() && finding.severity == Severity::Broken);
    let mut links = breaking.map(|finding| finding.link).peekable();
    links.peek().is_some() && links.all(|link| link == Link::Rbac)
}
