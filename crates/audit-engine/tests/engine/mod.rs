//! The engine in a laboratory: a pretend API server, a pretend AWS, and a clock that the tests set.

mod accounts;
mod api_server;
mod aws;
mod cluster;
mod dead_issuers;
mod evidence;
mod leading;
mod look;
mod memory;
mod objects;
mod permissions;
mod policy;
mod properties;
mod remediation;
mod reviews;
mod shown;
mod simulation;
mod status;
mod trouble;
mod turns;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_api::IrsaAuditStatus;
use audit_api::irsa_audit::VerdictName;
use audit_aws::{DirectoryRequest, Piece, Reading};
use audit_core::Config;
use audit_core::model::{BindingKey, ClusterIssuer, IssuerSource, IssuerUrl, LookedUp, NamespacedName};
use audit_k8s::{ClusterAuditObject, Kind, Observation, WatchChange, prune};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::schedule::after;
use crate::{
    Action, Engine, EngineSettings, Lookup, MetricsView, RemediationSettings, Review, ReviewOutcome, Write,
    WriteOutcome,
};
use api_server::ApiServer;
use aws::{Answers, Aws};
use shown::ShownObjects;

const HOME: &str = "111122223333";
const OTHER: &str = "444455556666";
const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/A";
const PREFIX: &str = "eks.amazonaws.com";
const REFRESH: u64 = 600;
const NS: &str = "shop";

fn issuer(url: &str) -> ClusterIssuer {
    ClusterIssuer {
        url: IssuerUrl::parse(url).unwrap(),
        source: IssuerSource::Flag,
    }
}

fn arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

fn subject(service_account: &str) -> String {
    BindingKey::new(NS, service_account).subject()
}

struct Lab {
    engine: Engine,
    now: Timestamp,
    api: ApiServer,
    aws: Aws,
    /// What the API server answers to writes; the write is done all the same unless it failed.
    fails: bool,
    /// The API server lets no `IrsaAudit` be created.
    refuses: bool,
    /// The watch shows nothing until told to.
    lags: bool,
    unshown: Vec<Observation>,
    /// What no `ApiServer` keeps.
    objects: ShownObjects,
    /// What the API server answers to reviews.
    rules: fn(&Review) -> ReviewOutcome,
    /// What the API server says of workloads.
    workloads: fn(&Lookup) -> LookedUp,
    writes: Vec<Write>,
    reads: Vec<DirectoryRequest>,
    reviews: Vec<Review>,
    lookups: Vec<Lookup>,
    shown: MetricsView,
}

impl Lab {
    /// An engine that has seen nothing.
    fn new() -> Self {
        let mut aws = Aws::default();
        aws.home();
        Self {
            engine: Engine::new(Self::settings()),
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            api: ApiServer::default(),
            aws,
            fails: false,
            refuses: false,
            lags: false,
            unshown: Vec::new(),
            objects: ShownObjects::default(),
            rules: reviews::agrees,
            workloads: |_| LookedUp::Unreadable,
            writes: Vec::new(),
            reads: Vec::new(),
            reviews: Vec::new(),
            lookups: Vec::new(),
            shown: MetricsView::default(),
        }
    }

    /// An engine that knows the issuer and its own account, and has listed nothing.
    fn starting() -> Self {
        let mut lab = Self::new();
        lab.engine.set_issuer(issuer(ISSUER));
        lab.tell_home();
        lab
    }

    /// An engine that leads, knows the issuer and its own account, and has listed a cluster with nothing in it.
    fn leading() -> Self {
        let mut lab = Self::new();
        lab.begin();
        lab
    }

    /// Begins to lead, as [`Lab::leading`].
    fn begin(&mut self) {
        self.engine.set_issuer(issuer(ISSUER));
        self.tell_home();
        self.sync();
        self.engine.set_leading(true);
        self.settle();
        self.forget();
    }

