//! From what the builder was told to one router.

#[cfg(feature = "metrics")]
use std::{net::SocketAddr, sync::Arc};

use axum::Router;

use super::ServiceBuilder;
use crate::{
    Error, Result,
    admission::AdmissionLayer,
    config::Config,
    health::Health,
    layers,
    server::{Listener, Shutdown, Trigger},
};
#[cfg(feature = "metrics")]
use crate::{metrics::Readers, operators::Operators};

/// Everything that a service needs before it listens.
pub(super) struct Assembled {
    pub(super) config: Config,
    #[cfg(feature = "metrics")]
    pub(super) metrics_alone: Option<(SocketAddr, Router)>,
    #[cfg(feature = "otel")]
    pub(super) version: Option<String>,
    pub(super) router: Router,
    pub(super) admission: AdmissionLayer,
    pub(super) shutdown: Shutdown,
    pub(super) listener: Option<Listener>,
    pub(super) trigger: Trigger,
}

impl ServiceBuilder {
    pub(super) fn assemble(mut self) -> Result<Assembled> {
        let config = match self.config.take() {
            Some(config) => config,
            None => Config::load()?,
        };
        let origins = config.origins.clone();
        self.assemble_as(config).map_err(|error| match error {
            Error::Config(error) => origins.name_in(error).into(),
            error => error,
        })
    }

    fn assemble_as(mut self, config: Config) -> Result<Assembled> {
        config.check()?;
        self.check_user_limit(&config)?;
        #[cfg(feature = "cache")]
        let mut redis = crate::redis::SharedPool::new(&config.redis);
        #[cfg(feature = "cache")]
        if self.redis {
            let pool = redis.get()?;
            self.checks.push(crate::redis::check(&pool));
            self = self.with_state(pool);
        }
        #[cfg(feature = "auth")]
        if self.throttle {
            let throttle = crate::throttle::throttle(
                &config,
                #[cfg(feature = "cache")]
                &mut redis,
            )?;
            #[cfg(feature = "metrics")]
            self.gauges.extend(crate::throttle::counters(&throttle));
            self = self.with_state(throttle);
        }
        #[cfg(any(feature = "session-memory", feature = "session-redis"))]
        if self.sessions {
            let sessions = crate::sessions::layer(
                &config,
                #[cfg(feature = "session-redis")]
                &mut redis,
            )?;
            self.checks
                .extend(crate::sessions::check(&config, &sessions));
            #[cfg(feature = "metrics")]
            self.gauges.extend(crate::sessions::counters(&sessions));
            self.parts.sessions = Some(sessions);
        }
        #[cfg(feature = "askama")]
        self.name_errors();
        #[cfg(not(feature = "askama"))]
        {
            self.parts.api = std::mem::take(&mut self.api);
        }
        let shutdown = Shutdown::default();
        #[cfg(feature = "sse")]
        {
            let live = std::mem::take(&mut self.live);
            let is_alone = live.is_alone(&config);
            let broadcaster = live.broadcaster(
                &config,
                #[cfg(feature = "sse-redis")]
                &mut redis,
            )?;
            if let Some(broadcaster) = broadcaster {
                crate::live::close_with(&shutdown, &broadcaster);
                if !is_alone {
                    self.checks.push(crate::live::check(&broadcaster));
                }
                #[cfg(feature = "askama")]
                {
                    self = self.with_state(crate::live::cursors(&broadcaster));
                }
                self = self.with_state(broadcaster);
            }
        }
        let name = config.service.name.clone();
        #[cfg(feature = "otel")]
        let version = self.version.clone();
        let health = Health::new(name, self.version, self.checks, shutdown.clone());
        #[cfg(feature = "metrics")]
        let readers = Arc::new(Readers::new(&config));
        #[cfg(feature = "metrics")]
        if self.metrics && config.metrics.bind.is_none() {
            self.parts.operators = Operators::with_readers(Arc::clone(&readers));
        }
        let admission = AdmissionLayer::new(&config.limits, self.parts.operators.clone());
        self.parts.admission = admission.clone();
        #[cfg(feature = "metrics")]
        self.gauges.push(admission.counter());
        let routes = self
            .layers
            .into_iter()
            .fold(self.routes, |router, layer| layer(router));
        let own = health.routes();
        #[cfg(feature = "metrics")]
        let mut metrics_alone = None;
        #[cfg(feature = "metrics")]
        let own = if self.metrics {
            let metrics = crate::metrics::Metrics::new(self.gauges);
            self.parts.metrics = Some(metrics.clone());
            match config.metrics.bind {
                Some(address) => {
                    metrics_alone = Some((address, metrics.routes_aside(&config.limits)));
                    own
                }
                None => own.merge(metrics.routes(readers)),
            }
        } else {
            own
        };
        let routes = crate::reserved::merge(routes, own)?;
        let router = layers::apply(routes, &config, shutdown.clone(), self.parts);
        Ok(Assembled {
            config,
            #[cfg(feature = "metrics")]
            metrics_alone,
            #[cfg(feature = "otel")]
            version,
            router,
            admission,
            shutdown,
            listener: self.listener,
            trigger: self.trigger,
        })
    }

    /// Only sessions of the service's own know who asks before a route is found.
    fn check_user_limit(&self, config: &Config) -> Result<(), crate::ConfigError> {
        #[cfg(any(feature = "session-memory", feature = "session-redis"))]
        let knows_users = self.sessions;
        #[cfg(not(any(feature = "session-memory", feature = "session-redis")))]
        let knows_users = false;
        if knows_users || config.limits.requests_per_user.is_none() {
            return Ok(());
        }
        Err(crate::ConfigError::new(
            "the setting `limits.requests_per_user` needs the sessions of ServiceBuilder::with_sessions (feature `session-memory` or `session-redis`)",
        ))
    }

    /// Errors name the request as the log does, and those of the API are JSON.
    #[cfg(feature = "askama")]
    fn name_errors(&mut self) {
        let pages = std::mem::take(&mut self.parts.error_pages).request_id(|_, extensions| {
            Some(extensions.get::<crate::RequestId>()?.as_str().to_owned())
        });
        self.parts.error_pages = self
            .api
            .iter()
            .fold(pages, |pages, path| pages.api(path.as_str()));
    }
}
