//! One call on its way through the proxy.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::stream;
use http::{Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use kube::Client;
use kube::client::Body;
use tokio::sync::watch;

use super::Shared;
use super::call::SeenCall;
use super::fault::{Effect, ProxyFault};

type BoxError = Box<dyn Error + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// What no decoder of JSON reads.
const GARBAGE: &[u8] = b"{\"type\": \x01garbage\n";

/// The way that a call, or what comes of it, goes through the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

/// The faults in force that may apply to one call.
struct Faults {
    all: watch::Receiver<Vec<ProxyFault>>,
    call: SeenCall,
    /// Which call it is, counted over all calls.
    number: u64,
}

impl Faults {
    fn effect(&self) -> Option<Effect> {
        let applies =
            |fault: &&ProxyFault| fault.calls.include(&self.call) && self.number.is_multiple_of(fault.one_in);
        self.all.borrow().iter().find(applies).map(|fault| fault.effect)
    }

    /// Waits while nothing may move. Returns the effect in force then.
    async fn thawed(&mut self, way: Way) -> Option<Effect> {
        loop {
            let effect = self.effect();
            match effect {
                Some(Effect::Freeze) => {
                    if self.all.changed().await.is_err() {
                        return std::future::pending().await;
                    }
                }
                Some(Effect::Swallow) => return std::future::pending().await,
                Some(Effect::Mute) if way == Way::ToClient => return std::future::pending().await,
                effect => return effect,
            }
        }
    }
}

/// Carries a call out, or does what the faults say. An error closes the connection.
pub(super) async fn carry(
    request: Request<Incoming>,
    client: Client,
    shared: Arc<Shared>,
) -> Result<Answer, BoxError> {
    let call = SeenCall::new(&request);
    let index = shared.calls(|calls| {
        calls.push(call.clone());
        calls.len() - 1
    });
    let mut faults = Faults {
        all: shared.faults.subscribe(),
        call,
        number: u64::try_from(index).unwrap_or_default(),
    };
    let effect = faults.thawed(Way::ToServer).await;
    match effect {
        Some(Effect::Refuse) => return Err("refused by the proxy".into()),
        Some(Effect::Answer { status, retry_after }) => return instead(status, retry_after),
        Some(Effect::Garbage) => return Ok(Response::new(whole(GARBAGE))),
        _ => {}
    }
    let delay = match effect {
        Some(Effect::Delay(delay)) => delay,
        _ => Duration::ZERO,
    };
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let request = Request::from_parts(parts, Body::from(body));
    // A task of its own: the request arrives, whether the client waits for it or not.
    let answer = tokio::spawn(deliver(request, delay, client, shared, index)).await??;
    if effect == Some(Effect::Lose) {
        return Err("lost by the proxy".into());
    }
    // The API server may have answered while everything stood still.
    faults.thawed(Way::ToClient).await;
    Ok(answer.map(|body| body_with_faults(body, faults)))
}

/// Sends a request on, and takes note of the answer.
async fn deliver(
    request: Request<Body>,
    delay: Duration,
    client: Client,
    shared: Arc<Shared>,
    index: usize,
) -> kube::Result<Response<Body>> {
    shared.under_way.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(delay).await;
    let answer = client.send(request).await;
    shared.under_way.fetch_sub(1, Ordering::Relaxed);
    if let Ok(answer) = &answer {
        let status = answer.status().as_u16();
        shared.calls(|calls| {
            if let Some(call) = calls.get_mut(index) {
                call.answered = Some((status, Instant::now()));
            }
        });
    }
    answer
}

/// The body as it comes, except for what faults do to it meanwhile.
fn body_with_faults(body: Body, faults: Faults) -> UnsyncBoxBody<Bytes, BoxError> {
    let frames = stream::unfold((body, faults), |(mut body, mut faults)| async {
        let frame = body.frame().await?;
        let frame = match faults.thawed(Way::ToClient).await {
            Some(Effect::Garbage) if faults.call.is_watch => Ok(Frame::data(Bytes::from_static(GARBAGE))),
            Some(Effect::Refuse) => Err("cut by the proxy".into()),
            _ => frame.map_err(BoxError::from),
        };
        Some((frame, (body, faults)))
    });
    StreamBody::new(frames).boxed_unsync()
}

fn instead(status: u16, retry_after: Option<u32>) -> Result<Answer, BoxError> {
    let mut answer = Response::builder().status(status);
    if let Some(seconds) = retry_after {
        answer = answer.header(header::RETRY_AFTER, seconds);
    }
    Ok(answer.body(whole(b"by the proxy"))?)
}

fn whole(text: &'static [u8]) -> UnsyncBoxBody<Bytes, BoxError> {
    let body = Full::new(Bytes::from_static(text));
    body.map_err(|never: Infallible| match never {}).boxed_unsync()
}
