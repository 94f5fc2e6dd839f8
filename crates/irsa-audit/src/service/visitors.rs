//! Connections to the endpoints: so many of one address, and each for a while. Any pod may reach the port where no policy of the network
//! keeps it out, and a connection that reads nothing of its answer holds it in memory.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

/// Connections of one address at once. A kubelet has one or two, and so has Prometheus.
const OF_ONE: usize = 16;

/// How long a connection may stay: Prometheus gives up a scrape after ten seconds, and opens another connection for the next one.
const STAY: Duration = Duration::from_secs(10);

/// How many connections each address has.
type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A listener that turns away an address that has too many connections.
pub struct Visitors {
    listener: TcpListener,
    counts: Counts,
}

impl Visitors {
    /// Those who come to a listener.
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            counts: Counts::default(),
        }
    }

    fn admit(&self, address: IpAddr) -> Option<Admission> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= OF_ONE {
            return None;
        }
        *count += 1;
        Some(Admission {
            address,
            counts: Arc::clone(&self.counts),
        })
    }
}

impl Listener for Visitors {
    type Io = Visitor;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visitor, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            if let Some(admission) = self.admit(address.ip().to_canonical()) {
                let visitor = Visitor {
                    stream,
                    end: Box::pin(sleep(STAY)),
                    _admission: admission,
                };
                return (visitor, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Counts as one connection of an address until it is dropped.
struct Admission {
    address: IpAddr,
    counts: Counts,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// A connection that ends after [`STAY`].
pub struct Visitor {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _admission: Admission,
}

impl Visitor {
    /// Goes on with the stream, or fails when the time is over.
    fn poll<T>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        go_on: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(result) = go_on(Pin::new(&mut self.stream), context) {
            return Poll::Ready(result);
        }
        ready!(self.end.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Visitor {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll(context, |stream, context| stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Visitor {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(context, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(context, AsyncWrite::poll_shutdown)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::{Instant, timeout};

    use super::*;

    /// Serves a long text.
    async fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "x".repeat(64 << 20) }));
        tokio::spawn(async move { axum::serve(Visitors::new(listener), router).await });
        address
    }

    async fn begin(address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // One that is turned away may be closed before this is written.
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        stream
    }

    async fn is_answered(stream: &mut TcpStream) -> bool {
        stream.read(&mut [0; 16]).await.is_ok_and(|count| count > 0)
    }

    #[tokio::test]
    async fn an_address_with_many_connections_gets_no_more_until_one_ends() {
        let address = server().await;
        let mut streams = Vec::new();
        for _ in 0..OF_ONE {
            let mut stream = begin(address).await;
            assert!(is_answered(&mut stream).await);
            streams.push(stream);
        }
        assert!(!is_answered(&mut begin(address).await).await);
        streams.pop();
        let again = async { while !is_answered(&mut begin(address).await).await {} };
        timeout(STAY / 2, again).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_read_the_answer_or_asks_for_nothing_has_to_go() {
        let address = server().await;
        let begun = Instant::now();
        let mut slow = begin(address).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        assert!(is_answered(&mut slow).await);
        // The one is not read from until its time is over.
        assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
        assert!(begun.elapsed() >= STAY);
        tokio::time::sleep(STAY).await;
        let mut rest = Vec::new();
        let _ = slow.read_to_end(&mut rest).await;
        assert!(rest.len() < 64 << 20, "the answer was cut");
    }
}
