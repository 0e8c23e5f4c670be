//! A listening TCP socket that survives a reconnect storm.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::BACKLOG;

pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restart must not wait for old connections to leave TIME_WAIT.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpStream,
        time::{Duration, Instant},
    };

    use super::*;

    #[tokio::test]
    async fn many_connect_at_once_and_none_has_to_knock_twice() {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        // Nobody accepts, so all of them wait in the kernel's queue.
        let connected = (0..400).map(|_| {
            let begun = Instant::now();
            let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap();
            (stream, begun.elapsed())
        });
        let connected: Vec<_> = connected.collect();
        // Whoever finds the queue full knocks again after a second.
        let slowest = connected.iter().map(|(_, took)| *took).max().unwrap();
        assert!(slowest < Duration::from_millis(900), "{slowest:?}");
    }
}
