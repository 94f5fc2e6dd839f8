//! The HTTP server: reads a request, lets the world answer it, plays the faults.

use crate::calls::Outcome;
use crate::denial;
use crate::error::ServiceError;
use crate::fault::Effect;
use crate::incoming::Incoming;
use crate::reply;
use crate::world::{Admitted, World};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::serve::ListenerExt as _;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What the server and its owner share.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    /// Ticks with every call.
    pub(crate) arrivals: watch::Sender<()>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            world: Mutex::default(),
            arrivals: watch::Sender::default(),
        }
    }

    /// The world; a test that panicked while it held it does not matter to the others.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What every request handler has.
#[derive(Clone)]
struct Handler {
    shared: Arc<Shared>,
    /// Closed when the server stops.
    running: watch::Receiver<()>,
}

/// Serves on `listener` until the other end of `running` is gone.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    running: watch::Receiver<()>,
) -> io::Result<()> {
    // Answers are small and callers wait for them.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let handler = Handler {
        shared,
        running: running.clone(),
    };
    let router = Router::new().fallback(answer).with_state(handler);
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped(running))
        .await
}

async fn stopped(mut running: watch::Receiver<()>) {
    while running.changed().await.is_ok() {}
}

async fn answer(State(handler): State<Handler>, request: Request) -> Response<Body> {
    let Some(incoming) = Incoming::read(request).await else {
        return reply::dropped();
    };
    // Logged and answered in one go, so that nobody sees a call without its outcome unless it is held back.
    let progress = {
        let mut world = handler.shared.world();
        let admitted = world.admit(&incoming);
        if admitted.latency.is_zero() {
            Ok(conclude(&mut world, &incoming, admitted))
        } else {
            Err(admitted)
        }
    };
    handler.shared.arrivals.send_replace(());
    let response = match progress {
        Ok(response) => response,
        Err(admitted) => tokio::select! {
            () = tokio::time::sleep(admitted.latency) => {
                conclude(&mut handler.shared.world(), &incoming, admitted)
            }
            () = stopped(handler.running.clone()) => None,
        },
    };
    if let Some(response) = response {
        return response;
    }
    stopped(handler.running).await;
    reply::dropped()
}

/// Performs a call, or what a fault does in its stead, and logs the outcome; `None` is no answer, ever.
fn conclude(world: &mut World, incoming: &Incoming, admitted: Admitted) -> Option<Response<Body>> {
    let request_id = world.ids.request();
    let result = match admitted.effect {
        None => world.perform(incoming, admitted.caller),
        Some(Effect::Throttle) => Err(ServiceError::throttled(incoming.service)),
        Some(Effect::AccessDenied) => Err(denial::error(incoming, admitted.caller.ok().as_ref())),
        Some(Effect::ExpiredToken) => Err(ServiceError::expired_token(incoming.service)),
        Some(Effect::Error {
            status,
            code,
            message,
        }) => Err(ServiceError {
            status,
            code,
            message,
        }),
        Some(Effect::Hang) => {
            world.calls.conclude(admitted.id, Outcome::Hung);
            return None;
        }
        Some(Effect::DropConnection) => {
            world.calls.conclude(admitted.id, Outcome::Dropped);
            return Some(reply::dropped());
        }
        Some(Effect::GarbageBody) => {
            world.calls.conclude(admitted.id, Outcome::Garbage);
            return Some(reply::garbage(&request_id));
        }
    };
    let (outcome, response) = match result {
        Ok(answer) => (
            Outcome::Success,
            reply::success(incoming.service, &incoming.operation, &request_id, answer),
        ),
        Err(error) => {
            let response = reply::failure(incoming.service, &request_id, &error);
            (
                Outcome::Error {
                    status: error.status,
                    code: error.code,
                },
                response,
            )
        }
    };
    world.calls.conclude(admitted.id, outcome);
    Some(response)
}
