use std::{fmt, sync::Arc};

use acton_htmx::Markup;
use axum_core::extract::FromRequestParts;
use http::request::Parts;

pub(crate) use self::{
    layer::admit,
    origin::{Origin, OriginPolicy},
    token::{Sealed, Secret},
};
use crate::{error::Error, visit::Visit};

mod body;
mod field;
mod layer;
mod origin;
mod token;

/// The form field that holds a token.
pub const CSRF_FIELD: &str = "csrf_token";
/// The request header that holds a token.
pub const CSRF_HEADER: &str = "X-CSRF-Token";
/// The `<meta>` element from which scripts read a token.
pub const CSRF_META: &str = "csrf-token";

/// The proof that a request comes from a page of this application.
///
/// Every unsafe request needs one: forms carry [`field`](Self::field), scripts send it as `X-CSRF-Token`. A session
/// begins when a token is first asked for, not before.
///
/// ```
/// use acton_session::CsrfToken;
/// use axum::response::Html;
///
/// async fn form(csrf: CsrfToken) -> Html<String> {
///     Html(format!(r#"<form method="post">{}<button>Save</button></form>"#, csrf.field()))
/// }
/// ```
///
/// Tokens are renewed when somebody logs in, and end with the session.
///
/// Reference: <https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html>
#[derive(Clone)]
pub struct CsrfToken {
    visit: Arc<Visit>,
}

impl CsrfToken {
    pub(crate) fn new(visit: Arc<Visit>) -> Self {
        Self { visit }
    }

    /// A token: another text at every call, each as good as the others.
    #[must_use]
    pub fn token(&self) -> String {
        self.visit.csrf_secret().mask()
    }

    /// The hidden field for a form.
    pub fn field(&self) -> Markup {
        let token = self.token();
        Markup::trusted(format!(
            r#"<input type="hidden" name="{CSRF_FIELD}" value="{token}">"#
        ))
    }

    /// The element for the head of a page, where the scripts of `acton-htmx` find the token.
    pub fn meta(&self) -> Markup {
        let token = self.token();
        Markup::trusted(format!(r#"<meta name="{CSRF_META}" content="{token}">"#))
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CsrfToken")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CsrfToken {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let visit = Visit::of(&parts.extensions)?;
        visit.load().await?;
        Ok(Self::new(visit))
    }
}

/// Lets requests through without a token.
///
/// Added outside the session layer, as a request extension, by whoever knows that no cookie gives power over the
/// routes inside. For single routes there is [`CsrfConfig::exempt`](crate::CsrfConfig::exempt).
#[derive(Clone, Copy, Debug)]
pub struct CsrfExempt;
