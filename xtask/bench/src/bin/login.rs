//! A service where people log in: `bench-login <port> [unthrottled]`.
//!
//! `known` has a password, `disabled` has one and may not use it, and nobody else is there.

use acton_service::{
    Config,
    auth::{Passwords, Throttle},
    prelude::*,
    versioning::VersionedApiBuilder,
};
use serde::Deserialize;

#[derive(Clone)]
struct Account(Arc<str>);

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

async fn log_in(
    Extension(passwords): Extension<Passwords>,
    Extension(throttle): Extension<Throttle>,
    Extension(Account(hash)): Extension<Account>,
    ClientAddr(address): ClientAddr,
    mut auth: TypedSession<AuthSession>,
    Form(login): Form<Login>,
) -> Result<StatusCode> {
    let attempt = throttle.attempt(&login.username, address).await?;
    let found = match login.username.as_str() {
        "known" => Some((&*hash, true)),
        "disabled" => Some((&*hash, false)),
        _ => None,
    };
    let found = found.filter(|(_, is_enabled)| *is_enabled);
    match passwords
        .verify(&login.password, found.map(|(hash, _)| hash))
        .await
    {
        Ok(Some(_)) => attempt.succeeded().await,
        Ok(None) => return Ok(StatusCode::UNPROCESSABLE_ENTITY),
        Err(error) => {
            attempt.not_tried().await;
            return Err(error.into());
        }
    }
    auth.login(login.username).await?;
    Ok(StatusCode::OK)
}

async fn token(csrf: CsrfToken) -> String {
    csrf.token()
}

async fn me(user: Option<CurrentUser>) -> String {
    user.map_or_else(|| "nobody".to_owned(), |user| user.id)
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut config: Config = Config::default();
    config.service.bind = acton_bench::address();
    // The visitors of the measurement say themselves where they come from.
    config
        .service
        .trusted_proxies
        .push("127.0.0.1/32".parse().map_err(Error::other)?);
    if acton_bench::asked_for("unthrottled") {
        config.throttle.account_failures = u32::MAX;
        config.throttle.address_failures = u32::MAX;
    }
    let passwords = Passwords::new(&config.password)?;
    let account = Account(passwords.hash("correct horse known").await?.into());
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/ping", get(|| async { "pong" }))
            .route("/token", get(token))
            .route("/me", get(me))
            .route("/login", post(log_in))
    });
    ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes.build_routes())
        .with_state(passwords)
        .with_state(account)
        .with_sessions()
        .with_throttle()
        .build()
        .serve()
        .await
}
