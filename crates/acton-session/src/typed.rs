use std::{
    any::{TypeId, type_name},
    fmt,
    sync::Arc,
};

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tower_sessions::Session;

use crate::{
    auth::{self, AuthSession},
    error::{Error, kind},
    visit::Visit,
};

/// A part of the session, as your struct.
///
/// Each type has its own place, so two types never meet. What was changed is written when the request ends well, also
/// without [`save`](Self::save); after a 5xx nothing is.
///
/// ```
/// use acton_session::TypedSession;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Cart {
///     items: Vec<String>,
/// }
///
/// async fn add(mut cart: TypedSession<Cart>) -> String {
///     cart.data_mut().items.push("Milk".to_owned());
///     format!("{} items", cart.data().items.len())
/// }
/// ```
///
/// The place is named by the path of the type, as [`std::any::type_name`] writes it: a type that is renamed or moved
/// begins anew, and two types of one name inside one function would share a place.
///
/// Data that does not fit the type any more, after an update of the application, becomes the default, with one warning
/// in the log. The value must not outlive the request: what a spawned task changes is not written. Nor is it written by
/// itself where the session it was read from has ended meanwhile, or belongs to another user.
pub struct TypedSession<T: Serialize + 'static> {
    session: Session,
    visit: Arc<Visit>,
    data: T,
    is_changed: bool,
    /// Of which session the data is, where the request has had several.
    era: u32,
}

impl<T: Serialize + 'static> TypedSession<T> {
    /// The data.
    #[must_use]
    pub fn data(&self) -> &T {
        &self.data
    }

    /// The data, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        self.is_changed = true;
        &mut self.data
    }

    /// The whole session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Changes the data.
    pub fn update(&mut self, change: impl FnOnce(&mut T)) {
        change(self.data_mut());
    }

    /// Puts the data into the session before the request ends, so that the rest of the handler finds it there.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the session could not be read, [`Error::Value`] when the data is no JSON.
    pub async fn save(&mut self) -> Result<(), Error> {
        self.session.insert(key::<T>(), &self.data).await?;
        self.is_changed = false;
        Ok(())
    }

    /// Ends the whole session, now and everywhere, and tells the browser to forget it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the store did not answer.
    pub async fn destroy(&mut self) -> Result<(), Error>
    where
        T: Default,
    {
        self.visit.destroy().await?;
        self.session.flush().await?;
        self.begin_with(T::default());
        Ok(())
    }

    /// Gives the session a new id; the old one is dead once the request has ended well.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the session could not be read.
    pub async fn regenerate(&mut self) -> Result<(), Error> {
        Ok(self.session.cycle_id().await?)
    }

    /// Goes back to the default and gives up the place in the session.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the session could not be read.
    pub async fn clear(&mut self) -> Result<(), Error>
    where
        T: Default,
    {
        self.session.remove_value(key::<T>()).await?;
        self.begin_with(T::default());
        Ok(())
    }

    pub(crate) async fn replace(&mut self, data: T) -> Result<(), Error> {
        self.begin_with(data);
        self.save().await
    }

    /// Nothing is left of what was read.
    fn begin_with(&mut self, data: T) {
        self.data = data;
        self.is_changed = false;
        self.era = self.visit.era();
    }

    pub(crate) fn visit(&self) -> &Visit {
        &self.visit
    }

    /// The user as the session has it, also if this value was changed meanwhile.
    pub(crate) async fn stored_user(&self) -> Result<Option<String>, Error> {
        let stored = self.session.get_value(auth::KEY).await?;
        let user = stored.as_ref().and_then(|auth| auth.get("user_id"));
        Ok(user.and_then(Value::as_str).map(str::to_owned))
    }

    /// Everything that is in the session belongs to somebody else.
    pub(crate) async fn start_over(&mut self) -> Result<(), Error> {
        self.visit.start_over().await?;
        self.session.clear().await;
        Ok(())
    }
}

/// One name for each type.
pub(crate) fn key<T: 'static>() -> &'static str {
    if TypeId::of::<T>() == TypeId::of::<AuthSession>() {
        auth::KEY
    } else {
        type_name::<T>()
    }
}

impl<T: Serialize + 'static> Drop for TypedSession<T> {
    fn drop(&mut self) {
        if !self.is_changed {
            return;
        }
        if self.era != self.visit.era() {
            let key = key::<T>();
            tracing::warn!(
                key,
                "session data is dropped with the session it was read from"
            );
            return;
        }
        match serde_json::to_value(&self.data) {
            Ok(value) => self.visit.stage_typed(key::<T>(), value),
            Err(error) => {
                let (key, error) = (key::<T>(), kind(&error));
                tracing::error!(key, error, "session data cannot be written as JSON");
            }
        }
    }
}

impl<T: Serialize + fmt::Debug + 'static> fmt::Debug for TypedSession<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("TypedSession")
            .field(&self.data)
            .finish()
    }
}

impl<S, T> FromRequestParts<S> for TypedSession<T>
where
    S: Send + Sync,
    T: Serialize + DeserializeOwned + Default + Send + 'static,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let visit = Visit::of(&parts.extensions)?;
        let session = parts.extensions.get::<Session>().cloned();
        let session = session.ok_or(Error::MissingLayer)?;
        let data = match session.get_value(key::<T>()).await? {
            Some(value) => decode(value),
            None => T::default(),
        };
        Ok(Self {
            era: visit.era(),
            session,
            visit,
            data,
            is_changed: false,
        })
    }
}

fn decode<T: DeserializeOwned + Default + 'static>(value: Value) -> T {
    serde_json::from_value(value).unwrap_or_else(|error| {
        let (key, error) = (key::<T>(), kind(&error));
        tracing::warn!(
            key,
            error,
            "session data does not fit its type and is dropped"
        );
        T::default()
    })
}
