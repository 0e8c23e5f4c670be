use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{error::Error, record::Data, typed::TypedSession};

/// The key of [`AuthSession`] in the session; guards and stores look there.
pub(crate) const KEY: &str = "acton_session::AuthSession";

/// Who is logged in, not how they proved it.
///
/// ```
/// use acton_session::{AuthSession, Error, TypedSession};
/// use axum::response::Redirect;
///
/// async fn login(mut auth: TypedSession<AuthSession>) -> Result<Redirect, Error> {
///     // … after the password was found right:
///     auth.login("alice").await?;
///     Ok(Redirect::to("/"))
/// }
///
/// async fn logout(mut auth: TypedSession<AuthSession>) -> Result<Redirect, Error> {
///     auth.logout().await?;
///     Ok(Redirect::to("/login"))
/// }
/// ```
///
/// A change of user or roles gives the session a new id, whichever way it was made, and what one user left in the
/// session is gone before the next one comes.
///
/// Reference: <https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#renew-the-session-id-after-any-privilege-level-change>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AuthSession {
    /// Whatever the application calls the user; `None` for a visitor.
    pub user_id: Option<String>,
    /// What the user may do, in the application's words.
    pub roles: Vec<String>,
    /// When the password was last asked for, or a remembered browser was recognised.
    pub authenticated_at: Option<SystemTime>,
    /// Whether a remembered browser stood in for the password; ask again before something that matters.
    pub is_remembered: bool,
}

impl AuthSession {
    /// Whether somebody is logged in.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.user_id.is_some()
    }

    /// Whether the user has a role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }
}

impl TypedSession<AuthSession> {
    /// Logs a user in.
    ///
    /// The session gets a new id and new CSRF tokens, and the id the visitor came with is dead. What the visitor did
    /// before stays; what another user did is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the session could not be read.
    pub async fn login(&mut self, user_id: impl Into<String>) -> Result<(), Error> {
        self.login_with_roles(user_id, Vec::<String>::new()).await
    }

    /// As [`login`](Self::login), with what the user may do.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the session could not be read.
    pub async fn login_with_roles(
        &mut self,
        user_id: impl Into<String>,
        roles: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<(), Error> {
        let auth = AuthSession {
            user_id: Some(user_id.into()),
            roles: roles.into_iter().map(Into::into).collect(),
            authenticated_at: Some(SystemTime::now()),
            is_remembered: false,
        };
        match self.stored_user().await? {
            None => self.visit().forget_later(),
            Some(user) if Some(&user) != auth.user_id.as_ref() => self.start_over().await?,
            Some(_) => {}
        }
        self.regenerate().await?;
        self.visit().stage_login();
        self.replace(auth).await
    }

    /// Remembers this browser: it is logged in again by itself when its session has ended.
    ///
    /// The cookie holds a secret that changes at every use. When an old one comes back it was copied, and the user is
    /// logged out everywhere; but for the last one but one as long as nobody has come with its successor. Roles are kept as they are now; end the sessions of a user whose roles change.
    ///
    /// # Errors
    ///
    /// [`Error::LoginRequired`] when nobody is logged in.
    #[expect(clippy::unused_async, reason = "as every other step of a login")]
    pub async fn remember(&mut self) -> Result<(), Error> {
        let auth = self.data();
        let user = auth.user_id.as_deref().ok_or(Error::LoginRequired)?;
        self.visit().remember(user, &auth.roles);
        Ok(())
    }

    /// Logs out: the session ends now, for every request that knows it, and the browser is told to forget it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the store did not answer; the session may live on then.
    pub async fn logout(&mut self) -> Result<(), Error> {
        self.destroy().await
    }
}

/// User and roles, as they stand in a session.
pub(crate) fn identity_in(data: &Data) -> Option<(&str, Option<&Value>)> {
    let auth = data.get(KEY)?;
    let user = auth.get("user_id")?.as_str()?;
    Some((user, auth.get("roles")))
}

pub(crate) fn user_in(data: &Data) -> Option<&str> {
    identity_in(data).map(|(user, _)| user)
}

/// What is stored, or nobody if it cannot be read.
pub(crate) fn auth_in(data: &Data) -> AuthSession {
    let auth = data.get(KEY).cloned();
    auth.and_then(|auth| serde_json::from_value(auth).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_found_where_the_typed_session_puts_it() {
        let auth = AuthSession {
            user_id: Some("alice".to_owned()),
            ..AuthSession::default()
        };
        let key = crate::typed::key::<AuthSession>().to_owned();
        let data = Data::from([(key, serde_json::to_value(&auth).unwrap())]);
        assert_eq!(user_in(&data), Some("alice"));
        assert_eq!(auth_in(&data), auth);
    }

    #[test]
    fn data_of_an_older_version_still_names_the_user() {
        let auth = serde_json::json!({ "user_id": "alice", "unknown": 1 });
        let data = Data::from([(KEY.to_owned(), auth)]);
        assert_eq!(auth_in(&data).user_id.as_deref(), Some("alice"));
    }
}
