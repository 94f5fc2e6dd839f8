//! Many candidates, one simulated API server, and everything that can go wrong between them.
//!
//! Real time is in microseconds. Each candidate sees it through a clock of its own, with its own offset and
//! rate. A belief only ever begins while an event is handled, so looking after each event sees every overlap.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::state::{Action, Answer, Call, Candidate, Change, Record, Version};
use super::timing::Timing;

/// Real time in microseconds.
type Time = u64;

const MILLISECOND: Time = 1_000;
const SECOND: Time = 1_000_000;

/// A clock that runs at up to a tenth more or less than real time, far worse than any that works.
const DRIFT: RangeInclusive<u64> = 900..=1100;

/// A simulated replica. Those that stop or crash are replaced by a new one with the same clock.
#[derive(Clone, Debug)]
struct Replica {
    /// Local time per real time, in thousandths.
    rate: u64,
    /// Local time at the start of real time.
    offset: Duration,
    lease_seconds: u64,
    /// How long it waits for an answer, in local milliseconds.
    patience: u64,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug)]
struct Fate {
    request_takes: Time,
    answer_takes: Time,
    request_lost: bool,
    answer_lost: bool,
    /// Added to a wait, in local microseconds.
    jitter: u64,
}

/// What happens to a replica, or to the Lease.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// Nothing of it runs for a while, and then everything that was due.
    Pause {
        replica: usize,
        span: Time,
    },
    Crash {
        replica: usize,
    },
    Stop {
        replica: usize,
    },
    /// Somebody edits the Lease's metadata.
    Touch,
}

#[derive(Clone, Debug)]
struct Scenario {
    replicas: Vec<Replica>,
    fates: Vec<Fate>,
    troubles: Vec<(Time, Trouble)>,
    /// When the faults end; calls that are under way may still take their time.
    calm_from: Time,
    /// Whether the API server compares versions, as it must.
    checks_versions: bool,
}

#[derive(Clone, Debug)]
enum Event {
    /// A wait, or the patience with a call, is over.
    Wake {
        replica: usize,
        round: u64,
    },
    Arrive(Request),
    Answer {
        replica: usize,
        round: u64,
        answer: Answer,
    },
    Trouble(Trouble),
}

/// A call on its way; the process that sent it may have ended since.
#[derive(Clone, Debug)]
struct Request {
    replica: usize,
    round: u64,
    identity: String,
    lease_seconds: u64,
    call: Call,
    fate: Fate,
}

#[derive(Debug)]
struct Actor {
    replica: Replica,
    identity: String,
    candidate: Candidate,
    /// Counts what it waited for, so that late events of the past are told from those it waits for now.
    round: u64,
    waiting: bool,
    stopping: bool,
    paused_until: Time,
}

/// What was seen over a run.
#[derive(Debug, Default)]
struct Outcome {
    /// Times at which more than one replica believed, with who did.
    overlaps: Vec<(Time, Vec<String>)>,
    /// Every time of an event, and who led then if anybody did.
    leaders: Vec<(Time, Option<String>)>,
}

struct World {
    scenario: Scenario,
    actors: Vec<Actor>,
    lease: Option<Record>,
    writes: u64,
    calls: usize,
    births: u64,
    now: Time,
    events: BinaryHeap<Reverse<(Time, u64)>>,
    pending: HashMap<u64, Event>,
    scheduled: u64,
    outcome: Outcome,
}

impl Replica {
    fn local(&self, now: Time) -> Duration {
        self.offset + Duration::from_micros(now * self.rate / 1000)
    }

    /// The first real time at which the local clock shows at least this.
    fn real(&self, local: Duration) -> Time {
        let micros = local.saturating_sub(self.offset).as_nanos().div_ceil(1000);
        (u64::try_from(micros).unwrap() * 1000).div_ceil(self.rate)
    }

    fn candidate(&self, identity: &str) -> Candidate {
        Candidate::new(
            identity.to_owned(),
            Timing::new(Duration::from_secs(self.lease_seconds)).unwrap(),
        )
    }
}

impl World {
    fn new(scenario: Scenario) -> Self {
        let mut world = Self {
            actors: Vec::new(),
            lease: None,
            writes: 0,
            calls: 0,
            births: 0,
            now: 0,
            events: BinaryHeap::new(),
            pending: HashMap::new(),
            scheduled: 0,
            outcome: Outcome::default(),
            scenario,
        };
        for (replica, clock) in world.scenario.replicas.clone().into_iter().enumerate() {
            let actor = world.born(clock);
            world.actors.push(actor);
            world.schedule(0, Event::Wake { replica, round: 0 });
        }
        for (at, trouble) in world.scenario.troubles.clone() {
            world.schedule(at, Event::Trouble(trouble));
        }
        world
    }

    fn born(&mut self, replica: Replica) -> Actor {
        self.births += 1;
        let identity = format!("replica-{}", self.births);
        Actor {
            candidate: replica.candidate(&identity),
            identity,
            replica,
            round: 0,
            waiting: true,
            stopping: false,
            paused_until: 0,
        }
    }

