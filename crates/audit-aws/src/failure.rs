//! What an error of a call means.

use std::error::Error;
use std::io;

use audit_core::model::{FailureKind, ReadFailure};
use audit_core::text::quote;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use jiff::Timestamp;

use crate::observer::CallOutcome;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What a verdict makes of it.
    pub kind: FailureKind,
    /// AWS's error code, such as `InvalidInput`; absent where AWS did not answer.
    pub code: Option<String>,
    /// AWS named a statement that denies the call.
    pub is_explicit_deny: bool,
    /// For display: AWS's words, or what stood in the way of hearing any. Safe to show.
    pub message: String,
    /// AWS answered, and the same question gets the same answer until something changes in the account.
    pub is_lasting: bool,
}

impl Failure {
    /// Whether AWS does not answer, or throttles: then other questions about the account are likely to fail as well.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        !self.is_lasting && matches!(self.kind, FailureKind::Unavailable | FailureKind::Throttled)
    }

    /// A failure of which no more is known.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: None,
            is_explicit_deny: false,
            message: message.into(),
            is_lasting: false,
        }
    }
}

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Miss {
    /// AWS says that there is no such thing, in these words.
    NotFound(String),
    /// Anything else.
    Failed(Failure),
}

impl Miss {
    /// As a failure, where nobody asked whether the thing is there.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::NotFound(message) => Failure::unavailable(message),
            Self::Failed(failure) => failure,
        }
    }
}

impl Failure {
    /// AWS answered, and the answer does not say what was asked for. What others wrote must be safe to show already.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self {
            is_lasting: true,
            ..Self::new(FailureKind::Unavailable, message)
        }
    }
}

impl Failure {
    /// As it is kept, when it was first met at this time.
    pub(crate) fn since(self, at: Timestamp) -> ReadFailure {
        ReadFailure {
            kind: self.kind,
            message: self.message,
            is_explicit_deny: self.is_explicit_deny,
            since: at,
        }
    }
}

/// An error, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// For the metrics.
    pub(crate) outcome: CallOutcome,
    /// Whether the same call may succeed a moment later.
    pub(crate) retry: bool,
    /// For the reading.
    pub(crate) miss: Miss,
}

impl Judgement {
    fn failed(outcome: CallOutcome, retry: bool, kind: FailureKind, message: &str) -> Self {
        Self {
            outcome,
            retry,
            miss: Miss::Failed(Failure::new(kind, quote(message))),
        }
    }
}

/// Error codes of AWS's services for "slow down".
const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "PriorRequestNotComplete",
    "SlowDown",
];

/// Error codes for "you may not".
const DENIED: &[&str] = &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];

/// Error codes of STS for "not with this token": no provider for its issuer, another audience, expired. As with "you may not", what is
/// wrong is the binding of the operator's own ServiceAccount.
const TOKEN_REFUSED: &[&str] = &[
    "InvalidIdentityToken",
    "ExpiredTokenException",
    "IDPRejectedClaim",
];

/// The call by which the operator gets credentials for its own role.
const WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";

/// Error codes for "there is no such thing", of IAM and of EKS.
const NOT_FOUND: &[&str] = &["NoSuchEntity", "ResourceNotFoundException"];

/// Judges an error of the call `service:operation`, which is also the action that a policy must allow for it.
pub(crate) fn judge<E>(error: &SdkError<E, HttpResponse>, service: &str, operation: &str) -> Judgement
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(judgement) = judge_credentials(error) {
        return judgement;
    }
    if lacks_credentials(error) {
        // A pod that is created again may have them; this one never asks STS.
        let kind = FailureKind::AccessDenied {
            action: format!("sts:{WEB_IDENTITY}"),
        };
        return Judgement::failed(CallOutcome::Error, false, kind, &root_cause(error));
    }
    let unavailable =
        |outcome, retry, message: &str| Judgement::failed(outcome, retry, FailureKind::Unavailable, message);
    match error {
        SdkError::TimeoutError(_) => unavailable(CallOutcome::Timeout, true, "no answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            unavailable(CallOutcome::Timeout, true, "no connection in time")
        }
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            judge_answer(context.err(), status, service, operation)
        }
        SdkError::ResponseError(_) => unavailable(
            CallOutcome::Error,
            true,
            &format!("an answer that cannot be read: {}", root_cause(error)),
        ),
        SdkError::DispatchFailure(_) => unavailable(CallOutcome::Error, true, &root_cause(error)),
        _ => unavailable(CallOutcome::Error, false, &root_cause(error)),
    }
}

