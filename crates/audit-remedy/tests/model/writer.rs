//! A writer: the shell around the machines, with a clock that may stop.

use audit_remedy::{
    ChangePhase, Execution, Journal, Plan, Recovery, StopReason, WriteAnswer, WriterEffect, WriterEnd,
    WriterOutcome, write_grant,
};
use jiff::{SignedDuration, Timestamp};

use super::documents::same;
use super::laws::{self, Checking, Reading};
use super::world::{TIMING, Underway, World};

#[derive(Debug)]
#[allow(clippy::large_enum_variant)]
enum Machine {
    Write(Execution),
    Recover(Recovery),
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant)]
enum Stage {
    /// The machine is to be asked.
    Idle,
    /// An effect was given out, and is to be carried out.
    ToDo(WriterEffect),
    /// It was carried out; the outcome is there from then on.
    Done(WriterOutcome, Timestamp),
}

/// One process of a cluster.
#[derive(Debug)]
pub struct Writer {
    cluster: usize,
    id: usize,
    machine: Option<Machine>,
    /// Which of the cluster's ServiceAccounts its machine is about.
    subject: usize,
    stage: Stage,
    asked: Timestamp,
    /// It does nothing before.
    pub stopped_until: Timestamp,
    /// It plans nothing before.
    idle_until: Timestamp,
    /// What it believes of its lease.
    held_until: Option<Timestamp>,
    acquired: Timestamp,
    /// It cannot renew it before.
    unrenewed_until: Timestamp,
    /// What its machine was given.
    readings: Vec<Reading>,
    checked: Option<Checking>,
    /// The role's id and the documents of a machine that may have written.
    written: Option<(String, String, String)>,
    /// Its document was read after that.
    saw_after: bool,
    /// A foreign document was read after a write: the next thing to do is to say so.
    must_latch: Option<String>,
}

impl Writer {
    pub fn new(cluster: usize, id: usize, now: Timestamp) -> Self {
        Self {
            cluster,
            id,
            machine: None,
            subject: 0,
            stage: Stage::Idle,
            asked: now,
            stopped_until: now,
            idle_until: now,
            held_until: None,
            acquired: now,
            unrenewed_until: now,
            readings: Vec::new(),
            checked: None,
            written: None,
            saw_after: false,
            must_latch: None,
        }
    }

    /// When it has something to do.
    pub fn ready(&self) -> Timestamp {
        match &self.stage {
            Stage::Done(_, at) => (*at).max(self.stopped_until),
            _ => self.stopped_until,
        }
    }

    pub fn is_busy(&self) -> bool {
        self.machine.is_some()
    }

    /// The process dies and starts again, knowing nothing.
    pub fn crash(&mut self, world: &mut World) {
        if self.machine.is_some() {
            world.stats.crashes += 1;
            world.say(|| format!("  writer {}/{} crashes", self.cluster, self.id));
        }
        *self = Self::new(self.cluster, self.id, world.now);
        self.stopped_until = world.now + world.some(10);
    }

