use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use acton_htmx::headers::HX_PRELOADED;
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Uri, header};
use serde_json::Value;
use time::Duration;
use tower_sessions::{Expiry, Session, session::Id};

pub(crate) use self::{finish::finish, undo::Attended};
use crate::{
    auth::{self, AuthSession},
    csrf::{Sealed, Secret},
    error::Error,
    flash::FlashMessage,
    patch::ExpiryPatch,
    record::{Data, PendingFlash, Slot, Stored, now_ms},
    registry::SessionRegistry,
    remember::{Series, Token},
    service::Shared,
    store::{Key, Snapshot, Store},
};

mod claim;
mod commit;
mod finish;
mod remember;
mod rotate;
mod session_store;
mod stage;
mod undo;

/// One request's dealings with its session.
///
/// The stock `Session` that handlers use calls it as its store. Nothing happens until somebody asks for something.
pub(crate) struct Visit {
    pub(crate) shared: Arc<Shared>,
    /// Everything this request asks of it comes within one deadline.
    pub(crate) store: Store,
    /// As it arrived, before nested routers shorten it.
    pub(crate) uri: Uri,
    /// When it arrived. What it asks for may come much later.
    arrived_ms: u64,
    /// The id the browser sent.
    cookie: Option<Id>,
    remembered: Option<Token>,
    device: Option<HeaderValue>,
    /// Whether a person will see the answer.
    is_seen: bool,
    is_touched: AtomicBool,
    saved: tokio::sync::Mutex<Saved>,
    pending: Mutex<Pending>,
    /// What the handler has, which has this visit as its store.
    session: OnceLock<Weak<Session>>,
}

/// What is known about the stored session.
#[derive(Default)]
struct Saved {
    is_loaded: bool,
    /// The first failure; later questions get the same answer at once.
    failure: Option<Error>,
    id: Option<Id>,
    /// Always a live one.
    snapshot: Option<Snapshot>,
    base: Base,
    /// The id was exchanged just before this request ran, or the session ended or became another one while it ran: its
    /// writes are void.
    is_void: bool,
    is_rotating: bool,
    /// Another user logs in: nothing of the old session may be taken along.
    is_fresh: bool,
}

/// What the handler's `Session` began with.
#[derive(Default)]
enum Base {
    #[default]
    Unread,
    Seen(Arc<Slot>),
    Own(Data),
}

/// What the request wants, until it is written.
#[derive(Default)]
struct Pending {
    /// The request is over and was successful.
    is_last: bool,
    /// Counts the sessions of this request that have ended, or belong to another user than before.
    era: u32,
    typed: Vec<(&'static str, Value)>,
    pushed: Vec<FlashMessage>,
    claimed: Vec<PendingFlash>,
    shown: Vec<u64>,
    holder: Option<u64>,
    /// As `holder`, and stays when the messages are accounted for.
    held: Option<u64>,
    exchanges: Vec<undo::Exchange>,
    /// The browser that is remembered from this request on, if the answer reaches it, and where it is listed.
    series: Option<(Key, Key)>,
    /// As the stored session has it, and under which id.
    sealed: Option<(Sealed, Id)>,
    csrf: Option<Secret>,
    csrf_is_new: bool,
    is_login: bool,
    expiry: Option<ExpiryPatch>,
    cookie: CookieChange,
    /// Whether the browser is to be forgotten, and remembered anew; done when the request ends well.
    forgets: bool,
    remembers: Option<Box<(Token, Series)>>,
    remember: RememberChange,
    is_signed_in: bool,
    is_live: bool,
}

/// What the answer tells the browser about its cookie.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CookieChange {
    #[default]
    Keep,
    Set(Id),
    Delete,
}

/// What the answer tells a browser that is remembered.
#[derive(Clone, Copy, Default)]
enum RememberChange {
    #[default]
    Keep,
    Set(Token),
    Delete,
}

/// How a visit travels in request extensions.
#[derive(Clone)]
struct Current(Arc<Visit>);

