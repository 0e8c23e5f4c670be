use std::sync::atomic::Ordering;

use axum_core::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use time::OffsetDateTime;
use tower_sessions::{Expiry, Session};

use super::{CookieChange, Pending, RememberChange, Visit};
use crate::{error::Error, flash::Outgoing, patch::ExpiryPatch, record::now_ms};

/// What is left to do once the handler has answered.
pub(crate) async fn finish(visit: &Visit, session: &Session, mut response: Response) -> Response {
    let outgoing = response.extensions_mut().remove::<Outgoing>();
    let is_untouched = !visit.is_touched.load(Ordering::Acquire);
    if is_untouched && outgoing.is_none() && !session.is_modified() {
        return response;
    }
    let failed = response.status().is_server_error();
    if failed {
        Box::pin(visit.discard()).await;
        if let Some(error) = visit.failure().await {
            response = error.into_response();
        }
    } else {
        let messages = outgoing.map(|Outgoing(messages)| messages);
        messages
            .into_iter()
            .flatten()
            .for_each(|message| visit.flash_push(message));
        if let Err(error) = visit.save(session).await {
            response = error.into_response();
        }
    }
    visit.write_headers(&mut response);
    response
}

impl Visit {
    async fn save(&self, session: &Session) -> Result<(), Error> {
        let typed = std::mem::take(&mut self.pending().typed);
        for (key, value) in typed {
            session.insert_value(key, value).await?;
        }
        self.note_expiry(session);
        self.pending().is_last = true;
        let remembers = self.pending().remembers.is_some();
        if remembers {
            // Rare and large, as what `commit` keeps apart.
            Box::pin(self.begin_series()).await?;
        }
        if session.is_modified() {
            session.save().await?;
        }
        self.commit(None).await?;
        self.settle_series().await
    }

    /// After a failure only the messages this request held are given back.
    async fn discard(&self) {
        let holds = {
            let mut pending = self.pending();
            pending.typed.clear();
            pending.pushed.clear();
            pending.shown.clear();
            pending.csrf_is_new = false;
            pending.remembers = None;
            pending.forgets = false;
            pending.is_last = true;
            pending.holder.is_some()
        };
        if holds {
            self.give_back().await;
        }
    }

    pub(super) async fn give_back(&self) {
        let Ok(mut saved) = self.saved().await else {
            return;
        };
        // A store that failed a moment ago is not asked again; the lease ends by itself.
        if saved.failure.is_some() {
            return;
        }
        let (Some(id), Some(snapshot)) = (saved.id, saved.snapshot.clone()) else {
            return;
        };
        let mut patch = crate::patch::Patch::default();
        patch.flash.released = self.pending().holder.take();
        let key = crate::store::Key::of(&id);
        let updated = self.update(&mut saved, (key, Some(id)), snapshot, patch);
        if let Err(error) = updated.await {
            tracing::debug!(%error, "messages were not given back and wait for their lease to end");
        }
    }

    async fn failure(&self) -> Option<Error> {
        self.saved.lock().await.failure.clone()
    }

    /// Handlers may ask for another lifetime in tower-sessions' words, never for more than the configured end, and for
    /// the usual one again.
    fn note_expiry(&self, session: &Session) {
        let expiry = session.expiry();
        if expiry == Some(self.unasked_expiry()) {
            return;
        }
        self.stage_expiry(match expiry {
            Some(Expiry::OnInactivity(idle)) if idle != self.shared.lifetimes.idle => ExpiryPatch {
                idle_ms: Some(whole_ms(idle)),
                ends_ms: None,
            },
            Some(Expiry::AtDateTime(end)) => {
                let left = whole_ms(end - OffsetDateTime::now_utc());
                ExpiryPatch {
                    idle_ms: Some(left),
                    ends_ms: Some(now_ms().saturating_add(left)),
                }
            }
            Some(Expiry::OnInactivity(_) | Expiry::OnSessionEnd) | None => ExpiryPatch::default(),
        });
    }

    /// Tells the browser what became of its cookies, and caches that the answer is for this visitor.
    pub(crate) fn write_headers(&self, response: &mut Response) {
        let (change, remember, is_signed_in, is_live) = {
            let pending = self.pending();
            let Pending {
                cookie, remember, ..
            } = *pending;
            (cookie, remember, pending.is_signed_in, pending.is_live)
        };
        let headers = response.headers_mut();
        match change {
            CookieChange::Set(id) => {
                headers.append(header::SET_COOKIE, self.shared.cookie.set(&id));
            }
            CookieChange::Delete => {
                headers.append(header::SET_COOKIE, self.shared.cookie.delete());
            }
            CookieChange::Keep => {}
        }
        let remembered = match remember {
            RememberChange::Keep => None,
            RememberChange::Set(token) => {
                Some(self.shared.remember_cookie.set_value(&token.encode()))
            }
            RememberChange::Delete => Some(self.shared.remember_cookie.delete()),
        };
        let is_cookie_sent = change != CookieChange::Keep || remembered.is_some();
        headers.extend(remembered.map(|cookie| (header::SET_COOKIE, cookie)));
        if is_cookie_sent && !is_private(headers) {
            // Caches keep cookies too, and give them to the next visitor.
            headers.remove(header::CACHE_CONTROL);
        }
        let cache = if is_signed_in || is_cookie_sent {
            "no-store"
        } else if is_live {
            "private, no-cache"
        } else {
            ""
        };
        if !cache.is_empty() && !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        }
        vary_by_cookie(headers);
    }
}

/// Whether no cache keeps the answer that others are answered from.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc9111#section-7.3>
fn is_private(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::CACHE_CONTROL).iter();
    let mut directives = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    directives.any(|directive| {
        let directive = directive.trim_ascii();
        directive.eq_ignore_ascii_case(b"no-store") || directive.eq_ignore_ascii_case(b"private")
    })
}

/// A time that is over already has no milliseconds left.
fn whole_ms(duration: time::Duration) -> u64 {
    let left = duration.whole_milliseconds().max(0);
    u64::try_from(left).unwrap_or(u64::MAX)
}

fn vary_by_cookie(headers: &mut HeaderMap) {
    let names_cookie = |value: &HeaderValue| {
        let mut names = value.as_bytes().split(|byte| *byte == b',');
        names.any(|name| {
            let name = name.trim_ascii();
            name.eq_ignore_ascii_case(b"cookie") || name == b"*"
        })
    };
    if !headers.get_all(header::VARY).iter().any(names_cookie) {
        headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    }
}