    /// With a name for the cluster by which EKS knows it.
    fn of_cluster(self, name: &str) -> Self {
        let settings = EngineSettings {
            cluster_name: Some(name.to_owned()),
            ..Self::settings()
        };
        Self {
            engine: Engine::new(settings),
            ..self
        }
    }

    fn settings() -> EngineSettings {
        EngineSettings {
            config: Config {
                annotation_prefix: PREFIX.to_owned(),
                ..Config::default()
            },
            refresh: Duration::from_secs(REFRESH),
            cluster_name: None,
            remediation: RemediationSettings::default(),
        }
    }

    /// With the writer installed.
    fn with_writer(self) -> Self {
        let settings = EngineSettings {
            remediation: remediation::settings(),
            ..Self::settings()
        };
        Self {
            engine: Engine::new(settings),
            ..self
        }
    }

    /// As [`Lab::leading`], with one healthy binding that has its `IrsaAudit`.
    fn healthy() -> Self {
        let mut lab = Self::leading();
        lab.binding("app");
        lab.settle();
        assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
        lab.forget();
        lab
    }

    /// Another process over the same cluster and the same AWS.
    fn restarted(self) -> Self {
        let mut lab = Self {
            api: self.api,
            aws: self.aws,
            now: self.now,
            ..Self::new()
        };
        lab.engine.set_issuer(issuer(ISSUER));
        lab
    }

    /// Another process, which has listed what there is and leads.
    fn replaced(self) -> Self {
        let objects = self.objects.clone();
        let mut lab = self.restarted();
        lab.objects = objects;
        lab.tell_home();
        for kind in Kind::ALL {
            lab.relist(kind);
        }
        lab.engine.set_leading(true);
        lab
    }

    /// The watch of a kind starts anew.
    fn relist(&mut self, kind: Kind) {
        if kind == Kind::IrsaAudit {
            // What it was to show is in the listing.
            self.unshown.clear();
            return self.sync_audits();
        }
        self.see_step(kind, true);
        for observation in self.objects.listed(kind) {
            self.see(observation);
        }
        self.see_step(kind, false);
    }

    fn tell_home(&mut self) {
        self.engine.read(
            Reading::HomeAccount {
                at: self.now,
                result: Ok(HOME.to_owned()),
            },
            self.now,
        );
    }

    fn see(&mut self, observation: Observation) {
        self.objects.note(&observation);
        self.engine.observe(observation, self.now);
    }

    fn see_all(&mut self, observations: Vec<Observation>) {
        for observation in observations {
            self.see(observation);
        }
    }

    /// Lists every kind; of `IrsaAudit`s, those that the API server has.
    fn sync(&mut self) {
        self.sync_all_but_audits();
        self.sync_audits();
    }

    fn sync_all_but_audits(&mut self) {
        for kind in Kind::ALL {
            self.see_listing(kind);
        }
    }

    /// Lists a kind of which there is nothing; not that of audits.
    fn see_listing(&mut self, kind: Kind) {
        self.see_step(kind, true);
        self.see_step(kind, false);
    }

    /// The beginning or the end of a listing; not of audits.
    fn see_step(&mut self, kind: Kind, begin: bool) {
        fn step<T>(begin: bool) -> WatchChange<T> {
            if begin {
                WatchChange::Init
            } else {
                WatchChange::InitDone
            }
        }
        match kind {
            Kind::ServiceAccount => self.see(Observation::ServiceAccount(step(begin))),
            Kind::Pod => self.see(Observation::Pod(step(begin))),
            Kind::Namespace => self.see(Observation::Namespace(step(begin))),
            Kind::Role | Kind::ClusterRole => self.see(Observation::Role(kind, step(begin))),
            Kind::RoleBinding | Kind::ClusterRoleBinding => {
                self.see(Observation::RoleBinding(kind, step(begin)));
            }
            Kind::MutatingWebhookConfiguration => self.see(Observation::Webhook(step(begin))),
            Kind::ConfigMap => self.see(Observation::ConfigMap(step(begin))),
            Kind::IrsaAudit => {}
            Kind::ClusterIrsaAudit => self.see(Observation::ClusterAudit(step(begin))),
            Kind::IrsaAuditPolicy => self.see(Observation::Policy(step(begin))),
            Kind::IrsaApproval => self.see(Observation::Approval(step(begin))),
            Kind::TrustPolicyChange => self.see(Observation::Change(step(begin))),
            Kind::ValidatingAdmissionPolicy => self.see(Observation::AdmissionPolicy(step(begin))),
            Kind::ValidatingAdmissionPolicyBinding => {
                self.see(Observation::AdmissionBinding(step(begin)));
            }
        }
    }

