//! One run: events at random, then calm, until everything has ended.

use audit_remedy::{
    AdmissionGuard, ApprovalRecord, ChangePhase, Journal, JournalRecord, Plan, RemediationMode,
    RemedyOperation,
};
use jiff::SignedDuration;

use super::documents::{document, statements};
use super::laws;
use super::world::{Author, RoleVersion, Shown, Stats, World, consent, role_of};
use super::writer::Writer;

/// So many events a run has before it becomes calm.
const EVENTS: u32 = 150;

pub fn run(seed: u64, verbose: bool, stats: &mut Stats) {
    let mut world = World::new(seed, verbose);
    let count = world.clusters.len();
    let mut writers: Vec<Writer> = (0..count)
        .flat_map(|cluster| [(cluster, 0), (cluster, 1)])
        .map(|(cluster, id)| Writer::new(cluster, id, world.now))
        .collect();
    // Some runs are quieter than others.
    let busy = world.rng.u32(1..=10);
    for _ in 0..EVENTS {
        event(&mut world, &mut writers, busy);
    }
    calm(&mut world, &mut writers);
    laws::at_the_end(&world);
    let acted = |cluster: usize| {
        let is_its = |version: &RoleVersion| matches!(&version.author, Author::Writer { cluster: of, .. } if *of == cluster);
        world.versions.iter().any(is_its)
    };
    world.stats.both_clusters += u64::from(count == 2 && acted(0) && acted(1));
    stats.add(&world.stats);
}

fn event(world: &mut World, writers: &mut [Writer], busy: u32) {
    let at = world.rng.usize(..writers.len());
    match world.rng.u32(..1000) {
        0..450 => {
            // Some steps in a row, for what a writer does in a second takes it far.
            for _ in 0..world.rng.u32(1..=24) {
                writers[at].step(world);
                let wait = writers[at].ready().duration_since(world.now);
                if wait.is_positive() && wait <= SignedDuration::from_secs(4) {
                    let to = writers[at].ready();
                    world.advance(to);
                }
            }
        }
        450..600 => writers[at].step(world),
        600..860 => pass(world, writers),
        860..870 => writers[at].crash(world),
        870..880 => {
            world.stats.pauses += 1;
            let pause = world.some(60);
            writers[at].stopped_until = world.now + pause;
        }
        // What latched a role is looked at sooner or later, and some do it within seconds.
        880..890 => {
            let cluster = world.rng.usize(..world.clusters.len());
            release(world, cluster);
        }
        890..935 => {
            let cluster = world.rng.usize(..world.clusters.len());
            approve(world, cluster);
        }
        _ => {
            if world.chance(busy * 10) {
                people(world);
            }
        }
    }
}

/// Time passes: until something is ready, or a little, or a lot.
fn pass(world: &mut World, writers: &mut [Writer]) {
    let since = world.now;
    let ready = writers
        .iter()
        .filter(|writer| writer.is_busy())
        .map(Writer::ready)
        .chain(world.underway.iter().map(|one| one.arrives))
        .filter(|at| *at > world.now)
        .min();
    let to = match (world.rng.u8(..20), ready) {
        (0..16, Some(ready)) => ready,
        (0..18, _) => world.now + world.some(1),
        (18, _) => world.now + world.some(20),
        _ => world.now + world.some(600),
    };
    world.advance(to);
    for writer in writers {
        writer.renew(world, since);
    }
}

/// What people do, in AWS and in the cluster.
fn people(world: &mut World) {
    let at = world.rng.usize(..world.clusters.len());
    match world.rng.u8(..20) {
        0..9 => foreign_edit(world),
        9 => consents(world, at),
        10 => recreate(world, at),
        11..16 => {
            let approvals = &mut world.clusters[at].approvals;
            if !approvals.is_empty() {
                let one = world.rng.usize(..approvals.len());
                approvals.remove(one);
                world.stats.revoked += 1;
                world.say(|| "an approval is revoked".to_owned());
            }
        }
        16 => {
            let paused = world.chance(40);
            world.clusters[at].policy.paused = paused;
        }
        17 => {
            let modes = [
                RemediationMode::Automatic,
                RemediationMode::RequireApproval,
                RemediationMode::Automatic,
                RemediationMode::Propose,
            ];
            let mode = modes[world.rng.usize(..modes.len())];
            if world.rng.bool() {
                world.clusters[at].policy.max_mode = mode;
            } else {
                let one = world.rng.usize(..2);
                world.clusters[at].subjects[one].opt_in = mode;
            }
        }
        18 => {
            let guard = if world.chance(20) {
                AdmissionGuard::BindingMissing
            } else {
                AdmissionGuard::AsShipped
            };
            world.clusters[at].guard = guard;
        }
        _ => release(world, at),
    }
}

/// A person has looked at a latched role.
fn release(world: &mut World, at: usize) {
    let now = world.now;
    for record in &mut world.clusters[at].journal {
        if record.is_latched() {
            record.released = Some(now);
        }
    }
}

/// The ServiceAccount, or the role, is deleted and created again under its name.
fn recreate(world: &mut World, at: usize) {
    let number = world.versions.len();
    if world.chance(70) {
        let one = world.rng.usize(..2);
        world.clusters[at].subjects[one].service_account_uid = format!("sa-again-{number}");
        return;
    }
    let mut version = world.current().clone();
    let only = world.foreign_statement();
    version.text = document(&mut world.rng, &[only]);
    version.id = format!("AROAMODEL{number}");
    version.at = world.now;
    version.author = Author::People;
    world.versions.push(version);
}

