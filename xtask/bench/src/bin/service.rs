//! The service: `bench-service <port> [sessions]`, with the settings that it has by default.

use std::sync::Arc;

use acton_bench::page::{Task, TasksPage, tasks};
use acton_service::{Config, prelude::*, versioning::VersionedApiBuilder};
use axum::Extension;
use tower_sessions::Session;

type Tasks = Extension<Arc<Vec<Task>>>;

fn render(name: &str, tasks: &[Task]) -> HtmlTemplate {
    HtmlTemplate::page(TasksPage { name, tasks })
}

async fn page(Extension(tasks): Tasks) -> HtmlTemplate {
    render("nobody", &tasks)
}

async fn own_page(session: Session, Extension(tasks): Tasks) -> Result<HtmlTemplate, Error> {
    let name = session.get::<String>("name").await?;
    Ok(render(name.as_deref().unwrap_or("nobody"), &tasks))
}

async fn sign_in(session: Session) -> Result<&'static str, Error> {
    session.insert("name", "alice").await?;
    Ok("signed in")
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut config: Config = Config::default();
    config.service.bind = acton_bench::address();
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/plain", get(|| async { "Hello, world!" }))
            .route("/page", get(page))
            .route("/sign-in", get(sign_in))
            .route("/own-page", get(own_page))
    });
    let mut service = ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes.build_routes())
        .with_state(Arc::new(tasks()));
    if acton_bench::asked_for("sessions") {
        service = service.with_sessions();
    }
    service.build().serve().await
}