    /// One step of the process.
    pub fn step(&mut self, world: &mut World) {
        if world.now < self.stopped_until {
            return;
        }
        self.elect(world);
        if self.machine.is_none() {
            self.begin(world);
            return;
        }
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => {
                self.asked = world.now;
                let effect = match self.machine.as_mut() {
                    Some(Machine::Write(machine)) => machine.next(world.now),
                    Some(Machine::Recover(machine)) => machine.next(world.now),
                    None => return,
                };
                world.say(|| format!("  writer {}/{}: {}", self.cluster, self.id, short(&effect)));
                self.must_say(&effect);
                if let WriterEffect::Done(end) = effect {
                    self.end(world, &end);
                } else if matches!(effect, WriterEffect::CreateRecord(_)) && !self.leads(world.now) {
                    // No record is asked for without the lease.
                    self.end(world, &WriterEnd::Stopped(StopReason::NoLease));
                } else {
                    self.stage = Stage::ToDo(effect);
                }
            }
            Stage::ToDo(effect) => {
                let is_write = matches!(effect, WriterEffect::Write(_));
                let (outcome, at) = self.carry_out(world, effect);
                self.stage = Stage::Done(outcome, at);
                // What can go wrong goes wrong at the worst moment more often.
                if is_write && world.fails(12) {
                    self.crash(world);
                } else if is_write && world.fails(10) {
                    world.stats.pauses += 1;
                    self.stopped_until = world.now + world.some(60);
                }
            }
            Stage::Done(outcome, at) if world.now < at => self.stage = Stage::Done(outcome, at),
            // The shell loses what came of it, and asks again.
            Stage::Done(..) if world.fails(1) => world.stats.forgotten += 1,
            Stage::Done(outcome, _) => {
                self.take_note(world, &outcome);
                match self.machine.as_mut() {
                    Some(Machine::Write(machine)) => machine.observe(outcome, world.now),
                    Some(Machine::Recover(machine)) => machine.observe(&outcome, world.now),
                    None => {}
                }
            }
        }
    }

    /// Renews or takes the lease. One that has lost it, and does not know, goes on.
    fn elect(&mut self, world: &mut World) {
        let now = world.now;
        if self.leads(now) && world.fails(world.unrenewed) {
            world.stats.unrenewed += 1;
            self.unrenewed_until = now + world.some(8);
        }
        let of = &mut world.clusters[self.cluster];
        if of.holder == self.id && now < of.held_until && self.held_until.is_some() {
            if self.unrenewed_until <= now {
                of.held_until = now + TIMING.lease;
                self.held_until = Some(of.held_until);
            }
        } else if now >= of.held_until && (world.chance(60) || world.is_calm) {
            let of = &mut world.clusters[self.cluster];
            of.holder = self.id;
            of.held_until = now + TIMING.lease;
            self.held_until = Some(of.held_until);
            self.acquired = now;
            world.stats.takeovers += 1;
        }
    }

    /// While time passed since then, a process that was not stopped has renewed its lease in the background.
    pub fn renew(&mut self, world: &mut World, since: Timestamp) {
        let now = world.now;
        let of = &mut world.clusters[self.cluster];
        if self.stopped_until <= since
            && self.unrenewed_until <= since
            && of.holder == self.id
            && self.held_until.is_some_and(|until| since < until)
        {
            of.held_until = now + TIMING.lease;
            self.held_until = Some(of.held_until);
        }
    }

    fn leads(&self, now: Timestamp) -> bool {
        self.held_until.is_some_and(|until| now < until)
    }

    /// A leader settles what was left open, then plans.
    fn begin(&mut self, world: &mut World) {
        if !self.leads(world.now) {
            return;
        }
        self.readings.clear();
        self.checked = None;
        self.written = None;
        self.saw_after = false;
        let open = Journal::new(&world.clusters[self.cluster].journal)
            .open()
            .next()
            .cloned();
        // A shell would not even begin with what something is in the way of; the machine has to find it out by itself.
        let is_careless = world.fails(world.careless);
        if let Some(record) = open.filter(|_| !is_careless) {
            world.stats.recoveries += 1;
            self.written = Some((
                record.role_id.clone(),
                record.before.clone(),
                record.after.clone(),
            ));
            let acquired = self.acquired;
            self.machine = Some(Machine::Recover(Recovery::new(record, acquired, TIMING)));
            return;
        }
        if world.is_calm || world.now < self.idle_until {
            return;
        }
        self.idle_until = world.now + world.some(10);
        let role = world.read();
        self.subject = world.rng.usize(..2);
        let check = world.check(self.cluster, self.subject);
        let journal = Journal::new(&check.authorities.journal);
        let subject = check.subject.as_ref().unwrap();
        let plan = super::run::either(world, |operation, now| {
            Plan::new(operation, subject, &role, &journal, now)
        });
        let Some(plan) = plan else { return };
        if let Err(blockers) = write_grant(&plan, &check.authorities, None, world.now) {
            use audit_remedy::{ApprovalNeeded as N, Blocker as B};
            for blocker in &blockers {
                let stats = &mut world.stats;
                match blocker {
                    B::RateLimited { .. } => stats.rate_limited += 1,
                    B::BreakerOpen { .. } => stats.breaker_open += 1,
                    B::Latched { .. } => stats.latched_blocks += 1,
                    B::Approval {
                        needed: N::Vanished { .. },
                        ..
                    } => stats.vanished += 1,
                    _ => {}
                }
            }
            if !is_careless {
                return;
            }
            world.stats.careless += 1;
        }
        world.say(|| {
            format!(
                "writer {}/{} begins {:?}",
                self.cluster,
                self.id,
                plan.operation()
            )
        });
        let writer = format!("{}/{}", self.cluster, self.id);
        self.machine = Some(Machine::Write(Execution::new(plan, writer, TIMING)));
    }

    fn carry_out(&mut self, world: &mut World, effect: WriterEffect) -> (WriterOutcome, Timestamp) {
        let soon = world.now + SignedDuration::from_millis(world.rng.i64(0..4) * 100);
        let cluster = self.cluster;
        let outcome = match effect {
            WriterEffect::ReadRole { .. } if world.fails(6) => WriterOutcome::Failed,
            WriterEffect::ReadRole { .. } => WriterOutcome::Role(Box::new(world.read())),
            WriterEffect::Wait { until } => return (WriterOutcome::Waited, until.max(world.now)),
            WriterEffect::Check if world.fails(5) => WriterOutcome::Failed,
            WriterEffect::Check => WriterOutcome::Checked(Box::new(world.check(cluster, self.subject))),
            WriterEffect::CreateRecord(mut record) => {
                let taken = &world.clusters[cluster].journal;
                let is_taken = taken.iter().any(|one| one.name == record.name);
                if world.fails(2) {
                    WriterOutcome::Failed
                } else if is_taken {
                    world.stats.raced += 1;
                    WriterOutcome::Exists
                } else {
                    (record.created, record.changed) = (world.now, world.now);
                    world.clusters[cluster].journal.push(*record);
                    if world.fails(3) {
                        WriterOutcome::Failed
                    } else {
                        WriterOutcome::Created
                    }
                }
            }
            WriterEffect::CheckLease => {
                return (
                    WriterOutcome::Lease(self.held_until.filter(|until| world.now < *until)),
                    world.now,
                );
            }
            WriterEffect::Write(order) => return self.write(world, &order),
            WriterEffect::CloseRecord(closing) => {
                let is_denied = closing.phase == ChangePhase::NotApplied && self.saw_after;
                assert!(!is_denied, "it was seen, and is said not to be there");
                if world.fails(4) {
                    return (WriterOutcome::Failed, soon);
                }
                let journal = &mut world.clusters[cluster].journal;
                let open = journal
                    .iter()
                    .position(|one| one.name == closing.name && one.phase == ChangePhase::Prepared);
                match open {
                    None => WriterOutcome::Conflict,
                    Some(at) => {
                        let record = &mut journal[at];
                        record.phase = closing.phase;
                        record.changed = world.now;
                        record.found.clone_from(&closing.found);
                        laws::closes(world, cluster, &closing.name, closing.phase);
                        if world.fails(4) {
                            WriterOutcome::Failed
                        } else {
                            WriterOutcome::Closed
                        }
                    }
                }
            }
            WriterEffect::Announce(notice) => {
                world.clusters[cluster].notices.push(*notice);
                WriterOutcome::Announced
            }
            WriterEffect::Done(_) => unreachable!("handled where it is given out"),
        };
        (outcome, soon)
    }

    /// Sends a write, as `UpdateAssumeRolePolicy` may go.
    fn write(&mut self, world: &mut World, order: &audit_remedy::WriteOrder) -> (WriterOutcome, Timestamp) {
        let answer = |answer| WriterOutcome::Written(answer);
        if world.now > order.not_after {
            world.stats.too_late += 1;
            return (answer(WriteAnswer::TooLate), world.now);
        }
        assert!(
            matches!(self.machine, Some(Machine::Write(_))),
            "a recovery writes"
        );
        let checked = self.checked.as_ref().expect("a write without a check");
        let sent = laws::sends(world, self.cluster, self.id, order, &self.readings, checked);
        self.written = Some((
            sent.record.role_id.clone(),
            sent.record.before.clone(),
            order.document.clone(),
        ));
        if world.fails(world.refuses) {
            world.stats.refused += 1;
            let code = "Throttling".to_owned();
            return (answer(WriteAnswer::Refused { code }), world.now + world.some(1));
        }
        let within = world.some(4);
        let is_lost = world.fails(20);
        let arrives = match world.rng.u8(..3) {
            // It never takes effect, or after the call was given up.
            0 if is_lost => None,
            1 if is_lost => Some(world.now + TIMING.call_timeout + world.some(15)),
            _ => Some(world.now + within),
        };
        if let Some(arrives) = arrives {
            world.underway.push(Underway {
                arrives,
                document: order.document.clone(),
                cluster: self.cluster,
                sent,
            });
        }
        if is_lost {
            world.stats.lost += 1;
            (answer(WriteAnswer::Lost), world.now + world.some(4))
        } else {
            (answer(WriteAnswer::Accepted), world.now + within)
        }
    }

    /// What the machine is given, so that the laws know what it could see.
    fn take_note(&mut self, world: &mut World, outcome: &WriterOutcome) {
        match outcome {
            WriterOutcome::Role(role) => {
                self.readings.push(Reading {
                    asked: self.asked,
                    answered: world.now,
                    role: (**role).clone(),
                });
                let was_written = self
                    .written
                    .as_ref()
                    .is_some_and(|(_, _, after)| same(&role.trust_text, after));
                self.saw_after |= was_written;
                if let Some((id, before, after)) = &self.written
                    && (role.id != *id || (!same(&role.trust_text, before) && !same(&role.trust_text, after)))
                {
                    world.stats.detected += 1;
                    self.must_latch = Some(role.trust_text.clone());
                }
            }
            WriterOutcome::Checked(check) => {
                self.checked = Some(Checking {
                    asked: self.asked,
                    check: (**check).clone(),
                });
            }
            _ => {}
        }
    }

    /// A foreign change that was read after a write is published at once, with its document.
    fn must_say(&mut self, effect: &WriterEffect) {
        if let Some(found) = self.must_latch.take() {
            let WriterEffect::Announce(notice) = effect else {
                panic!("a foreign change is not published: {effect:?}");
            };
            assert_eq!(notice.phase, ChangePhase::Latched);
            assert_eq!(notice.found.as_deref(), Some(found.as_str()));
        }
    }

    fn end(&mut self, world: &mut World, end: &WriterEnd) {
        let is_write = matches!(self.machine, Some(Machine::Write(_)));
        self.machine = None;
        self.must_latch = None;
        // What this process left open may be settled by itself: its last call was made before now.
        self.acquired = world.now;
        match end {
            WriterEnd::Superseded => world.stats.superseded += 1,
            WriterEnd::Undecided => world.stats.undecided += 1,
            WriterEnd::Stopped(StopReason::WrongOutcome) => panic!("the shell gave a wrong outcome"),
            WriterEnd::Stopped(_) if is_write && self.written.is_none() => {
                world.stats.stopped_before_record += 1;
            }
            _ => {}
        }
    }
}

fn short(effect: &WriterEffect) -> String {
    match effect {
        WriterEffect::CreateRecord(record) => format!("create {} {:?}", record.name, record.operation),
        WriterEffect::Write(order) => format!("write {}, not after {}", order.record, order.not_after),
        WriterEffect::Announce(notice) => format!("announce {} {:?}", notice.record, notice.phase),
        other => format!("{other:?}").chars().take(120).collect(),
    }
}
