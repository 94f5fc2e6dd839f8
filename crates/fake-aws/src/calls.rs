//! The log of calls.

use std::collections::BTreeMap;
use std::time::Instant;

/// One request that reached the fake. Every attempt of an SDK that retries is a call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Account of the credentials, twelve digits; empty if they are none of the fake's.
    pub account: String,
    /// The service's signing name: `iam`, `sts`, `eks`; empty if the request was not signed.
    pub service: String,
    /// The operation, as `GetRole`; for a REST request that is none, its method and path.
    pub operation: String,
    /// Parameters, lists flattened as on the wire: `Filter.member.1`.
    pub parameters: BTreeMap<String, String>,
    /// What came of it.
    pub outcome: Outcome,
    /// When it arrived.
    pub at: Instant,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Held back by a latency fault: not answered yet, or never, if the caller left meanwhile.
    Pending,
    /// Answered with success.
    Success,
    /// Answered with an error.
    Error {
        /// HTTP status.
        status: u16,
        /// The service's error code, as `NoSuchEntity`.
        code: String,
    },
    /// Never to be answered, by a fault.
    Hung,
    /// The connection was closed without an answer, by a fault.
    Dropped,
    /// Answered with a body that is no answer, by a fault.
    Garbage,
}

/// Names a call in the log, also after the log was emptied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallId(usize);

/// Calls in the order of their arrival.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    calls: Vec<Call>,
    forgotten: usize,
}

impl CallLog {
    pub(crate) fn add(&mut self, call: Call) -> CallId {
        self.calls.push(call);
        CallId(self.forgotten + self.calls.len() - 1)
    }

    /// Says what came of a call; nothing if the log was emptied since.
    pub(crate) fn conclude(&mut self, CallId(id): CallId, outcome: Outcome) {
        if let Some(call) = id
            .checked_sub(self.forgotten)
            .and_then(|index| self.calls.get_mut(index))
        {
            call.outcome = outcome;
        }
    }

    pub(crate) fn all(&self) -> &[Call] {
        &self.calls
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.calls
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    }

    pub(crate) fn reset(&mut self) {
        self.forgotten += self.calls.len();
        self.calls.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str) -> Call {
        Call {
            account: String::new(),
            service: String::new(),
            operation: operation.to_owned(),
            parameters: BTreeMap::new(),
            outcome: Outcome::Pending,
            at: Instant::now(),
        }
    }

    #[test]
    fn a_late_outcome_does_not_hit_a_later_call() {
        let mut log = CallLog::default();
        let early = log.add(call("A"));
        log.reset();
        let late = log.add(call("B"));
        log.conclude(early, Outcome::Dropped);
        assert_eq!(log.all()[0].outcome, Outcome::Pending);
        log.conclude(late, Outcome::Success);
        assert_eq!(log.all()[0].outcome, Outcome::Success);
        assert_eq!((log.count("A"), log.count("B")), (0, 1));
    }
}
