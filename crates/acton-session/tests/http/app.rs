use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use acton_session::{
    AuthSession, CsrfConfig, CsrfToken, CurrentUser, Error, FlashLevel, FlashMessage,
    FlashMessages, Next, PageSession, Session, SessionConfig, SessionLayer, SessionRegistry, Store,
    TypedSession, login_required, role_required, session_layer,
};
use axum::{
    Extension, Form, Router,
    body::Bytes,
    extract::{FromRequestParts, Query},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{any, get, post},
};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tower_sessions::Expiry;

/// The fixture, with the default settings.
pub(crate) fn app(store: Store) -> Router {
    app_with(&SessionConfig::default(), store)
}

/// As [`app`]; each writer that has read its session adds a permit.
pub(crate) fn app_that_tells(store: Store) -> (Router, Arc<Semaphore>) {
    let loaded = Arc::new(Semaphore::new(0));
    let app = app(store).layer(Extension(Loaded(Arc::clone(&loaded))));
    (app, loaded)
}

pub(crate) fn app_with(config: &SessionConfig, store: Store) -> Router {
    app_in(session_layer(config, store).csrf(csrf()))
}

pub(crate) fn csrf() -> CsrfConfig {
    let exempt = [
        "/session/set",
        "/session/note",
        "/session/twice",
        "/flash",
        "/cycle",
        "/slowly",
        "/flush",
        "/become",
        "/expire",
    ];
    CsrfConfig {
        exempt: exempt.map(str::to_owned).into(),
        trusted_origins: vec!["https://trusted.test".to_owned()],
        ..CsrfConfig::default()
    }
}

pub(crate) fn app_in(layer: SessionLayer) -> Router {
    let guarded = Router::new()
        .route("/me", get(me))
        .route("/sessions", get(sessions).post(revoke))
        .layer(login_required());
    Router::new()
        .route("/", get(|| async { "public" }))
        .route("/form", any(form))
        .route("/form/count", get(count))
        .route("/upload", post(upload))
        .route("/session/get", get(get_key))
        .route("/session/set", post(set_key))
        .route("/session/note", post(note))
        .route("/session/twice", post(twice))
        .route("/cycle", post(cycle))
        .route("/slowly", post(slowly))
        .route("/flush", post(flush))
        .route("/login", get(form).post(login))
        .route("/logout", post(logout))
        .route("/password", post(password))
        .route("/others", post(others))
        .route("/disable", post(disable))
        .route("/user", get(user))
        .route("/become", post(become_user))
        .route("/expire", post(expire))
        .route(
            "/admin",
            get(|| async { "SECRET" }).layer(role_required("admin")),
        )
        .route("/flash", get(show).post(push))
        .route("/page", get(page))
        .merge(guarded)
        .layer(layer)
        .layer(Extension(Effects::default()))
}

/// What unsafe requests did.
#[derive(Clone, Default)]
pub(crate) struct Effects(Arc<AtomicUsize>);

async fn form(
    method: axum::http::Method,
    Extension(effects): Extension<Effects>,
    csrf: CsrfToken,
) -> String {
    if method != axum::http::Method::GET {
        effects.0.fetch_add(1, Ordering::SeqCst);
    }
    format!("{}{}", csrf.field(), csrf.meta())
}

async fn count(Extension(effects): Extension<Effects>) -> String {
    effects.0.load(Ordering::SeqCst).to_string()
}

async fn upload(body: Bytes) -> String {
    body.len().to_string()
}

#[derive(Deserialize)]
struct Key {
    k: String,
}

async fn get_key(session: Session, Query(key): Query<Key>) -> Response {
    match session.get::<String>(&key.k).await {
        Ok(value) => value.unwrap_or_default().into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Deserialize)]
struct Set {
    k: String,
    v: String,
    #[serde(default)]
    delay_ms: u64,
    status: Option<u16>,
}

/// Tells how many writers have read their session.
#[derive(Clone)]
pub(crate) struct Loaded(pub(crate) Arc<Semaphore>);

