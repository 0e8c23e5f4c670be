//! The accept loop: as many connections as configured, and a few more that are told so.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::{
    Delay, Shutdown, Trigger,
    connection::{self, Settings},
    listen::Listener,
    places::{Place, Places},
    shutdown,
    socket::Socket,
};
use crate::limits::LimitsConfig;

/// How often the log tells that there is no place.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// A listener, what answers on it, and how it ends.
pub(crate) struct Server {
    pub(crate) listener: Listener,
    pub(crate) address: SocketAddr,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<super::tls::Tls>,
    pub(crate) router: Router,
    pub(crate) limits: LimitsConfig,
    pub(crate) shutdown: Shutdown,
    pub(crate) trigger: Trigger,
    pub(crate) delay: Delay,
    pub(crate) grace: Duration,
    /// Whether requests are being answered.
    pub(crate) is_busy: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Server {
    /// Serves until the trigger, then ends in order.
    ///
    /// Says until when the process has time for what it does afterwards; none where nobody ends it by force.
    pub(crate) async fn run(self) -> Option<Instant> {
        let mut trigger = self.trigger.arm(self.grace, &self.shutdown);
        let tasks = TaskTracker::new();
        #[cfg(feature = "tls")]
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        #[cfg(not(feature = "tls"))]
        let scheme = "http";
        let place = self.listener.named(scheme);
        let acceptor = Acceptor {
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
            ..Acceptor::new(
                self.router,
                &self.limits,
                self.shutdown.clone(),
                tasks.clone(),
            )
        };
        // One of the tasks that the end waits for, because it serves who has connected until then.
        tasks.spawn(acceptor.run(self.listener));
        #[cfg(feature = "tls")]
        let _reloading = self.tls.map(super::tls::Tls::keep_fresh);
        tracing::info!("listening on {place}");
        #[cfg(unix)]
        let _watchdog = super::systemd::watchdog();
        #[cfg(unix)]
        super::systemd::ready();
        trigger.first().await;
        #[cfg(unix)]
        super::systemd::stopping();
        self.shutdown.drain();
        tasks.close();
        let until = shutdown::run(
            &self.shutdown,
            &mut trigger,
            (self.delay, self.grace),
            self.is_busy,
            tasks.wait(),
        )
        .await;
        // Connections that were cut off need a moment to drop what they hold.
        let _ = tokio::time::timeout(Duration::from_millis(100), tasks.wait()).await;
        until
    }
}

/// Takes connections in until they should close.
pub(super) struct Acceptor {
    places: Places,
    settings: Arc<Settings>,
    overloaded: Arc<Settings>,
    #[cfg(feature = "tls")]
    tls: Option<super::tls::Tls>,
}

impl Acceptor {
    pub(super) fn new(
        router: Router,
        limits: &LimitsConfig,
        shutdown: Shutdown,
        tasks: TaskTracker,
    ) -> Self {
        let settings = Settings {
            router,
            room: connection::room(),
            head_timeout: limits.header_timeout,
            keep_alive: limits.keep_alive,
            streams: limits.http2_streams,
            shutdown,
            tasks,
            is_overloaded: false,
        };
        Self {
            places: Places::new(limits.connections),
            overloaded: Arc::new(settings.overloaded()),
            settings: Arc::new(settings),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    pub(super) async fn run(self, listener: Listener) {
        tokio::select! {
            () = self.accept_all(&listener) => {}
            () = self.settings.shutdown.connections_close() => {}
        }
        let closed = listener.close(|socket, peer| {
            self.serve(socket, peer, self.places.at_once());
        });
        if let Err(error) = closed {
            tracing::debug!(%error, "some who had connected were not answered");
        }
    }

    async fn accept_all(&self, listener: &Listener) {
        let mut told: Option<Instant> = None;
        loop {
            // Where even the reserve is used up, clients wait in the kernel's queue.
            let place = self.places.next().await;
            match listener.accept().await {
                Ok((socket, peer)) => {
                    let place = self.places.better(place);
                    if !place.is_regular && told.is_none_or(|told| told.elapsed() > TELL_AGAIN) {
                        tracing::warn!(
                            "as many connections as limits.connections allows; others are refused"
                        );
                        told = Some(Instant::now());
                    }
                    self.serve(socket, peer, place);
                }
                Err(error) => pause_after(&error).await,
            }
        }
    }

    fn serve(&self, socket: Socket, peer: SocketAddr, place: Place) {
        let settings = if place.is_regular {
            Arc::clone(&self.settings)
        } else {
            Arc::clone(&self.overloaded)
        };
        #[cfg(feature = "tls")]
        let tls = self.tls.clone();
        self.settings.tasks.spawn(async move {
            #[cfg(feature = "tls")]
            let socket = match tls {
                Some(tls) => match Box::pin(tls.accept(socket, &settings)).await {
                    Some(socket) => socket,
                    None => return,
                },
                None => socket,
            };
            // Boxed, so that an event stream does not keep the memory that a request needs.
            let requests = Box::pin(connection::serve(socket, peer, &settings));
            if let Some(event_stream) = requests.await {
                drop(settings);
                event_stream.await;
            }
            drop(place);
        });
    }
}

/// A client that left while waiting is nothing; running out of files needs a moment to pass.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    ) {
        return;
    }
    tracing::error!(%error, "cannot accept connections");
    tokio::time::sleep(Duration::from_millis(200)).await;
}
