//! What a failed list or watch call means, for a person.

use std::error::Error;

use audit_core::text::reveal;
use kube::core::Status;
use kube::runtime::watcher;

use crate::kind::Kind;

pub(crate) const FORBIDDEN: u16 = 403;
pub(crate) const NOT_FOUND: u16 = 404;
const UNAUTHORIZED: u16 = 401;
pub(crate) const GONE: u16 = 410;
pub(crate) const TOO_MANY_REQUESTS: u16 = 429;

/// What to do after a list or watch call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// It concerns the API server, not this kind alone: try again as soon as any call succeeds.
    WithOthers,
    /// The watch has lost its place: list anew.
    Relist,
    /// An answer could not be decoded. That it came says nothing of the next one.
    Later,
    /// The kind may not be listed, or is not served: somebody has to change that.
    Refused(u16),
}

/// What to do after a failure.
pub(crate) fn recovery(error: &watcher::Error) -> Recovery {
    match status(error) {
        Some(Status { code: GONE, .. }) => Recovery::Relist,
        Some(Status { code, .. }) if is_refusal(*code) => Recovery::Refused(*code),
        _ if is_unreadable(error) => Recovery::Later,
        _ => Recovery::WithOthers,
    }
}

/// Whether the API server refuses one kind of object, and answers otherwise.
fn is_refusal(code: u16) -> bool {
    (400..500).contains(&code) && !matches!(code, UNAUTHORIZED | TOO_MANY_REQUESTS)
}

/// Whether an answer could not be decoded: what it said is lost. Of a line of a watch that is JSON and no event, kube says that it is a
/// status, with nothing in it.
pub(crate) fn is_unreadable(error: &watcher::Error) -> bool {
    let is_nothing = |status: &Status| status.code == 0;
    if matches!(error, watcher::Error::WatchFailed(kube::Error::Api(status)) if is_nothing(status)) {
        return true;
    }
    matches!(
        error,
        watcher::Error::InitialListFailed(
            kube::Error::SerdeError(_)
                | kube::Error::FromUtf8(_)
                | kube::Error::LinesCodecMaxLineLengthExceeded
        ) | watcher::Error::WatchFailed(
            kube::Error::SerdeError(_)
                | kube::Error::FromUtf8(_)
                | kube::Error::LinesCodecMaxLineLengthExceeded
        ) | watcher::Error::NoResourceVersion
    )
}

/// What failed and the way out, safe to show.
pub(crate) fn explain(kind: Kind, error: &watcher::Error) -> String {
    match status(error) {
        Some(Status { code: NOT_FOUND, .. }) if kind.is_custom() => {
            format!("the API server has no {kind}: install the CustomResourceDefinitions of irsa-audit")
        }
        Some(Status {
            code: FORBIDDEN,
            message,
            ..
        }) => {
            format!("{}: grant `list` and `watch` in all namespaces", reveal(message))
        }
        _ => told(error),
    }
}

/// What failed, in the API server's words, safe to show.
pub(crate) fn told(error: &watcher::Error) -> String {
    match status(error) {
        Some(Status { code, message, .. }) => format!("the API server answered {code}: {}", reveal(message)),
        None => reveal(&with_root_cause(error)),
    }
}

/// What a failed list call means, and the way out, safe to show.
pub(crate) fn explain_list(kind: Kind, error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == FORBIDDEN => {
            format!("{}: grant `list` on it", reveal(&status.message))
        }
        kube::Error::Api(status) if status.code == GONE => {
            format!("the list of {kind} took too long to read: try again")
        }
        kube::Error::Api(status) => {
            format!(
                "the API server answered {}: {}",
                status.code,
                reveal(&status.message)
            )
        }
        error => reveal(&with_root_cause(error)),
    }
}

/// Whether a watch must begin anew with a listing, and does not do so by itself: it continues where it was when its call is
/// answered with `410 Gone`, when the kind was removed meanwhile, and after a line that it could not decode, the change in it being lost.
pub(crate) fn has_lost_its_place(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchStartFailed(_) | watcher::Error::WatchFailed(_) => {
            is_unreadable(error)
                || status(error).is_some_and(|status| matches!(status.code, GONE | NOT_FOUND))
        }
        _ => false,
    }
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
pub(crate) fn with_root_cause(error: &dyn Error) -> String {
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