    fn sync_audits(&mut self) {
        self.see(Observation::Audit(WatchChange::Init));
        self.see_all(self.api.listed());
        self.see(Observation::Audit(WatchChange::InitDone));
    }

    /// A ServiceAccount, annotated with a role of an account.
    fn annotated(&mut self, name: &str, role: Option<&str>) {
        self.annotated_with(name, role.map(|role| arn(HOME, role)).as_deref());
    }

    fn annotated_with(&mut self, name: &str, arn: Option<&str>) {
        let annotations = arn.map_or(json!({}), |arn| json!({format!("{PREFIX}/role-arn"): arn}));
        let account = json!({"metadata": {
            "namespace": NS, "name": name, "uid": format!("sa-{name}"), "annotations": annotations,
        }});
        let account = prune::service_account(account, PREFIX).unwrap();
        self.see(Observation::ServiceAccount(WatchChange::Applied(account)));
    }

    fn no_service_account(&mut self, name: &str) {
        let (namespace, name) = (NS.to_owned(), name.to_owned());
        self.see(Observation::ServiceAccount(WatchChange::Deleted {
            namespace,
            name,
        }));
    }

    /// A pod with injected credentials, where it has a role.
    fn pod(&mut self, name: &str, service_account: &str, role: Option<&str>, ready: bool) {
        let role = role.map(|role| arn(HOME, role));
        self.see(Observation::Pod(WatchChange::Applied(
            prune::pod(pod(name, service_account, role, ready), PREFIX).unwrap(),
        )));
    }

    fn no_pod(&mut self, name: &str) {
        let (namespace, name) = (NS.to_owned(), name.to_owned());
        self.see(Observation::Pod(WatchChange::Deleted { namespace, name }));
    }

    /// A role that trusts a ServiceAccount, which is annotated with it.
    fn binding(&mut self, name: &str) {
        self.trusts(name, name);
        self.annotated(name, Some(name));
    }

    fn trusts(&mut self, role: &str, service_account: &str) {
        self.aws
            .home()
            .roles
            .entry(role.to_owned())
            .or_default()
            .insert(subject(service_account));
    }

    /// An `IrsaAudit` that somebody writes.
    fn declare(&mut self, name: &str, service_account: &str) {
        let object = json!({
            "metadata": {"namespace": NS, "name": name},
            "spec": {"serviceAccountName": service_account},
        });
        let observations = self.api.put(object);
        self.show(observations);
    }

    /// Somebody changes an `IrsaAudit`.
    fn edit(&mut self, name: &str, change: impl FnOnce(&mut Value)) {
        let observations = self.api.edit(&object(name), change);
        self.show(observations);
    }

    fn delete(&mut self, name: &str) {
        let observations = self.api.delete(&object(name));
        self.show(observations);
    }

    /// Somebody asks for a fresh audit.
    fn reaudit(&mut self, name: &str, value: &str) {
        self.edit(name, |stored| {
            stored["metadata"]["annotations"] = json!({audit_api::REAUDIT_ANNOTATION: value});
        });
    }

    fn policy(&mut self, spec: &Value) {
        let policy = prune::policy(json!({"metadata": {"name": "default"}, "spec": spec})).unwrap();
        self.see(Observation::Policy(WatchChange::Applied(policy)));
    }

