//! The operator's decisions, without any I/O: observations and readings go in, reads and writes come out.
//!
//! The engine owns the snapshot. Every input marks the bindings that it concerns; a turn audits those, compares each
//! report with what was said last, and says what is to be written. Time comes in as an argument.
//!
//! | module | what is in it |
//! |---|---|
//! | `settings` | the settings in force |
//! | `look` | one binding in four steps: gather, derive, judge, publish |
//! | `pending`, `rotation` | which binding is looked at next |
//! | `publication` | when a status is worth a write |
//! | `memory` | what was said last: a status in the cluster is compared with it, and never read as an input |
//! | `object`, `made`, `creations`, `details` | which writes are under way, and which must wait |
//! | `knowledge` | what AWS told |
//! | `evidence` | what to read from AWS, and when |
//! | `reviews` | what to ask the API server about expected permissions, when, and when to believe it |
//! | `workloads` | which expected workloads to look up, and when |
//! | `cluster` | the status of the `ClusterIrsaAudit` |
//! | `unrecorded` | statements of the writer's form that its journal does not know |
//! | `summary`, `action`, `schedule` | what comes out, and when to look again |

mod action;
mod cluster;
mod creations;
mod details;
mod evidence;
mod knowledge;
mod look;
mod made;
mod memory;
mod object;
mod pending;
mod publication;
mod reviews;
mod rotation;
mod schedule;
mod settings;
mod summary;
#[cfg(test)]
#[path = "../tests/engine/mod.rs"]
mod tests;
mod unrecorded;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use audit_api::DEFAULT_POLICY_NAME;
use audit_core::chain::is_default_audience_seen;
use audit_core::model::{Access, Account, BindingKey};
use audit_core::rbac::{PermissionsChange, Reviews};
use audit_core::report::Report;
use audit_core::shared::SharedAnswers;
use audit_core::snapshot::{Cluster, Unaudited};
use audit_core::{Config, Snapshot, Verdict, audit};
use audit_k8s::remediation::EndedChange;
use audit_k8s::{Dirty, Index, Observation, WatchChange};
use iam_policy::RoleArn;
use jiff::Timestamp;

pub use action::{
    Action, Announcement, AuditOwner, Lookup, Occasion, Review, ReviewOutcome, Write, WriteOutcome,
};
use cluster::{ClusterObject, cluster_status};
use evidence::EvidencePlan;
pub use look::referenced_roles;
use memory::Memory;
use object::Objects;
use pending::{NextLook, Pending};
use reviews::ReviewPlan;
use schedule::{Schedule, after, after_last};
use settings::EffectiveSettings;
pub use settings::{EngineSettings, RemediationSettings};
pub use summary::{BindingSummary, MetricsView, PodCounts};
use workloads::LookupPlan;

/// How soon a binding is looked at again whose time has passed already.
const OVERDUE: Duration = Duration::from_secs(1);

/// The least time between two looks at all bindings that expect permissions: anyone who can edit a Role in one namespace brings them about.
const PERMISSIONS: Duration = Duration::from_secs(1);

/// The least time between two looks at those whom changes of roles concern in other namespaces only: all bindings of the cluster, if somebody
/// wants that, and none of their verdicts.
const PERMISSIONS_ELSEWHERE: Duration = Duration::from_secs(30);

/// The least time between two looks at all bindings because of the webhook's default audience: pods in two namespaces bring them about.
const AUDIENCES: Duration = Duration::from_secs(1);

/// How long requests to AWS wait at most for the end of a burst of changes.
const REQUESTS: Duration = Duration::from_secs(1);

/// How long the first requests wait at most until all bindings were looked at: a listing keeps the policies of the roles that are known
/// when it begins, and of ten thousand bindings the first turn sees few.
const FIRST_REQUESTS: Duration = Duration::from_secs(10);

/// What is known of a binding besides the observations.
#[derive(Debug, Default)]
struct State {
    summary: Option<Arc<BindingSummary>>,
    waiting: Option<look::Waiting>,
}

impl State {
    /// Whether its status speaks of a repair, or may do so.
    fn may_show_a_plan(&self) -> bool {
        self.summary
            .as_ref()
            .is_some_and(|summary| summary.progress.is_some() || summary.verdict == Verdict::Broken)
    }
}

