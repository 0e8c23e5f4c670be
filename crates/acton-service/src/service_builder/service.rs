//! A service that is put together, and one that listens.

use std::net::SocketAddr;

use axum::Router;
use http::StatusCode;
use tokio_util::task::AbortOnDropHandle;

use super::assemble::Assembled;
#[cfg(feature = "metrics")]
use crate::{Error, server::serve_aside};
use crate::{
    Result,
    admission::AdmissionLayer,
    server::{Listener, Server},
    telemetry,
};

/// A service ready to run, made by [`ServiceBuilder::build`](super::ServiceBuilder::build).
#[must_use = "nothing is served before serve().await"]
pub struct ActonService(pub(super) Result<Assembled>);

impl ActonService {
    /// Listens and serves until SIGTERM, Ctrl-C or the future of
    /// [`ServiceBuilder::with_shutdown`](super::ServiceBuilder::with_shutdown), then stops in order.
    ///
    /// After a signal the process does not outlive `shutdown.grace` by more than a second, whatever still blocks in it:
    /// it exits with the code that shells show for the signal, 143 or 130.
    ///
    /// # Errors
    ///
    /// What was wrong when building, and an address that cannot be listened on.
    pub async fn serve(self) -> Result<()> {
        self.bind()?.serve().await
    }

    /// Listens, and serves later; for tests that need the address first.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`ActonService::serve`].
    pub fn bind(self) -> Result<BoundService> {
        let assembled = self.0?;
        #[cfg(not(feature = "otel"))]
        telemetry::init(&assembled.config.log);
        #[cfg(feature = "otel")]
        let traces = telemetry::start(&assembled.config, assembled.version.as_deref())?;
        #[cfg(feature = "tls")]
        let tls = crate::server::Tls::new(&assembled.config.tls)
            .map_err(|error| assembled.config.name_in(error))?;
        let listener = match assembled.listener {
            Some(listener) => listener,
            None => Listener::open(&assembled.config.service)?,
        };
        let address = listener.address()?;
        let is_dev = assembled.config.service.is_dev();
        let config = assembled.config.shutdown;
        #[cfg(feature = "metrics")]
        let metrics_alone = assembled
            .metrics_alone
            .map(|(address, router)| {
                let address_text = address.to_string();
                let listener = crate::server::listen(address).map_err(|source| Error::Listen {
                    address: address_text,
                    source,
                })?;
                Ok::<_, Error>((Listener::from(listener), router))
            })
            .transpose()?;
        let admission = assembled.admission;
        let answering = admission.clone();
        Ok(BoundService {
            #[cfg(feature = "metrics")]
            metrics_alone,
            #[cfg(feature = "otel")]
            traces,
            admission,
            server: Server {
                listener,
                address,
                #[cfg(feature = "tls")]
                tls,
                router: assembled.router,
                limits: assembled.config.limits,
                shutdown: assembled.shutdown,
                trigger: assembled.trigger,
                delay: config.delay(is_dev),
                grace: config.grace,
                is_busy: Box::new(move || answering.is_answering()),
            },
        })
    }

    /// The whole service as an axum router: for tests with `oneshot`, and to nest it in another application.
    ///
    /// When building failed, every request is answered 500 and the reason is logged; ask
    /// [`ServiceBuilder::try_build`](super::ServiceBuilder::try_build) to see it.
    pub fn into_router(self) -> Router {
        match self.0 {
            Ok(assembled) => assembled.router,
            Err(error) => {
                tracing::error!(%error, "the service could not be built");
                Router::new().fallback(|| std::future::ready(StatusCode::INTERNAL_SERVER_ERROR))
            }
        }
    }
}

/// A service that listens and does not answer yet.
#[must_use = "nothing is served before serve().await"]
pub struct BoundService {
    #[cfg(feature = "metrics")]
    metrics_alone: Option<(Listener, Router)>,
    #[cfg(feature = "otel")]
    traces: Option<telemetry::Traces>,
    admission: AdmissionLayer,
    server: Server,
}

impl BoundService {
    /// Where it listens; the port is the real one when `service.bind` asked for port 0.
    ///
    /// A Unix socket has no address: it is told as `127.0.0.1:0`, as its clients are.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.address
    }

    /// Where `/metrics` is answered, when `metrics.bind` gives it an address of its own.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        let (listener, _) = self.metrics_alone.as_ref()?;
        listener.address().ok()
    }

    /// Serves until told to stop.
    ///
    /// # Errors
    ///
    /// None today; the signature leaves room.
    pub async fn serve(self) -> Result<()> {
        let log = crate::log::defer();
        // Numbers can be read until the very end; the task ends with this function.
        #[cfg(feature = "metrics")]
        let _metrics_alone = self.metrics_alone.map(|(listener, router)| {
            let limits = self.server.limits.clone();
            AbortOnDropHandle::new(tokio::spawn(serve_aside(listener, router, limits)))
        });
        let _watching = AbortOnDropHandle::new(tokio::spawn(self.admission.watch()));
        #[cfg_attr(
            not(feature = "otel"),
            expect(unused_variables, reason = "only traces have to leave")
        )]
        let until = self.server.run().await;
        tracing::info!("stopped");
        #[cfg(feature = "otel")]
        if let Some(traces) = self.traces {
            traces.finish(until).await;
        }
        drop(log);
        Ok(())
    }
}
