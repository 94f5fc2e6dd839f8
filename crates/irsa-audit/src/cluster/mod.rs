//! What the operator and the one-shot commands ask of the API server beside their watches and lists.

mod connection;
mod ending;
mod pace;

pub mod issuer;
pub mod review;
pub mod workload;

pub use connection::{ConnectionArgs, ConnectionError};
pub use ending::Ending;

/// An error and its causes, safe to show. What the API server answered is shown in its own words, without the rest of the answer.
pub fn shown(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(kube::Error::Api(status)) = error.downcast_ref()
        && !status.message.is_empty()
    {
        return audit_core::text::reveal(&status.message);
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    audit_core::text::reveal(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_shown_with_its_causes_and_without_control_characters() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        let error = Outer(std::io::Error::other("inner\u{1b}[31m"));
        assert_eq!(shown(&error), "outer: inner\\u{1b}[31m");
    }

    #[test]
    fn what_the_api_server_says_is_shown_alone() {
        let status = kube::core::Status::failure("jane cannot get pods", "Forbidden").with_code(403);
        assert_eq!(shown(&kube::Error::Api(status.boxed())), "jane cannot get pods");
    }
}
