//! One call: its turn, its retries, its place in metrics and logs.

use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::failing::Failing;
use crate::failure::{Failure, Judgement, Miss, judge};
use crate::observer::{CallOutcome, RequestObserver};
use crate::pace::Pace;
use crate::settings::DirectorySettings;

/// The longest wait between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

/// How long to wait before attempt `attempt` (the second is 1): somewhere up to a bound that doubles each time, so
/// that callers that failed together do not come back together.
pub(crate) fn backoff(base: Duration, attempt: u32) -> Duration {
    let bound = base
        .saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1)))
        .min(LONGEST_BACKOFF);
    bound.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
}

/// Makes the calls into one account.
pub(crate) struct Caller {
    account: String,
    pace: Pace,
    attempts: u32,
    backoff: Duration,
    observer: Arc<dyn RequestObserver>,
    failing: Mutex<Failing>,
}

impl Caller {
    /// A caller into `account`, whose id is empty while nobody knows it.
    pub(crate) fn new(
        account: &str,
        settings: &DirectorySettings,
        observer: Arc<dyn RequestObserver>,
    ) -> Self {
        Self {
            account: account.to_owned(),
            pace: Pace::new(settings.rate),
            attempts: settings.attempts,
            backoff: settings.backoff,
            observer,
            failing: Mutex::default(),
        }
    }

