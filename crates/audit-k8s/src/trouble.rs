//! What a failed list or watch call means, for a person.

use std::error::Error;

use audit_core::text::quote;
use kube::core::Status;
use kube::runtime::watcher;

use crate::kind::Kind;

pub(crate) const FORBIDDEN: u16 = 403;
pub(crate) const NOT_FOUND: u16 = 404;
const GONE: u16 = 410;

/// What failed and the way out, safe to show. Logs it, too.
pub(crate) fn explain(kind: Kind, error: &watcher::Error) -> String {
    let code = status(error).map(|status| status.code);
    let message = match status(error) {
        Some(Status { code: NOT_FOUND, .. }) if kind.is_custom() => {
            format!("the API server has no {kind}: install the CustomResourceDefinitions of irsa-audit")
        }
        Some(Status {
            code: FORBIDDEN,
            message,
            ..
        }) => {
            format!("{}: grant `list` and `watch` in all namespaces", quote(message))
        }
        Some(Status { code, message, .. }) => format!("the API server answered {code}: {}", quote(message)),
        None => quote(&with_root_cause(error)),
    };
    if code == Some(GONE) {
        // Everyday life of a watch that was cut off for a while.
        tracing::debug!(%kind, %message, "watch starts anew");
    } else {
        tracing::warn!(%kind, %message, "watch failed, will be tried again");
    }
    message
}

/// What a failed list call means, and the way out, safe to show.
pub(crate) fn explain_list(kind: Kind, error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == FORBIDDEN => {
            format!("{}: grant `list` on it", quote(&status.message))
        }
        kube::Error::Api(status) if status.code == GONE => {
            format!("the list of {kind} took too long to read: try again")
        }
        kube::Error::Api(status) => {
            format!(
                "the API server answered {}: {}",
                status.code,
                quote(&status.message)
            )
        }
        error => quote(&with_root_cause(error)),
    }
}

/// Whether the call to continue a watch was answered with `410 Gone`: there is no use in repeating it.
pub(crate) fn is_refused_as_expired(error: &watcher::Error) -> bool {
    matches!(
        error,
        watcher::Error::WatchStartFailed(_) | watcher::Error::WatchFailed(_)
    ) && status(error).is_some_and(|status| status.code == GONE)
}

/// Whether the API server answered with this code.
pub(crate) fn is(error: &watcher::Error, code: u16) -> bool {
    status(error).is_some_and(|status| status.code == code)
}

/// The API server's answer, if it is one that failed.
fn status(error: &watcher::Error) -> Option<&Status> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status),
        _ => None,
    }
}

/// Layers of transports each say that something failed; the innermost says what.
fn with_root_cause(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    let (shown, cause) = (error.to_string(), root.to_string());
    if shown.contains(&cause) {
        shown
    } else {
        format!("{shown}: {cause}")
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn refusal(code: u16, message: &str) -> watcher::Error {
        let status = Status {
            code,
            message: message.into(),
            ..Status::default()
        };
        watcher::Error::InitialListFailed(kube::Error::Api(status.boxed()))
    }

    #[test]
    fn a_refusal_says_who_may_not_do_what() {
        let message = explain(
            Kind::Pod,
            &refusal(403, "pods is forbidden: User \"x\" cannot list resource \"pods\""),
        );
        assert!(
            message.contains("cannot list") && message.contains("grant"),
            "{message}"
        );
    }

    #[test]
    fn the_servers_words_are_escaped() {
        let message = explain(Kind::Pod, &refusal(500, "\u{1b}[2J"));
        assert!(
            message.contains("500") && !message.contains('\u{1b}'),
            "{message}"
        );
    }

    #[test]
    fn the_root_cause_of_a_broken_connection_is_told() {
        #[derive(Debug, thiserror::Error)]
        #[error("client error (Connect)")]
        struct Outer(#[source] io::Error);
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused by 10.0.0.1");
        let error = watcher::Error::InitialListFailed(kube::Error::Service(Box::new(Outer(refused))));
        let message = explain(Kind::Pod, &error);
        assert!(
            message.contains("Connect") && message.contains("refused by 10.0.0.1"),
            "{message}"
        );
    }
}
