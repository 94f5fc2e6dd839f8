//! What goes wrong between a client and the API server, and for which calls.

use std::time::Duration;

use super::call::SeenCall;

/// The calls that a fault applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// All calls.
    All,
    /// Watches, also those that run already.
    Watches,
    /// All but watches: what a running watch delivers still arrives.
    ExceptWatches,
    /// Calls that change something: all but `GET`.
    Writes,
    /// Calls whose path contains this text, such as `/serviceaccounts`.
    To(&'static str),
}

impl Calls {
    pub(super) fn include(self, call: &SeenCall) -> bool {
        match self {
            Self::All => true,
            Self::Watches => call.is_watch,
            Self::ExceptWatches => !call.is_watch,
            Self::Writes => call.is_write(),
            Self::To(text) => call.path.contains(text),
        }
    }
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Freeze,
    Swallow,
    Refuse,
    Lose,
    Mute,
    Answer { status: u16, retry_after: Option<u32> },
    Garbage,
    Delay(Duration),
}

/// Something that goes wrong for as long as it is in force, see [`Proxy::set`](super::Proxy::set).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct ProxyFault {
    pub(super) effect: Effect,
    pub(super) calls: Calls,
    /// It applies to one call in this many.
    pub(super) one_in: u64,
}

impl ProxyFault {
    fn new(effect: Effect) -> Self {
        Self {
            effect,
            calls: Calls::All,
            one_in: 1,
        }
    }

    /// Nothing moves; what waits goes on when the fault ends, as after a pause of the API server.
    pub fn freeze() -> Self {
        Self::new(Effect::Freeze)
    }

    /// Requests, and what running watches deliver, vanish: they stay unanswered also after the fault has ended, until the client gives
    /// them up, as behind a load balancer that lost its connections.
    pub fn swallow() -> Self {
        Self::new(Effect::Swallow)
    }

    /// The connection is closed without an answer.
    pub fn refuse() -> Self {
        Self::new(Effect::Refuse)
    }

    /// The API server gets the request, and the connection is closed without its answer. What running watches deliver still arrives.
    pub fn lose() -> Self {
        Self::new(Effect::Lose)
    }

    /// The API server gets the request. Its answer, and what running watches deliver, vanish, and the connection looks alive: a partition
    /// one way.
    pub fn mute() -> Self {
        Self::new(Effect::Mute)
    }

    /// This HTTP status instead of the API server's answer, with `Retry-After` in seconds where given.
    pub fn answer(status: u16, retry_after: Option<u32>) -> Self {
        Self::new(Effect::Answer { status, retry_after })
    }

    /// Status 200 and a body that is not JSON; what running watches deliver is replaced by such a line.
    pub fn garbage() -> Self {
        Self::new(Effect::Garbage)
    }

    /// The request arrives so much later, also where the client has given it up: what a network has taken, it delivers.
    pub fn delay(delay: Duration) -> Self {
        Self::new(Effect::Delay(delay))
    }

    /// Limits it to some calls.
    pub fn only(self, calls: Calls) -> Self {
        Self { calls, ..self }
    }

    /// Limits it to one call in `one_in`, counted over all calls; at least 1.
    pub fn one_in(self, one_in: u64) -> Self {
        Self {
            one_in: one_in.max(1),
            ..self
        }
    }
}
