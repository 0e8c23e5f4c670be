//! An event stream after its head: a socket and a body, without hyper and its buffers between them.
//!
//! Most connections of a hypermedia application are streams in which nothing happens for a long time. hyper keeps
//! some 16 KiB of buffers for the next request, which an open stream never reads.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{body::Body, response::Response};
use http::{HeaderMap, Method, Request, StatusCode, Version, header};
use http_body::Body as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    Shutdown, answer_head, chunk::Outgoing, shutdown::Stage, socket::Socket, stall::Stall,
};
use crate::content_type::ContentType;
#[cfg(feature = "sse")]
use crate::sse::Revocation;

/// What the kernel keeps for a client that takes nothing; it doubles the number for its own bookkeeping.
const SEND_BUFFER: usize = 64 * 1024;

/// How long the kernel sends the same again to a client that does not say that it got it. Who is out of reach for
/// less than that goes on where it was; who has lost its network is not taken for present for a quarter of an hour.
const SILENCE: Duration = Duration::from_secs(60);

/// Where an event stream is put, so that the connection goes on with it and without hyper.
#[derive(Debug, Default)]
pub(super) struct Handover {
    response: Mutex<Option<Response>>,
    /// Whether there is one, which is looked at after every request.
    is_full: AtomicBool,
    /// Whether answers of before still wait inside hyper.
    is_blocked: AtomicBool,
}

impl Handover {
    /// Tells whether all that hyper has written is on its way.
    pub(super) fn allow(&self, flushed: bool) {
        self.is_blocked.store(!flushed, Ordering::Relaxed);
    }

    /// Whether nothing but the answer to this request would be left to be sent.
    pub(super) fn may_take_answer_to<B: http_body::Body>(request: &Request<B>) -> bool {
        request.method() == Method::GET
            && request.version() == Version::HTTP_11
            && request.body().is_end_stream()
            && !request.headers().contains_key(header::UPGRADE)
    }

    /// Takes an event stream, and gives any other answer back.
    pub(super) fn take(&self, response: Response) -> Option<Response> {
        // Nearly every answer; hyper will write its length.
        if response.body().size_hint().exact().is_some() {
            return Some(response);
        }
        let framed = [
            header::CONNECTION,
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
        ];
        if response.status() != StatusCode::OK
            || ContentType::of(response.headers()) != ContentType::EventStream
            || framed
                .iter()
                .any(|name| response.headers().contains_key(name))
            || self.is_blocked.load(Ordering::Relaxed)
        {
            return Some(response);
        }
        *self.slot() = Some(response);
        self.is_full.store(true, Ordering::Release);
        None
    }

    /// The event stream, once it is there.
    pub(super) fn take_response(&self) -> Option<Response> {
        let is_full = self.is_full.load(Ordering::Acquire);
        is_full.then(|| self.slot().take()).flatten()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Response>> {
        self.response.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes an event stream until it or its client is over.
pub(super) struct EventStream {
    stream: Socket,
    body: Body,
    outgoing: Outgoing,
    ended: bool,
    stall: Stall,
    forced: Stage,
    #[cfg(feature = "sse")]
    revocation: Option<Revocation>,
}

impl EventStream {
    pub(super) fn new(stream: Socket, response: Response, shutdown: &Shutdown) -> Self {
        // Otherwise the kernel keeps megabytes for somebody who reads nothing.
        stream.limit_send_buffer(SEND_BUFFER);
        stream.limit_silence(SILENCE);
        let (head, body) = response.into_parts();
        Self {
            stream,
            body,
            outgoing: Outgoing::raw(write_head(&head.headers)),
            ended: false,
            stall: Stall::default(),
            forced: shutdown.is_forced(),
            #[cfg(feature = "sse")]
            revocation: head.extensions.get::<Revocation>().cloned(),
        }
    }

    /// Waits until the client closes; what it sends meanwhile is nothing to us.
    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 256];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }

    /// Writes what is there; fails when the client is gone or takes nothing.
    fn poll_written(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let Poll::Ready(written) = self.outgoing.poll_write(&mut self.stream, context) else {
                return self.poll_stall(context);
            };
            let written = written?;
            self.outgoing.advance(written);
            self.stall.took(written, false);
        }
        // TLS holds back what the kernel did not take at once.
        let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(context) else {
            return self.poll_stall(context);
        };
        self.stall.took(0, true);
        Poll::Ready(flushed)
    }

    /// Says goodbye as TCP and TLS do it; fails when the client takes nothing.
    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(context) {
            Poll::Pending => self.poll_stall(context),
            shut => shut,
        }
    }

    /// Waits for a client no longer than it may stall.
    fn poll_stall(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.stall.poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Whether something waits for the client that it may not have any more. Then the connection is reset, and with
    /// it goes what the kernel keeps for the client.
    #[cfg(feature = "sse")]
    fn poll_revoked(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(revocation) = self.revocation.as_mut().filter(|_| self.stall.is_running()) else {
            return Poll::Pending;
        };
        ready!(Pin::new(revocation).poll(context));
        self.stream.reset_at_close();
        Poll::Ready(())
    }

    /// Fetches more to write; fails when the body does.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        self.outgoing = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            None => {
                self.ended = true;
                Outgoing::last()
            }
            Some(frame) => match frame?.into_data() {
                Ok(data) => Outgoing::chunk(data),
                Err(_trailers) => Outgoing::default(),
            },
        };
        Poll::Ready(Ok(()))
    }
}