async fn set_key(
    session: Session,
    loaded: Option<Extension<Loaded>>,
    Form(set): Form<Set>,
) -> Response {
    let read = session.get::<String>(&set.k).await;
    if let Some(Extension(Loaded(loaded))) = loaded {
        loaded.add_permits(1);
    }
    tokio::time::sleep(Duration::from_millis(set.delay_ms)).await;
    let written = session.insert(&set.k, set.v).await;
    if read.is_err() || written.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let status = set.status.unwrap_or(200);
    StatusCode::from_u16(status).unwrap().into_response()
}

/// Writes while it holds messages. Answers with what it found there, if there was a session.
async fn note(
    session: Session,
    loaded: Option<Extension<Loaded>>,
    mut parts: Parts,
    Form(set): Form<Set>,
) -> Result<String, Error> {
    let found = session.get::<String>("a").await?;
    if let Some(Extension(Loaded(loaded))) = loaded {
        loaded.add_permits(1);
    }
    let _flash = FlashMessages::from_request_parts(&mut parts, &()).await?;
    tokio::time::sleep(Duration::from_millis(set.delay_ms)).await;
    session.insert(&set.k, set.v).await?;
    Ok(found.unwrap_or_default())
}

/// Writes three keys one after the other. Answers as [`note`].
async fn twice(
    session: Session,
    loaded: Option<Extension<Loaded>>,
    Form(set): Form<Set>,
) -> Result<String, Error> {
    let found = session.get::<String>("a").await?;
    if let Some(Extension(Loaded(loaded))) = loaded {
        loaded.add_permits(1);
    }
    for suffix in ["x", "y"] {
        session.insert(&(set.k.clone() + suffix), &set.v).await?;
        session.save().await?;
        tokio::time::sleep(Duration::from_millis(set.delay_ms)).await;
    }
    session.insert(&set.k, set.v).await?;
    Ok(found.unwrap_or_default())
}

async fn cycle(session: Session) -> Result<(), Error> {
    Ok(session.cycle_id().await?)
}

/// How often others may come first.
#[derive(Deserialize)]
struct Pauses {
    #[serde(default)]
    pauses: u8,
}

async fn pause(times: u8) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

/// Takes a new id and writes it at once, and has more to do.
async fn slowly(session: Session, Form(form): Form<Pauses>) -> Result<(), Error> {
    session.cycle_id().await?;
    session.save().await?;
    pause(form.pauses).await;
    tokio::task::yield_now().await;
    session.insert("late", "x").await?;
    session.save().await?;
    tokio::task::yield_now().await;
    Ok(())
}

async fn flush(session: Session) {
    session.flush().await.unwrap();
}

#[derive(Deserialize)]
struct Login {
    username: String,
    #[serde(default)]
    next: Next,
    #[serde(default)]
    remember: bool,
    #[serde(default)]
    fail: bool,
    /// Writes at once, and has more to do.
    pauses: Option<u8>,
    /// How long it takes until it is known who logs in.
    #[serde(default)]
    thinks_ms: u64,
}

async fn login(
    mut auth: TypedSession<AuthSession>,
    Form(login): Form<Login>,
) -> Result<Response, Error> {
    let roles: &[&str] = if login.username == "bob" {
        &["admin"]
    } else {
        &[]
    };
    tokio::time::sleep(Duration::from_millis(login.thinks_ms)).await;
    auth.login_with_roles(login.username, roles.iter().copied())
        .await?;
    if login.remember {
        auth.remember().await?;
    }
    if let Some(pauses) = login.pauses {
        auth.session().save().await?;
        pause(pauses).await;
    }
    Ok(match login.fail {
        true => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        false => Redirect::to(login.next.as_str()).into_response(),
    })
}

/// Logs in without saying so.
async fn become_user(mut auth: TypedSession<AuthSession>, Form(login): Form<Login>) {
    let auth = auth.data_mut();
    if login.fail {
        auth.roles = vec!["admin".to_owned()];
    } else {
        auth.user_id = Some(login.username).filter(|user| !user.is_empty());
    }
}

/// A lifetime by one of its names, 300 milliseconds without.
#[derive(Deserialize)]
struct Lifetime {
    #[serde(default)]
    lifetime: String,
}

