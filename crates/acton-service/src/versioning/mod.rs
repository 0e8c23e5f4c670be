//! Versioned API trees beside unversioned pages.

mod deprecation;

use std::{collections::BTreeMap, fmt};

use axum::{Router, handler::Handler};

pub(crate) use deprecation::{Announcement, Notices};
pub use deprecation::{Date, Deprecation};

/// A version of the API: `V1` is served under `/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion(u16);

impl ApiVersion {
    /// Version 1.
    pub const V1: Self = Self(1);
    /// Version 2.
    pub const V2: Self = Self(2);
    /// Version 3.
    pub const V3: Self = Self(3);
    /// Version 4.
    pub const V4: Self = Self(4);
    /// Version 5.
    pub const V5: Self = Self(5);

    /// Any version.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "v{}", self.0)
    }
}

/// Collects the versions of an API, and the pages beside it.
///
/// ```
/// use acton_service::prelude::*;
/// use acton_service::versioning::VersionedApiBuilder;
///
/// # fn routes() -> VersionedRoutes {
/// VersionedApiBuilder::new()
///     .with_base_path("/api")
///     .add_version(ApiVersion::V1, |router| router.route("/data", get(|| async { "data" })))
///     .with_frontend_routes(|router| router.route("/", get(|| async { Html("<h1>Hello</h1>") })))
///     .build_routes()
/// # }
/// ```
///
/// Adding to a version, or to the frontend, a second time adds to what is there.
#[must_use = "routes are served only when built and given to a ServiceBuilder"]
pub struct VersionedApiBuilder<S = ()> {
    base_path: String,
    versions: BTreeMap<ApiVersion, Router<S>>,
    deprecations: BTreeMap<ApiVersion, Deprecation>,
    frontend: Router<S>,
    fallback: Option<Router<S>>,
    #[cfg(feature = "openapi")]
    documents: BTreeMap<ApiVersion, utoipa::openapi::OpenApi>,
    state: S,
}

impl VersionedApiBuilder {
    /// No routes, no base path, no state.
    pub fn new() -> Self {
        Self {
            base_path: String::new(),
            versions: BTreeMap::new(),
            deprecations: BTreeMap::new(),
            frontend: Router::new(),
            fallback: None,
            #[cfg(feature = "openapi")]
            documents: BTreeMap::new(),
            state: (),
        }
    }
}