fn consents(world: &mut World, at: usize) {
    let value = [
        "shop/cart shop/till",
        "shop/till shop/cart",
        "shop/cart",
        "bank/till",
        "shop/cart ",
        "",
    ][world.rng.usize(..6)];
    let tag = consent(&world.clusters[at], value);
    let mut version = world.current().clone();
    version.tags.retain(|other| other.key != tag.key);
    version.tags.push(tag);
    version.at = world.now;
    version.author = Author::People;
    world.versions.push(version);
}

fn foreign_edit(world: &mut World) {
    world.stats.foreign_edits += 1;
    let old = world.current().clone();
    let mut all = statements(&old.text);
    let text = match world.rng.u8(..8) {
        0..3 if all.len() < 5 => {
            let more = world.foreign_statement();
            all.push(more);
            document(&mut world.rng, &all)
        }
        // Replaces everything, as the peer does that is the bad example.
        3 => {
            let only = world.foreign_statement();
            document(&mut world.rng, &[only])
        }
        0..3 | 4 | 5 if all.len() > 1 => {
            let gone = world.rng.usize(..all.len());
            all.remove(gone);
            document(&mut world.rng, &all)
        }
        // An old document comes back.
        6 => {
            let one = world.rng.usize(..world.versions.len());
            world.versions[one].text.clone()
        }
        // Nothing but the layout changes.
        _ => document(&mut world.rng, &all),
    };
    world.say(|| format!("people edit the role: {}", statements(&text).len()));
    world.versions.push(RoleVersion {
        at: world.now,
        text,
        author: Author::People,
        ..old
    });
}

/// Somebody approves what there is, or something near it.
fn approve(world: &mut World, at: usize) {
    let role = role_of(world.current());
    let subject = world.rng.usize(..2);
    let check = world.check(at, subject);
    // Who computes the hash by hand may approve what is planned after the next change, if that comes to nothing.
    let mut records = check.authorities.journal;
    if world.chance(25)
        && let Some(newest) = records.iter().max_by_key(|record| record.sequence)
    {
        let next = JournalRecord {
            name: "next".to_owned(),
            sequence: newest.sequence + 1,
            phase: ChangePhase::Abandoned,
            ..newest.clone()
        };
        records.push(next);
        world.stats.in_advance += 1;
    }
    let journal = Journal::new(&records);
    let subject_now = check.subject.as_ref().unwrap();
    let Some(plan) = either(world, |operation, now| {
        Plan::new(operation, subject_now, &role, &journal, now)
    }) else {
        return;
    };
    let mut plan_hash = plan.hash.to_string();
    if world.chance(10) {
        plan_hash.truncate(16);
        plan_hash.push_str(&"0".repeat(48));
    } else if world.chance(5) {
        plan_hash.truncate(16);
    }
    let spans = [30, 60, 300, 3600, 86_400, 90_000];
    let valid_for = SignedDuration::from_secs(spans[world.rng.usize(..spans.len())]);
    let created = if world.chance(5) {
        world.now + SignedDuration::from_secs(600)
    } else {
        world.now
    };
    let of = &mut world.clusters[at];
    of.next_uid += 1;
    let uid = format!("approval-{}", of.next_uid);
    let shown = Shown {
        operation: plan.operation(),
        service_account_uid: plan.subject.service_account_uid.clone(),
        changes: of.journal.len(),
        role: role.clone(),
    };
    of.shown.insert(uid.clone(), shown);
    of.approvals.push(ApprovalRecord {
        uid,
        namespace: "shop".to_owned(),
        service_account: ["cart", "till"][subject].to_owned(),
        plan_hash,
        valid_for,
        approved_by: "alice".to_owned(),
        created,
        is_guarded: true,
    });
    world.say(|| format!("somebody approves {:?}", plan.operation()));
}

/// The plan to append or to remove; the other one where the first has nothing to do.
pub fn either<E>(
    world: &mut World,
    plan: impl Fn(RemedyOperation, jiff::Timestamp) -> Result<Plan, E>,
) -> Option<Plan> {
    let mut operations = [RemedyOperation::Append, RemedyOperation::Remove];
    if world.chance(40) {
        operations.reverse();
    }
    operations
        .into_iter()
        .find_map(|operation| plan(operation, world.now).ok())
}

/// Nothing fails any more, nobody edits any more: everything ends, and what was left open is settled.
fn calm(world: &mut World, writers: &mut [Writer]) {
    world.is_calm = true;
    for writer in writers.iter_mut() {
        writer.stopped_until = world.now;
    }
    for _ in 0..4000 {
        for writer in writers.iter_mut() {
            writer.step(world);
        }
        let is_open = world
            .clusters
            .iter()
            .any(|cluster| Journal::new(&cluster.journal).open().next().is_some());
        if !is_open && world.underway.is_empty() && writers.iter().all(|writer| !writer.is_busy()) {
            return;
        }
        let to = world.now + SignedDuration::from_millis(500);
        world.advance(to);
    }
    panic!("it does not come to an end");
}
