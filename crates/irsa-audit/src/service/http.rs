//! `/metrics`, `/healthz` and `/readyz`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{Encoder as _, Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio::time::{Duration, Instant};

use super::ServiceError;
use super::visitors::Visitors;

/// How long a text of the metrics is shown: whoever reaches the port may ask as often as they like, and each text takes time in
/// proportion to the bindings.
const KEPT: Duration = Duration::from_millis(250);

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
    if let Err(error) = axum::serve(Visitors::new(listener), router(shown))
        .with_graceful_shutdown(stop)
        .await
    {
        tracing::error!(%error, "metrics can be served no more");
        return Some("server of metrics");
    }
    None
}

fn router(shown: Shown) -> Router {
    let metrics = Arc::new(Scraped {
        metrics: Arc::clone(&shown.metrics),
        latest: Mutex::new(None),
    });
    let metrics =
        get(move || async move { ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], metrics.text()) });
    Router::new()
        .route("/metrics", metrics)
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .with_state(shown)
}

/// The metrics as they are shown: all who ask within a moment get the same text.
struct Scraped {
    metrics: Arc<dyn MetricsText>,
    latest: Mutex<Option<(Instant, Bytes)>>,
}

impl Scraped {
    fn text(&self) -> Bytes {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some((at, text)) if at.elapsed() < KEPT => text.clone(),
            _ => {
                let text = Bytes::from(self.metrics.encode());
                *latest = Some((Instant::now(), text.clone()));
                text
            }
        }
    }
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
    use std::sync::atomic::AtomicUsize;

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

    #[tokio::test(start_paused = true)]
    async fn however_often_somebody_asks_the_metrics_are_written_a_few_times() {
        struct Counted(AtomicUsize);
        impl MetricsText for Counted {
            fn encode(&self) -> Vec<u8> {
                self.0.fetch_add(1, Ordering::Relaxed).to_string().into_bytes()
            }
        }
        let counted = Arc::new(Counted(AtomicUsize::new(0)));
        let router = router(Shown {
            metrics: counted.clone(),
            ready: Arc::new(AtomicBool::new(true)),
            not_ready: "not yet",
        });
        let start = Instant::now();
        let mut last = Vec::new();
        while start.elapsed() < Duration::from_secs(1) {
            let request = Request::get("/metrics").body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            last = axum::body::to_bytes(response.into_body(), 100)
                .await
                .unwrap()
                .to_vec();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let written = counted.0.load(Ordering::Relaxed);
        assert!((3..=5).contains(&written), "{written}");
        assert_eq!(last, (written - 1).to_string().into_bytes());
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
