//! Sessions, flash messages, CSRF protection and login state for axum.
//!
//! ```
//! use acton_session::{FlashMessage, FlashMessages, SessionConfig, Store, session_layer};
//! use axum::{Router, response::{IntoResponse, Redirect}, routing::get};
//!
//! async fn save() -> impl IntoResponse {
//!     (FlashMessage::success("Saved"), Redirect::to("/"))
//! }
//!
//! async fn index(flash: FlashMessages) -> String {
//!     flash.into_messages().into_iter().map(|message| message.text).collect()
//! }
//!
//! let app: Router = Router::new()
//!     .route("/", get(index).post(save))
//!     .layer(session_layer(&SessionConfig::default(), Store::memory()));
//! ```
//!
//! Handlers use the [`Session`] of tower-sessions, so what is made for it fits. The layer around it is ours, for pages
//! that send many small requests at once: each request writes only what it changed, into whatever the session holds by
//! then; nothing revives a session that was logged out; and a request that touches nothing costs nothing.
//!
//! [`SessionConfig`] and [`Store`] make a [`SessionLayer`]. [`TypedSession`] is a part of the session as your struct,
//! [`AuthSession`] says who is logged in, [`login_required`] and [`CurrentUser`] keep others out, [`SessionRegistry`]
//! ends sessions from outside. [`FlashMessage`] and [`CsrfToken`] are for pages, and [`PageSession`] is all a template
//! needs.
//!
//! # Features
#![cfg_attr(feature = "document-features", doc = document_features::document_features!())]

mod config;
mod layer;
mod service;

mod store;

mod auth;
mod current_user;
mod guard;
mod next;
mod refusal;
mod registry;
mod typed;

mod ended;

mod csrf;
mod flash;
mod page;

mod cookie;
mod patch;
mod random;
mod record;
mod remember;
mod visit;

mod error;

pub use tower_sessions::{self, Session, SessionStore};

pub use self::{
    auth::AuthSession,
    config::{CsrfConfig, SameSite, SessionConfig, Storage},
    csrf::{CSRF_FIELD, CSRF_HEADER, CSRF_META, CsrfExempt, CsrfToken},
    current_user::CurrentUser,
    ended::SessionEnded,
    error::{ConfigError, CsrfError, Error},
    flash::{FlashLevel, FlashMessage, FlashMessages},
    guard::{Guard, GuardLayer, login_required, role_required},
    layer::{SessionLayer, session_layer},
    next::Next,
    page::PageSession,
    refusal::Refusal,
    registry::{ActiveSession, SessionRegistry},
    service::Sessions,
    store::{Store, StoreStats},
    typed::TypedSession,
};

/// What handlers use.
pub mod prelude {
    pub use crate::{
        AuthSession, CsrfToken, CurrentUser, FlashLevel, FlashMessage, FlashMessages, Next,
        PageSession, Session, SessionConfig, SessionEnded, SessionRegistry, Store, TypedSession,
        login_required, role_required, session_layer,
    };
}
