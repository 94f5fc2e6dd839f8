//! The election as a state machine: no I/O, no clock and no randomness of its own.
//!
//! Time is given as the local monotonic time since an arbitrary start. The caller asks [`Candidate::next`],
//! does what it says, reports what came of it by [`Candidate::observe`], and asks again. It may come later
//! than told, by any amount: that costs liveness, never safety.

use std::time::Duration;

use super::timing::Timing;

/// A resourceVersion. Never empty: to the API server an empty one means "overwrite whatever is there".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version(String);

impl Version {
    /// Nothing if `text` is empty.
    pub(super) fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a candidate wants to know of a Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) version: Version,
    /// Nothing, never empty, if nobody holds it.
    pub(super) holder: Option<String>,
    /// `leaseDurationSeconds` as it was written, however absurd.
    pub(super) duration_seconds: Option<i64>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Do nothing before `until`.
    Wait { until: Duration },
    /// Call the API server, and report by [`Candidate::observe`].
    Call(Call),
    /// The candidate has stopped, and holds nothing any more if that could be helped.
    Done,
}

/// One call to the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Read,
    /// Create the Lease as ours; must fail if it exists.
    Create,
    /// Replace the Lease; must fail unless it still has this version.
    Update {
        version: Version,
        change: Change,
    },
}

/// What an update does to the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Acquire,
    Renew,
    Release,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The Lease as it is, or that there is none.
    Read(Option<Record>),
    /// The write was carried out, and this is the version it made.
    Accepted(Version),
    /// The write was refused because the Lease is no longer what we wrote upon.
    Conflict,
    /// No answer, or one that does not say what is now stored. A write may have been carried out, and if the
    /// answer timed out it may yet be.
    Unknown,
}

/// The Lease as last seen.
#[derive(Debug)]
enum Sight {
    Absent {
        free_at: Duration,
    },
    Free {
        version: Version,
    },
    Ours {
        version: Version,
        renew_at: Duration,
    },
    Theirs {
        version: Version,
        lease: Duration,
        free_at: Duration,
    },
}

/// Whether the Lease can be acted upon as last seen.
#[derive(Debug, PartialEq, Eq)]
enum Doubt {
    None,
    /// It has not been read yet, or has changed since.
    Stale,
    /// A write of ours may have changed it.
    Unanswered,
}

#[derive(Debug)]
enum InFlight {
    Read,
    Write { sent: Duration, release: bool },
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Releasing,
    Done,
}

/// One replica's part in the election.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Must be unique: a Lease with this holder is taken for one that we wrote.
    identity: String,
    timing: Timing,
    phase: Phase,
    leads_until: Option<Duration>,
    sight: Sight,
    doubt: Doubt,
    in_flight: Option<InFlight>,
    /// When the next read is due.
    read_at: Duration,
}

impl Candidate {
    pub(super) fn new(identity: String, timing: Timing) -> Self {
        Self {
            identity,
            timing,
            phase: Phase::Running,
            leads_until: None,
            sight: Sight::Absent {
                free_at: Duration::ZERO,
            },
            doubt: Doubt::Stale,
            in_flight: None,
            read_at: Duration::ZERO,
        }
    }

    /// Whether this replica leads at `now`, and if so, until when it does without a further renewal.
    pub(super) fn leads_until(&self, now: Duration) -> Option<Duration> {
        self.leads_until.filter(|until| now < *until)
    }

    /// Ends leadership at once, and gives the Lease back by the calls that follow.
    pub(super) fn stop(&mut self) {
        self.leads_until = None;
        if self.phase == Phase::Running {
            self.phase = Phase::Releasing;
        }
    }

    /// Decides what to do. A call counts as sent at `now`, however much later it leaves this machine.
    pub(super) fn next(&mut self, now: Duration) -> Action {
        if self.in_flight.is_some() {
            // The caller gave the last call up.
            self.observe(now, Answer::Unknown);
        }
        let action = match self.phase {
            Phase::Running => self.next_while_running(now),
            Phase::Releasing => self.next_while_releasing(),
            Phase::Done => Action::Done,
        };
        match &action {
            Action::Call(Call::Read) => self.in_flight = Some(InFlight::Read),
            Action::Call(Call::Create) => {
                self.in_flight = Some(InFlight::Write {
                    sent: now,
                    release: false,
                });
            }
            Action::Call(Call::Update { change, .. }) => {
                let release = *change == Change::Release;
                self.in_flight = Some(InFlight::Write { sent: now, release });
            }
            Action::Done => self.phase = Phase::Done,
            Action::Wait { .. } => {}
        }
        action
    }