    /// Calls `service:operation` by `send`, again where that may help. Returns when the last attempt started, and
    /// what came of it.
    pub(crate) async fn call<T, E, F>(
        &self,
        service: &'static str,
        operation: &'static str,
        send: impl Fn() -> F,
    ) -> (Timestamp, Result<T, Miss>)
    where
        E: ProvideErrorMetadata + Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.attempt(service, operation, self.attempts, send).await
    }

    /// The same, and never again.
    pub(crate) async fn call_once<T, E, F>(
        &self,
        service: &'static str,
        operation: &'static str,
        send: impl Fn() -> F,
    ) -> (Timestamp, Result<T, Miss>)
    where
        E: ProvideErrorMetadata + Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.attempt(service, operation, 1, send).await
    }

    async fn attempt<T, E, F>(
        &self,
        service: &'static str,
        operation: &'static str,
        attempts: u32,
        send: impl Fn() -> F,
    ) -> (Timestamp, Result<T, Miss>)
    where
        E: ProvideErrorMetadata + Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut attempt = 1;
        loop {
            self.pace.wait().await;
            let (at, started) = (Timestamp::now(), Instant::now());
            let result = send().await;
            let took = started.elapsed();
            let Judgement { outcome, retry, miss } = match result {
                Ok(answer) => {
                    self.ended(service, operation, CallOutcome::Ok, took);
                    self.recovered(operation);
                    return (at, Ok(answer));
                }
                Err(error) => judge(&error, service, operation),
            };
            self.ended(service, operation, outcome, took);
            if outcome == CallOutcome::Throttled {
                self.pace.throttled();
            }
            if !retry || attempt >= attempts {
                match &miss {
                    Miss::NotFound(_) => self.recovered(operation),
                    Miss::Failed(failure) => self.failed(operation, failure),
                }
                return (at, Err(miss));
            }
            tokio::time::sleep(backoff(self.backoff, attempt)).await;
            attempt += 1;
        }
    }

    fn ended(&self, service: &'static str, operation: &'static str, outcome: CallOutcome, took: Duration) {
        tracing::debug!(
            account = self.account,
            operation,
            outcome = outcome.as_str(),
            ?took,
            "called AWS"
        );
        self.observer
            .observe(&self.account, service, operation, outcome, took);
    }

    fn failed(&self, operation: &'static str, failure: &Failure) {
        let begins = self.failing().failed(operation, &failure.kind, Instant::now());
        if begins {
            let (account, error) = (&self.account, &failure.message);
            tracing::warn!(account, operation, error, "calls to AWS begin to fail");
        }
    }

    fn recovered(&self, operation: &'static str) {
        for failed_calls in self.failing().succeeded(operation, Instant::now()) {
            let account = &self.account;
            tracing::info!(account, operation, failed_calls, "calls to AWS succeed again");
        }
    }

    fn failing(&self) -> MutexGuard<'_, Failing> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use audit_core::model::FailureKind;
    use aws_config::SdkConfig;
    use aws_sdk_sts::error::ErrorMetadata;
    use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
    use aws_smithy_types::body::SdkBody;

    use super::*;
    use crate::settings::Rate;

    /// An error, how it counts, how often it is attempted, and what it means.
    type Case = (fn() -> TestError, CallOutcome, usize, FailureKind);
    type TestError = SdkError<GetCallerIdentityError, HttpResponse>;

    #[derive(Default)]
    struct Outcomes(Mutex<Vec<CallOutcome>>);

    impl RequestObserver for Outcomes {
        fn observe(
            &self,
            account: &str,
            service: &'static str,
            operation: &'static str,
            outcome: CallOutcome,
            _: Duration,
        ) {
            assert_eq!(
                (account, service, operation),
                ("111122223333", "sts", "GetCallerIdentity")
            );
            self.0.lock().unwrap().push(outcome);
        }
    }

    /// An answer with this status and error code, or without a code.
    fn error(status: u16, code: Option<&str>) -> TestError {
        let raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        let mut meta = ErrorMetadata::builder().message("words of AWS");
        if let Some(code) = code {
            meta = meta.code(code);
        }
        SdkError::service_error(GetCallerIdentityError::generic(meta.build()), raw)
    }

    fn timeout() -> TestError {
        SdkError::timeout_error("late")
    }

    /// A caller with three attempts, 10 calls a second, 5 at once; nothing but the rate makes it wait.
    fn caller() -> (Caller, Arc<Outcomes>) {
        let rate = Rate {
            per_second: 10.0,
            burst: 5,
        };
        let settings = DirectorySettings {
            rate,
            backoff: Duration::ZERO,
            ..DirectorySettings::new(SdkConfig::builder().build())
        };
        let outcomes = Arc::new(Outcomes::default());
        (
            Caller::new(
                "111122223333",
                &settings,
                Arc::clone(&outcomes) as Arc<dyn RequestObserver>,
            ),
            outcomes,
        )
    }

    /// Calls until it ends, with these errors at first and success after them.
    async fn call(caller: &Caller, errors: Vec<TestError>) -> (usize, Result<(), Miss>) {
        let (errors, calls) = (Mutex::new(errors.into_iter()), Cell::new(0));
        let send = || {
            calls.set(calls.get() + 1);
            let next = errors.lock().unwrap().next();
            async { next.map_or(Ok(()), Err) }
        };
        let (_, result) = caller.call("sts", "GetCallerIdentity", send).await;
        (calls.get(), result)
    }

    #[test]
    fn waits_grow_within_bounds() {
        let base = Duration::from_millis(100);
        for (attempt, bound) in [(1, 100), (2, 200), (5, 1600), (40, 60_000), (u32::MAX, 60_000)] {
            let bound = Duration::from_millis(bound);
            for _ in 0..100 {
                let wait = backoff(base, attempt);
                assert!(bound / 2 <= wait && wait <= bound, "{attempt}: {wait:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_error_is_classified_and_tried_again_where_that_may_help() {
        let denied = FailureKind::AccessDenied {
            action: "sts:GetCallerIdentity".into(),
        };
        let (throttled, unavailable) = (FailureKind::Throttled, FailureKind::Unavailable);
        let cases: [Case; 11] = [
            (
                || error(403, Some("AccessDenied")),
                CallOutcome::AccessDenied,
                1,
                denied.clone(),
            ),
            (
                || error(400, Some("AccessDeniedException")),
                CallOutcome::AccessDenied,
                1,
                denied,
            ),
            (
                || error(400, Some("Throttling")),
                CallOutcome::Throttled,
                3,
                throttled.clone(),
            ),
            (
                || error(400, Some("ThrottlingException")),
                CallOutcome::Throttled,
                3,
                throttled.clone(),
            ),
            (
                || error(429, Some("Whatever")),
                CallOutcome::Throttled,
                3,
                throttled.clone(),
            ),
            (|| error(429, None), CallOutcome::Throttled, 3, throttled),
            (
                || error(403, Some("ExpiredToken")),
                CallOutcome::Error,
                1,
                unavailable.clone(),
            ),
            (
                || error(403, Some("RegionDisabledException")),
                CallOutcome::Error,
                1,
                unavailable.clone(),
            ),
            (
                || error(500, Some("ServiceFailure")),
                CallOutcome::Error,
                3,
                unavailable.clone(),
            ),
            (|| error(502, None), CallOutcome::Error, 3, unavailable.clone()),
            (timeout, CallOutcome::Timeout, 3, unavailable),
        ];
        for (make, outcome, attempts, kind) in cases {
            let (caller, outcomes) = caller();
            let (calls, result) = call(&caller, (0..9).map(|_| make()).collect()).await;
            let Err(Miss::Failed(failure)) = result else {
                panic!("{result:?}")
            };
            assert_eq!((calls, &failure.kind), (attempts, &kind), "{failure:?}");
            assert_eq!(*outcomes.0.lock().unwrap(), vec![outcome; attempts]);
            let (_, result) = call(&caller, vec![]).await;
            assert_eq!(result, Ok(()), "a failure leaves nothing behind");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_there_is_no_failure() {
        let (caller, outcomes) = caller();
        let (calls, result) = call(&caller, vec![error(404, Some("NoSuchEntity"))]).await;
        assert!(matches!((calls, result), (1, Err(Miss::NotFound(_)))));
        assert_eq!(*outcomes.0.lock().unwrap(), [CallOutcome::NotFound]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_succeeds_at_last_has_succeeded() {
        let (caller, outcomes) = caller();
        let errors = vec![error(400, Some("Throttling")), timeout()];
        assert_eq!(call(&caller, errors).await, (3, Ok(())));
        assert_eq!(
            *outcomes.0.lock().unwrap(),
            [CallOutcome::Throttled, CallOutcome::Timeout, CallOutcome::Ok]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn words_of_aws_are_safe_to_show() {
        let (caller, _) = caller();
        let raw = HttpResponse::new(500.try_into().unwrap(), SdkBody::empty());
        let meta = ErrorMetadata::builder().code("Bad").message("\u{1b}[2J").build();
        let error = SdkError::service_error(GetCallerIdentityError::generic(meta), raw);
        let (_, result) = call(&caller, vec![error, timeout(), timeout()]).await;
        let Err(Miss::Failed(failure)) = result else {
            panic!("{result:?}")
        };
        assert!(!failure.message.contains('\u{1b}'), "{failure:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn retries_count_against_the_rate_too() {
        let (caller, _) = caller();
        let start = Instant::now();
        for _ in 0..25 {
            call(&caller, vec![]).await.1.unwrap();
        }
        // Five at once, then twenty at ten a second.
        assert_eq!(start.elapsed().as_millis(), 2000);
        let start = Instant::now();
        call(&caller, vec![timeout(), timeout()]).await.1.unwrap();
        assert_eq!(start.elapsed().as_millis(), 300);
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_slows_all_calls_of_the_account() {
        let (caller, _) = caller();
        let throttled = || error(400, Some("Throttling"));
        call(&caller, vec![throttled(), throttled(), throttled()])
            .await
            .1
            .unwrap_err();
        let start = Instant::now();
        for _ in 0..6 {
            call(&caller, vec![]).await.1.unwrap();
        }
        // At most five calls a second, and none saved up.
        assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    }
}
