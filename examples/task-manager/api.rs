//! The JSON beside the pages, for other programs.

use acton_service::prelude::*;

use crate::{routes::App, views::View};

/// `GET /api/v1/tasks?filter=pending`, for whoever is logged in. A program is told 401 and not shown a login page.
pub(crate) async fn tasks(
    State(app): State<App>,
    user: Option<CurrentUser>,
    form: FormState,
) -> Result<Response> {
    if user.is_none() {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    }
    let filter = View::of(&form).filter;
    let mut tasks = app.tasks.all().await?;
    tasks.retain(|task| filter.shows(task));
    Ok(Json(tasks).into_response())
}