    /// The pod identity webhook is registered.
    fn webhook(&mut self) {
        let rules = json!([{"operations": ["CREATE"], "resources": ["pods"]}]);
        let webhook = json!({"name": "iam-for-pods.amazonaws.com", "rules": rules});
        let configuration = json!({"metadata": {"name": "pod-identity-webhook"}, "webhooks": [webhook]});
        let configuration = prune::webhook(configuration).unwrap();
        self.see(Observation::Webhook(WatchChange::Applied(configuration)));
    }

    /// The webhook's ConfigMap says this.
    fn config_map(&mut self, config: &Value) {
        let metadata = json!({"namespace": "kube-system", "name": "pod-identity-webhook"});
        let map = json!({"metadata": metadata, "data": {"config": config.to_string()}});
        let map = prune::config_map(map).unwrap();
        self.see(Observation::ConfigMap(WatchChange::Applied(map)));
    }

    /// The namespace, with a label.
    fn label(&mut self, key: &str, value: &str) {
        let namespace = json!({"metadata": {"name": NS, "labels": {key: value}}});
        let namespace = prune::namespace(namespace).unwrap();
        self.see(Observation::Namespace(WatchChange::Applied(namespace)));
    }

    /// One turn, of which nothing is carried out.
    fn turn(&mut self) -> Vec<Action> {
        let actions = self.engine.turn(self.now, || true);
        self.engine.show(&mut self.shown);
        let next = self.engine.next();
        assert!(
            next.is_none_or(|at| at > self.now),
            "due again at once: {next:?}, now {}",
            self.now
        );
        let mut objects = BTreeSet::new();
        for action in &actions {
            match action {
                Action::Write(write) => {
                    assert!(
                        objects.insert(write.object()),
                        "two writes of one object at once: {actions:?}"
                    );
                    self.writes.push(write.clone());
                }
                Action::Read(request) => self.reads.push(request.clone()),
                Action::Review(review) => self.reviews.push(review.clone()),
                Action::LookUp(lookup) => self.lookups.push(lookup.clone()),
            }
        }
        actions
    }

