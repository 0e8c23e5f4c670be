//! Where connections come from: an address, a Unix socket, or sockets that somebody else opened.

#[cfg(unix)]
mod activation;
mod source;
mod tcp;
#[cfg(unix)]
mod unix;

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use super::socket::Socket;
use crate::{Error, Result, service_builder::ServiceConfig};
use source::{Accepted, Source};

pub(crate) use tcp::listen;

/// Connections the kernel completes before we accept them.
///
/// With tokio's 1024 (128 in older kernels' clamp) a thousand browsers that reconnect at once wait 1 to 3 seconds for
/// their second SYN.
const BACKLOG: i32 = 4096;

/// What listens, made from tokio's `TcpListener` or, on Unix, its `UnixListener`.
///
/// See [`ServiceBuilder::with_listener`](crate::ServiceBuilder::with_listener).
#[derive(Debug)]
pub struct Listener {
    first: Source,
    /// More of them, where systemd hands over more than one.
    others: Vec<Source>,
    /// Who is asked first, so that nobody waits behind a busy one.
    turn: AtomicUsize,
}

impl From<Source> for Listener {
    fn from(first: Source) -> Self {
        Self {
            first,
            others: Vec::new(),
            turn: AtomicUsize::new(0),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Source::Tcp(listener).into()
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Source::Unix(listener, None).into()
    }
}

impl Listener {
    /// Takes the sockets that were handed over with the process, or opens one as `[service]` says.
    pub(crate) fn open(config: &ServiceConfig) -> Result<Self> {
        #[cfg(unix)]
        {
            if let Some(listener) = activation::listener()? {
                return Ok(listener);
            }
            if let Some(path) = &config.unix_socket {
                let opened = unix::listen(path, config.unix_socket_mode);
                let (listener, file) = opened.map_err(|source| Error::Listen {
                    address: format!("unix:{}", path.display()),
                    source,
                })?;
                return Ok(Source::Unix(listener, Some(file)).into());
            }
        }
        let opened = listen(config.bind).map(Self::from);
        opened.map_err(|source| Error::Listen {
            address: config.bind.to_string(),
            source,
        })
    }

    fn sources(&self) -> impl Iterator<Item = &Source> + Clone {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Where TCP clients connect to, first of all.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.first.address()
    }

    /// As the log names it.
    pub(super) fn named(&self, scheme: &str) -> String {
        let names: Vec<_> = self.sources().map(|source| source.named(scheme)).collect();
        names.join(" and ")
    }

    /// The next connection and who is at its other end.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % (1 + self.others.len());
        let in_turn = self
            .sources()
            .cycle()
            .skip(turn)
            .take(1 + self.others.len());
        poll_fn(|context| {
            let mut accepted = in_turn.clone().map(|source| source.poll_accept(context));
            accepted.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await
    }

    /// Stops listening; gives those who have connected already and were not accepted yet.
    pub(super) fn close(self, mut serve: impl FnMut(Socket, SocketAddr)) -> io::Result<()> {
        self.first.close(&mut serve)?;
        self.others
            .into_iter()
            .try_for_each(|source| source.close(&mut serve))
    }
}
