//! Sockets that systemd, or whoever started us, opened before.
//!
//! The kernel queues who connects while the service restarts, and low ports need no privileges of the service.
//!
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html>

use std::io;

use listenfd::ListenFd;
use tokio::net::{TcpListener, UnixListener};

use super::{Listener, source::Source};
use crate::{Error, Result};

/// The sockets that were handed over (`LISTEN_FDS`, for this process by `LISTEN_PID`), if there are any.
pub(super) fn listener() -> Result<Option<Listener>> {
    let mut sockets = ListenFd::from_env();
    let sources = (0..sockets.len()).map(|number| take(&mut sockets, number));
    let sources: io::Result<Vec<_>> = sources.collect();
    let mut sources = sources
        .map_err(|source| Error::Listen {
            address: "a socket in LISTEN_FDS".to_owned(),
            source,
        })?
        .into_iter();
    let listener = sources.next().map(Listener::from);
    Ok(listener.map(|listener| Listener {
        others: sources.collect(),
        ..listener
    }))
}

fn take(sockets: &mut ListenFd, number: usize) -> io::Result<Source> {
    // A socket of the wrong family stays where it is.
    if let Ok(Some(listener)) = sockets.take_tcp_listener(number) {
        listener.set_nonblocking(true)?;
        return Ok(Source::Tcp(TcpListener::from_std(listener)?));
    }
    match sockets.take_unix_listener(number)? {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            Ok(Source::Unix(UnixListener::from_std(listener)?, None))
        }
        None => Err(io::ErrorKind::InvalidInput.into()),
    }
}