impl Visit {
    pub(crate) fn new<B>(shared: Arc<Shared>, request: &Request<B>) -> Self {
        let headers = request.headers();
        let id = shared.cookie.find(headers);
        let remembered = shared.remember_cookie.find(headers);
        let saved = Saved {
            id,
            ..Saved::default()
        };
        Self {
            store: shared.store.for_request(),
            shared,
            arrived_ms: now_ms(),
            // A `Session` without an id would not look for one, and a remembered browser has one in store.
            cookie: id.or_else(|| remembered.map(|_: Token| Id::default())),
            remembered,
            device: headers.get(header::USER_AGENT).cloned(),
            is_seen: request.method() != Method::HEAD && !is_prefetch(headers),
            uri: request.uri().clone(),
            is_touched: AtomicBool::new(false),
            saved: tokio::sync::Mutex::new(saved),
            pending: Mutex::default(),
            session: OnceLock::new(),
        }
    }

    /// The `Session` that handlers use, with this visit as its store.
    pub(crate) fn session(self: &Arc<Self>) -> Arc<Session> {
        let expiry = Some(self.unasked_expiry());
        let session = Session::new(self.cookie, Arc::clone(self), expiry);
        let session = Arc::new(session);
        self.session.get_or_init(|| Arc::downgrade(&session));
        session
    }

    /// What the handler's `Session` has unless it is told something else: the idle time, but for one nanosecond, so that
    /// whoever asks for the idle time itself is heard.
    fn unasked_expiry(&self) -> Expiry {
        let idle = Duration::try_from(self.shared.lifetimes.idle).unwrap_or(Duration::MAX);
        Expiry::OnInactivity(idle.saturating_sub(Duration::NANOSECOND))
    }

    pub(crate) fn of(extensions: &Extensions) -> Result<Arc<Self>, Error> {
        let current = extensions.get::<Current>().ok_or(Error::MissingLayer)?;
        Ok(Arc::clone(&current.0))
    }

    pub(crate) fn attach(self: &Arc<Self>, extensions: &mut Extensions) {
        if let Some(Current(outer)) = extensions.insert(Current(Arc::clone(self))) {
            self.warn_inside(&outer);
        }
    }

    /// Each layer knows the tokens of its own sessions alone, and a browser sends one.
    fn warn_inside(&self, outer: &Self) {
        if self.shared.csrf.enabled && outer.shared.csrf.enabled {
            self.shared.told.call_once(|| {
                tracing::warn!(
                    "a session layer is inside another one, which refuses the forms of its pages: \
                     remove one of the two, or switch off the CSRF protection of one"
                );
            });
        }
    }

    pub(crate) fn has_cookie(&self) -> bool {
        self.cookie.is_some()
    }

    /// Loads the session if nobody did yet.
    pub(crate) async fn load(&self) -> Result<(), Error> {
        self.saved().await.map(drop)
    }

    /// The key of the stored session, if there is one.
    pub(crate) async fn key(&self) -> Result<Option<Key>, Error> {
        let saved = self.saved().await?;
        Ok(saved.snapshot.as_ref().and(saved.id).map(|id| Key::of(&id)))
    }

    /// Who is logged in, as the stored session has it.
    pub(crate) async fn auth(&self) -> Result<AuthSession, Error> {
        let saved = self.saved().await?;
        let data = saved.session().map(|session| &session.data);
        Ok(data.map(auth::auth_in).unwrap_or_default())
    }

    /// The next write takes nothing of the old session along.
    pub(crate) async fn start_over(&self) -> Result<(), Error> {
        let mut saved = self.saved().await?;
        saved.is_fresh = true;
        saved.base = Base::Own(Data::new());
        let mut pending = self.pending();
        pending.era += 1;
        pending.forgets = true;
        pending.remembers = None;
        pending.claimed.clear();
        pending.shown.clear();
        pending.typed.clear();
        Ok(())
    }

