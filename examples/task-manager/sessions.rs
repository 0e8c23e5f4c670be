//! The page on which people see where they are logged in, and end it.

use acton_service::prelude::*;

use crate::views::SessionsPage;

pub(crate) async fn list(
    user: CurrentUser,
    sessions: SessionRegistry,
    ctx: TemplateContext,
) -> Result<HtmlTemplate> {
    let sessions = sessions.list(&user.id).await?;
    Ok(HtmlTemplate::page(SessionsPage { ctx, sessions }))
}

pub(crate) async fn end(
    user: CurrentUser,
    sessions: SessionRegistry,
    Path(handle): Path<String>,
) -> Result<impl IntoResponse> {
    let has_ended = sessions.revoke(&user.id, &handle).await?;
    Ok(back(match has_ended {
        true => FlashMessage::success("That session is over."),
        false => FlashMessage::info("That session was over already."),
    }))
}

pub(crate) async fn end_others(
    user: CurrentUser,
    sessions: SessionRegistry,
) -> Result<impl IntoResponse> {
    sessions.revoke_others(&user.id).await?;
    Ok(back(FlashMessage::success("Every other session is over.")))
}

fn back(message: FlashMessage) -> impl IntoResponse {
    (message, Redirect::to("/account/sessions"))
}

/// `Firefox on Linux`, as far as the browser says.
pub(crate) fn device(user_agent: Option<&str>) -> String {
    let agent = user_agent.unwrap_or_default();
    let find = |names: &[(&str, &'static str)]| {
        let known = names.iter().find(|(token, _)| agent.contains(token));
        known.map(|(_, name)| *name)
    };
    // Later browsers carry the tokens of earlier ones, so the most particular comes first.
    let browser = find(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = find(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Another program".to_owned(),
    }
}
