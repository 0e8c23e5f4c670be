//! What people do to the tasks.
//!
//! htmx gets the parts of its page that changed, a plain form is sent back to the list with a message, and the
//! other browsers hear of it. The part that holds the button that asked comes last, because htmx 2 looks for the
//! other parts from there.

use acton_service::prelude::*;
use garde::Validate;
use serde::Deserialize;

use crate::{
    desk::Desk,
    tasks::Task,
    views::{Board, Edit, EditRow, View, row_id},
};

/// The title of a task, new or edited.
#[derive(Deserialize, Validate)]
struct Titled {
    #[garde(custom(fits))]
    title: String,
}

fn fits(title: &str, (): &()) -> garde::Result {
    let title = title.trim();
    let problem = match title.chars().count() {
        0 => "Enter a title.".to_owned(),
        1..=200 if title.contains(char::is_control) => "Use one line of text.".to_owned(),
        1..=200 => return Ok(()),
        length => format!("Use at most 200 characters; these are {length}."),
    };
    Err(garde::Error::new(problem))
}

pub(crate) async fn create(desk: Desk, user: CurrentUser, form: FormState) -> Result<Response> {
    let view = View::of(&form);
    let task = match form.read::<Titled>() {
        ValidForm::Valid(task) => task,
        ValidForm::Invalid(form) => return not_created(desk, view, form).await,
    };
    let title = task.title.trim();
    desk.tasks.add(title, &user.id).await?;
    desk.live.changed();
    let mut board = desk.board(view).await?;
    board.focus = true;
    // The whole list, not only the new row: a list that was refreshed meanwhile may hold that row already.
    let parts = board
        .with_news(Fragments::new(board.as_new_task()), &[])
        .and(OutOfBandSwap::replace("task-list", board.as_list()));
    Ok(answer(&board, parts, format!("Added “{title}”.")))
}

async fn not_created(desk: Desk, view: View, form: FormState) -> Result<Response> {
    let mut board = desk.board(view).await?;
    (board.form, board.focus) = (form, true);
    let answer = HtmlTemplate::of(board.htmx, &board, board.as_new_task());
    Ok(answer.unprocessable().into_response())
}

pub(crate) async fn complete(desk: Desk, Path(id): Path<i64>, form: FormState) -> Result<Response> {
    match desk.tasks.complete(id).await? {
        Some(task) => toggled(desk, task, form, "Completed").await,
        None => gone(desk, id, &form).await,
    }
}

pub(crate) async fn reopen(desk: Desk, Path(id): Path<i64>, form: FormState) -> Result<Response> {
    match desk.tasks.reopen(id).await? {
        Some(task) => toggled(desk, task, form, "Reopened").await,
        None => gone(desk, id, &form).await,
    }
}

async fn toggled(desk: Desk, task: Task, form: FormState, done: &str) -> Result<Response> {
    desk.live.changed();
    let board = desk.board(View::of(&form)).await?;
    let parts = board
        .with_news(Fragments::out_of_band(), &[])
        .and(board.row(&task));
    Ok(answer(&board, parts, format!("{done} “{}”.", task.title)))
}

pub(crate) async fn rename(desk: Desk, Path(id): Path<i64>, form: FormState) -> Result<Response> {
    let view = View::of(&form);
    let edit = match form.clone().read::<Titled>() {
        ValidForm::Valid(edit) => edit,
        ValidForm::Invalid(form) => return not_renamed(desk, id, view, form).await,
    };
    let before = desk.tasks.find(id).await?;
    let after = desk.tasks.rename(id, edit.title.trim()).await?;
    let (Some(before), Some(task)) = (before, after) else {
        return gone(desk, id, &form).await;
    };
    desk.live.changed();
    let board = desk.board(view).await?;
    let replaced = replaced(&before, &task, form.value("was"));
    let parts = board.edited(&task, &replaced);
    Ok(answer(&board, parts, format!("Saved “{}”.", task.title)))
}

/// The last of two people who edit a task wins, and is told what it was meanwhile.
fn replaced(before: &Task, after: &Task, was: &str) -> Vec<FlashMessage> {
    if was.is_empty() || [was, &after.title].contains(&before.title.as_str()) {
        return Vec::new();
    }
    let told = format!("Saved, in place of “{}” by somebody else.", before.title);
    vec![FlashMessage::warning(told)]
}

async fn not_renamed(desk: Desk, id: i64, view: View, form: FormState) -> Result<Response> {
    let Some(task) = &desk.tasks.find(id).await? else {
        return gone(desk, id, &form).await;
    };
    let mut board = desk.board(view.editing(id)).await?;
    board.rejected = Some((id, form.clone()));
    let row = EditRow {
        ctx: &board.ctx,
        view: &board.view,
        edit: Edit::rejected(&form),
        task,
    };
    let answer = HtmlTemplate::of(board.htmx, &board, row);
    Ok(answer.unprocessable().into_response())
}

pub(crate) async fn remove(desk: Desk, Path(id): Path<i64>, form: FormState) -> Result<Response> {
    let Some(task) = desk.tasks.remove(id).await? else {
        return gone(desk, id, &form).await;
    };
    desk.live.changed();
    let board = desk.board(View::of(&form)).await?;
    let message = format!("Deleted “{}”.", task.title);
    let told = [FlashMessage::success(&message)];
    let parts = board
        .with_news(Fragments::out_of_band(), &told)
        .and(OutOfBandSwap::delete(&row_id(id)));
    Ok(answer(&board, parts, message))
}

/// Somebody deleted the task meanwhile: its row goes too, and the message keeps what was typed.
pub(crate) async fn gone(desk: Desk, id: i64, form: &FormState) -> Result<Response> {
    if !desk.htmx.wants_fragment() {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let told = match form.value("title") {
        "" => "Somebody has deleted this task.".to_owned(),
        typed => format!("Somebody has deleted this task. You had typed “{typed}”."),
    };
    let board = desk.board(View::of(form)).await?;
    let parts = board
        .with_news(Fragments::out_of_band(), &[FlashMessage::warning(told)])
        .and(OutOfBandSwap::delete(&row_id(id)));
    Ok(parts.into_response())
}

/// The parts for htmx, the list with a message for everybody else.
fn answer(board: &Board, parts: Fragments, message: String) -> Response {
    if board.htmx.wants_fragment() {
        return parts.into_response();
    }
    let message = FlashMessage::success(message);
    (message, Redirect::to(&board.view.url())).into_response()
}
