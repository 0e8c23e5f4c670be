//! Registering, logging in and logging out.
//!
//! Plain forms: a new user means a new page. How people prove who they are is `acton-auth`'s business, and who
//! is logged in afterwards is the session's.

use acton_service::{auth, prelude::*};
use garde::Validate;
use http::{HeaderValue, header::RETRY_AFTER};
use serde::Deserialize;

use crate::{
    routes::App,
    views::{LoginPage, RegisterPage},
};

/// The account of an empty database, shown on the login page while developing.
const DEMO: (&str, &str) = ("demo", "demo-password");

/// Names are compared in lower case, so that nobody can pose as somebody by a capital letter.
#[derive(Deserialize, Validate)]
struct NewUser {
    #[garde(custom(is_name))]
    username: String,
}

fn is_name(name: &str, (): &()) -> garde::Result {
    let name = name.trim();
    let fits = |letter: char| letter.is_alphanumeric() || "._-@+".contains(letter);
    match name.chars().count() {
        0 => Err(garde::Error::new("Enter a name.")),
        1..=40 if name.chars().all(fits) => Ok(()),
        1..=40 => Err(garde::Error::new("Use letters, digits and . _ - @ + only.")),
        _ => Err(garde::Error::new("Use at most 40 characters.")),
    }
}

pub(crate) async fn login_page(
    State(app): State<App>,
    ctx: TemplateContext,
    form: FormState,
) -> HtmlTemplate {
    login_form(&app, ctx, form)
}

pub(crate) async fn log_in(
    State(app): State<App>,
    Extension(throttle): Extension<Throttle>,
    ClientAddr(address): ClientAddr,
    mut session: TypedSession<AuthSession>,
    ctx: TemplateContext,
    form: FormState,
) -> Result<Response> {
    let name = in_lower_case(form.value("username"));
    let attempt = match throttle.attempt(&name, address).await {
        Ok(attempt) => attempt,
        Err(error) => {
            let form = form.with_error("", sentence(&error));
            return Ok(refused(login_form(&app, ctx, form), &error));
        }
    };
    let stored = match app.users.password_hash(&name).await {
        Ok(stored) => stored,
        Err(error) => {
            // Nobody has guessed anything.
            attempt.not_tried().await;
            return Err(error.into());
        }
    };
    let password = form.value("password");
    // A name that nobody has takes as long as a wrong password.
    match app.passwords.verify(password, stored.as_deref()).await {
        Ok(Some(verified)) => {
            attempt.succeeded().await;
            session.login(name.clone()).await?;
            if form.is_checked("remember") {
                session.remember().await?;
            }
            // Once the session is written, whoever changes the password ends it; who did so before is found here.
            session.session().save().await?;
            let is_right = is_still_right(&app, &name, password, stored.as_deref()).await;
            if !matches!(is_right, Ok(true)) {
                session.logout().await?;
                is_right?;
                return Ok(wrong(&app, ctx, form).into_response());
            }
            if let (Some(weaker), Some(stronger)) = (stored, verified.rehash) {
                app.users.strengthen(&name, &weaker, &stronger).await?;
            }
            Ok(Redirect::to(Next::parse(form.value("next")).as_str()).into_response())
        }
        Ok(None) => Ok(wrong(&app, ctx, form).into_response()),
        Err(error) => {
            attempt.not_tried().await;
            let form = form.with_error("", sentence(&error));
            Ok(refused(login_form(&app, ctx, form), &error))
        }
    }
}

pub(crate) async fn register_page(ctx: TemplateContext, form: FormState) -> HtmlTemplate {
    HtmlTemplate::page(RegisterPage { ctx, form })
}

pub(crate) async fn register(
    State(app): State<App>,
    mut session: TypedSession<AuthSession>,
    ctx: TemplateContext,
    form: FormState,
) -> Result<Response> {
    let name = match form.clone().read::<NewUser>() {
        ValidForm::Valid(user) => in_lower_case(&user.username),
        ValidForm::Invalid(form) => return Ok(not_registered(ctx, form).into_response()),
    };
    let hash = match app.passwords.hash(form.value("password")).await {
        Ok(hash) => hash,
        Err(error) => {
            let form = form.with_error("password", sentence(&error));
            return Ok(refused(not_registered(ctx, form), &error));
        }
    };
    if !app.users.add(&name, &hash).await? {
        let form = form.with_error("username", "This name is taken.");
        return Ok(not_registered(ctx, form).into_response());
    }
    session.login(name).await?;
    Ok(Redirect::to("/").into_response())
}

pub(crate) async fn log_out(mut session: TypedSession<AuthSession>) -> Result<Redirect> {
    session.logout().await?;
    Ok(Redirect::to("/login"))
}

/// Gives an empty database somebody who can log in.
pub(crate) async fn seed(app: &App) -> Result<()> {
    if app.users.is_empty().await? {
        let (name, password) = DEMO;
        let hash = app.passwords.hash(password).await.map_err(Error::other)?;
        app.users.add(name, &hash).await?;
    }
    Ok(())
}

/// Whether a password that was right a moment ago is so when the session is written.
async fn is_still_right(
    app: &App,
    name: &str,
    password: &str,
    compared: Option<&str>,
) -> Result<bool> {
    let stored = app.users.password_hash(name).await?;
    if stored.as_deref() == compared {
        return Ok(true);
    }
    // Another login may have made it stronger.
    let verified = app.passwords.verify(password, stored.as_deref()).await;
    Ok(verified.map_err(Error::other)?.is_some())
}

fn wrong(app: &App, ctx: TemplateContext, form: FormState) -> HtmlTemplate {
    let form = form.with_error("", "The name or the password is wrong.");
    login_form(app, ctx, form).unprocessable()
}

fn login_form(app: &App, ctx: TemplateContext, form: FormState) -> HtmlTemplate {
    let demo = app.is_dev.then_some(DEMO);
    HtmlTemplate::page(LoginPage { ctx, form, demo })
}

fn not_registered(ctx: TemplateContext, form: FormState) -> HtmlTemplate {
    HtmlTemplate::page(RegisterPage { ctx, form }).unprocessable()
}

fn refused(page: HtmlTemplate, error: &auth::Error) -> Response {
    let mut response = page.with_status(error.status()).into_response();
    if let Some(seconds) = error.retry_after_seconds() {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn sentence(error: &auth::Error) -> &'static str {
    match error {
        auth::Error::PasswordTooShort { .. } => "Use at least 8 characters.",
        auth::Error::PasswordTooLong { .. } => "Use a shorter password.",
        auth::Error::Throttled { .. } => "Too many attempts. Wait a while, then try again.",
        _ => "Many people are logging in just now. Try again in a moment.",
    }
}

/// A name as it is stored. Nobody's name has a control character, and PostgreSQL does not even look for a NUL.
fn in_lower_case(name: &str) -> String {
    name.trim().to_lowercase().replace(char::is_control, "")
}
