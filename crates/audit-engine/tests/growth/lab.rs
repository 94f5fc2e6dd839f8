//! An engine over a world: everything that it asks for is answered, and everything that it writes is shown to it.

use std::collections::BTreeMap;
use std::time::Duration;

use audit_aws::Reading;
use audit_core::Config;
use audit_core::model::{ClusterIssuer, IssuerSource, LookedUp, NamespacedName};
use audit_core::rbac::Ruling;
use audit_core::rbac::review::Evaluated;
use audit_engine::{Action, Engine, EngineSettings, RemediationSettings, ReviewOutcome, Write, WriteOutcome};
use audit_k8s::{AuditObject, Kind, Observation, WatchChange, prune};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::iam::{HOME, Iam, issuer};
use super::world::{Change, World};

pub struct Lab {
    pub engine: Engine,
    iam: Iam,
    audits: BTreeMap<NamespacedName, Box<AuditObject>>,
    revision: u64,
    pub now: Timestamp,
}

impl Lab {
    /// An engine that leads, and has listed a cluster with nothing in it.
    pub fn new() -> Self {
        let settings = EngineSettings {
            config: Config {
                annotation_prefix: "eks.amazonaws.com".to_owned(),
                ..Config::default()
            },
            refresh: Duration::from_mins(10),
            cluster_name: None,
            remediation: RemediationSettings::default(),
        };
        let mut lab = Self {
            engine: Engine::new(settings),
            iam: Iam::default(),
            audits: BTreeMap::new(),
            revision: 1,
            now: Timestamp::from_second(1_800_000_000).unwrap(),
        };
        lab.tell_home();
        lab.engine.set_issuer(ClusterIssuer {
            url: issuer(),
            source: IssuerSource::Flag,
        });
        for kind in Kind::ALL {
            lab.list(kind);
        }
        lab.engine.set_leading(true);
        lab
    }

    /// Lists a kind of which there is nothing.
    fn list(&mut self, kind: Kind) {
        fn step<T>(begins: bool) -> WatchChange<T> {
            if begins {
                WatchChange::Init
            } else {
                WatchChange::InitDone
            }
        }
        for begins in [true, false] {
            let observation = match kind {
                Kind::ServiceAccount => Observation::ServiceAccount(step(begins)),
                Kind::Pod => Observation::Pod(step(begins)),
                Kind::Namespace => Observation::Namespace(step(begins)),
                Kind::Role | Kind::ClusterRole => Observation::Role(kind, step(begins)),
                Kind::RoleBinding | Kind::ClusterRoleBinding => Observation::RoleBinding(kind, step(begins)),
                Kind::MutatingWebhookConfiguration => Observation::Webhook(step(begins)),
                Kind::ConfigMap => Observation::ConfigMap(step(begins)),
                Kind::IrsaAudit => Observation::Audit(step(begins)),
                Kind::ClusterIrsaAudit => Observation::ClusterAudit(step(begins)),
                Kind::IrsaAuditPolicy => Observation::Policy(step(begins)),
                Kind::IrsaApproval => Observation::Approval(step(begins)),
                Kind::TrustPolicyChange => Observation::Change(step(begins)),
                Kind::ValidatingAdmissionPolicy => Observation::AdmissionPolicy(step(begins)),
                Kind::ValidatingAdmissionPolicyBinding => Observation::AdmissionBinding(step(begins)),
            };
            self.engine.observe(observation, self.now);
        }
    }

    /// Shows a world to the engine, and does what it wants until it wants nothing.
    pub fn fill(&mut self, world: World) {
        self.iam = world.iam;
        for observation in world.observations {
            self.see(observation);
        }
        self.settle();
    }

    /// The engine hears of one change, and does what follows of it.
    pub fn hear(&mut self, change: Change) {
        match change {
            Change::Seen(observation) => self.see(*observation),
            Change::Read(role) => {
                for reading in self.iam.role_readings(&role, true, self.now) {
                    self.engine.read(reading, self.now);
                }
            }
        }
        self.settle();
    }

    /// Lets a few seconds pass, and has the cluster's status made again.
    pub fn wait(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        self.tell_home();
        self.settle();
    }

    fn tell_home(&mut self) {
        let home = Reading::HomeAccount {
            at: self.now,
            result: Ok(HOME.to_owned()),
        };
        self.engine.read(home, self.now);
    }

    fn see(&mut self, observation: Observation) {
        if let Observation::Audit(WatchChange::Applied(object)) = &observation {
            let name = NamespacedName::new(object.namespace.clone(), object.name.clone());
            self.audits.insert(name, object.clone());
        }
        self.engine.observe(observation, self.now);
    }

    fn settle(&mut self) {
        for _ in 0..1_000_000 {
            let actions = self.engine.turn(self.now, || true);
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.carry_out(action);
            }
        }
        panic!("does not come to rest");
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Read(request) => {
                for reading in self.iam.answer(&request, self.now) {
                    self.engine.read(reading, self.now);
                }
            }
            Action::Review(review) => {
                let agrees = |evaluated: Evaluated| match evaluated {
                    Evaluated::Granted => Ruling::Allowed,
                    Evaluated::Denied | Evaluated::Unseen => Ruling::Denied {
                        explicitly: false,
                        failed: false,
                    },
                };
                let rulings = review.questions.iter().map(|question| agrees(question.evaluated));
                let outcome = ReviewOutcome::Answered(rulings.collect());
                self.engine.reviewed(review, outcome, self.now);
            }
            Action::LookUp(lookup) => self.engine.looked_up(lookup, LookedUp::Unreadable, self.now),
            Action::Write(write) => self.write(&write),
        }
    }

    fn write(&mut self, write: &Write) {
        self.revision += 1;
        let done = WriteOutcome::Done {
            resource_version: Some(self.revision),
        };
        self.engine.written(write, &done, self.now);
        let Some(name) = write.object() else { return };
        match write {
            Write::Create { key, .. } => {
                let value = json!({
                    "metadata": {"namespace": name.namespace, "name": name.name, "uid": name.name, "generation": 1,
                        "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {audit_api::AUTOMATIC_LABEL: "true"}},
                    "spec": {"serviceAccountName": key.service_account},
                });
                self.audits.insert(name.clone(), prune::audit(value).unwrap());
            }
            Write::Status { status, .. } => {
                let Some(object) = self.audits.get_mut(&name) else {
                    return;
                };
                object.status = Some(status.clone());
            }
            _ => return,
        }
        let Some(object) = self.audits.get_mut(&name) else {
            return;
        };
        object.resource_version = Some(self.revision.to_string().into());
        let shown = object.clone();
        self.engine
            .observe(Observation::Audit(WatchChange::Applied(shown)), self.now);
    }
}
