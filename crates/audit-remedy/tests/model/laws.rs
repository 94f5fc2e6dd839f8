//! What must hold.

use audit_remedy::{
    AdmissionGuard, ApprovalRecord, ChangePhase, JournalRecord, LiveCheck, LiveRole, RemediationMode,
    RemedyOperation, WriteOrder,
};
use jiff::{SignedDuration, Timestamp};

use super::documents::{admitted, is_one_more, same};
use super::world::{Author, PER_HOUR, RoleVersion, TIMING, Underway, World};

/// A role that a writer was given.
#[derive(Debug, Clone)]
pub struct Reading {
    pub asked: Timestamp,
    pub answered: Timestamp,
    pub role: LiveRole,
}

/// A check that a writer was given.
#[derive(Debug, Clone)]
pub struct Checking {
    pub asked: Timestamp,
    pub check: LiveCheck,
}

/// What a writer had seen when it sent its write.
#[derive(Debug, Clone)]
pub struct Sent {
    pub at: Timestamp,
    pub record: JournalRecord,
    pub last: Reading,
}

/// A write is about to be sent: everything that the contract asks for was seen, recently enough.
pub fn sends(
    world: &mut World,
    cluster: usize,
    writer: usize,
    order: &WriteOrder,
    readings: &[Reading],
    last_check: &Checking,
) -> Sent {
    let now = world.now;
    let of = &mut world.clusters[cluster];
    // The lease is really ours, until the call is over.
    assert_eq!(of.holder, writer, "another writer leads");
    assert!(
        now + TIMING.call_timeout <= of.held_until,
        "the lease ends within the call"
    );
    // The record is there before the write, and each record is written at most once.
    let record = of
        .journal
        .iter()
        .find(|record| record.name == order.record)
        .expect("a write without a record")
        .clone();
    assert_eq!(record.phase, ChangePhase::Prepared);
    let sends = of.sent.entry(record.name.clone()).or_insert(0);
    *sends += 1;
    assert_eq!(*sends, 1, "a second write for one record");
    // What is written is what the record says, and what it replaces is what was read last.
    let last = readings.last().expect("a write without a read").clone();
    assert_eq!(order.document, record.after);
    assert_eq!(last.role.id, record.role_id, "a role that was created again");
    assert!(
        same(&last.role.trust_text, &record.before),
        "the record has another document than was read last"
    );
    assert!(
        now.duration_since(last.asked) <= TIMING.max_window,
        "the last read is too old"
    );
    // The role was at rest: the same answer, a settle time before the last one.
    let is_settled = readings
        .iter()
        .any(|first| first.role.is_same(&last.role) && first.answered + TIMING.settle <= last.asked);
    assert!(is_settled, "the role was not at rest");
    // Nothing but our statement is put in or cut out of what was read last.
    let (without, with) = match record.operation {
        RemedyOperation::Append => (&last.role.trust_text, &order.document),
        RemedyOperation::Remove => (&order.document, &last.role.trust_text),
    };
    assert!(
        is_one_more(without, with, &record.statement),
        "something else was touched"
    );
    gains_only_the_subject(world, cluster, &record, without, with);
    agreed(world, cluster, &record, &last, last_check);
    Sent {
        at: now,
        record,
        last,
    }
}

fn gains_only_the_subject(world: &World, cluster: usize, record: &JournalRecord, without: &str, with: &str) {
    let mut asked = Vec::new();
    for one in &world.clusters {
        for subject in ["shop:cart", "shop:till", "bank:cart", "bank:till", "bank:robber"] {
            for audience in ["sts.amazonaws.com", "other"] {
                let subject = format!("system:serviceaccount:{subject}");
                asked.push((one.issuer().host_path().to_owned(), subject, audience.to_owned()));
            }
        }
    }
    let (few, many) = (admitted(without, &asked), admitted(with, &asked));
    assert!(few.is_subset(&many), "somebody is lost");
    let issuer = world.clusters[cluster].issuer().host_path();
    let (namespace, name) = (&record.namespace, &record.service_account);
    let own = format!("{issuer} system:serviceaccount:{namespace}:{name} sts.amazonaws.com");
    assert!(
        many.difference(&few).all(|gained| *gained == own),
        "somebody else is gained"
    );
}

