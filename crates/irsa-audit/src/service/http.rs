//! `/metrics`, `/healthz` and `/readyz`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{Encoder as _, Registry, TextEncoder};
use tokio::net::TcpListener;

use super::ServiceError;

/// What gives the text that Prometheus reads.
pub trait MetricsText: Send + Sync + 'static {
    /// All metrics in the text format.
    fn encode(&self) -> Vec<u8>;
}

/// The metrics of a registry in the text format.
#[must_use]
pub fn text(registry: &Registry) -> Vec<u8> {
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&registry.gather(), &mut text) {
        tracing::error!(%error, "metrics could not be encoded");
    }
    text
}

/// What the endpoints show.
#[derive(Clone)]
pub struct Shown {
    /// The metrics.
    pub metrics: Arc<dyn MetricsText>,
    /// The program has what it needs to work; whether this replica leads does not matter.
    pub ready: Arc<AtomicBool>,
    /// What `/readyz` says until then.
    pub not_ready: &'static str,
}

/// Takes the address. All addresses means those of IPv4 as well, and those alone where there is no IPv6.
///
/// # Errors
/// When it is taken, or not to be had; the message names it.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServiceError> {
    let bound = match TcpListener::bind(address).await {
        Err(_) if address.ip() == Ipv6Addr::UNSPECIFIED => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    };
    bound.map_err(|source| ServiceError::Listen { address, source })
}

/// Serves until `stop` ends. Returns its name if it ends before that.
pub async fn serve(
    listener: TcpListener,
    shown: Shown,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Option<&'static str> {
    if let Err(error) = axum::serve(listener, router(shown))
        .with_graceful_shutdown(stop)
        .await
    {
        tracing::error!(%error, "metrics can be served no more");
        return Some("server of metrics");
    }
    None
}

fn router(shown: Shown) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .with_state(shown)
}

async fn metrics(State(shown): State<Shown>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)],
        shown.metrics.encode(),
    )
}

async fn ready(State(shown): State<Shown>) -> impl IntoResponse {
    if shown.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, shown.not_ready)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    struct Nothing;

    impl MetricsText for Nothing {
        fn encode(&self) -> Vec<u8> {
            text(&Registry::new())
        }
    }

    async fn ask(shown: &Shown, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(shown.clone()).oneshot(request).await.unwrap();
        let kind = response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .to_owned();
        (response.status(), kind)
    }

    #[tokio::test]
    async fn readiness_waits_for_the_watches_and_liveness_does_not() {
        let shown = Shown {
            metrics: Arc::new(Nothing),
            ready: Arc::new(AtomicBool::new(false)),
            not_ready: "not yet",
        };
        assert_eq!(ask(&shown, "/healthz").await.0, StatusCode::OK);
        assert_eq!(ask(&shown, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        shown.ready.store(true, Ordering::Relaxed);
        assert_eq!(ask(&shown, "/readyz").await.0, StatusCode::OK);
        assert_eq!(
            ask(&shown, "/metrics").await,
            (StatusCode::OK, prometheus::TEXT_FORMAT.to_owned())
        );
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named() {
        let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(address).await.unwrap_err();
        assert!(
            error.is_usage() && error.to_string().contains(&address.to_string()),
            "{error}"
        );
    }

    #[tokio::test]
    async fn all_addresses_are_those_of_ipv4_as_well() {
        let listener = bind("[::]:0".parse().unwrap()).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
    }
}