fn judge_answer<E: ProvideErrorMetadata + Error + 'static>(
    error: &E,
    status: u16,
    service: &str,
    operation: &str,
) -> Judgement {
    let code = error.code().unwrap_or_default();
    let message = match error.message() {
        _ if code.is_empty() && status < 400 => {
            format!("an answer that cannot be read: {}", root_cause(error))
        }
        _ if code.is_empty() => format!("HTTP status {status} without an error code of AWS"),
        None => code.to_owned(),
        Some(text) => format!("{code}: {text}"),
    };
    if NOT_FOUND.contains(&code) {
        Judgement {
            outcome: CallOutcome::NotFound,
            retry: false,
            miss: Miss::NotFound(quote(&message)),
        }
    } else {
        let is_refused = operation == WEB_IDENTITY && TOKEN_REFUSED.contains(&code);
        let (outcome, retry, kind) = if DENIED.contains(&code) || is_refused {
            let kind = FailureKind::AccessDenied {
                action: format!("{service}:{operation}"),
            };
            (CallOutcome::AccessDenied, false, kind)
        } else if THROTTLED.contains(&code) || status == 429 {
            (CallOutcome::Throttled, true, FailureKind::Throttled)
        } else {
            // An answer without a code is not an answer of AWS's service: the next one may be.
            (
                CallOutcome::Error,
                code.is_empty() || status >= 500,
                FailureKind::Unavailable,
            )
        };
        Judgement {
            outcome,
            retry,
            miss: Miss::Failed(Failure {
                is_explicit_deny: outcome == CallOutcome::AccessDenied && names_a_deny(&message),
                kind,
                code: (!code.is_empty()).then(|| code.to_owned()),
                message: quote(&message),
                is_lasting: !retry && is_about_the_question(status),
            }),
        }
    }
}

/// Whether AWS refuses the question itself, not the credentials that it was asked with. Those are the same for all questions, and the
/// next ones may be accepted.
fn is_about_the_question(status: u16) -> bool {
    (400..500).contains(&status) && !matches!(status, 401 | 403 | 408)
}

/// Whether AWS says that a statement denies the call, as in "with an explicit deny in a service control policy". AWS has no code
/// for the difference, and documents these words:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>. They are read here, where they arrive, and
/// nowhere else.
fn names_a_deny(message: &str) -> bool {
    message.contains("explicit deny")
}

/// Judges the cause of an error that is itself an error of the call by which credentials are got: that call is what
/// fails then, not the one that was to be made with them.
pub(crate) fn judge_credentials(error: &(dyn Error + 'static)) -> Option<Judgement> {
    causes(error).find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>() {
            return Some(judge(error, "sts", "AssumeRole"));
        }
        let error = cause.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>()?;
        Some(judge(error, "sts", WEB_IDENTITY))
    })
}

/// Whether there were no credentials to call with: nothing brings any, or the file of the token is not there or cannot be read.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut of_credentials = causes(error).filter_map(|cause| cause.downcast_ref::<CredentialsError>());
    of_credentials.any(|error| {
        let mut files = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
        matches!(error, CredentialsError::CredentialsNotLoaded(_))
            || files.any(|error| {
                matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                )
            })
    })
}

/// The innermost cause: what really happened, without the layers above it.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;

    use super::*;

    /// The call that was to be made with credentials.
    fn judged(error: CredentialsError) -> (FailureKind, bool) {
        let error: SdkError<GetCallerIdentityError, HttpResponse> = SdkError::construction_failure(error);
        let Judgement { retry, miss, .. } = judge(&error, "sts", "GetCallerIdentity");
        (miss.into_failure().kind, retry)
    }

    #[test]
    fn what_aws_answers_for_good_is_no_outage() {
        assert!(!Miss::NotFound("gone".to_owned()).into_failure().is_outage());
        assert!(!Failure::unavailable("too many clusters").is_outage());
        for kind in [FailureKind::Throttled, FailureKind::Unavailable] {
            assert!(Failure::new(kind, "no answer").is_outage());
        }
        let action = "iam:GetRole".to_owned();
        assert!(!Failure::new(FailureKind::AccessDenied { action }, "no").is_outage());
        let about_the_question = [400, 401, 403, 404, 408, 500, 503].map(is_about_the_question);
        assert_eq!(
            about_the_question,
            [true, false, false, true, false, false, false]
        );
    }

    #[test]
    fn who_has_no_credentials_has_not_been_left_without_an_answer() {
        let denied = FailureKind::AccessDenied {
            action: "sts:AssumeRoleWithWebIdentity".to_owned(),
        };
        for error in [
            CredentialsError::not_loaded("IMDS is disabled"),
            CredentialsError::provider_error(io::Error::from(io::ErrorKind::NotFound)),
            CredentialsError::provider_error(io::Error::from(io::ErrorKind::PermissionDenied)),
        ] {
            assert_eq!(judged(error), (denied.clone(), false));
        }
        for error in [
            CredentialsError::provider_timed_out(std::time::Duration::from_secs(5)),
            CredentialsError::provider_error(io::Error::from(io::ErrorKind::ConnectionRefused)),
        ] {
            assert_eq!(judged(error).0, FailureKind::Unavailable);
        }
    }
}