/// Everybody agreed when the writer asked last, and that was just now.
fn agreed(world: &World, cluster: usize, record: &JournalRecord, last: &Reading, checked: &Checking) {
    let of = &world.clusters[cluster];
    assert!(
        world.now.duration_since(checked.asked) <= TIMING.max_check_age,
        "the last check is too old"
    );
    let seen = &checked.check.authorities;
    let subject = checked.check.subject.as_ref().unwrap();
    let policy = &seen.policies[0];
    assert!(!policy.paused, "paused");
    assert_eq!(seen.guard, AdmissionGuard::AsShipped);
    let mode = policy.max_mode.min(subject.opt_in);
    assert!(mode >= RemediationMode::RequireApproval, "switched off");
    assert!(
        seen.journal.iter().any(|one| one.name == record.name),
        "checked before the record was there"
    );
    let others: Vec<&JournalRecord> = seen
        .journal
        .iter()
        .filter(|one| one.name != record.name)
        .collect();
    for other in &others {
        assert!(other.phase != ChangePhase::Prepared, "two changes at once");
        assert!(
            !(other.phase == ChangePhase::Latched && other.released.is_none()),
            "latched"
        );
        assert_ne!(other.hash, record.hash, "a spent hash acts again");
        assert!(
            record.approval.is_none() || record.approval != other.approval,
            "a spent approval acts again"
        );
        assert!(other.sequence < record.sequence);
    }
    let recent = others
        .iter()
        .filter(|one| checked.asked.duration_since(one.created) < SignedDuration::from_hours(1));
    assert!(
        recent.count() < usize::try_from(PER_HOUR).unwrap(),
        "over the limit of the hour"
    );
    let mut ended: Vec<_> = others
        .iter()
        .filter(|one| one.phase != ChangePhase::Abandoned)
        .collect();
    ended.sort_by_key(|one| one.changed);
    if let [.., a, b, c] = ended.as_slice() {
        let is_failure = |one: &JournalRecord| one.phase != ChangePhase::Applied;
        let all = is_failure(a) && is_failure(b) && is_failure(c);
        let is_open = all && checked.asked.duration_since(c.changed) < seen.breaker.cool_down;
        assert!(!is_open, "the breaker is open");
    }
    let key = audit_remedy::consent_key(of.issuer());
    let pair = format!("{}/{}", record.namespace, record.service_account);
    let consents = last
        .role
        .tags
        .iter()
        .any(|tag| tag.key == key && tag.value.split(' ').any(|one| one == pair));
    assert!(
        consents || record.operation == RemedyOperation::Remove,
        "without consent"
    );
    let once_there = others.iter().any(|one| {
        one.operation == RemedyOperation::Append
            && one.service_account == record.service_account
            && matches!(one.phase, ChangePhase::Applied | ChangePhase::Latched)
    });
    let Some(uid) = &record.approval else {
        assert_eq!(mode, RemediationMode::Automatic, "without approval");
        assert_eq!(record.operation, RemedyOperation::Append, "a rollback by itself");
        assert!(!once_there, "it came back by itself");
        return;
    };
    let approval = seen
        .approvals
        .iter()
        .find(|one| one.uid == *uid)
        .expect("a revoked approval acts");
    let is_newer = others.iter().all(|one| approval.created >= one.created);
    assert!(!once_there || is_newer, "an old approval brings it back");
    is_for_this(world, cluster, approval, record, last, checked);
}

/// What the person saw who approved is what is done.
fn is_for_this(
    world: &World,
    cluster: usize,
    approval: &ApprovalRecord,
    record: &JournalRecord,
    last: &Reading,
    checked: &Checking,
) {
    assert_eq!(
        approval.plan_hash,
        record.hash.as_str(),
        "an approval of another plan"
    );
    assert_eq!(approval.service_account, record.service_account);
    let age = checked.asked.duration_since(approval.created);
    assert!(age < approval.valid_for, "an expired approval acts");
    assert!(
        approval.valid_for <= SignedDuration::from_hours(24),
        "an approval without end"
    );
    assert!(
        age >= SignedDuration::from_secs(-60),
        "an approval from the future"
    );
    let shown = &world.clusters[cluster].shown[&approval.uid];
    let subject = checked.check.subject.as_ref().unwrap();
    assert_eq!(shown.operation, record.operation);
    assert_eq!(
        shown.service_account_uid, subject.service_account_uid,
        "the ServiceAccount is another one"
    );
    assert_eq!(shown.role.id, last.role.id, "the role is another one");
    assert!(
        same(&shown.role.trust_text, &last.role.trust_text),
        "the document is another one"
    );
    let key = audit_remedy::consent_key(&subject.issuer);
    let value = |role: &LiveRole| {
        role.tags
            .iter()
            .find(|tag| tag.key == key)
            .map(|tag| tag.value.clone())
    };
    let is_consent = record.operation == RemedyOperation::Append;
    assert!(
        !is_consent || value(&shown.role) == value(&last.role),
        "the consent is another one"
    );
    assert_eq!(
        shown.changes + 1,
        checked.check.authorities.journal.len(),
        "it was changed in between"
    );
}

