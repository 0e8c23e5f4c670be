//! What there is, and who may see it.

use acton_service::{auth, prelude::*};
use sqlx::AnyPool;

use crate::{account, api, assets, board, changes, live, sessions, tasks::Tasks, users::Users};

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) tasks: Tasks,
    pub(crate) users: Users,
    pub(crate) passwords: auth::Passwords,
    pub(crate) is_dev: bool,
}

impl App {
    pub(crate) fn new(pool: AnyPool, passwords: auth::Passwords, is_dev: bool) -> Self {
        Self {
            tasks: Tasks::new(pool.clone()),
            users: Users::new(pool),
            passwords,
            is_dev,
        }
    }
}

pub(crate) fn routes(app: App) -> VersionedRoutes {
    VersionedApiBuilder::new()
        .with_state(app)
        .with_base_path("/api")
        .add_version(ApiVersion::V1, |router| {
            router.route("/tasks", get(api::tasks))
        })
        .with_frontend_routes(for_everybody)
        .with_frontend_routes(for_users)
        .build_routes()
}

fn for_everybody(router: Router<App>) -> Router<App> {
    router
        .route("/login", get(account::login_page).post(account::log_in))
        .route(
            "/register",
            get(account::register_page).post(account::register),
        )
        .route("/logout", post(account::log_out))
        .route("/static/board.css", get(assets::style))
        .route("/static/board.js", get(assets::script))
        .route("/static/icon.svg", get(assets::icon))
}

fn for_users(router: Router<App>) -> Router<App> {
    router
        .route("/", get(board::index))
        .route("/tasks", post(changes::create))
        .route("/tasks/{id}", get(board::show))
        .route("/tasks/{id}/edit", get(board::edit).post(changes::rename))
        .route("/tasks/{id}/complete", post(changes::complete))
        .route("/tasks/{id}/reopen", post(changes::reopen))
        .route(
            "/tasks/{id}/delete",
            get(board::confirm_delete).post(changes::remove),
        )
        .route("/events", get(live::events))
        .route("/here", get(live::here))
        .route("/account/sessions", get(sessions::list))
        .route("/account/sessions/end-others", post(sessions::end_others))
        .route("/account/sessions/{handle}/end", post(sessions::end))
        .route_layer(login_required())
}
