//! Askama pages and fragments as answers, with the context every page needs.
//!
//! ```
//! # mod app {
//! use acton_htmx::Htmx;
//! use acton_templates::{HtmlTemplate, TemplateContext};
//! use askama::Template;
//!
//! #[derive(Template)]
//! #[template(ext = "html", blocks = ["list"], source = r#"<!doctype html>
//! <title>Tasks</title>
//! <a href="/tasks" {% if ctx.is_active("/tasks") %}aria-current="page"{% endif %}>Tasks</a>
//! <ul id="task-list">{% block list %}{% for task in tasks %}<li>{{ task }}</li>{% endfor %}{% endblock %}</ul>"#)]
//! struct Tasks {
//!     ctx: TemplateContext,
//!     tasks: Vec<String>,
//! }
//!
//! pub async fn list(htmx: Htmx, ctx: TemplateContext) -> HtmlTemplate {
//!     let tasks = Tasks { ctx, tasks: vec!["Milk & bread".into()] };
//!     HtmlTemplate::of(htmx, &tasks, tasks.as_list()) // the page for a browser, the list for htmx
//! }
//! # }
//! # use axum::{Router, routing::get};
//! # let app: Router = Router::new().route("/tasks", get(app::list));
//! ```
//!
//! [`HtmlTemplate`] is the answer, [`TemplateContext`] what every page shows,
//! [`ErrorPages`] what people see when something fails, [`classes`] and its neighbours help inside templates.
//!
//! # Features
#![cfg_attr(feature = "document-features", doc = document_features::document_features!())]

mod html;

mod context;

mod error_page;

mod helpers;

mod error;

pub use context::{ContextRejection, CspNonce, Csrf, CursorSource, TemplateContext};
pub use error::RenderError;
pub use error_page::{
    Asker, ErrorMessage, ErrorPages, ErrorPagesFuture, ErrorPagesLayer, ErrorPagesService,
    ErrorView,
};
pub use helpers::{classes, filters, pluralize, truncate};
pub use html::HtmlTemplate;

pub use acton_htmx::RenderMode;

pub use askama;

/// What a handler and its templates usually need.
pub mod prelude {
    pub use crate::{
        CspNonce, ErrorMessage, ErrorPages, ErrorView, HtmlTemplate, TemplateContext, classes,
        pluralize, truncate,
    };
    pub use askama::{self, Template};
}
