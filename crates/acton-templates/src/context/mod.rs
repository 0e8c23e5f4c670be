//! What every page shows.

mod csrf;
mod cursor;
mod extract;
mod nonce;

#[cfg(feature = "session")]
mod flash;

use std::collections::BTreeMap;

use acton_htmx::{Htmx, HtmxContext, HtmxVersion, Markup};

pub use csrf::Csrf;
pub use cursor::CursorSource;
pub use extract::ContextRejection;
pub use nonce::CspNonce;

#[cfg(feature = "session")]
use flash::Flash;

/// What every page shows: where we are, who is logged in, messages, and the tokens of its forms.
///
/// As an extractor it takes all of that from the request; as a builder it takes what it is given.
/// With feature `session` the extractor reads who is logged in, the messages that wait and the CSRF token.
/// What a page does not render has no consequences: messages keep waiting, and no session begins for a token.
///
/// ```
/// use acton_templates::TemplateContext;
///
/// let ctx = TemplateContext::new().with_path("/tasks/7").with_auth(Some("alice".into()));
/// assert!(ctx.is_active_prefix("/tasks") && !ctx.is_active("/tasks"));
/// assert_eq!(ctx.user(), Some("alice"));
/// ```
#[derive(Clone, Debug)]
pub struct TemplateContext {
    path: String,
    user: Option<String>,
    roles: Vec<String>,
    csrf: Option<Csrf>,
    #[cfg(feature = "session")]
    flash: Flash,
    meta: BTreeMap<String, String>,
    nonce: Option<CspNonce>,
    cursor: String,
    htmx: Htmx,
    /// Who is told that the answer depends on who asked, and which version is configured.
    request: Option<HtmxContext>,
}

impl TemplateContext {
    /// An empty context: the path `/`, nobody logged in.
    ///
    /// It knows nothing of the request: forms need [`with_csrf`](Self::with_csrf), and its head brings htmx 2.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where we are: the path without the query.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Who is logged in, if anybody.
    #[must_use]
    pub fn with_auth(mut self, user: Option<String>) -> Self {
        self.user = user;
        self
    }

    /// What the user may do.
    #[must_use]
    pub fn with_roles(mut self, roles: Vec<String>) -> Self {
        self.roles = roles;
        self
    }

    /// The CSRF token for the forms of this page.
    #[must_use]
    pub fn with_csrf(mut self, csrf: impl Into<Csrf>) -> Self {
        self.csrf = Some(csrf.into());
        self
    }

