//! The world: one role as it really is, requests on their way to it, and what each cluster's API server holds.

use std::collections::BTreeMap;

use audit_core::model::IssuerUrl;
use audit_remedy::{
    AdmissionGuard, ApprovalRecord, Authorities, BreakerLimits, JournalRecord, LiveCheck, LiveRole,
    NamespaceScope, RemediationMode, RemediationPolicy, RemedyNotice, RemedyOperation, RemedySubject,
    RoleTag, WriteTiming, consent_key,
};
use iam_policy::RoleArn;
use jiff::{SignedDuration, Timestamp};

use super::documents;
use super::laws;

pub const TIMING: WriteTiming = WriteTiming {
    settle: SignedDuration::from_secs(10),
    call_timeout: SignedDuration::from_secs(4),
    late: SignedDuration::from_secs(15),
    consistency: SignedDuration::from_secs(8),
    lease: SignedDuration::from_secs(8),
    lease_margin: SignedDuration::from_secs(1),
    max_window: SignedDuration::from_secs(3),
    max_check_age: SignedDuration::from_secs(6),
    retry_every: SignedDuration::from_secs(2),
    give_up: SignedDuration::from_secs(30),
};

/// How many changes the policies allow within an hour.
pub const PER_HOUR: u32 = 4;

macro_rules! stats {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {
        /// What happened, so that a model in which nothing happens is found out.
        #[derive(Debug, Default)]
        pub struct Stats { $($(#[$meta])* pub $name: u64),* }
        impl Stats {
            pub fn add(&mut self, other: &Self) { $(self.$name += other.$name;)* }
            pub fn rows(&self) -> Vec<(&'static str, u64)> { vec![$((stringify!($name), self.$name)),*] }
        }
    };
}

stats! {
    /// Writes that took effect.
    writes,
    /// Of them, those that took effect after their call was given up.
    late_writes,
    /// Of them, rollbacks.
    rollbacks,
    /// Of them, by an approval.
    approved,
    /// Foreign changes that were overwritten inside the window that no read shows.
    window,
    /// Responses that were lost.
    lost,
    /// Writes that IAM refused.
    refused,
    /// Writes that were not sent, because the writer woke up too late.
    too_late,
    /// Records that were created by another writer first.
    raced,
    /// Foreign changes that a read after a write showed.
    detected,
    crashes,
    /// Outcomes that a shell forgot, and asked again.
    forgotten,
    pauses,
    recoveries,
    stale_reads,
    takeovers,
    closed_applied,
    closed_not_applied,
    closed_abandoned,
    closed_latched,
    closed_refused,
    superseded,
    undecided,
    stopped_before_record,
    /// A second writer's statements in the same role.
    both_clusters,
    foreign_edits,
    revoked,
    rate_limited,
    breaker_open,
    /// Plans that a shell began although something was in the way.
    careless,
    /// Approvals of a plan that was to come after the next change.
    in_advance,
    /// Renewals of a lease that failed.
    unrenewed,
    vanished,
    latched_blocks,
}

/// Who made a version of the role.
#[derive(Debug, Clone, PartialEq)]
pub enum Author {
    People,
    Writer { cluster: usize, record: String },
}

#[derive(Debug, Clone)]
pub struct RoleVersion {
    pub at: Timestamp,
    pub id: String,
    pub text: String,
    pub tags: Vec<RoleTag>,
    pub author: Author,
}

/// A request that was sent, and takes effect then.
#[derive(Debug, Clone)]
pub struct Underway {
    pub arrives: Timestamp,
    pub document: String,
    pub cluster: usize,
    pub sent: laws::Sent,
}

/// What a person saw who approved.
#[derive(Debug, Clone)]
pub struct Shown {
    pub operation: RemedyOperation,
    pub service_account_uid: String,
    pub role: LiveRole,
    /// How many changes the journal had.
    pub changes: usize,
}

/// What the API server of a cluster holds, and who leads there.
#[derive(Debug)]
pub struct Cluster {
    /// Two ServiceAccounts that want the role.
    pub subjects: Vec<RemedySubject>,
    pub journal: Vec<JournalRecord>,
    pub approvals: Vec<ApprovalRecord>,
    pub policy: RemediationPolicy,
    pub guard: AdmissionGuard,
    pub holder: usize,
    pub held_until: Timestamp,
    pub notices: Vec<RemedyNotice>,
    /// How often the write of each record was sent.
    pub sent: BTreeMap<String, u32>,
    pub next_uid: u64,
    /// What each approval was given for.
    pub shown: BTreeMap<String, Shown>,
}

pub struct World {
    pub now: Timestamp,
    pub rng: fastrand::Rng,
    pub versions: Vec<RoleVersion>,
    pub underway: Vec<Underway>,
    pub clusters: Vec<Cluster>,
    pub stats: Stats,
    /// At the end nothing fails any more.
    pub is_calm: bool,
    pub foreign: u64,
    /// How often IAM refuses a write, in percent: on some days nearly always.
    pub refuses: u32,
    /// How often a shell begins what something is in the way of, in percent.
    pub careless: u32,
    /// How often the renewal of a lease fails, and goes on failing for seconds, in percent.
    pub unrenewed: u32,
    pub verbose: bool,
}

impl Cluster {
    pub fn issuer(&self) -> &IssuerUrl {
        &self.subjects[0].issuer
    }
}

impl World {
    pub fn new(seed: u64, verbose: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let count = rng.usize(1..=2);
        let refuses = [10, 10, 10, 80][rng.usize(..4)];
        let careless = [4, 4, 4, 40][rng.usize(..4)];
        let unrenewed = [0, 0, 0, 3][rng.usize(..4)];
        let clusters: Vec<Cluster> = (0..count).map(|at| cluster(at, &mut rng, now)).collect();
        let mut world = Self {
            now,
            rng,
            versions: Vec::new(),
            underway: Vec::new(),
            clusters,
            stats: Stats::default(),
            is_calm: false,
            foreign: 0,
            refuses,
            careless,
            unrenewed,
            verbose,
        };
        let first = world.foreign_statement();
        let text = documents::document(&mut world.rng, &[first]);
        let tags = world
            .clusters
            .iter()
            .map(|cluster| consent(cluster, "shop/cart shop/till"))
            .collect();
        world.versions.push(RoleVersion {
            at: now - SignedDuration::from_hours(1),
            id: "AROAMODEL1".to_owned(),
            text,
            tags,
            author: Author::People,
        });
        world
    }

    pub fn say(&self, text: impl FnOnce() -> String) {
        if self.verbose {
            println!("{} {}", self.now, text());
        }
    }

    pub fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    /// Something goes wrong with this likelihood, but not at the end.
    pub fn fails(&mut self, percent: u32) -> bool {
        !self.is_calm && self.chance(percent)
    }

    /// A random duration up to so many seconds, in tenths.
    pub fn some(&mut self, seconds: i64) -> SignedDuration {
        SignedDuration::from_millis(self.rng.i64(0..=seconds * 10) * 100)
    }

    pub fn current(&self) -> &RoleVersion {
        self.versions.last().unwrap()
    }

    /// Lets time pass; what was under way takes effect when it arrives.
    pub fn advance(&mut self, to: Timestamp) {
        loop {
            let next = self
                .underway
                .iter()
                .enumerate()
                .filter(|(_, one)| one.arrives <= to)
                .min_by_key(|(_, one)| one.arrives)
                .map(|(at, _)| at);
            let Some(at) = next else { break };
            let arrived = self.underway.remove(at);
            self.now = self.now.max(arrived.arrives);
            laws::arrives(self, &arrived);
            let RoleVersion { tags, id, .. } = self.current().clone();
            self.say(|| format!("  the write of {} takes effect", arrived.sent.record.name));
            self.versions.push(RoleVersion {
                at: self.now,
                id,
                text: arrived.document,
                tags,
                author: Author::Writer {
                    cluster: arrived.cluster,
                    record: arrived.sent.record.name.clone(),
                },
            });
        }
        self.now = self.now.max(to);
    }

    /// The role as some answer may have it: as it was at some time within the bound of consistency.
    pub fn read(&mut self) -> LiveRole {
        let oldest = self.now - TIMING.consistency;
        let first = self
            .versions
            .iter()
            .rposition(|version| version.at <= oldest)
            .unwrap_or(0);
        let last = self.versions.len() - 1;
        let at = if self.chance(60) {
            last
        } else {
            self.rng.usize(first..=last)
        };
        if at < last {
            self.stats.stale_reads += 1;
        }
        role_of(&self.versions[at])
    }

    pub fn check(&self, cluster: usize, subject: usize) -> LiveCheck {
        let of = &self.clusters[cluster];
        LiveCheck {
            subject: Some(of.subjects[subject].clone()),
            authorities: Authorities {
                policies: vec![of.policy.clone()],
                own_namespaces: vec!["irsa-audit".to_owned()],
                own_users: vec!["writer".to_owned()],
                approvals: of.approvals.clone(),
                guard: of.guard,
                journal: of.journal.clone(),
                breaker: BreakerLimits {
                    failures: 3,
                    cool_down: SignedDuration::from_secs(120),
                    role_backoff: SignedDuration::from_secs(30),
                },
            },
        }
    }

    pub fn foreign_statement(&mut self) -> serde_json::Value {
        self.foreign += 1;
        let issuers: Vec<String> = self
            .clusters
            .iter()
            .map(|cluster| cluster.issuer().host_path().to_owned())
            .collect();
        documents::foreign(&mut self.rng, self.foreign, &issuers)
    }
}

pub fn role_of(version: &RoleVersion) -> LiveRole {
    LiveRole {
        arn: role_arn(),
        id: version.id.clone(),
        trust_text: version.text.clone(),
        tags: version.tags.clone(),
        quota: 8192,
    }
}

pub fn role_arn() -> RoleArn {
    RoleArn::parse("arn:aws:iam::111122223333:role/app").unwrap()
}

pub fn consent(cluster: &Cluster, value: &str) -> RoleTag {
    RoleTag::new(consent_key(cluster.issuer()), value)
}

fn cluster(at: usize, rng: &mut fastrand::Rng, now: Timestamp) -> Cluster {
    let mode = |rng: &mut fastrand::Rng| {
        if rng.bool() {
            RemediationMode::Automatic
        } else {
            RemediationMode::RequireApproval
        }
    };
    Cluster {
        subjects: ["cart", "till"]
            .map(|name| RemedySubject {
                issuer: IssuerUrl::parse(&format!("https://oidc.example.com/id/{at}")).unwrap(),
                namespace: "shop".to_owned(),
                name: name.to_owned(),
                service_account_uid: format!("sa-{at}-{name}"),
                irsa_audit_uid: format!("ia-{at}"),
                audience: "sts.amazonaws.com".to_owned(),
                role_arn: role_arn(),
                expected_role: None,
                opt_in: mode(rng),
            })
            .to_vec(),
        journal: Vec::new(),
        approvals: Vec::new(),
        policy: RemediationPolicy {
            name: "all".to_owned(),
            roles: vec!["arn:aws:iam::*:role/*".to_owned()],
            namespaces: NamespaceScope::Patterns(vec!["*".to_owned()]),
            service_accounts: vec!["*".to_owned()],
            max_mode: mode(rng),
            paused: false,
            max_changes_per_hour: PER_HOUR,
            allow_tool_owned: false,
        },
        guard: AdmissionGuard::AsShipped,
        holder: 0,
        held_until: now,
        notices: Vec::new(),
        sent: BTreeMap::new(),
        next_uid: 0,
        shown: BTreeMap::new(),
    }
}
