//! Plain axum: `bench-axum <port> [trace] [sessions]`.

use std::sync::Arc;

use acton_bench::page::{Task, TasksPage, tasks};
use askama::Template;
use axum::{
    Extension, Router,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

type Tasks = Extension<Arc<Vec<Task>>>;

fn render(name: &str, tasks: &[Task]) -> Response {
    match (TasksPage { name, tasks }).render() {
        Ok(html) => Html(html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn page(Extension(tasks): Tasks) -> Response {
    render("nobody", &tasks)
}

async fn own_page(session: Session, Extension(tasks): Tasks) -> Response {
    match session.get::<String>("name").await {
        Ok(name) => render(name.as_deref().unwrap_or("nobody"), &tasks),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn sign_in(session: Session) -> Result<&'static str, StatusCode> {
    let stored = session.insert("name", "alice").await;
    stored.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok("signed in")
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut routes = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/plain", get(|| async { "Hello, world!" }))
        .route("/page", get(page))
        .layer(Extension(Arc::new(tasks())));
    if acton_bench::asked_for("sessions") {
        // Cookies without `Secure`, as ours has them under an http origin.
        let sessions = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
        let own = Router::new()
            .route("/sign-in", get(sign_in))
            .route("/own-page", get(own_page))
            .layer(Extension(Arc::new(tasks())));
        routes = routes.merge(own).layer(sessions);
    }
    if acton_bench::asked_for("trace") {
        tracing_subscriber::fmt().with_ansi(false).init();
        let answered = DefaultOnResponse::new().level(tracing::Level::INFO);
        routes = routes.layer(TraceLayer::new_for_http().on_response(answered));
    }
    axum::serve(TcpListener::bind(acton_bench::address()).await?, routes).await
}