    /// Where live updates stood before the data of the page was read, read with [`cursor`](Self::cursor).
    #[must_use]
    pub fn with_cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = cursor.into();
        self
    }

    /// A value of the application's own, read with [`meta`](Self::meta).
    #[must_use]
    pub fn with_meta(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.meta.insert(name.into(), value.into());
        self
    }

    /// The path of the page.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether we are at exactly this path.
    #[must_use]
    pub fn is_active(&self, path: &str) -> bool {
        self.path == path
    }

    /// Whether we are at this path or below it: `/tasks` covers `/tasks/7`, not `/tasks-archive`.
    #[must_use]
    pub fn is_active_prefix(&self, prefix: &str) -> bool {
        let prefix = prefix.trim_end_matches('/');
        self.path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The id of who is logged in.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether somebody is logged in.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.user.is_some()
    }

    /// Whether the user has this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }

    /// What a page needs in its `<head>`: the scripts and settings of htmx and, for who is logged in, the CSRF token.
    ///
    /// With live updates: `{{ ctx.head().sse(true) }}`.
    /// A visitor who is not logged in gets no token here, because that would begin a session for every passer-by;
    /// forms carry [`csrf_field`](Self::csrf_field), and pages with other unsafe requests say [`csrf_meta`](Self::csrf_meta).
    #[cfg(feature = "assets")]
    pub fn head(&self) -> acton_htmx::Head {
        let head = acton_htmx::Head::new(self.htmx_version());
        let csrf = match self.is_authenticated() {
            true => self.csrf(),
            false => self.csrf.as_ref().filter(|csrf| csrf.is_given()),
        };
        match csrf {
            Some(csrf) => head.csrf_token(csrf.token()),
            None => head,
        }
    }

    /// The hidden field that every form with an unsafe method needs; empty without a token.
    pub fn csrf_field(&self) -> Markup {
        self.csrf().map(Csrf::field).unwrap_or_default()
    }

    /// The element from which the framework's script takes the token; empty without a token.
    pub fn csrf_meta(&self) -> Markup {
        self.csrf().map(Csrf::meta).unwrap_or_default()
    }

    /// The token that a page asks for. What is sent without one is refused, which nobody could tell from an empty field.
    fn csrf(&self) -> Option<&Csrf> {
        if cfg!(feature = "session") && self.csrf.is_none() && self.request.is_none() {
            tracing::warn!(
                path = self.path,
                "a page has no CSRF token: give its `TemplateContext` one `with_csrf`, or take the context as an \
                 argument of the handler"
            );
        }
        self.csrf.as_ref()
    }

    /// The nonce of the Content-Security-Policy, made now if it has not been; empty when none is offered.
    #[must_use]
    pub fn nonce(&self) -> &str {
        self.nonce.as_ref().map_or("", CspNonce::as_str)
    }

    /// Where the page's stream of live updates begins: the `last-event-id` of its URL. It covers every topic.
    ///
    /// It was taken when the context was extracted, so what is published while the handler reads its data, or before
    /// the browser has opened the stream, arrives there. Extractors that read such data come after this one.
    ///
    /// It is empty for a service without live updates, and a stream with an empty id begins with what comes next.
    ///
    /// ```
    /// use acton_templates::TemplateContext;
    /// use askama::Template;
    ///
    /// #[derive(Template)]
    /// #[template(ext = "html", source = r#"<main hx-ext="sse" sse-connect="/events?last-event-id={{ ctx.cursor() }}">"#)]
    /// struct Board {
    ///     ctx: TemplateContext,
    /// }
    ///
    /// let ctx = TemplateContext::new().with_cursor("c1-42");
    /// assert!(Board { ctx }.render()?.contains("/events?last-event-id=c1-42\""));
    /// # Ok::<(), askama::Error>(())
    /// ```
    #[must_use]
    pub fn cursor(&self) -> &str {
        &self.cursor
    }

    /// A value that was given with [`with_meta`](Self::with_meta).
    #[must_use]
    pub fn meta(&self, name: &str) -> Option<&str> {
        self.meta.get(name).map(String::as_str)
    }

    /// Who asked, and for what. Asking makes the answer depend on it, which `Vary` then says.
    #[must_use]
    pub fn htmx(&self) -> Htmx {
        if let Some(request) = &self.request {
            request.consulted().mark_htmx();
        }
        self.htmx
    }

    /// The version of htmx that the page's scripts have: the one that asked, or the configured one.
    /// `Vary` then names what tells the versions apart.
    #[must_use]
    pub fn htmx_version(&self) -> HtmxVersion {
        let Some(request) = &self.request else {
            return self.htmx.version.unwrap_or_default();
        };
        request.consulted().mark_version();
        self.htmx.version.unwrap_or(request.config().version)
    }
}

impl Default for TemplateContext {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            user: None,
            roles: Vec::new(),
            csrf: None,
            #[cfg(feature = "session")]
            flash: Flash::default(),
            meta: BTreeMap::new(),
            nonce: None,
            cursor: String::new(),
            htmx: Htmx::PLAIN,
            request: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use acton_htmx::{HtmxConfig, HtmxLayer};
    use axum::{Extension, Router, body::Body, http::Request, routing::get};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    #[test]
    fn a_path_is_active_with_everything_below_it() {
        let active = |path: &str, prefix: &str| {
            TemplateContext::new()
                .with_path(path)
                .is_active_prefix(prefix)
        };
        assert!(
            active("/tasks", "/tasks")
                && active("/tasks/7", "/tasks")
                && active("/tasks/7", "/tasks/")
        );
        assert!(active("/tasks", "/") && active("/", "/"));
        assert!(!active("/tasks-archive", "/tasks") && !active("/", "/tasks"));
    }

    #[test]
    fn tokens_are_safe_in_their_attribute() {
        let context = TemplateContext::new().with_csrf("\"><script>");
        for markup in [context.csrf_field(), context.csrf_meta()] {
            assert!(!markup.as_str().contains("<script>"), "{markup}");
        }
    }

    #[test]
    fn without_a_token_nothing_is_rendered() {
        assert_eq!(TemplateContext::new().csrf_field().as_str(), "");
    }

