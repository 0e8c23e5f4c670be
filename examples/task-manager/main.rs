//! A small team's task board: the whole stack in one application.
//!
//! ```sh
//! cargo run -p acton-service --example task-manager --features htmx-full
//! ```
//!
//! Open <http://localhost:3000> in two browsers and watch one follow the other. Read it in this order:
//! `routes.rs` says what there is, `board.rs` shows it, `changes.rs` changes it, `desk.rs` is what both have at
//! hand, `live.rs` tells the other browsers, `account.rs` and `sessions.rs` know who is here, `views.rs` holds
//! the templates, `tasks.rs` and `users.rs` the SQL.
//!
//! Its data is in `task-manager.db` in the current folder. With the feature `database`,
//! `ACTON_DATABASE__URL=postgres://…` puts it into PostgreSQL instead, and with `session-redis`
//! `ACTON_SESSION__STORAGE=redis` its sessions into Redis; `examples/README.md` has the command.

mod account;
mod api;
mod assets;
mod board;
mod changes;
mod desk;
mod live;
mod moment;
mod routes;
mod sessions;
mod tasks;
mod users;
mod views;

#[cfg(test)]
mod tests;

use acton_service::{DatabaseConfig, DatabaseKind, auth, prelude::*, templates::ErrorPages};

use crate::{routes::App, views::ErrorPage};

#[tokio::main]
async fn main() -> Result<()> {
    let mut config: Config = Config::load()?;
    if config.database.url == DatabaseConfig::default().url {
        config.database.url = "sqlite://task-manager.db".to_owned();
    }
    app(config).await?.serve().await
}

/// The whole service, ready to be served or tested.
async fn app(config: Config) -> Result<ActonService> {
    let database = Database::connect(&config.database).await?;
    app_on(config, database).await
}

/// As [`app`], on a database that somebody else knows too.
async fn app_on(config: Config, database: Database) -> Result<ActonService> {
    migrate(&database).await?;
    let passwords = auth::Passwords::new(&config.password)?;
    let app = App::new(database.pool().clone(), passwords, config.service.is_dev());
    // A password that everybody can read here has no place on a machine that others reach.
    if app.is_dev {
        account::seed(&app).await?;
    }
    ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes::routes(app))
        .with_database(database)
        .with_sessions()
        .with_throttle()
        .with_sse()
        .with_error_pages(ErrorPages::new().page(ErrorPage::of))
        .try_build()
}

async fn migrate(database: &Database) -> Result<()> {
    let migrations = match database.kind() {
        DatabaseKind::Postgres => {
            sqlx::migrate!("../../examples/task-manager/migrations/postgres")
        }
        _ => sqlx::migrate!("../../examples/task-manager/migrations/sqlite"),
    };
    database.migrate(&migrations).await
}
