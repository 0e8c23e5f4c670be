//! One connection, from its first byte to its close.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use http::{Extensions, Request};
use tokio_util::task::TaskTracker;
use tower::Service;

use super::{
    Shutdown, event_stream::EventStream, http1, http2, preface::Version, shared::Shared,
    socket::Socket, wire::Wire,
};
use crate::guard::Overload;

/// How long a client that has connected and asked for nothing is waited for when the service stops.
///
/// What it sent may be on its way; to close before it is there would lose a request.
const LATE: Duration = Duration::from_millis(250);

/// Whoever is refused sends one request at once, or makes room.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// What every connection needs to know.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) router: Router,
    /// What requests are given on their way goes into copies of this.
    pub(super) room: Extensions,
    pub(super) head_timeout: Duration,
    pub(super) keep_alive: Duration,
    /// Requests that one HTTP/2 connection may have open at once.
    pub(super) streams: u32,
    pub(super) shutdown: Shutdown,
    /// What runs beside its connection: the requests of HTTP/2.
    pub(super) tasks: TaskTracker,
    /// Every place is taken: this connection is only told so, and closed.
    pub(super) is_overloaded: bool,
}

impl Settings {
    /// The same for connections for which there is no place: what they cost is short.
    pub(super) fn overloaded(&self) -> Self {
        Self {
            head_timeout: self.head_timeout.min(PATIENCE),
            keep_alive: self.keep_alive.min(PATIENCE),
            is_overloaded: true,
            ..self.clone()
        }
    }

    /// Answers one request.
    pub(super) fn answer(
        &self,
        peer: SocketAddr,
        mut request: Request<Body>,
    ) -> impl Future<Output = Result<Response, Infallible>> + use<> {
        let before = std::mem::replace(request.extensions_mut(), self.room.clone());
        request.extensions_mut().extend(before);
        request.extensions_mut().insert(ConnectInfo(peer));
        if self.is_overloaded {
            request.extensions_mut().insert(Overload);
        }
        self.router.clone().call(request)
    }

    /// Waits for something that a client without any request is to do; not for long once connections should close.
    pub(super) async fn while_fresh<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        let late = async {
            self.shutdown.connections_close().await;
            tokio::time::sleep(LATE).await;
        };
        tokio::select! {
            biased;
            done = wait => Some(done),
            () = late => None,
        }
    }
}

/// Nothing, with room for a dozen: a map that has to grow three times for them takes longer than all else about them.
pub(super) fn room() -> Extensions {
    #[derive(Clone)]
    struct Filler<const N: u8>;
    let mut room = Extensions::new();
    room.insert(Filler::<0>);
    room.insert(Filler::<1>);
    room.insert(Filler::<2>);
    room.insert(Filler::<3>);
    room.insert(Filler::<4>);
    room.insert(Filler::<5>);
    room.insert(Filler::<6>);
    room.insert(Filler::<7>);
    room.clear();
    room
}

/// Answers requests until the client leaves, stalls, asks for an event stream, or the service stops.
pub(super) async fn serve(
    socket: Socket,
    peer: SocketAddr,
    settings: &Settings,
) -> Option<EventStream> {
    socket.send_at_once();
    let shared = Arc::<Shared>::default();
    let mut wire = Wire::new(
        socket,
        Arc::clone(&shared),
        settings.head_timeout,
        settings.keep_alive,
    );
    let version = settings.while_fresh(poll_fn(|context| wire.poll_version(context)));
    match version.await?.ok()? {
        Version::Http1 => http1::serve(wire, &shared, peer, settings).await,
        Version::Http2 => {
            shared.heads.expect_anything();
            http2::serve(wire, peer, settings).await;
            None
        }
    }
}

/// Clients leave and stall every day; only those who look for it want to know.
pub(super) fn note(result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(error = %crate::error::Causes(&error), "connection ended early");
    }
}