    fn schedule(&mut self, at: Time, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((at, self.scheduled)));
        self.pending.insert(self.scheduled, event);
    }

    fn run(mut self, until: Time) -> Outcome {
        while let Some(Reverse((at, id))) = self.events.pop() {
            if at > until {
                break;
            }
            self.now = at;
            // Before too: a belief that has just run out would otherwise be renewed unseen.
            self.look();
            let event = self.pending.remove(&id).unwrap();
            self.handle(event);
            self.look();
        }
        self.outcome
    }

    fn look(&mut self) {
        let now = self.now;
        let believers: Vec<_> = self
            .actors
            .iter()
            .filter(|actor| actor.candidate.leads_until(actor.replica.local(now)).is_some())
            .map(|actor| actor.identity.clone())
            .collect();
        self.outcome.leaders.push((now, believers.first().cloned()));
        if believers.len() > 1 {
            self.outcome.overlaps.push((now, believers));
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Trouble(trouble) => self.trouble(trouble),
            Event::Arrive(request) => {
                let answer = self.serve(&request);
                let Request {
                    replica, round, fate, ..
                } = request;
                if !fate.answer_lost {
                    self.schedule(
                        self.now + fate.answer_takes,
                        Event::Answer {
                            replica,
                            round,
                            answer,
                        },
                    );
                }
            }
            Event::Wake { replica, round } => {
                let paused_until = self.actors[replica].paused_until;
                if self.now < paused_until {
                    // After the answers that came meanwhile: a timeout that finds an answer takes it.
                    self.schedule(paused_until + 1, event);
                } else {
                    self.go_on(replica, round, Answer::Unknown);
                }
            }
            Event::Answer {
                replica,
                round,
                ref answer,
            } => {
                let paused_until = self.actors[replica].paused_until;
                if self.now < paused_until {
                    self.schedule(paused_until, event);
                } else {
                    self.go_on(replica, round, answer.clone());
                }
            }
        }
    }

    fn go_on(&mut self, replica: usize, round: u64, answer: Answer) {
        let actor = &mut self.actors[replica];
        if round == actor.round {
            if !actor.waiting {
                actor.candidate.observe(actor.replica.local(self.now), answer);
            }
            self.step(replica);
        }
    }

    fn step(&mut self, replica: usize) {
        let now = self.now;
        let fate = self.fate();
        let actor = &mut self.actors[replica];
        actor.round += 1;
        let round = actor.round;
        let local = actor.replica.local(now);
        let mut action = actor.candidate.next(local);
        if actor.stopping && matches!(action, Action::Wait { .. }) {
            actor.candidate.stop();
            action = actor.candidate.next(local);
        }
        actor.waiting = !matches!(action, Action::Call(_));
        match action {
            Action::Wait { until } => {
                let at = actor.replica.real(until + Duration::from_micros(fate.jitter));
                self.schedule(at, Event::Wake { replica, round });
            }
            Action::Call(call) => {
                let gives_up = actor
                    .replica
                    .real(local + Duration::from_millis(actor.replica.patience));
                let (identity, lease_seconds) = (actor.identity.clone(), actor.replica.lease_seconds);
                if !fate.request_lost {
                    let request = Request {
                        replica,
                        round,
                        identity,
                        lease_seconds,
                        call,
                        fate,
                    };
                    self.schedule(now + fate.request_takes, Event::Arrive(request));
                }
                self.schedule(gives_up, Event::Wake { replica, round });
            }
            Action::Done => self.replace(replica),
        }
    }

    fn replace(&mut self, replica: usize) {
        let round = self.actors[replica].round + 1;
        let clock = self.actors[replica].replica.clone();
        self.actors[replica] = Actor {
            round,
            ..self.born(clock)
        };
        self.schedule(self.now + SECOND, Event::Wake { replica, round });
    }

    fn trouble(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Pause { replica, span } => {
                let actor = &mut self.actors[replica];
                actor.paused_until = actor.paused_until.max(self.now + span);
            }
            Trouble::Crash { replica } => self.replace(replica),
            Trouble::Stop { replica } => {
                let actor = &mut self.actors[replica];
                actor.stopping = true;
                if actor.waiting && self.now >= actor.paused_until {
                    self.step(replica);
                }
            }
            Trouble::Touch => {
                let version = self.next_version();
                if let Some(lease) = &mut self.lease {
                    lease.version = version;
                }
            }
        }
    }

    fn fate(&mut self) -> Fate {
        self.calls += 1;
        if self.now < self.scenario.calm_from {
            self.scenario.fates[self.calls % self.scenario.fates.len()]
        } else {
            let takes = 20 * MILLISECOND;
            let jitter = u64::try_from(self.calls % 7).unwrap() * 80 * MILLISECOND;
            Fate {
                request_takes: takes,
                answer_takes: takes,
                request_lost: false,
                answer_lost: false,
                jitter,
            }
        }
    }

    fn next_version(&mut self) -> Version {
        self.writes += 1;
        Version::new(&self.writes.to_string()).unwrap()
    }

    fn serve(&mut self, request: &Request) -> Answer {
        let holder = match &request.call {
            Call::Read => return Answer::Read(self.lease.clone()),
            Call::Create if self.lease.is_some() => return Answer::Conflict,
            Call::Update { version, .. }
                if self.scenario.checks_versions
                    && self.lease.as_ref().is_none_or(|lease| lease.version != *version) =>
            {
                return Answer::Conflict;
            }
            Call::Update {
                change: Change::Release,
                ..
            } => None,
            Call::Create | Call::Update { .. } => Some(request.identity.clone()),
        };
        let version = self.next_version();
        let duration_seconds = i64::try_from(request.lease_seconds).ok();
        self.lease = Some(Record {
            version: version.clone(),
            holder,
            duration_seconds,
        });
        Answer::Accepted(version)
    }
}

