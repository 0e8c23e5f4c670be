use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::{auth::AuthSession, error::Error, refusal::Refusal, visit::Visit};

/// Whoever is logged in; nobody else reaches the handler.
///
/// ```
/// use acton_session::{CurrentUser, Error};
///
/// async fn me(user: CurrentUser) -> String {
///     format!("You are {}", user.id)
/// }
///
/// async fn admin(user: CurrentUser) -> Result<&'static str, Error> {
///     user.require_role("admin")?;
///     Ok("Welcome")
/// }
/// ```
///
/// `Option<CurrentUser>` lets visitors in, as `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CurrentUser {
    /// Whatever the application calls the user.
    pub id: String,
    /// What the user may do.
    pub roles: Vec<String>,
}

impl CurrentUser {
    /// Whether the user has a role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }

    /// Goes on only with a role.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], which answers 403.
    pub fn require_role(&self, role: &str) -> Result<(), Error> {
        if self.has_role(role) {
            Ok(())
        } else {
            Err(Error::Forbidden)
        }
    }

    fn of(auth: AuthSession) -> Option<Self> {
        let (id, roles) = (auth.user_id?, auth.roles);
        Some(Self { id, roles })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let visit = Visit::of(&parts.extensions)?;
        let user = Self::of(visit.auth().await?);
        user.ok_or_else(|| Refusal::login(parts, &visit, &visit.shared.login_path))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for CurrentUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Error> {
        let visit = Visit::of(&parts.extensions)?;
        Ok(Self::of(visit.auth().await?))
    }
}
