//! A socket that does not wait for ever.

use std::{
    cell::Cell,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    complaint,
    deadline::Deadline,
    heads::Awaited,
    idle::Idle,
    preface::{Preface, Version},
    shared::Shared,
    socket::Socket,
};

/// A client that takes nothing for this long is given up, and so is one that takes longer for the last that TLS holds.
const WRITE_STALL: Duration = Duration::from_secs(30);

/// How long a client may go on sending what nobody reads any more.
const LINGER: Duration = Duration::from_secs(2);

/// An answer up to this length goes to the kernel in one piece, which is quicker than two.
const TOGETHER: usize = 4 * 1024;

fn length(slices: &[IoSlice<'_>]) -> usize {
    slices.iter().map(|slice| slice.len()).sum()
}

/// Puts slices into one, in a place that the next answer of this thread uses too.
fn together<T>(slices: &[IoSlice<'_>], write: impl FnOnce(&[u8]) -> T) -> T {
    thread_local! {
        static PLACE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut bytes = PLACE.take();
    for slice in slices {
        bytes.extend_from_slice(slice);
    }
    let result = write(&bytes);
    bytes.clear();
    PLACE.set(bytes);
    result
}

/// A socket with a time limit for heads that do not come and for answers that are not taken.
pub(super) struct Wire {
    stream: Socket,
    preface: Preface,
    shared: Arc<Shared>,
    head_timeout: Duration,
    keep_alive: Duration,
    head: Deadline,
    idle: Idle,
    write: Deadline,
    linger: Deadline,
    /// What hyper wanted to say about a head that it cannot read.
    complaint: Option<StatusCode>,
    /// More of what was refused may be on its way.
    is_refused: bool,
}

impl Wire {
    pub(super) fn new(
        stream: Socket,
        shared: Arc<Shared>,
        head_timeout: Duration,
        keep_alive: Duration,
    ) -> Self {
        Self {
            stream,
            preface: Preface::default(),
            shared,
            head_timeout,
            keep_alive,
            head: Deadline::default(),
            idle: Idle::default(),
            write: Deadline::default(),
            linger: Deadline::default(),
            complaint: None,
            is_refused: false,
        }
    }

    /// Whether hyper need not read to find out that the client has closed.
    ///
    /// It would take new memory for each such read, because the request still holds the old.
    pub(super) fn can_tell_closed(&self) -> bool {
        self.stream.can_tell_closed()
    }

    pub(super) fn into_stream(self) -> Socket {
        self.stream
    }

    /// The status with which the service answers a head that hyper could not read.
    pub(super) fn take_complaint(&mut self) -> Option<StatusCode> {
        let complaint = self.complaint.take();
        self.is_refused = complaint.is_some();
        complaint
    }

    /// Keeps back what hyper says by itself, which it says only where a head is not complete.
    fn keep_back(&mut self, bytes: &[u8]) -> bool {
        let complaint =
            complaint::status(bytes).filter(|_| self.shared.heads.awaited() == Awaited::Head);
        self.complaint = complaint.or(self.complaint);
        complaint.is_some()
    }

    /// Reads until it is clear which HTTP the client speaks; what was read is kept for whoever answers it.
    pub(super) fn poll_version(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Version>> {
        loop {
            if let Some(version) = self.preface.version() {
                return Poll::Ready(Ok(version));
            }
            match self.preface.poll_fill(&mut self.stream, cx) {
                Poll::Ready(result) => result?,
                Poll::Pending => {
                    ready!(self.head.poll(cx, self.head_timeout));
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
    }

    /// Drops what the client still sends, until it closes too.
    ///
    /// A socket closed over unread bytes is reset, and the client would lose the end of its answer.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 4096];
        loop {
            if self.linger.poll(cx, LINGER).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut space);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }

    /// Whether the client has sent more than was asked for, in HTTP/1.
    fn has_more(&self) -> bool {
        let heads = &self.shared.heads;
        heads.is_in_body() || (heads.awaited() != Awaited::Anything && self.stream.has_unread())
    }

    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            if self.write.is_running() {
                self.shared.handover.allow(true);
            }
            self.write.stop();
            return result;
        }
        self.shared.handover.allow(false);
        ready!(self.write.poll(cx, WRITE_STALL));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = if this.preface.take(buffer) {
            // The rest is most often there, and saves hyper a turn; an error comes again.
            let _ = Pin::new(&mut this.stream).poll_read(cx, buffer);
            Poll::Ready(Ok(()))
        } else {
            Pin::new(&mut this.stream).poll_read(cx, buffer)
        };
        if let Poll::Ready(result) = read {
            this.shared.heads.record(&buffer.filled()[before..]);
            this.idle.interrupt();
            return Poll::Ready(result);
        }
        let awaited = this.shared.heads.awaited();
        if awaited == Awaited::Head {
            // The time of the one before is over.
            if this.shared.heads.take_admitted() {
                this.head.stop();
            }
            // Bytes that drip in do not prolong it.
            ready!(this.head.poll(cx, this.head_timeout));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        this.head.stop();
        if awaited == Awaited::Anything {
            return Poll::Pending;
        }
        // hyper has the answer to its end, and the client may not.
        let is_idle = awaited == Awaited::Request && !this.write.is_running();
        // Nothing more is read, as if the client had closed.
        this.idle.poll(cx, this.keep_alive, is_idle).map(Ok)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.keep_back(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [bytes] = slices
            && self.keep_back(bytes)
        {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = match slices {
            [_, _, ..] if length(slices) <= TOGETHER => together(slices, |bytes| {
                Pin::new(&mut self.stream).poll_write(cx, bytes)
            }),
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, slices),
        };
        self.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper comes here whenever it has nothing to write, so also while the answer is not there yet.
        if self.shared.heads.is_only_answering() && self.stream.poll_closed(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        // TLS takes more than the kernel does, and waits here.
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.complaint.is_some() {
            // There is something to say before.
            return Poll::Ready(Ok(()));
        }
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        ready!(self.written(cx, result))?;
        // What was read once is not seen again, so a drain that has begun goes on.
        let drains = self.is_refused || self.linger.is_running() || self.has_more();
        if drains {
            ready!(self.poll_drain(cx));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
#[cfg(feature = "tls")]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::AsyncWriteExt,
        net::{TcpListener, TcpStream},
        time::{Instant, timeout},
    };
    use tokio_rustls::{
        TlsAcceptor, TlsConnector,
        rustls::{
            ClientConfig, RootCertStore, ServerConfig,
            pki_types::{PrivateKeyDer, ServerName},
        },
    };

    use super::*;

    /// Both ends of a connection by TLS.
    async fn pair() -> (Wire, tokio_rustls::client::TlsStream<TcpStream>) {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = issued.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let key = PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into());
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap());
        let (stream, accepted) = tokio::join!(stream, listener.accept());
        let socket = Socket::Tcp(accepted.unwrap().0);
        let name = ServerName::try_from("localhost").unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let connector = TlsConnector::from(Arc::new(client));
        let (server, client) = tokio::join!(
            acceptor.accept(socket),
            connector.connect(name, stream.unwrap())
        );
        let socket = Socket::Tls(Box::new(server.unwrap()));
        let patience = Duration::from_secs(10);
        let wire = Wire::new(socket, Arc::default(), patience, patience);
        (wire, client.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_the_last_of_an_answer_by_tls_no_more_is_given_up() {
        for ends in [false, true] {
            let (mut wire, client) = pair().await;
            let moment = Duration::from_millis(1);
            while timeout(moment, wire.flush()).await.is_ok() {
                assert!(wire.write(&[0; 16 * 1024]).await.unwrap() > 0);
            }
            // TLS alone holds what is left.
            wire.write.stop();
            let begun = Instant::now();
            let end = async {
                match ends {
                    false => wire.flush().await,
                    true => wire.shutdown().await,
                }
            };
            let end = timeout(WRITE_STALL * 2, end).await.expect("it ends");
            assert_eq!(end.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert!(begun.elapsed() >= WRITE_STALL);
            drop(client);
        }
    }
}
