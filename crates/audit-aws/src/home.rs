//! Which account the operator's own credentials are in.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::caller::{Caller, backoff};
use crate::failure::Failure;
use crate::observer::RequestObserver;
use crate::settings::DirectorySettings;

/// The longest wait between two attempts: nothing at all is known of AWS before one succeeds, and each is one small call.
const LONGEST: Duration = Duration::from_secs(5);

/// An attempt to find out.
pub(crate) type CallerAnswer = (Timestamp, Result<String, Failure>);

/// Asks `GetCallerIdentity` until it answers; tells each attempt.
pub(crate) async fn find(
    settings: DirectorySettings,
    observer: Arc<dyn RequestObserver>,
    answers: mpsc::Sender<CallerAnswer>,
) {
    let sts = aws_sdk_sts::Client::new(&settings.home);
    // Every attempt is told, so it is this loop that repeats, not the caller.
    let caller = Caller::new(
        "",
        &DirectorySettings {
            attempts: 1,
            ..settings.clone()
        },
        observer,
    );
    for attempt in 1.. {
        let (at, answer) = caller
            .call("sts", "GetCallerIdentity", || sts.get_caller_identity().send())
            .await;
        let result = match answer {
            Ok(identity) => identity
                .account
                .filter(|id| !id.is_empty())
                .ok_or_else(|| Failure::unavailable("AWS did not say which account the credentials are in")),
            Err(miss) => Err(miss.into_failure()),
        };
        let found = result.is_ok();
        if answers.send((at, result)).await.is_err() || found {
            return;
        }
        tokio::time::sleep(backoff(settings.backoff, attempt).min(LONGEST)).await;
    }
}