    /// Carries actions out.
    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Read(request) => {
                    for reading in self.aws.answer(&request, self.now) {
                        self.engine.read(reading, self.now);
                    }
                }
                Action::Review(review) => {
                    let outcome = (self.rules)(&review);
                    self.engine.reviewed(review, outcome, self.now);
                }
                Action::LookUp(lookup) => {
                    let outcome = (self.workloads)(&lookup);
                    self.engine.looked_up(lookup, outcome, self.now);
                }
                Action::Write(write @ Write::Create { .. }) if self.refuses => {
                    self.engine.written(&write, &WriteOutcome::Refused, self.now);
                }
                Action::Write(write) if self.fails => {
                    self.engine.written(&write, &WriteOutcome::Failed, self.now);
                }
                Action::Write(write) => {
                    let (outcome, observations) = self.api.write(&write);
                    self.engine.written(&write, &outcome, self.now);
                    self.unshown.extend(observations);
                }
            }
        }
        if !self.lags {
            self.catch_up();
        }
    }

    /// The watch shows what happened, behind what it has not shown yet.
    fn show(&mut self, observations: Vec<Observation>) {
        self.unshown.extend(observations);
        if !self.lags {
            self.catch_up();
        }
    }

    /// The watch shows what it has not shown yet.
    fn catch_up(&mut self) {
        let observations = std::mem::take(&mut self.unshown);
        self.see_all(observations);
    }

    /// Turns, all carried out, until nothing is to be done at this moment.
    fn settle(&mut self) {
        for _ in 0..100 {
            let actions = self.turn();
            if actions.is_empty() {
                return;
            }
            self.carry_out(actions);
        }
        panic!("does not come to rest: {:?}", self.turn());
    }

    /// Lets time pass, with a turn whenever the engine wants one.
    fn pass(&mut self, seconds: u64) {
        self.settle();
        let end = after(self.now, Duration::from_secs(seconds));
        for _ in 0..100_000 {
            match self.engine.next().filter(|at| *at <= end) {
                Some(at) => self.now = at.max(self.now),
                None => break,
            }
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    /// Forgets which writes, reads, reviews and lookups there were.
    fn forget(&mut self) {
        self.writes.clear();
        self.reads.clear();
        self.reviews.clear();
        self.lookups.clear();
    }

    fn status(&self, name: &str) -> Option<IrsaAuditStatus> {
        serde_json::from_value(self.api.objects.get(&object(name))?["status"].clone()).ok()
    }

    fn verdict(&self, name: &str) -> Option<VerdictName> {
        self.status(name)?.verdict
    }

    fn reason(&self, name: &str) -> Option<String> {
        self.status(name)?.reason
    }

    /// The statuses of all `IrsaAudit`s that have one.
    fn statuses(&self) -> BTreeMap<String, IrsaAuditStatus> {
        let names = self.api.objects.keys().map(|id| id.name.to_string());
        names
            .filter_map(|name| Some((name.clone(), self.status(&name)?)))
            .collect()
    }

    /// The writes so far to `IrsaAudit`s, in short.
    fn short_writes(&self) -> Vec<String> {
        self.writes.iter().filter_map(short).collect()
    }

    /// The reads so far, in short.
    fn short_reads(&self) -> Vec<String> {
        let mut reads: Vec<String> = self
            .reads
            .iter()
            .filter_map(|read| match read {
                DirectoryRequest::Piece { account, piece, .. } => Some(short_read(account, piece)),
                DirectoryRequest::Listing { account, .. } => Some(format!("list {account}")),
                DirectoryRequest::EksIssuer { .. } => Some("eks".to_owned()),
                DirectoryRequest::Release { .. } => None,
            })
            .collect();
        reads.sort();
        reads
    }

    fn key(name: &str) -> BindingKey {
        BindingKey::new(NS, name)
    }
}

fn object(name: &str) -> NamespacedName {
    NamespacedName::new(NS, name)
}

fn short_read(account: &str, piece: &Piece) -> String {
    match piece {
        Piece::Role(role) if role.with_documents => format!("permissions {account} {}", role.name),
        Piece::Role(role) => format!("role {account} {}", role.name),
        Piece::Simulation(asked) => format!("simulation {account} {}", asked.role),
        Piece::Provider(_) => format!("provider {account}"),
        Piece::ProviderUrls(_) => format!("providers {account}"),
        Piece::TrustQuota(_) => format!("quota {account}"),
        Piece::PodIdentity(_) => format!("associations {account}"),
        Piece::Clusters(asked) => format!("clusters {account} {}", asked.region),
        Piece::Policies(_) | Piece::Inline(_) | Piece::Managed(_) => format!("part {account} {piece:?}"),
    }
}

fn short(write: &Write) -> Option<String> {
    let NamespacedName { name, .. } = write.object()?;
    Some(match write {
        Write::Create { owner, .. } => {
            format!("create {name}{}", if owner.is_some() { " owned" } else { "" })
        }
        Write::Status { .. } => format!("status {name}"),
        Write::Own { .. } => format!("own {name}"),
        Write::Release { .. } => format!("release {name}"),
        Write::Delete { .. } => format!("delete {name}"),
        Write::Cluster { .. } => return None,
    })
}

fn pod(name: &str, service_account: &str, role: Option<String>, ready: bool) -> Value {
    let mut container = json!({"name": "main"});
    if let Some(role) = role {
        let folder = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
        container["env"] = json!([
            {"name": "AWS_ROLE_ARN", "value": role},
            {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": format!("{folder}/token")},
        ]);
        container["volumeMounts"] = json!([{"name": "aws-iam-token", "mountPath": folder}]);
    }
    let token = json!({"serviceAccountToken": {"audience": "sts.amazonaws.com", "path": "token"}});
    json!({
        "metadata": {"namespace": NS, "name": name, "uid": format!("pod-{name}")},
        "spec": {
            "serviceAccountName": service_account,
            "containers": [container],
            "volumes": [{"name": "aws-iam-token", "projected": {"sources": [token]}}],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
        },
    })
}
