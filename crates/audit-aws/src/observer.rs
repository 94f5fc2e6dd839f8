//! Telling the outside of every call, for metrics.

use std::time::Duration;

/// How one attempt of a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallOutcome {
    /// With an answer.
    Ok,
    /// AWS says that there is no such thing.
    NotFound,
    /// The caller may not.
    AccessDenied,
    /// AWS asks for fewer calls.
    Throttled,
    /// Any other failure.
    Error,
    /// No answer in time.
    Timeout,
}

impl CallOutcome {
    /// The name as a metric label, in snake case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotFound => "not_found",
            Self::AccessDenied => "access_denied",
            Self::Throttled => "throttled",
            Self::Error => "error",
            Self::Timeout => "timeout",
        }
    }
}

/// Learns of every attempt of every call, retries included. Called from many tasks at once: it must not block.
pub trait RequestObserver: Send + Sync {
    /// One attempt ended. `account` is the account's id, empty while the operator's own is not known; `service` is
    /// the prefix of the service's actions, such as `iam`; `operation` is AWS's name, such as `GetRole`.
    fn observe(
        &self,
        account: &str,
        service: &'static str,
        operation: &'static str,
        outcome: CallOutcome,
        took: Duration,
    );
}
