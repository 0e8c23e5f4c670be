//! The board and its parts, for reading.

use acton_service::prelude::*;

use crate::{
    changes::gone,
    desk::Desk,
    views::{DeletePage, Edit, EditRow, View},
};

/// The page; for htmx the part of it that depends on the tasks.
pub(crate) async fn index(desk: Desk, form: FormState) -> Result<HtmlTemplate> {
    let board = desk.board(View::of(&form)).await?;
    Ok(HtmlTemplate::of(board.htmx, &board, board.as_region()))
}

/// One task, after its edit was cancelled.
pub(crate) async fn show(desk: Desk, Path(id): Path<i64>, form: FormState) -> Result<Response> {
    let Some(task) = desk.tasks.find(id).await? else {
        return gone(desk, id, &form).await;
    };
    let board = desk.board(View::of(&form)).await?;
    if board.htmx.wants_fragment() {
        return Ok(board.edited(&task, &[]).into_response());
    }
    Ok(HtmlTemplate::page(board).into_response())
}

/// One task, to be edited in its place.
pub(crate) async fn edit(desk: Desk, Path(id): Path<i64>, form: FormState) -> Result<Response> {
    let Some(task) = &desk.tasks.find(id).await? else {
        return gone(desk, id, &form).await;
    };
    let board = desk.board(View::of(&form).editing(id)).await?;
    let row = EditRow {
        ctx: &board.ctx,
        view: &board.view,
        edit: Edit::of(task),
        task,
    };
    Ok(HtmlTemplate::of(board.htmx, &board, row).into_response())
}

/// The question that htmx asks with `hx-confirm`, as a page.
pub(crate) async fn confirm_delete(
    desk: Desk,
    Path(id): Path<i64>,
    form: FormState,
) -> Result<Response> {
    let Some(task) = desk.tasks.find(id).await? else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let view = View::of(&form);
    let ctx = desk.ctx;
    Ok(HtmlTemplate::page(DeletePage { ctx, view, task }).into_response())
}