    async fn saved(&self) -> Result<tokio::sync::MutexGuard<'_, Saved>, Error> {
        let mut saved = self.saved.lock().await;
        self.fill(&mut saved).await?;
        Ok(saved)
    }

    async fn fill(&self, saved: &mut Saved) -> Result<(), Error> {
        if saved.is_loaded {
            return Ok(());
        }
        self.touch();
        saved.check()?;
        if let Some(id) = saved.id {
            let found = self.store.load(&Key::of(&id)).await;
            let found = saved.remember(found)?;
            self.accept(saved, found);
            self.confirm(saved).await;
        }
        if saved.snapshot.is_none() && self.remembered.is_some() {
            // Rare and large, so it is kept out of the future of every other request.
            let recognised = Box::pin(self.recognise(saved)).await;
            saved.remember(recognised)?;
        }
        saved.is_loaded = true;
        Ok(())
    }

    fn accept(&self, saved: &mut Saved, found: Option<Snapshot>) {
        let slot = found.as_ref().map(|found| &*found.slot);
        saved.is_void |= matches!(slot, Some(Slot::Rotated(_)));
        saved.snapshot = found.filter(|found| self.lives(found));
        match saved.session() {
            Some(session) => {
                let mut pending = self.pending();
                pending.is_live = true;
                pending.is_signed_in |= session.user().is_some();
                pending.sealed = session.csrf.zip(saved.id);
            }
            None => saved.id = None,
        }
    }

    fn lives(&self, found: &Snapshot) -> bool {
        match &*found.slot {
            Slot::Live(session) => session.expires_ms(&self.shared.lifetimes) > self.arrived_ms,
            Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => false,
        }
    }

    /// Ends the session, now and for everybody.
    pub(crate) async fn destroy(&self) -> Result<(), Error> {
        self.touch();
        let mut saved = self.saved.lock().await;
        saved.check()?;
        // The remembered browser first, or a request that comes meanwhile would log it in again.
        let forgotten = self.forget_browser().await;
        saved.remember(forgotten)?;
        if let Some(id) = saved.id.or(self.cookie) {
            let may_be_remembered = saved.session().is_none_or(|own| own.series.is_some());
            let ended = self.end_session(&Key::of(&id), may_be_remembered).await;
            saved.remember(ended)?;
            self.pending().cookie = CookieChange::Delete;
        }
        *saved = Saved {
            is_loaded: true,
            base: Base::Own(Data::new()),
            ..Saved::default()
        };
        let mut pending = self.pending();
        pending.era += 1;
        pending.claimed.clear();
        pending.shown.clear();
        pending.typed.clear();
        pending.sealed = None;
        pending.csrf = None;
        pending.csrf_is_new = false;
        pending.remembers = None;
        Ok(())
    }

    /// With all that a remembered browser has, and the one that another request has remembered for it meanwhile.
    async fn end_session(&self, key: &Key, may_be_remembered: bool) -> Result<(), Error> {
        if may_be_remembered {
            // The others first: as long as this one lives, the logout can be tried again.
            let registry = SessionRegistry::new(self.store.clone(), self.shared.lifetimes);
            registry.revoke_beside(*key).await?;
        }
        let own = self.remembered.map(|token| token.key());
        let series = self.store.end(key).await?.series;
        for series in series.iter().filter(|series| own.as_ref() != Some(series)) {
            self.store.end(series).await?;
        }
        Ok(())
    }

    fn touch(&self) {
        self.is_touched.store(true, Ordering::Release);
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Visit").finish_non_exhaustive()
    }
}

impl Saved {
    fn session(&self) -> Option<&Stored> {
        match &*self.snapshot.as_ref()?.slot {
            Slot::Live(session) => Some(session),
            Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => None,
        }
    }

    /// What the handler's `Session` began with.
    fn base(&self) -> Option<&Data> {
        match &self.base {
            Base::Own(data) => Some(data),
            Base::Seen(slot) => match &**slot {
                Slot::Live(session) => Some(&session.data),
                Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => None,
            },
            Base::Unread => self.session().map(|session| &session.data),
        }
    }

    fn check(&self) -> Result<(), Error> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    fn remember<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &outcome {
            self.failure = Some(error.clone());
        }
        outcome
    }
}

impl Pending {
    /// What tokens are made of: new in this request, or as it was stored.
    fn secret(&self) -> Option<Secret> {
        let stored = || self.sealed.map(|(sealed, id)| sealed.open(&id));
        self.csrf.or_else(stored)
    }
}

/// A browser, or the `preload` extension of htmx 2, that fetches a page nobody asked for yet.
///
/// Reference: <https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Purpose>
fn is_prefetch(headers: &HeaderMap) -> bool {
    // To read the names once is quicker than to look four of them up.
    headers.iter().any(|(name, value)| {
        let value = value.as_bytes();
        match name.as_str() {
            "sec-purpose" | "purpose" | "x-moz" => {
                value.starts_with(b"prefetch") || value.starts_with(b"prerender")
            }
            _ => *name == HX_PRELOADED && value == b"true",
        }
    })
}
