//! Writes that the API server refuses, in the log: a line when a kind of refusal begins, one when it ends.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use audit_k8s::health::Ledger;
use tokio::time::Instant;

/// A kind of refusal is over when writes succeed and none was refused like that for so long. A refused write is tried again within a
/// minute.
const QUIET: Duration = Duration::from_mins(2);

/// The kinds of refusals: which write, and the HTTP status of the answer.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Ledger<(&'static str, u16)>>);

impl Refusals {
    /// Takes note of a write that was refused. `error` is safe to show.
    pub fn refused(&self, write: &'static str, code: u16, object: &str, error: &str) {
        let begins = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .failed((write, code), Instant::now());
        if begins {
            tracing::warn!(
                write,
                code,
                object,
                error,
                "the API server refuses writes; this is the first"
            );
        } else {
            tracing::debug!(write, code, object, error, "write refused");
        }
    }

    /// Takes note of a write that succeeded.
    pub fn succeeded(&self) {
        let mut ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ledger.is_empty() {
            return;
        }
        for ended in ledger.ended(QUIET, Instant::now()) {
            let (write, code) = ended.trouble;
            let (refused, seconds) = (ended.count, ended.lasted.as_secs());
            tracing::info!(write, code, refused, seconds, "writes are no longer refused");
        }
    }
}