impl Future for EventStream {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.forced.poll(context).is_ready() || this.poll_closed(context).is_ready() {
            return Poll::Ready(());
        }
        loop {
            #[cfg(feature = "sse")]
            if this.poll_revoked(context).is_ready() {
                return Poll::Ready(());
            }
            let written = this.poll_written(context);
            // Who has just begun to stall waits for this too.
            #[cfg(feature = "sse")]
            if written.is_pending() && this.poll_revoked(context).is_ready() {
                return Poll::Ready(());
            }
            if let Err(error) = ready!(written) {
                tracing::debug!(%error, "event stream ended early");
                return Poll::Ready(());
            }
            if this.ended {
                return this.poll_shutdown(context).map(drop);
            }
            if let Err(error) = ready!(this.poll_more(context)) {
                tracing::debug!(%error, "event stream ended early");
                return Poll::Ready(());
            }
        }
    }
}

/// The head of the answer; the connection closes with the stream.
fn write_head(headers: &HeaderMap) -> Vec<u8> {
    let mut head = answer_head::begin(StatusCode::OK, headers);
    answer_head::push(&mut head, "transfer-encoding", b"chunked");
    head.extend_from_slice(b"\r\n");
    head
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use futures_util::stream;
    use http::HeaderName;
    use tokio::{
        net::{TcpListener, TcpStream},
        time::Instant,
    };

    use super::{super::stall, *};

    fn response(headers: &[(HeaderName, &'static str)]) -> Response {
        let endless = stream::pending::<Result<Bytes, Infallible>>();
        let mut response = Response::new(Body::from_stream(endless));
        for (name, value) in headers {
            let value = http::HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }

    #[test]
    fn only_an_event_stream_without_a_framing_of_its_own_is_taken() {
        let handover = Handover::default();
        let stream = (header::CONTENT_TYPE, "text/event-stream");
        let html = (header::CONTENT_TYPE, "text/html");
        assert!(handover.take(response(&[html])).is_some());
        let length = (header::CONTENT_LENGTH, "0");
        assert!(handover.take(response(&[stream.clone(), length])).is_some());
        let whole = response(std::slice::from_ref(&stream)).map(|_| Body::from("data: all\n\n"));
        assert!(handover.take(whole).is_some());
        assert!(handover.take(response(&[stream])).is_none());
        assert!(handover.take_response().is_some());
        assert!(handover.take_response().is_none());
    }

    #[test]
    fn nothing_is_taken_while_answers_of_before_wait() {
        let handover = Handover::default();
        let stream = || response(&[(header::CONTENT_TYPE, "text/event-stream")]);
        handover.allow(false);
        assert!(handover.take(stream()).is_some());
        handover.allow(true);
        assert!(handover.take(stream()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let flood = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![b'x'; 10_000])));
        let response = Response::new(Body::from_stream(flood));
        let begun = Instant::now();
        EventStream::new(Socket::Tcp(socket), response, &Shutdown::default()).await;
        assert!(begun.elapsed() >= stall::LIMIT);
        drop(client);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn who_has_lost_its_network_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let response = Response::new(Body::empty());
        let stream = EventStream::new(Socket::Tcp(socket), response, &Shutdown::default());
        let Socket::Tcp(socket) = &stream.stream else {
            panic!("another socket");
        };
        let limit = socket2::SockRef::from(socket).tcp_user_timeout();
        assert_eq!(limit.unwrap(), Some(SILENCE));
        drop(client);
    }

    #[cfg(feature = "sse")]
    #[tokio::test]
    async fn who_stalls_gets_nothing_more_once_it_is_revoked() {
        use axum::response::IntoResponse;
        use tokio::io::AsyncReadExt;

        use crate::sse::{BroadcastMessage, LastEventId, SseBroadcaster};

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = tokio::net::TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(4096).unwrap();
        let client = client.connect(listener.local_addr().unwrap());
        let mut client = client.await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let broadcaster = SseBroadcaster::new();
        let (revoke, revoked) = tokio::sync::oneshot::channel::<()>();
        let response = broadcaster
            .stream("t", LastEventId::default())
            .until(async move { drop(revoked.await) })
            .into_response();
        for _ in 0..20 {
            let secret = "x".repeat(50_000);
            broadcaster.publish("t", BroadcastMessage::new(secret));
        }
        let socket = Socket::Tcp(socket);
        let stream = EventStream::new(socket, response, &Shutdown::default());
        let stream = tokio::spawn(stream);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!stream.is_finished(), "it waits for the client");
        revoke.send(()).unwrap();
        let ended = tokio::time::timeout(stall::LIMIT / 2, stream).await;
        ended.expect("it ends at once").unwrap();
        let mut got = Vec::new();
        assert!(client.read_to_end(&mut got).await.is_err(), "a clean end");
        assert!(got.len() < SEND_BUFFER, "{} bytes", got.len());
    }
}
