//! The calls that a proxy has seen.

use std::time::Instant;

use http::{Method, Request};

/// A call that came to the proxy.
#[derive(Debug, Clone)]
pub struct SeenCall {
    /// When it came.
    pub at: Instant,
    /// Its HTTP method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// It asks to watch.
    pub is_watch: bool,
    /// The status by which the API server answered, and when; none where the call did not reach it or is not answered yet. Whether the
    /// client got that answer depends on the faults.
    pub answered: Option<(u16, Instant)>,
}

impl SeenCall {
    pub(super) fn new<B>(request: &Request<B>) -> Self {
        let uri = request.uri();
        let query = uri.query().unwrap_or_default();
        Self {
            at: Instant::now(),
            method: request.method().clone(),
            path: uri.path().to_owned(),
            is_watch: query
                .split('&')
                .any(|pair| pair == "watch=true" || pair == "watch=1"),
            answered: None,
        }
    }

    /// Whether it is to change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.method != Method::GET
    }
}
