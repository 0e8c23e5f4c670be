//! One socket that listens.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    task::{Context, Poll},
};

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use super::BACKLOG;
use crate::server::socket::Socket;

/// Who connects to a Unix socket has no address, and is on this machine.
const THIS_MACHINE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A connection, and who is at its other end.
pub(super) type Accepted = (Socket, SocketAddr);

#[derive(Debug)]
pub(super) enum Source {
    Tcp(TcpListener),
    /// With the file, where it is ours.
    #[cfg(unix)]
    Unix(UnixListener, Option<super::unix::SocketFile>),
}

impl Source {
    /// Where TCP clients connect to.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr(),
            #[cfg(unix)]
            Self::Unix(..) => Ok(THIS_MACHINE),
        }
    }

    /// As the log names it.
    pub(super) fn named(&self, scheme: &str) -> String {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => format!("{scheme}://{address}"),
                Err(_) => scheme.to_owned(),
            },
            #[cfg(unix)]
            Self::Unix(listener, _) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                format!("unix:{}", path.unwrap_or("".as_ref()).display())
            }
        }
    }

    /// The next connection.
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self {
            Self::Tcp(listener) => listener
                .poll_accept(cx)
                .map_ok(|(stream, peer)| (Socket::Tcp(stream), peer)),
            #[cfg(unix)]
            Self::Unix(listener, _) => listener
                .poll_accept(cx)
                .map_ok(|(stream, _)| (Socket::Unix(stream), THIS_MACHINE)),
        }
    }

    /// Stops listening; gives those who have connected already and were not accepted yet.
    ///
    /// The kernel would reset them together with the socket. It is asked directly, because tokio knows of a new
    /// connection only after its next turn.
    pub(super) fn close(self, serve: &mut impl FnMut(Socket, SocketAddr)) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => {
                let listener = listener.into_std()?;
                drain(
                    || {
                        let (stream, peer) = listener.accept()?;
                        stream.set_nonblocking(true)?;
                        Ok((Socket::Tcp(stream.try_into()?), peer))
                    },
                    serve,
                )
            }
            #[cfg(unix)]
            Self::Unix(listener, file) => {
                // From here on nobody new finds it.
                drop(file);
                let listener = listener.into_std()?;
                drain(
                    || {
                        let (stream, _) = listener.accept()?;
                        stream.set_nonblocking(true)?;
                        Ok((Socket::Unix(stream.try_into()?), THIS_MACHINE))
                    },
                    serve,
                )
            }
        }
    }
}

/// Accepts until nobody waits any more, or as many as can have waited and as many again have come.
fn drain(
    accept: impl Fn() -> io::Result<Accepted>,
    serve: &mut impl FnMut(Socket, SocketAddr),
) -> io::Result<()> {
    for _ in 0..2 * BACKLOG {
        match accept() {
            Ok((socket, peer)) => serve(socket, peer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // Somebody left while waiting.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
