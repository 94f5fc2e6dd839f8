//! The times that the safety of a write rests on, for a lease, and for tests.

use std::str::FromStr;
use std::time::Duration;

use audit_remedy::WriteTiming;
use jiff::SignedDuration;

use crate::arguments::duration;

/// One time that a test shortens: `settle=1s`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimingChange {
    field: Field,
    duration: SignedDuration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Settle,
    CallTimeout,
    Late,
    Consistency,
    LeaseMargin,
    RetryEvery,
    GiveUp,
}

impl FromStr for TimingChange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| "write it like `settle=1s`".to_owned())?;
        let field = match name {
            "settle" => Field::Settle,
            "call-timeout" => Field::CallTimeout,
            "late" => Field::Late,
            "consistency" => Field::Consistency,
            "lease-margin" => Field::LeaseMargin,
            "retry-every" => Field::RetryEvery,
            "give-up" => Field::GiveUp,
            _ => return Err("there is no time of this name".to_owned()),
        };
        Ok(Self {
            field,
            duration: signed(duration(value)?),
        })
    }
}

/// A lease that does not outlast a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease is too short for a call to AWS of {call:?}: use at least {least:?}")]
pub struct LeaseTooShort {
    call: Duration,
    least: Duration,
}

/// The times for a lease, with what a test changes.
///
/// # Errors
/// If so little of the lease is left right before a renewal that no write could begin.
pub fn timing(lease: Duration, changes: &[TimingChange]) -> Result<WriteTiming, LeaseTooShort> {
    let mut times = WriteTiming {
        lease: signed(lease),
        ..WriteTiming::default()
    };
    for change in changes {
        let field = match change.field {
            Field::Settle => &mut times.settle,
            Field::CallTimeout => &mut times.call_timeout,
            Field::Late => &mut times.late,
            Field::Consistency => &mut times.consistency,
            Field::LeaseMargin => &mut times.lease_margin,
            Field::RetryEvery => &mut times.retry_every,
            Field::GiveUp => &mut times.give_up,
        };
        *field = change.duration;
    }
    // The holder believes in four fifths of it, and renews it at each third: see `audit_k8s::lease`.
    let needed = unsigned(times.call_timeout + times.lease_margin);
    let shortest = needed * 15 / 4;
    if lease < shortest {
        return Err(LeaseTooShort {
            call: unsigned(times.call_timeout),
            least: shortest,
        });
    }
    Ok(times)
}

/// How long a record may be open before something is wrong: a write, and then a whole recovery.
#[must_use]
pub fn longest_open(timing: &WriteTiming) -> SignedDuration {
    let write = timing.settle.max(timing.consistency) + timing.max_check_age;
    let recovery = timing.lease + timing.call_timeout + timing.late + timing.consistency + timing.retry_every;
    write + recovery + recovery
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// A duration of the core, for timers; nothing where it is negative.
#[must_use]
pub fn unsigned(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_lease_outlasts_a_call_at_any_moment_and_the_operators_does_not() {
        assert_eq!(
            timing(Duration::from_mins(1), &[]).unwrap().lease,
            SignedDuration::from_secs(60)
        );
        assert!(timing(Duration::from_secs(45), &[]).is_ok());
        assert!(timing(Duration::from_secs(15), &[]).is_err());
    }

    #[test]
    fn a_test_shortens_single_times() {
        let changes = ["settle=1s", "call-timeout=2s", "lease-margin=1s"].map(|text| text.parse().unwrap());
        let short = timing(Duration::from_secs(12), &changes).unwrap();
        assert_eq!(
            (short.settle, short.call_timeout),
            (SignedDuration::from_secs(1), SignedDuration::from_secs(2))
        );
        assert_eq!(short.late, WriteTiming::default().late);
        for bad in ["settle", "settle=", "lease=1s", "settle=0s"] {
            assert!(bad.parse::<TimingChange>().is_err(), "{bad}");
        }
    }
}