/// Asks for another lifetime in tower-sessions' words.
async fn expire(session: Session, Form(Lifetime { lifetime }): Form<Lifetime>) {
    let usual = SessionConfig::default().idle;
    session.set_expiry(match lifetime.as_str() {
        "" => Some(Expiry::OnInactivity(time::Duration::milliseconds(300))),
        "ever" => Some(Expiry::OnInactivity(time::Duration::MAX)),
        "hour" => Some(Expiry::OnInactivity(time::Duration::HOUR)),
        "date" => Some(Expiry::AtDateTime(
            time::OffsetDateTime::now_utc() + time::Duration::HOUR,
        )),
        "usual" => Some(Expiry::OnInactivity(usual.try_into().unwrap())),
        "browser" => Some(Expiry::OnSessionEnd),
        "none" => None,
        "same" => session.expiry(),
        _ => unreachable!("{lifetime}"),
    });
}

async fn logout(
    mut auth: TypedSession<AuthSession>,
    Form(form): Form<Pauses>,
) -> Result<Redirect, Error> {
    pause(form.pauses).await;
    auth.logout().await?;
    Ok(Redirect::to("/"))
}

async fn password(
    user: CurrentUser,
    mut auth: TypedSession<AuthSession>,
    sessions: SessionRegistry,
) -> Result<(), Error> {
    sessions.revoke_others(&user.id).await?;
    auth.regenerate().await
}

async fn others(user: CurrentUser, sessions: SessionRegistry) -> Result<(), Error> {
    sessions.revoke_others(&user.id).await
}

async fn disable(
    user: CurrentUser,
    sessions: SessionRegistry,
    Form(login): Form<Login>,
) -> Result<(), Error> {
    user.require_role("admin")?;
    sessions.revoke_all(&login.username).await
}

async fn me(user: CurrentUser) -> String {
    user.id
}

async fn user(user: Option<CurrentUser>) -> String {
    user.map(|user| user.id).unwrap_or_default()
}

async fn sessions(user: CurrentUser, sessions: SessionRegistry) -> Result<String, Error> {
    let sessions = sessions.list(&user.id).await?;
    let lines = sessions.iter().map(|session| {
        let device = session.device.as_deref().unwrap_or_default();
        format!("{} {device} {}\n", session.handle, session.is_current)
    });
    Ok(lines.collect())
}

#[derive(Deserialize)]
struct Revoke {
    handle: String,
}

async fn revoke(
    user: CurrentUser,
    sessions: SessionRegistry,
    Form(form): Form<Revoke>,
) -> Result<String, Error> {
    let found = sessions.revoke(&user.id, &form.handle).await?;
    Ok(found.to_string())
}

#[derive(Deserialize)]
struct Push {
    #[serde(default)]
    level: String,
    msg: String,
    status: Option<u16>,
}

async fn push(Form(push): Form<Push>) -> impl IntoResponse {
    let level = match push.level.as_str() {
        "error" => FlashLevel::Error,
        "warning" => FlashLevel::Warning,
        "success" => FlashLevel::Success,
        _ => FlashLevel::Info,
    };
    let status = StatusCode::from_u16(push.status.unwrap_or(303)).unwrap();
    (
        status,
        FlashMessage::new(level, push.msg),
        [("location", "/flash")],
    )
}

async fn show(flash: FlashMessages) -> String {
    let messages = flash.into_messages().into_iter();
    messages
        .map(|message| format!("{}:{}\n", message.level, message.text))
        .collect()
}

#[derive(Deserialize)]
struct Look {
    #[serde(default)]
    take: bool,
    #[serde(default)]
    delay_ms: u64,
    status: Option<u16>,
}

/// A page that may or may not render its messages.
async fn page(page: PageSession, Query(look): Query<Look>) -> impl IntoResponse {
    tokio::time::sleep(Duration::from_millis(look.delay_ms)).await;
    let messages = match look.take {
        true => page.flash().take(),
        false => Vec::new(),
    };
    let messages: String = messages.into_iter().map(|message| message.text).collect();
    let status = StatusCode::from_u16(look.status.unwrap_or(200)).unwrap();
    (status, messages)
}