/// The engine.
#[derive(Debug)]
pub struct Engine {
    settings: EngineSettings,
    in_force: EffectiveSettings,
    snapshot: Snapshot,
    index: Index,
    evidence: EvidencePlan,
    reviews: ReviewPlan,
    lookups: LookupPlan,
    leading: bool,
    /// Everything has been listed once.
    is_listed: bool,
    /// Bindings to look at.
    dirty: Pending,
    /// Of these, those for which somebody asked that everything be read anew.
    forced: BTreeSet<BindingKey>,
    /// Bindings of which somebody changed something, until everything that they refer to has been seen: AWS is asked for their sake before it is
    /// for that of others.
    awaited: BTreeSet<BindingKey>,
    /// What of roles and bindings has changed since expecting bindings were looked at because of that.
    permissions_changed: PermissionsChange,
    /// When they were last.
    permissions_looked_at: Option<Timestamp>,
    /// What has changed since those were looked at whom it concerns in other namespaces only.
    permissions_elsewhere: PermissionsChange,
    /// When they were last.
    elsewhere_looked_at: Option<Timestamp>,
    /// When bindings were last looked at because of the webhook's default audience.
    audiences_looked_at: Option<Timestamp>,
    states: BTreeMap<BindingKey, State>,
    /// Bindings whose summary has changed since it was shown.
    changed: BTreeSet<BindingKey>,
    objects: Objects,
    memory: Memory,
    schedule: Schedule<BindingKey>,
    cluster: ClusterObject,
    /// When the oldest evidence of each account was read.
    ages: BTreeMap<String, Timestamp>,
    /// When requests to AWS were made last, or looked for.
    requested: Option<Timestamp>,
    /// When this term's first turn was.
    began: Option<Timestamp>,
    /// Roles or the journal have changed since statements were compared with it.
    statements_changed: bool,
    /// The roles with a statement of the writer's form that the journal does not know.
    unrecorded: BTreeSet<String>,
    /// What is not audited, by namespace, the most first.
    unaudited: Vec<(String, Unaudited)>,
    /// What bindings have asked about all ServiceAccounts.
    shared: SharedAnswers,
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(settings: EngineSettings) -> Self {
        let in_force = EffectiveSettings::new(&settings, None);
        Self {
            evidence: EvidencePlan::new(in_force.refresh, settings.cluster_name.clone()),
            reviews: ReviewPlan::new(in_force.refresh),
            lookups: LookupPlan::default(),
            in_force,
            settings,
            snapshot: Snapshot::default(),
            index: Index::default(),
            leading: false,
            is_listed: false,
            dirty: Pending::default(),
            forced: BTreeSet::new(),
            awaited: BTreeSet::new(),
            permissions_changed: PermissionsChange::default(),
            permissions_looked_at: None,
            permissions_elsewhere: PermissionsChange::default(),
            elsewhere_looked_at: None,
            audiences_looked_at: None,
            states: BTreeMap::new(),
            changed: BTreeSet::new(),
            objects: Objects::default(),
            memory: Memory::default(),
            schedule: Schedule::default(),
            cluster: ClusterObject::default(),
            ages: BTreeMap::new(),
            requested: None,
            began: None,
            statements_changed: false,
            unrecorded: BTreeSet::new(),
            unaudited: Vec::new(),
            shared: SharedAnswers::default(),
        }
    }