/// Until when things go wrong.
const CALM_FROM: Time = 200 * SECOND;
/// Longest delay of a message one way, and longest pause.
const LONGEST: Time = 30 * SECOND;

fn replica(
    rate: RangeInclusive<u64>,
    patience: impl Strategy<Value = u64>,
) -> impl Strategy<Value = Replica> {
    (rate, 0..1_000_000_u64, 10..=20_u64, patience).prop_map(|(rate, offset, lease_seconds, patience)| {
        Replica {
            rate,
            offset: Duration::from_millis(offset),
            lease_seconds,
            patience,
        }
    })
}

fn takes() -> impl Strategy<Value = Time> {
    prop_oneof![8 => MILLISECOND..200 * MILLISECOND, 1 => SECOND..5 * SECOND, 1 => SECOND..LONGEST]
}

fn fate() -> impl Strategy<Value = Fate> {
    (
        takes(),
        takes(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        0..700 * MILLISECOND,
    )
        .prop_map(
            |(request_takes, answer_takes, request_lost, answer_lost, jitter)| Fate {
                request_takes,
                answer_takes,
                request_lost,
                answer_lost,
                jitter,
            },
        )
}

fn trouble(replicas: usize) -> impl Strategy<Value = Trouble> {
    prop_oneof![
        4 => (0..replicas, SECOND..LONGEST).prop_map(|(replica, span)| Trouble::Pause { replica, span }),
        1 => (0..replicas).prop_map(|replica| Trouble::Crash { replica }),
        1 => (0..replicas).prop_map(|replica| Trouble::Stop { replica }),
        1 => Just(Trouble::Touch),
    ]
}

fn scenario(
    rate: RangeInclusive<u64>,
    patience: impl Strategy<Value = u64>,
    checks_versions: bool,
) -> impl Strategy<Value = Scenario> {
    vec(replica(rate, patience), 2..5).prop_flat_map(move |replicas| {
        let troubles = vec((0..CALM_FROM, trouble(replicas.len())), 0..20);
        (Just(replicas), vec(fate(), 1..60), troubles).prop_map(move |(replicas, fates, troubles)| Scenario {
            replicas,
            fates,
            troubles,
            calm_from: CALM_FROM,
            checks_versions,
        })
    })
}

/// Also far beyond the timeouts that the driver sets: safety must not rest on them.
fn any_patience() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 300..3_000_u64, 1 => 3_000..60_000_u64]
}

/// No longer than the timeouts of the shortest lease.
fn short_patience() -> impl Strategy<Value = u64> {
    300..1_600_u64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn never_two_leaders(scenario in scenario(DRIFT, any_patience(), true)) {
        let outcome = World::new(scenario).run(CALM_FROM + 60 * SECOND);
        prop_assert!(outcome.overlaps.is_empty(), "{:?}", outcome.overlaps.first());
    }

    /// Within what was under way, a lease by the slowest clock and a failed call before it; and then it stays.
    #[test]
    fn somebody_leads_for_good_when_faults_end(scenario in scenario(DRIFT, short_patience(), true)) {
        let settled = CALM_FROM + LONGEST + 30 * SECOND;
        let outcome = World::new(scenario).run(settled + 120 * SECOND);
        let mut leaders: Vec<_> =
            outcome.leaders.into_iter().filter(|(at, _)| *at >= settled).map(|(_, leader)| leader).collect();
        prop_assert!(leaders.len() > 100);
        leaders.dedup();
        prop_assert!(matches!(leaders.as_slice(), [Some(_)]), "{leaders:?}");
    }
}

/// The simulation would show two leaders, had the rules not been what they are.
#[test]
fn overlaps_are_found_where_a_rule_cannot_hold() {
    fn overlaps(scenarios: impl Strategy<Value = Scenario>) -> usize {
        let mut runner = TestRunner::deterministic();
        (0..256)
            .map(|_| scenarios.new_tree(&mut runner).unwrap().current())
            .filter(|scenario| !World::new(scenario.clone()).run(CALM_FROM).overlaps.is_empty())
            .count()
    }
    assert!(
        overlaps(scenario(DRIFT, any_patience(), false)) > 0,
        "versions are not checked"
    );
    assert!(
        overlaps(scenario(500..=1500, any_patience(), true)) > 0,
        "clocks drift beyond the bound"
    );
    assert_eq!(overlaps(scenario(DRIFT, any_patience(), true)), 0);
}
