//! What an error of a call means.

use std::error::Error;
use std::io;

use audit_core::model::FailureKind;
use audit_core::text::quote;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use crate::observer::Outcome;
use crate::reading::Failure;

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
    /// A failure that is neither for want of permissions nor for want of patience. What others wrote must be safe
    /// to show already.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Unavailable,
            message: message.into(),
        }
    }
}

/// An error, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// For the metrics.
    pub(crate) outcome: Outcome,
    /// Whether the same call may succeed a moment later.
    pub(crate) retry: bool,
    /// For the reading.
    pub(crate) miss: Miss,
}

impl Judgement {
    fn failed(outcome: Outcome, retry: bool, kind: FailureKind, message: &str) -> Self {
        Self {
            outcome,
            retry,
            miss: Miss::Failed(Failure {
                kind,
                message: quote(message),
            }),
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
        return Judgement::failed(Outcome::Error, false, kind, &root_cause(error));
    }
    let unavailable =
        |outcome, retry, message: &str| Judgement::failed(outcome, retry, FailureKind::Unavailable, message);
    match error {
        SdkError::TimeoutError(_) => unavailable(Outcome::Timeout, true, "no answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            unavailable(Outcome::Timeout, true, "no connection in time")
        }
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            judge_answer(context.err(), status, service, operation)
        }
        SdkError::ResponseError(_) => unavailable(
            Outcome::Error,
            true,
            &format!("an answer that cannot be read: {}", root_cause(error)),
        ),
        SdkError::DispatchFailure(_) => unavailable(Outcome::Error, true, &root_cause(error)),
        _ => unavailable(Outcome::Error, false, &root_cause(error)),
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
            outcome: Outcome::NotFound,
            retry: false,
            miss: Miss::NotFound(quote(&message)),
        }
    } else if DENIED.contains(&code) || (operation == WEB_IDENTITY && TOKEN_REFUSED.contains(&code)) {
        let kind = FailureKind::AccessDenied {
            action: format!("{service}:{operation}"),
        };
        Judgement::failed(Outcome::AccessDenied, false, kind, &message)
    } else if THROTTLED.contains(&code) || status == 429 {
        Judgement::failed(Outcome::Throttled, true, FailureKind::Throttled, &message)
    } else {
        // An answer that nobody reads is no answer of AWS's: the next one may be.
        let retry = code.is_empty() || status >= 500;
        Judgement::failed(Outcome::Error, retry, FailureKind::Unavailable, &message)
    }
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
