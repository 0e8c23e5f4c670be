//! Login, logout, guards, a change of password, and disabling a user.

use acton_service::auth::Throttle;
use acton_service::prelude::*;
use serde::Deserialize;

use crate::pages::page;
use crate::users::Users;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/login", get(login_page).post(login))
        .route("/logout", post(logout))
        .route("/me", get(me).layer(login_required()))
        .route("/password", post(password).layer(login_required()))
        .route("/admin", get(admin).layer(role_required("admin")))
        .route(
            "/admin/disable",
            post(disable).layer(role_required("admin")),
        )
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<form method="post" action="/login">
{{ ctx.csrf_field() }}<input type="hidden" name="next" value="{{ next }}">
{% if failed %}<p role="alert">The name or the password is wrong.</p>{% endif %}
<label>Name <input name="username"></label>
<label>Password <input name="password" type="password"></label>
<button>Log in</button>
</form>"#
)]
struct LoginForm {
    ctx: TemplateContext,
    next: Next,
    failed: bool,
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    next: Next,
}

async fn login_page(ctx: TemplateContext, Query(wanted): Query<Wanted>) -> Result<HtmlTemplate> {
    login_form(ctx, wanted.next, false)
}

fn login_form(ctx: TemplateContext, next: Next, failed: bool) -> Result<HtmlTemplate> {
    let form = LoginForm {
        ctx: ctx.clone(),
        next,
        failed,
    };
    page(ctx, "Log in", form)
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
    #[serde(default)]
    next: Next,
}

async fn login(
    Extension(users): Extension<Users>,
    Extension(throttle): Extension<Throttle>,
    ClientAddr(client): ClientAddr,
    mut auth: TypedSession<AuthSession>,
    ctx: TemplateContext,
    Form(login): Form<Login>,
) -> Result<Response> {
    let attempt = throttle.attempt(&login.username, client).await?;
    let proof = match users.authenticate(&login.username, &login.password).await {
        Ok(Some(proof)) => proof,
        Ok(None) => {
            let form = login_form(ctx, login.next, true)?;
            return Ok(form.unprocessable().into_response());
        }
        Err(error) => {
            attempt.not_tried().await;
            return Err(error);
        }
    };
    attempt.succeeded().await;
    auth.login_with_roles(login.username.clone(), [proof.role])
        .await?;
    // Once the session is written, whoever disables the user ends it; who did so before is found here.
    auth.session().save().await?;
    if !users.holds(&login.username, &proof) {
        auth.logout().await?;
        let form = login_form(ctx, login.next, true)?;
        return Ok(form.unprocessable().into_response());
    }
    Ok(HxRedirect(login.next.into_url()).into_response())
}

async fn logout(mut auth: TypedSession<AuthSession>) -> Result<impl IntoResponse> {
    auth.logout().await?;
    Ok(HxRedirect::to("/"))
}

async fn me(user: CurrentUser) -> String {
    user.id
}

#[derive(Deserialize)]
struct Password {
    current: String,
    new: String,
}

/// The session goes on under a new id; every other one of the user ends.
async fn password(
    Extension(users): Extension<Users>,
    user: CurrentUser,
    sessions: SessionRegistry,
    mut auth: TypedSession<AuthSession>,
    Form(password): Form<Password>,
) -> Result<Response> {
    if users
        .authenticate(&user.id, &password.current)
        .await?
        .is_none()
    {
        return Ok(StatusCode::UNPROCESSABLE_ENTITY.into_response());
    }
    users.set_password(&user.id, &password.new).await?;
    sessions.revoke_others(&user.id).await?;
    auth.regenerate().await?;
    Ok(HxRedirect::to("/me").into_response())
}

async fn admin() -> &'static str {
    "for admins"
}

#[derive(Deserialize)]
struct Disable {
    username: String,
}

async fn disable(
    Extension(users): Extension<Users>,
    sessions: SessionRegistry,
    Form(disable): Form<Disable>,
) -> Result<&'static str> {
    users.disable(&disable.username);
    sessions.revoke_all(&disable.username).await?;
    Ok("disabled")
}