    fn next_while_running(&self, now: Duration) -> Action {
        let wait_or_read = |until: Duration| {
            if now < self.read_at {
                Action::Wait {
                    until: until.min(self.read_at),
                }
            } else {
                Action::Call(Call::Read)
            }
        };
        let update = |version: &Version, change| {
            let version = version.clone();
            Action::Call(Call::Update { version, change })
        };
        if self.doubt != Doubt::None {
            return wait_or_read(self.read_at);
        }
        match &self.sight {
            Sight::Absent { free_at } | Sight::Theirs { free_at, .. } if now < *free_at => {
                wait_or_read(*free_at)
            }
            Sight::Ours { renew_at, .. } if now < *renew_at => Action::Wait { until: *renew_at },
            Sight::Absent { .. } => Action::Call(Call::Create),
            Sight::Ours { version, .. } => update(version, Change::Renew),
            // No need to look again at theirs: if the holder has renewed since, the version has changed.
            Sight::Free { version } | Sight::Theirs { version, .. } => update(version, Change::Acquire),
        }
    }

    fn next_while_releasing(&self) -> Action {
        match (&self.doubt, &self.sight) {
            (Doubt::Unanswered, _) => Action::Call(Call::Read),
            (Doubt::None, Sight::Ours { version, .. }) => Action::Call(Call::Update {
                version: version.clone(),
                change: Change::Release,
            }),
            _ => Action::Done,
        }
    }

    /// Takes in what came of the call that [`Self::next`] asked for. An answer without a question is ignored.
    pub(super) fn observe(&mut self, now: Duration, answer: Answer) {
        let Some(call) = self.in_flight.take() else {
            return;
        };
        match (call, answer) {
            (InFlight::Read, Answer::Read(record)) => {
                self.see(now, record);
                self.doubt = Doubt::None;
            }
            (InFlight::Read, _) => {
                if self.phase == Phase::Releasing {
                    self.phase = Phase::Done;
                }
            }
            (InFlight::Write { sent, release: false }, Answer::Accepted(version)) => {
                // Counted from the sending, which is before anybody else can have seen the write.
                if self.phase == Phase::Running {
                    self.leads_until = Some(sent.saturating_add(self.timing.belief()));
                }
                self.sight = Sight::Ours {
                    version,
                    renew_at: sent.saturating_add(self.timing.renewal()),
                };
                self.doubt = Doubt::None;
            }
            (InFlight::Write { release: true, .. }, Answer::Accepted(_)) => self.phase = Phase::Done,
            (InFlight::Write { .. }, Answer::Conflict) => {
                self.leads_until = None;
                self.doubt = Doubt::Stale;
            }
            (InFlight::Write { release, .. }, _) => {
                self.doubt = Doubt::Unanswered;
                if release {
                    // Once is enough: the lease runs out by itself, and stopping must not take long.
                    self.phase = Phase::Done;
                }
            }
        }
        self.read_at = now.saturating_add(self.timing.retry());
    }

    fn see(&mut self, now: Duration, record: Option<Record>) {
        let Some(Record {
            version,
            holder,
            duration_seconds,
        }) = record
        else {
            self.leads_until = None;
            self.sight = Sight::Absent {
                // It was deleted: whoever held it, perhaps unseen by us, need not know that yet.
                free_at: match self.sight {
                    Sight::Absent { free_at } => free_at,
                    Sight::Theirs { lease, .. } => now.saturating_add(lease),
                    Sight::Free { .. } | Sight::Ours { .. } => now.saturating_add(self.timing.duration()),
                },
            };
            return;
        };
        match holder {
            Some(holder) if holder == self.identity => {
                // A write whose answer we never got. It says nothing of when we sent it, so write again.
                self.sight = Sight::Ours {
                    version,
                    renew_at: now,
                };
            }
            Some(_) => {
                self.leads_until = None;
                if !matches!(&self.sight, Sight::Theirs { version: seen, .. } if *seen == version) {
                    let lease = self.timing.of_holder(duration_seconds);
                    self.sight = Sight::Theirs {
                        version,
                        lease,
                        free_at: now.saturating_add(lease),
                    };
                }
            }
            None => {
                self.leads_until = None;
                self.sight = Sight::Free { version };
            }
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/lease/state.rs"]
mod tests;