    /// Whether every watch has listed its objects once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.index.is_synced()
    }

    /// Shows what metrics are made of.
    pub fn show(&mut self, shown: &mut MetricsView) {
        for key in std::mem::take(&mut self.changed) {
            match self.states.get(&key).and_then(|state| state.summary.clone()) {
                Some(summary) => shown.bindings.insert(key, summary),
                None => shown.bindings.remove(&key),
            };
        }
        if shown.evidence != self.ages {
            shown.evidence.clone_from(&self.ages);
        }
        if shown.unrecorded != self.unrecorded {
            shown.unrecorded.clone_from(&self.unrecorded);
        }
        if shown.unaudited != self.unaudited {
            shown.unaudited.clone_from(&self.unaudited);
        }
    }

    /// Takes in a change of the cluster.
    pub fn observe(&mut self, observation: Observation, now: Timestamp) {
        let is_audit = matches!(observation, Observation::Audit(_));
        let is_relisted = matches!(observation, Observation::Audit(WatchChange::InitDone));
        if let Observation::Audit(WatchChange::Deleted { namespace, name }) = &observation {
            self.objects.lose(namespace, name);
        }
        let dirty = self.index.apply(&mut self.snapshot.cluster, observation);
        if dirty.policies {
            self.configure(now);
        }
        if dirty.everything {
            self.mark_all();
        }
        // Who begins to lead looks at everything anyway.
        if self.leading {
            if is_relisted && self.objects.relist(&self.index) {
                self.mark_all();
            }
            if self.heeds_namespace_labels() {
                let namespaces = dirty.namespaces.iter();
                let bindings = namespaces.flat_map(|name| self.snapshot.cluster.in_namespace(name));
                self.dirty.refresh(bindings.map(|(key, _)| key.clone()));
            }
            self.take_note_of_repairs(&dirty);
            // Which bindings are suspended, or have no object, is told of the cluster.
            if is_audit && !dirty.is_echo && !dirty.bindings.is_empty() {
                self.cluster.touch();
            }
            if dirty.cluster_audit_is_gone {
                self.cluster.lose(now);
            }
            self.permissions_changed.merge(dirty.permissions);
            // What is there at a start has not just changed: nobody waits for it more than for all else.
            if self.is_listed {
                if !dirty.is_echo {
                    self.awaited.extend(dirty.bindings.iter().cloned());
                }
                self.dirty.extend(dirty.bindings);
            }
            self.forced.extend(dirty.reaudits.iter().cloned());
            self.dirty.extend(dirty.reaudits);
        }
        if !self.is_listed && self.is_synced() {
            self.is_listed = true;
            self.mark_all();
        }
    }

    /// Marks the bindings whose plans may say something else now.
    fn take_note_of_repairs(&mut self, dirty: &Dirty) {
        let dirty_plans = &dirty.remediation;
        if dirty_plans.plans {
            self.statements_changed = true;
            self.cluster.touch();
        }
        if dirty_plans.plans || dirty.policies {
            let planned = self.states.iter().filter(|(_, state)| state.may_show_a_plan());
            self.dirty.refresh(planned.map(|(key, _)| key.clone()));
        }
        let exist = |key: &&BindingKey| self.snapshot.cluster.binding(key).is_some();
        self.dirty
            .extend(dirty_plans.bindings.iter().filter(exist).cloned());
        for (key, ended) in &dirty_plans.ended {
            if exist(&key) && self.knows_less_than(ended) {
                self.forced.insert(key.clone());
                self.dirty.insert(key.clone());
            }
        }
    }

    /// Whether what is known of a role was read before its change ended. A fresh start sees all changes for the first time, and has
    /// read, or will read, the roles after them.
    fn knows_less_than(&self, ended: &EndedChange) -> bool {
        let read = RoleArn::parse(&ended.role_arn).ok().and_then(|arn| {
            let account = self.snapshot.accounts.get(arn.account())?;
            account.roles.get(arn.name())?.observed_at()
        });
        read.is_some_and(|read| read <= ended.at)
    }

    /// Takes in whether this replica leads.
    pub fn set_leading(&mut self, leading: bool) {
        if leading == self.leading {
            return;
        }
        self.leading = leading;
        if leading {
            self.open_accounts();
            self.snapshot.cluster.take_default_news();
            self.mark_all();
        } else {
            // What a follower once knew of AWS grows old, and what it audited is another's business now.
            self.snapshot.accounts.clear();
            self.evidence.reset();
            self.snapshot.reviews = Reviews::default();
            self.reviews.reset();
            self.lookups.reset();
            self.snapshot.cluster.forget_looked_up();
            self.snapshot.cluster.forget_refused();
            self.unaudited.clear();
            self.changed.extend(std::mem::take(&mut self.states).into_keys());
            self.dirty.clear();
            self.permissions_changed = PermissionsChange::default();
            self.permissions_looked_at = None;
            self.permissions_elsewhere = PermissionsChange::default();
            self.elsewhere_looked_at = None;
            self.audiences_looked_at = None;
            (self.requested, self.began) = (None, None);
            self.forced.clear();
            self.awaited.clear();
            self.ages.clear();
            self.unrecorded.clear();
            self.shared.clear();
            self.schedule = Schedule::default();
            self.objects.forget();
            self.memory.forget();
            self.cluster.forget();
        }
    }

    /// Takes in what came of a write.
    pub fn written(&mut self, write: &Write, outcome: &WriteOutcome, now: Timestamp) {
        let Some(object) = write.object() else {
            self.cluster.written(outcome, now);
            return;
        };
        if self.leading
            && let (WriteOutcome::Done { .. }, Write::Status { uid, status, .. }) = (outcome, write)
        {
            self.memory.say(&object, uid, status.clone());
        }
        if let Write::Create { key, .. } = write {
            // One of its name that cannot be read is in its place: nobody would audit the ServiceAccount, and nothing would show it.
            let is_refused = *outcome == WriteOutcome::Refused || self.index.is_unreadable_audit(&object);
            if self.leading && self.snapshot.cluster.put_refused(key, is_refused) {
                self.cluster.touch();
            }
            let is_relieved = self.objects.created(&object, outcome, now);
            if self.leading && is_relieved {
                let held = self.snapshot.cluster.in_namespace(&object.namespace);
                let held = held.filter(|(key, _)| self.snapshot.cluster.is_refused(key));
                self.dirty.refresh(held.map(|(key, _)| key.clone()));
            }
        }
        let key = self.objects.written(&object, write, outcome, now);
        // What changed while the write was under way waits for its end.
        if self.leading {
            self.dirty.extend(key);
        }
    }

    /// When the next turn is due, if nothing happens before.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        if !self.leading || !self.is_synced() {
            return None;
        }
        if !self.dirty.is_empty() {
            return Some(Timestamp::MIN);
        }
        let issuer = self.snapshot.issuer.as_ref().map(|issuer| &issuer.url);
        [
            self.schedule.next(),
            self.evidence.next(issuer),
            self.permissions_due(),
            self.elsewhere_due(),
            self.objects.detail_due(),
            self.audiences_due(),
            self.reviews.next(),
            self.lookups.next(),
            self.cluster.next(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether the latest turn left something.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.leading && self.is_synced() && !self.dirty.is_empty()
    }

    /// Whether everything has been answered, well or not, that the report hangs on.
    #[must_use]
    pub fn is_settled(&self, now: Timestamp) -> bool {
        let is_open = |account: &&Account| account.access == Access::Configured;
        // Without the issuer no account can be listed.
        let is_listed = |account: &Account| self.snapshot.issuer.is_none() || !account.listing.is_pending();
        self.is_synced()
            && self.dirty.is_empty()
            && self.evidence.knows_home()
            && self.snapshot.accounts.values().filter(is_open).all(is_listed)
            && !self.evidence.is_waiting()
            && self.reviews.are_settled(now)
            && self.lookups.is_settled(now)
            && !self.report(now).bindings.iter().any(|binding| binding.pending)
    }

    /// Changes what is expected of bindings, for somebody who only looks: no object of the cluster says it.
    pub fn expect(&mut self, change: impl FnOnce(&mut Cluster)) {
        change(&mut self.snapshot.cluster);
        self.mark_all();
    }

    /// What is known, and the settings in force.
    #[must_use]
    pub fn into_evidence(self) -> (Snapshot, Config) {
        (self.snapshot, self.in_force.config)
    }

    /// The audit of everything that is known.
    #[must_use]
    pub fn report(&self, now: Timestamp) -> Report {
        audit(&self.snapshot, &self.in_force.config, now)
    }

    /// Looks at what wants to be looked at, for as long as `may_go_on` says so after each look. What is left waits for the next turn,
    /// which [`Engine::next`] wants at once.
    pub fn turn(&mut self, now: Timestamp, mut may_go_on: impl FnMut() -> bool) -> Vec<Action> {
        if !self.leading {
            return self.evidence.releases().map(Action::Read).collect();
        }
        if !self.is_synced() {
            return Vec::new();
        }
        let mut actions = Vec::new();
        self.dirty.refresh(self.schedule.take_due(now));
        // However many roles have changed; for all others, roles are no more than a notice, which can wait.
        if self.permissions_due().is_some_and(|at| at <= now) {
            self.permissions_looked_at = Some(now);
            let permissions = std::mem::take(&mut self.permissions_changed);
            self.dirty.refresh(permissions.concerned(&self.snapshot.cluster));
            self.permissions_elsewhere.merge(permissions);
        }
        if self.elsewhere_due().is_some_and(|at| at <= now) {
            self.elsewhere_looked_at = Some(now);
            let permissions = std::mem::take(&mut self.permissions_elsewhere);
            self.dirty
                .refresh(permissions.concerned_elsewhere(&self.snapshot.cluster));
        }
        if self.audiences_due().is_some_and(|at| at <= now) {
            self.audiences_looked_at = Some(now);
            self.look_at_audiences();
        }
        // One in each turn, whatever else waits; more where nothing does.
        self.dirty.refresh(self.objects.next_detail(now));
        loop {
            if self.dirty.is_empty() {
                self.dirty.refresh(self.objects.next_detail(now));
            }
            let Some(NextLook { key, is_urgent }) = self.dirty.pop() else {
                break;
            };
            self.look_at(&key, is_urgent, now, &mut actions);
            if !may_go_on() {
                break;
            }
        }
        // Many roles that are wanted together are listed: that is known when all changes were looked at. Those of one namespace may never
        // end.
        let (is_burst, end) = if let Some(at) = self.requested {
            (self.dirty.has_changed(), after(at, REQUESTS))
        } else {
            let began = *self.began.get_or_insert(now);
            (!self.dirty.is_empty(), after(began, FIRST_REQUESTS))
        };
        if !is_burst || end <= now {
            self.requested = Some(now);
            let requests = self.evidence.requests(&self.snapshot, now);
            actions.extend(requests.into_iter().map(Action::Read));
        }
        self.begin_reviews(now, &mut actions);
        self.begin_lookups(now, &mut actions);
        if self.cluster.is_due(now) {
            self.overview(now, &mut actions);
        }
        actions
    }

    /// When bindings that expect permissions are looked at because roles have changed; nothing where none has.
    fn permissions_due(&self) -> Option<Timestamp> {
        if self.permissions_changed.is_empty() {
            return None;
        }
        Some(after_last(self.permissions_looked_at, PERMISSIONS))
    }

    /// The same of those whom changes of roles concern in other namespaces only.
    fn elsewhere_due(&self) -> Option<Timestamp> {
        if self.permissions_elsewhere.is_empty() {
            return None;
        }
        Some(after_last(self.elsewhere_looked_at, PERMISSIONS_ELSEWHERE))
    }

    /// When bindings are looked at because the webhook's default audience may be a different one; nothing where it is not.
    fn audiences_due(&self) -> Option<Timestamp> {
        let is_seen = is_default_audience_seen(&self.snapshot, &self.in_force.config);
        if !is_seen || self.snapshot.cluster.default_news().is_empty() {
            return None;
        }
        Some(after_last(self.audiences_looked_at, AUDIENCES))
    }

    /// Marks the bindings for which the webhook's default audience may be a different one.
    fn look_at_audiences(&mut self) {
        let news = self.snapshot.cluster.take_default_news();
        if news.is_for_all {
            self.mark_all();
            return;
        }
        let namespaces = news.namespaces.iter();
        let bindings = namespaces.flat_map(|name| self.snapshot.cluster.in_namespace(name));
        self.dirty.refresh(bindings.map(|(key, _)| key.clone()));
    }

    /// Whether what is said of a binding may depend on the labels of its namespace.
    fn heeds_namespace_labels(&self) -> bool {
        let mut policies = self.index.policies();
        !self.in_force.disclosure.is_empty()
            || self.snapshot.cluster.heeds_namespace_labels()
            || policies.any(|policy| policy.spec.remediation.is_some())
    }

    fn mark_all(&mut self) {
        if self.leading {
            self.dirty
                .refresh(self.snapshot.cluster.bindings().map(|(key, _)| key.clone()));
            self.cluster.touch();
        }
    }

    /// Puts the default policy over the operator's own settings.
    fn configure(&mut self, now: Timestamp) {
        let policy = self.index.policy(DEFAULT_POLICY_NAME).map(|policy| &policy.spec);
        let in_force = EffectiveSettings::new(&self.settings, policy);
        if in_force == self.in_force {
            return;
        }
        self.in_force = in_force;
        self.evidence.set_refresh(self.in_force.refresh, now);
        self.reviews.set_refresh(self.in_force.refresh);
        for account in self.evidence.allow(self.in_force.allowed_accounts.clone()) {
            self.snapshot.accounts.remove(&account);
        }
        self.open_accounts();
        self.mark_all();
    }

    /// Looks at what concerns no single binding.
    fn overview(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.objects.sweep(&self.index, now);
        self.memory.sweep(&self.index);
        self.ages = self.evidence.ages(&self.snapshot);
        self.snapshot.cluster.sweep_refused();
        let unaudited = self.snapshot.cluster.unaudited(&self.in_force.config).into_iter();
        self.unaudited = unaudited
            .map(|(namespace, count)| (namespace.to_owned(), count))
            .collect();
        if std::mem::take(&mut self.statements_changed) {
            self.unrecorded = unrecorded::roles(&self.snapshot, &self.index);
        }
        let verdicts = self
            .states
            .values()
            .filter_map(|state| Some(state.summary.as_ref()?.verdict));
        let status = cluster_status(
            &self.snapshot,
            &self.in_force.config,
            &self.unaudited,
            verdicts,
            now,
        );
        self.cluster.publish(status, actions);
    }
}