impl Default for VersionedApiBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> VersionedApiBuilder<S> {
    /// Where the versions live: `"/api"` serves version 1 under `/api/v1`. Default: `/v1`, with nothing before it.
    ///
    /// It may have parameters, as routes have: `"/{tenant}/api"`.
    pub fn with_base_path(mut self, path: impl AsRef<str>) -> Self {
        let path = path.as_ref().trim_matches('/');
        self.base_path = if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        };
        self
    }

    /// Adds routes to a version of the API.
    pub fn add_version(
        mut self,
        version: ApiVersion,
        routes: impl FnOnce(Router<S>) -> Router<S>,
    ) -> Self {
        let earlier = self.versions.remove(&version).unwrap_or_default();
        self.versions
            .insert(version, earlier.merge(routes(Router::new())));
        self
    }

    /// Adds routes to a version of the API, and serves what is written about them under `openapi.json`.
    ///
    /// Whoever reaches the API can read it, also where a layer of the routes asks for a token.
    /// Operations of a [deprecated](Self::deprecated) version are marked so.
    ///
    /// ```
    /// use acton_service::{openapi::{axum, routes, utoipa}, prelude::*};
    ///
    /// #[derive(serde::Serialize, utoipa::ToSchema)]
    /// struct Task {
    ///     title: String,
    /// }
    ///
    /// /// All tasks.
    /// #[utoipa::path(get, path = "/tasks", responses((status = 200, body = [Task])))]
    /// async fn list() -> Json<Vec<Task>> {
    ///     Json(Vec::new())
    /// }
    ///
    /// // GET /api/v1/tasks, and GET /api/v1/openapi.json that describes it
    /// let routes = VersionedApiBuilder::new()
    ///     .with_base_path("/api")
    ///     .add_documented_version(ApiVersion::V1, |router| router.routes(routes!(list)))
    ///     .build_routes();
    /// ```
    #[cfg(feature = "openapi")]
    pub fn add_documented_version(
        mut self,
        version: ApiVersion,
        routes: impl FnOnce(
            utoipa_axum::router::OpenApiRouter<S>,
        ) -> utoipa_axum::router::OpenApiRouter<S>,
    ) -> Self {
        let (routes, document) = crate::openapi_document::split(routes(Default::default()));
        let document = crate::openapi_document::merge(self.documents.remove(&version), document);
        self.documents.insert(version, document);
        self.add_version(version, |_| routes)
    }

    /// Announces on every answer of `version` that it is going away.
    pub fn deprecated(mut self, version: ApiVersion, notice: Deprecation) -> Self {
        self.deprecations.insert(version, notice);
        self
    }

    /// Adds routes without a version: the pages.
    pub fn with_frontend_routes(mut self, routes: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        self.frontend = self.frontend.merge(routes(Router::new()));
        self
    }

    /// Answers every request that no route matches.
    pub fn with_fallback<H: Handler<T, S>, T: 'static>(mut self, handler: H) -> Self {
        self.fallback = Some(Router::new().fallback(handler));
        self
    }

    /// Gives the routes added from now on the state that `State<S>` extracts.
    ///
    /// Routes added before keep theirs.
    pub fn with_state<S2: Clone + Send + Sync + 'static>(
        self,
        state: S2,
    ) -> VersionedApiBuilder<S2> {
        let finish = |router: Router<S>| router.with_state::<S2>(self.state.clone());
        VersionedApiBuilder {
            base_path: self.base_path,
            versions: self
                .versions
                .into_iter()
                .map(|(version, router)| (version, finish(router)))
                .collect(),
            deprecations: self.deprecations,
            frontend: finish(self.frontend),
            fallback: self.fallback.map(finish),
            #[cfg(feature = "openapi")]
            documents: self.documents,
            state,
        }
    }

    /// Puts it all together.
    #[cfg_attr(
        not(feature = "openapi"),
        expect(unused_mut, reason = "documents are taken out one by one")
    )]
    pub fn build_routes(mut self) -> VersionedRoutes {
        let mut router = self.frontend;
        let mut api = Vec::new();
        let mut notices = Notices::default();
        for (version, routes) in self.versions {
            let path = format!("{}/{version}", self.base_path);
            #[cfg(feature = "openapi")]
            let routes = match self.documents.remove(&version) {
                Some(document) => {
                    let is_deprecated = self.deprecations.contains_key(&version);
                    routes.merge(crate::openapi_document::route(
                        document,
                        version,
                        &path,
                        is_deprecated,
                    ))
                }
                None => routes,
            };
            router = router.nest(&path, routes);
            if let Some(notice) = self.deprecations.get(&version) {
                notices.add(&path, *notice);
            }
            api.push(path);
        }
        if let Some(fallback) = self.fallback {
            router = router.fallback_service(fallback.with_state::<()>(self.state.clone()));
        }
        VersionedRoutes {
            router: router.with_state(self.state),
            api,
            notices,
        }
    }
}

/// The routes of a service, made by [`VersionedApiBuilder::build_routes`].
///
/// There is no other way to make them, so that an API without a version does not compile:
///
/// ```compile_fail,E0308
/// use acton_service::prelude::*;
///
/// let routes: Router = Router::new().route("/api/data", get(|| async { "data" }));
/// ServiceBuilder::new().with_routes(routes);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "routes are served only when given to a ServiceBuilder"]
pub struct VersionedRoutes {
    pub(crate) router: Router,
    /// The paths under which the versions live.
    pub(crate) api: Vec<String>,
    /// What the answers of versions say that are going away.
    pub(crate) notices: Notices,
}

/// What of `path` comes below `place`, in which a segment in braces stands for any.
pub(crate) fn below<'a>(path: &'a str, place: &str) -> Option<&'a str> {
    let Some((literal, parameters)) = place.split_once('{') else {
        let rest = path.strip_prefix(place)?;
        return (rest.is_empty() || rest.starts_with('/')).then_some(rest);
    };
    let (given, rest) = split_segment(path.strip_prefix(literal)?);
    let (_, place) = split_segment(parameters);
    (!given.is_empty()).then(|| below(rest, place)).flatten()
}

fn split_segment(path: &str) -> (&str, &str) {
    path.split_at(path.find('/').unwrap_or(path.len()))
}
