//! What carries a connection: TCP, a Unix socket, or TLS over one of them.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

/// One type for all of them, so that hyper is compiled once; to tell them apart is one comparison.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::server::TlsStream<Socket>>),
}

impl Socket {
    /// Small answers must not wait for the client's acknowledgement of the one before.
    pub(super) fn send_at_once(&self) {
        match self {
            Self::Tcp(stream) => drop(stream.set_nodelay(true)),
            #[cfg(unix)]
            Self::Unix(_) => {}
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref().0.send_at_once(),
        }
    }

    /// Limits what the kernel keeps for a client that takes nothing.
    pub(super) fn limit_send_buffer(&self, bytes: usize) {
        let _ = match self {
            Self::Tcp(stream) => SockRef::from(stream).set_send_buffer_size(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => SockRef::from(stream).set_send_buffer_size(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => return stream.get_ref().0.limit_send_buffer(bytes),
        };
    }

    /// Ends the connection of a client that does not say for so long that it has got what it was sent, where the kernel
    /// can; it takes a quarter of an hour by itself.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc5482>
    pub(super) fn limit_silence(&self, limit: Duration) {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Tcp(stream) => {
                let _ = SockRef::from(stream).set_tcp_user_timeout(Some(limit));
            }
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            Self::Tcp(_) => {
                let _ = limit;
            }
            #[cfg(unix)]
            Self::Unix(_) => {}
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref().0.limit_silence(limit),
        }
    }

    /// Makes the end of the connection drop what the kernel keeps for the client, where it can be told to.
    #[cfg(feature = "sse")]
    pub(super) fn reset_at_close(&self) {
        let _ = match self {
            Self::Tcp(stream) => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
            #[cfg(unix)]
            Self::Unix(_) => return,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => return stream.get_ref().0.reset_at_close(),
        };
    }

    /// Whether it can be told without reading that the client has closed; what TLS says can only be read.
    pub(super) fn can_tell_closed(&self) -> bool {
        match self {
            Self::Tcp(_) => true,
            #[cfg(unix)]
            Self::Unix(_) => true,
            #[cfg(feature = "tls")]
            Self::Tls(_) => false,
        }
    }

    /// Whether something that the client has sent was not read from the kernel.
    pub(super) fn has_unread(&self) -> bool {
        let unread = match self {
            Self::Tcp(stream) => peek(SockRef::from(stream)),
            #[cfg(unix)]
            Self::Unix(stream) => peek(SockRef::from(stream)),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => return stream.get_ref().0.has_unread(),
        };
        unread.is_ok_and(|count| count > 0)
    }

    /// Ready when the client has closed its side and nothing it sent before is left to be read, of which nothing is taken.
    pub(super) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let unread = match self {
                Self::Tcp(stream) => ready!(stream.poll_read_ready(cx)).and_then(|()| {
                    stream.try_io(Interest::READABLE, || peek(SockRef::from(stream)))
                }),
                #[cfg(unix)]
                Self::Unix(stream) => ready!(stream.poll_read_ready(cx)).and_then(|()| {
                    stream.try_io(Interest::READABLE, || peek(SockRef::from(stream)))
                }),
                #[cfg(feature = "tls")]
                Self::Tls(_) => return Poll::Pending,
            };
            return match unread {
                Ok(0) => Poll::Ready(()),
                Ok(_) => Poll::Pending,
                // It was readable before what was there was read.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => Poll::Ready(()),
            };
        }
    }
}

/// 1 if something is to be read, 0 at the end.
fn peek(socket: SockRef<'_>) -> io::Result<usize> {
    socket.peek(&mut [MaybeUninit::uninit()])
}

/// Calls a method of the stream inside, pinned where it needs to be.
macro_rules! inside {
    ($socket:expr, $stream:ident => $call:expr) => {
        match $socket {
            Socket::Tcp($stream) => $call,
            #[cfg(unix)]
            Socket::Unix($stream) => $call,
            #[cfg(feature = "tls")]
            Socket::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        inside!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        inside!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        inside!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        inside!(self, stream => stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn small_answers_do_not_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let socket = Socket::Tcp(accepted.unwrap().0);
        socket.send_at_once();
        let Socket::Tcp(stream) = socket else {
            unreachable!("it was made as one")
        };
        assert!(stream.nodelay().unwrap());
    }
}