    #[test]
    fn debug_output_shows_no_token() {
        assert!(!format!("{:?}", TemplateContext::new().with_csrf("SECRET")).contains("SECRET"));
    }

    #[tokio::test]
    async fn the_cursor_is_taken_once_before_the_handler_reads() {
        use std::sync::{Arc, Mutex};

        let published = Arc::new(Mutex::new(7));
        let asked = Arc::clone(&published);
        let source = CursorSource::new(move || format!("c-{}", asked.lock().unwrap()));
        let show = move |ctx: TemplateContext| async move {
            *published.lock().unwrap() = 8;
            format!("{} {}", ctx.cursor(), ctx.clone().cursor())
        };
        let app: Router = Router::new().route("/", get(show)).layer(Extension(source));
        let request = Request::get("/").body(Body::empty()).unwrap();
        let body = app.oneshot(request).await.unwrap().into_body();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "c-7 c-7");
    }

    #[tokio::test]
    async fn without_live_updates_the_cursor_is_empty() {
        let app: Router = Router::new().route(
            "/",
            get(|ctx: TemplateContext| async move { format!("[{}]", ctx.cursor()) }),
        );
        let request = Request::get("/").body(Body::empty()).unwrap();
        let body = app.oneshot(request).await.unwrap().into_body();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "[]");
    }

    async fn extract(request: Request<Body>) -> String {
        let show = |ctx: TemplateContext| async move {
            format!("{} {:?} {}", ctx.path(), ctx.htmx_version(), ctx.nonce())
        };
        let config = HtmxConfig {
            version: HtmxVersion::V4,
            ..HtmxConfig::default()
        };
        let app: Router = Router::new()
            .nest("/team", Router::new().route("/tasks", get(show)))
            .layer(HtmxLayer::new(config))
            .layer(Extension(CspNonce::new(|| "abc".to_owned())));
        let body = app
            .oneshot(request)
            .await
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap();
        String::from_utf8_lossy(&body.to_bytes()).into_owned()
    }

    #[tokio::test]
    async fn the_extractor_reads_where_we_are_and_which_htmx_fits() {
        let request = Request::get("/team/tasks?page=2")
            .body(Body::empty())
            .unwrap();
        assert_eq!(extract(request).await, "/team/tasks V4 abc");
        let request = Request::get("/team/tasks").header("hx-request", "true");
        assert_eq!(
            extract(request.body(Body::empty()).unwrap()).await,
            "/team/tasks V2 abc"
        );
    }

    /// What `Vary` says when a page does this with its context.
    async fn varies(show: fn(&TemplateContext) -> String) -> String {
        let handler = move |ctx: TemplateContext| async move { show(&ctx) };
        let app: Router = Router::new()
            .route("/", get(handler))
            .layer(HtmxLayer::default());
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        let vary = response.headers().get(http::header::VARY);
        vary.map_or_else(String::new, |vary| vary.to_str().unwrap().to_owned())
    }

    const VERSION: &str = "HX-Request, HX-History-Restore-Request, HX-Request-Type, HX-Source";

    #[tokio::test]
    async fn vary_says_what_a_page_made_of_who_asked_and_nothing_else() {
        assert_eq!(varies(|ctx| ctx.path().to_owned()).await, "");
        assert_eq!(
            varies(|ctx| format!("{:?}", ctx.htmx_version())).await,
            VERSION
        );
        assert_eq!(
            varies(|ctx| format!("{:?}", ctx.clone().with_path("/x").htmx())).await,
            "HX-Request, HX-Boosted, HX-History-Restore-Request, HX-Request-Type, HX-Source"
        );
    }

    #[cfg(feature = "assets")]
    #[tokio::test]
    async fn the_head_depends_on_the_version_that_asked() {
        assert_eq!(varies(|ctx| ctx.head().to_string()).await, VERSION);
    }

    #[cfg(feature = "assets")]
    #[test]
    fn the_head_carries_a_token_for_who_is_logged_in() {
        let head = |context: TemplateContext| context.head().to_string().contains("csrf-token");
        assert!(head(
            TemplateContext::new()
                .with_csrf("abc")
                .with_auth(Some("alice".into()))
        ));
        assert!(!head(TemplateContext::new()));
    }
}