/// A write takes effect: what it replaces was read, or was made in the window that no read can show.
pub fn arrives(world: &mut World, arrived: &Underway) {
    let Sent { at, record, last } = &arrived.sent;
    world.stats.writes += 1;
    world.stats.late_writes += u64::from(arrived.arrives > *at + TIMING.call_timeout);
    world.stats.rollbacks += u64::from(record.operation == RemedyOperation::Remove);
    world.stats.approved += u64::from(record.approval.is_some());
    assert!(
        arrived.arrives <= last.asked + TIMING.max_window + TIMING.call_timeout + TIMING.late,
        "the window is longer than it is said to be"
    );
    let replaced = world.current();
    if same(&replaced.text, &last.role.trust_text) {
        let kept = world.clusters[arrived.cluster]
            .journal
            .iter()
            .find(|one| one.name == record.name)
            .unwrap();
        assert!(
            same(&kept.before, &replaced.text),
            "what was replaced is not in the journal"
        );
        return;
    }
    // Foreign changes are lost. None of them is older than what the last read may have answered with.
    let known = world
        .versions
        .iter()
        .rposition(|version| version.at <= last.asked - TIMING.consistency)
        .unwrap_or(0);
    let read = world
        .versions
        .iter()
        .rposition(|version| version.text == last.role.trust_text && version.at <= last.answered)
        .expect("the last read is no version");
    assert!(read >= known, "what could be seen is lost");
    let mut lost = 0;
    for version in &world.versions[read + 1..] {
        match &version.author {
            Author::Writer { cluster, record } if *cluster == arrived.cluster => {
                panic!(
                    "{} overwrites {record} of the same cluster",
                    arrived.sent.record.name
                )
            }
            _ => lost += 1,
        }
    }
    world.stats.window += lost;
}

/// A record is closed: it says what really happened, and nothing of it can happen any more.
pub fn closes(world: &mut World, cluster: usize, name: &str, phase: ChangePhase) {
    let is_underway = world
        .underway
        .iter()
        .any(|one| one.cluster == cluster && one.sent.record.name == name);
    let own = Author::Writer {
        cluster,
        record: name.to_owned(),
    };
    let applied = world.versions.iter().rposition(|version| version.author == own);
    let journal = &world.clusters[cluster].journal;
    let closed = journal.iter().find(|one| one.name == name).unwrap();
    let (before, after) = (closed.before.clone(), closed.after.clone());
    let stats = &mut world.stats;
    match phase {
        ChangePhase::Applied => {
            stats.closed_applied += 1;
            // By our write, or, of a rollback, by a person who put the document from before back.
            let is_there = world.versions.iter().any(|version| same(&version.text, &after));
            assert!(is_there, "{name} is said to be applied, and was not");
        }
        ChangePhase::NotApplied => {
            stats.closed_not_applied += 1;
            assert!(!is_underway, "{name} is said not to be applied, and is under way");
            if let Some(at) = applied {
                // Somebody put the old document back before anyone looked.
                let back = world.versions[at + 1..]
                    .iter()
                    .any(|version| same(&version.text, &before));
                assert!(back, "{name} is said not to be applied, and was");
            }
        }
        ChangePhase::Abandoned | ChangePhase::Refused => {
            match phase {
                ChangePhase::Refused => stats.closed_refused += 1,
                _ => stats.closed_abandoned += 1,
            }
            assert!(
                applied.is_none() && !is_underway,
                "{name} is said not to have been written, and was"
            );
        }
        ChangePhase::Latched => {
            stats.closed_latched += 1;
            // Somebody else did change it after it had the document that the record keeps.
            let from = world
                .versions
                .iter()
                .position(|version| same(&version.text, &before))
                .unwrap();
            let is_foreign = |version: &RoleVersion| version.author != own;
            assert!(
                world.versions[from + 1..].iter().any(is_foreign),
                "{name} is latched for nothing"
            );
        }
        ChangePhase::Prepared => panic!("{name} is closed as open"),
    }
}

/// At the end: no change is open, and each was published.
pub fn at_the_end(world: &World) {
    assert!(world.underway.is_empty());
    for (at, cluster) in world.clusters.iter().enumerate() {
        let mut names: Vec<&str> = cluster
            .journal
            .iter()
            .map(|record| record.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), cluster.journal.len(), "two records of one name");
        for record in &cluster.journal {
            assert!(!record.phase.is_open(), "{} of cluster {at} is open", record.name);
            let published = cluster
                .notices
                .iter()
                .any(|notice| notice.record == record.name && notice.phase == record.phase);
            assert!(
                published,
                "{} was not published as {:?}",
                record.name, record.phase
            );
        }
        for version in &world.versions {
            if let Author::Writer { cluster: of, record } = &version.author
                && *of == at
            {
                assert!(
                    cluster
                        .journal
                        .iter()
                        .any(|one| one.name == *record && one.after == version.text)
                );
            }
        }
    }
}
