use std::{fmt, sync::Arc};

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::{auth::AuthSession, csrf::CsrfToken, error::Error, flash::FlashMessages, visit::Visit};

/// Everything of a session that a page shows: who is logged in, messages, and the token for forms.
///
/// Extraction loads it; from then on everything is at hand without waiting, so a template can ask while it renders.
/// What it asked for has consequences when the request ends: messages that were taken are gone, a token that was
/// rendered belongs to a session. A page that asks for nothing begins none.
///
/// ```
/// use acton_session::PageSession;
///
/// async fn page(page: PageSession) -> String {
///     let greeting = page.user_id().unwrap_or("stranger").to_owned();
///     let messages = page.flash().take();
///     format!("<p>Hello {greeting}</p>{} messages{}", messages.len(), page.csrf().field())
/// }
/// ```
///
/// `Option<PageSession>` is `None` where no [`SessionLayer`](crate::SessionLayer) is.
#[derive(Clone)]
pub struct PageSession {
    auth: AuthSession,
    flash: FlashMessages,
    csrf: CsrfToken,
}

impl PageSession {
    /// Who is logged in.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.auth.user_id.as_deref()
    }

    /// What the user may do.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.auth.roles
    }

    /// Who is logged in, and since when.
    #[must_use]
    pub fn auth(&self) -> &AuthSession {
        &self.auth
    }

    /// The messages that wait; [`FlashMessages::take`] shows them.
    #[must_use]
    pub fn flash(&self) -> &FlashMessages {
        &self.flash
    }

    /// The token for forms and scripts.
    #[must_use]
    pub fn csrf(&self) -> &CsrfToken {
        &self.csrf
    }
}

impl fmt::Debug for PageSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PageSession")
            .field("auth", &self.auth)
            .field("flash", &self.flash)
            .finish_non_exhaustive()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PageSession {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let visit = Visit::of(&parts.extensions)?;
        visit.claim_flash().await?;
        Ok(Self {
            auth: visit.auth().await?,
            flash: FlashMessages::new(Arc::clone(&visit)),
            csrf: CsrfToken::new(visit),
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for PageSession {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Error> {
        match <Self as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(page) => Ok(Some(page)),
            Err(Error::MissingLayer) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
