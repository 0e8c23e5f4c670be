//! What every handler of the board has at hand.

use acton_service::prelude::*;
use axum::{RequestPartsExt, extract::FromRequestParts};
use http::request::Parts;

use crate::{
    live::Live,
    routes::App,
    tasks::{Counts, Tasks},
    views::{Board, View},
};

/// The tasks, and what there is to know about the request. An application's own extractor is a bundle of others.
pub(crate) struct Desk {
    pub(crate) tasks: Tasks,
    pub(crate) live: Live,
    pub(crate) htmx: Htmx,
    pub(crate) ctx: TemplateContext,
}

impl Desk {
    /// The board as it is now.
    pub(crate) async fn board(self, view: View) -> Result<Board> {
        let mut tasks = self.tasks.all().await?;
        let counts = Counts::of(&tasks);
        let deleted = view.edits_of_deleted(&tasks);
        tasks.retain(|task| view.shows(task));
        Ok(Board {
            tasks,
            counts,
            // A page that is opened anew has no edit to keep.
            deleted: if self.htmx.wants_fragment() {
                deleted
            } else {
                Vec::new()
            },
            htmx: self.htmx,
            live: self.live,
            ctx: self.ctx,
            view,
            form: FormState::default(),
            focus: false,
            rejected: None,
        })
    }
}

impl FromRequestParts<App> for Desk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Ok(htmx) = parts.extract().await;
        Ok(Self {
            tasks: app.tasks.clone(),
            live: parts.extract().await.map_err(IntoResponse::into_response)?,
            htmx,
            ctx: parts.extract().await.map_err(IntoResponse::into_response)?,
        })
    }
}
