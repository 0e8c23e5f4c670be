//! Forms that remember: what was typed, and what is wrong with it, in one extractor.
//!
//! ```
//! use acton_forms::{FormState, ValidForm};
//! use axum::{Router, http::StatusCode, response::{Html, IntoResponse, Redirect, Response}, routing::get};
//! use garde::Validate;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize, Validate)]
//! struct NewTask {
//!     #[garde(length(chars, min = 1, max = 200))]
//!     title: String,
//! }
//!
//! async fn blank() -> Html<String> {
//!     page(&FormState::default())
//! }
//!
//! async fn create(form: ValidForm<NewTask>) -> Response {
//!     match form {
//!         ValidForm::Valid(task) => Redirect::to(&format!("/tasks#{}", task.title.len())).into_response(),
//!         ValidForm::Invalid(form) => (StatusCode::UNPROCESSABLE_ENTITY, page(&form)).into_response(),
//!     }
//! }
//!
//! // In an application this is a template: `{{ form.value("title") }}` escapes what was typed.
//! fn page(form: &FormState) -> Html<String> {
//!     Html(format!("<p id=\"err-title\">{}</p>", form.error("title").unwrap_or_default()))
//! }
//!
//! let app: Router = Router::new().route("/tasks", get(blank).post(create));
//! ```
//!
//! [`FormState`] holds a form as it is shown, [`ValidForm`] is the form that a handler receives,
//! and [`FormRejection`] answers a body that is no form at all.
//! The rules are written with [garde](https://docs.rs/garde), which the application names in its own manifest
//! as it does serde: the code that `derive(Validate)` writes refers to a crate of that name.

mod checkbox;
mod error;
mod messages;
mod read;
mod state;
mod valid;

pub use checkbox::checkbox;
pub use error::FormRejection;
pub use messages::Messages;
pub use state::{FieldError, FormState};
pub use valid::ValidForm;

pub use garde;

/// What a handler usually needs.
pub mod prelude {
    pub use crate::{FormState, ValidForm};
}
