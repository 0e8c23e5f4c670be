//! Every promise of the framework on one route each: the surface on which it is tested from outside.
//!
//! ```bash
//! cargo xtask example conformance
//! ```
//!
//! It uses the public API alone and is configured by the framework's own settings and nothing else.
//! The users are `alice`, `bob` (an admin) and `carol` (disabled), each with the password `correct horse <name>`.

mod account;
mod api;
mod faults;
mod flash;
mod forms;
mod pages;
mod protocol;
mod respond;
mod sessions;
mod shell;
mod streams;
mod users;

use acton_service::prelude::*;

/// What takes requests from programs without a token.
const WITHOUT_CSRF_TOKEN: [&str; 7] = [
    "/echo",
    "/publish",
    "/session/set",
    "/t/echo",
    "/t/respond",
    "/t/sse/close",
    "/t/sse/publish",
];

#[tokio::main]
async fn main() -> Result<()> {
    let mut config = Config::load()?;
    config
        .csrf
        .exempt
        .extend(WITHOUT_CSRF_TOKEN.map(Into::into));
    app(config).await?.serve().await
}

async fn app(config: Config) -> Result<ActonService> {
    let users = users::Users::enrol(&config.password).await?;
    let passwords = users.passwords();
    let bearer = api::bearer(&config)?;
    let routes = VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_version(ApiVersion::V1, |router| api::routes(router).layer(bearer))
        .with_frontend_routes(|router| {
            router
                .merge(account::routes())
                .merge(faults::routes())
                .merge(flash::routes())
                .merge(forms::routes())
                .merge(pages::routes())
                .merge(protocol::routes())
                .merge(respond::routes())
                .merge(sessions::routes())
                .merge(shell::routes())
                .merge(streams::routes())
                .layer(Extension(users))
        })
        .build_routes();
    let builder = ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes);
    Ok(builder
        .with_sessions()
        .with_throttle()
        .with_passwords(passwords)
        .with_sse()
        .with_metrics()
        .build())
}
