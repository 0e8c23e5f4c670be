use std::{
    fmt,
    sync::{Arc, Once},
    time::Duration,
};

use tower_layer::Layer;

use crate::{
    config::{CsrfConfig, SameSite, SessionConfig},
    cookie::Cookie,
    csrf::{Origin, OriginPolicy},
    error::ConfigError,
    record::Lifetimes,
    registry::SessionRegistry,
    service::{Sessions, Shared},
    store::Store,
};

/// What is longer than this is for ever: dates and stores take no more.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Sessions, flash messages and CSRF protection for every route inside.
///
/// ```
/// use acton_session::{SessionConfig, Store, session_layer};
/// use axum::{Router, routing::get};
/// use tower_sessions::Session;
///
/// async fn count(session: Session) -> String {
///     let visits = session.get::<u32>("visits").await.ok().flatten().unwrap_or(0) + 1;
///     session.insert("visits", visits).await.ok();
///     visits.to_string()
/// }
///
/// let app: Router = Router::new()
///     .route("/", get(count))
///     .layer(session_layer(&SessionConfig::default(), Store::memory()));
/// ```
///
/// What the configuration cannot mean is replaced by the safe choice and logged; [`SessionLayer::try_new`] refuses it.
pub fn session_layer(config: &SessionConfig, store: Store) -> SessionLayer {
    SessionLayer {
        config: config.clone(),
        csrf: CsrfConfig::default(),
        public_origin: None,
        store,
    }
}

/// See [`session_layer`].
///
/// Inside another `SessionLayer` this one serves its routes. The outer one then does nothing for them but judge unsafe
/// requests, so switch off the protection of one of the two.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is added to a router"]
pub struct SessionLayer {
    config: SessionConfig,
    csrf: CsrfConfig,
    public_origin: Option<String>,
    store: Store,
}

impl SessionLayer {
    /// A layer whose settings make sense together.
    ///
    /// `public_origin` is the scheme, host and port that browsers see, e.g. `https://app.example.org`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that is not possible.
    pub fn try_new(
        config: &SessionConfig,
        csrf: &CsrfConfig,
        public_origin: Option<&str>,
        store: Store,
    ) -> Result<Self, ConfigError> {
        let mut layer = session_layer(config, store).csrf(csrf.clone());
        layer.public_origin = public_origin.map(str::to_owned);
        match layer.problems().into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(layer),
        }
    }

    /// Sets what protects against forged requests; on by default.
    pub fn csrf(mut self, config: CsrfConfig) -> Self {
        self.csrf = config;
        self
    }

    /// Sets the scheme, host and port that browsers see; `https` makes the cookie `__Host-id` and `Secure`.
    pub fn public_origin(mut self, origin: &str) -> Self {
        self.public_origin = Some(origin.to_owned());
        self
    }

    /// The store, e.g. to ask whether it is there.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The sessions of every user, e.g. to end those of one who was disabled.
    #[must_use]
    pub fn registry(&self) -> SessionRegistry {
        SessionRegistry::new(self.store.clone(), self.lifetimes())
    }

    fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            idle: self.config.idle.min(LONGEST),
            absolute: self.config.absolute.min(LONGEST),
        }
    }

    fn own_origin(&self) -> Option<Origin> {
        self.public_origin.as_deref().and_then(Origin::parse)
    }

    /// An origin that cannot be read is told in the log; what begins with `https:` gets secure cookies all the same.
    fn is_secure(&self) -> bool {
        let scheme = self
            .public_origin
            .as_deref()
            .and_then(|origin| origin.get(..6));
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }

    fn problems(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        if self.config.same_site == SameSite::None && !self.is_secure() {
            problems.push(ConfigError::SameSiteNone);
        }
        for (key, lifetime) in [
            ("idle", self.config.idle),
            ("absolute", self.config.absolute),
            ("remember", self.config.remember),
        ] {
            if lifetime.is_zero() {
                problems.push(ConfigError::ZeroLifetime(key));
            }
        }
        let own = self
            .public_origin
            .iter()
            .map(|value| ("service.public_origin", value));
        let trusted = self.csrf.trusted_origins.iter();
        let trusted = trusted.map(|value| ("csrf.trusted_origins", value));
        for (key, value) in own.chain(trusted) {
            if Origin::parse(value).is_none() {
                let value = value.clone();
                problems.push(ConfigError::Origin { key, value });
            }
        }
        let exempt = self.csrf.exempt.iter().map(|path| ("csrf.exempt", path));
        let login = ("session.login_path", &self.config.login_path);
        for (key, value) in exempt.chain([login]) {
            if acton_htmx::LocalUrl::parse(value).is_err() {
                let value = value.clone();
                problems.push(ConfigError::Path { key, value });
            }
        }
        problems
    }

    fn share(&self) -> Arc<Shared> {
        for problem in self.problems() {
            tracing::error!(%problem, "a session setting is replaced by the safe choice");
        }
        let is_secure = self.is_secure();
        let same_site = match self.config.same_site {
            SameSite::None if !is_secure => SameSite::Lax,
            same_site => same_site,
        };
        let lifetimes = self.lifetimes();
        let max_age = self.config.persistent.then_some(lifetimes.absolute);
        let remember = self.config.remember.min(LONGEST);
        let trusted = self.csrf.trusted_origins.iter();
        Arc::new(Shared {
            store: self.store.clone(),
            lifetimes,
            cookie: Cookie::session(is_secure, same_site, max_age),
            remember_cookie: Cookie::remember(is_secure, same_site, remember),
            remember,
            max_sessions_per_user: self.config.max_sessions_per_user,
            login_path: self.config.login_path.clone(),
            origins: OriginPolicy {
                own: self.own_origin(),
                trusted: trusted.filter_map(|origin| Origin::parse(origin)).collect(),
            },
            csrf: self.csrf.clone(),
            told: Once::new(),
        })
    }
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SessionLayer")
            .field("config", &self.config)
            .field("csrf", &self.csrf)
            .field("public_origin", &self.public_origin)
            .field("store", &self.store)
            .finish()
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = Sessions<S>;

    fn layer(&self, inner: S) -> Sessions<S> {
        Sessions::new(inner, self.share())
    }
}
