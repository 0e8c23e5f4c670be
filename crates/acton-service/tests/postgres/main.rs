//! The database in earnest: a PostgreSQL that is started, stopped and started again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![cfg(unix)]

mod server;
mod task_manager;

use std::time::{Duration, Instant};

use acton_service::{Database, DatabaseConfig, DatabaseKind, prelude::*};
use axum::body::{Body, to_bytes};
use server::{Postgres, free_address};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{sleep, timeout},
};
use tower::ServiceExt;

const NO_LONGER_THAN: Duration = Duration::from_secs(10);

fn config(url: impl Into<String>) -> DatabaseConfig {
    let mut config = DatabaseConfig::default();
    config.url = url.into();
    config.acquire_timeout = Duration::from_secs(2);
    config
}

async fn connect(config: &DatabaseConfig) -> Database {
    Database::connect(config).await.unwrap()
}

/// Why it cannot be connected to, and how long it took to say so.
async fn refusal(config: &DatabaseConfig) -> (String, Duration) {
    let begun = Instant::now();
    let refused = timeout(NO_LONGER_THAN, Database::connect(config)).await;
    let told = format!("{:?}", refused.unwrap().unwrap_err());
    (told, begun.elapsed())
}

async fn count(database: Database) -> Result<String> {
    let (users,): (i64,) = sqlx::query_as("SELECT count(*) FROM users WHERE name <> $1")
        .bind("nobody")
        .fetch_one(database.pool())
        .await?;
    Ok(users.to_string())
}

async fn migrate(database: &Database) {
    let migrations = sqlx::migrate!("../../examples/task-manager/migrations/postgres");
    database.migrate(&migrations).await.unwrap();
}

fn service(database: Database) -> Router {
    let routes = VersionedApiBuilder::new()
        .with_frontend_routes(|router| router.route("/count", get(count)))
        .build_routes();
    ServiceBuilder::new()
        .with_config(Config::<()>::default())
        .with_routes(routes)
        .with_database(database)
        .build()
        .into_router()
}

async fn ask(service: &Router, path: &str) -> (StatusCode, String) {
    let request = axum::extract::Request::get(path)
        .header("host", "localhost")
        .body(Body::empty());
    let Ok(answer) = service.clone().oneshot(request.unwrap()).await;
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn wait_for(service: &Router, path: &str, wanted: StatusCode) -> String {
    let until = async {
        loop {
            match ask(service, path).await {
                (status, body) if status == wanted => return body,
                _ => sleep(Duration::from_millis(100)).await,
            }
        }
    };
    timeout(NO_LONGER_THAN, until).await.unwrap()
}

#[tokio::test]
async fn migrations_run_once_and_rows_survive_a_restart() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let database = connect(&config(server.url())).await;
    assert_eq!(database.kind(), DatabaseKind::Postgres);
    migrate(&database).await;
    migrate(&database).await;
    sqlx::query("INSERT INTO users VALUES ($1, $2, $3)")
        .bind("alice")
        .bind("hash")
        .bind(1_i64)
        .execute(database.pool())
        .await
        .unwrap();
    server.stop();
    server.start_again();
    assert_eq!(
        count(connect(&config(server.url())).await).await.unwrap(),
        "1"
    );
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let mut config = config(server.url());
    config.statement_timeout = Duration::from_millis(300);
    let database = connect(&config).await;
    let begun = Instant::now();
    let endless = sqlx::query("SELECT pg_sleep(60)");
    let error = endless.execute(database.pool()).await.unwrap_err();
    assert!(error.to_string().contains("statement timeout"), "{error}");
    assert!(begun.elapsed() < NO_LONGER_THAN);
    database.ping().await.unwrap();
}

#[tokio::test]
async fn waiting_for_a_connection_has_an_end() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let mut config = config(server.url());
    config.connections = 1;
    config.acquire_timeout = Duration::from_millis(500);
    let database = connect(&config).await;
    let held = database.pool().acquire().await.unwrap();
    let error = timeout(NO_LONGER_THAN, database.ping()).await.unwrap();
    let answer = error.unwrap_err().into_response();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(held);
    database.ping().await.unwrap();
}

#[tokio::test]
async fn a_service_outlives_its_database() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let database = connect(&config(server.url())).await;
    migrate(&database).await;
    let running = tokio::spawn({
        let database = database.clone();
        async move {
            let slow = sqlx::query("SELECT pg_sleep(9)");
            Error::from(slow.execute(database.pool()).await.unwrap_err())
        }
    });
    let service = service(database);
    assert_eq!(ask(&service, "/count").await.1, "0");
    assert_eq!(ask(&service, "/ready").await.0, StatusCode::OK);

    server.stop();
    let interrupted = running.await.unwrap().into_response();
    assert_eq!(interrupted.status(), StatusCode::SERVICE_UNAVAILABLE);
    let answer = timeout(NO_LONGER_THAN, ask(&service, "/count")).await;
    assert_eq!(answer.unwrap().0, StatusCode::SERVICE_UNAVAILABLE);
    let told = wait_for(&service, "/ready", StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(told.contains(r#""database":"unavailable""#), "{told}");
    assert_eq!(ask(&service, "/health").await.0, StatusCode::OK);

    server.start_again();
    assert_eq!(wait_for(&service, "/count", StatusCode::OK).await, "0");
    wait_for(&service, "/ready", StatusCode::OK).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_service_outlives_a_database_that_is_killed_or_hangs() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let database = connect(&config(server.url())).await;
    migrate(&database).await;
    let service = service(database);
    assert_eq!(ask(&service, "/count").await.1, "0");

    server.hang();
    let answer = timeout(NO_LONGER_THAN, ask(&service, "/count")).await;
    assert_eq!(answer.unwrap().0, StatusCode::SERVICE_UNAVAILABLE);
    wait_for(&service, "/ready", StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(ask(&service, "/health").await.0, StatusCode::OK);
    server.go_on();
    wait_for(&service, "/ready", StatusCode::OK).await;
    assert_eq!(wait_for(&service, "/count", StatusCode::OK).await, "0");

    server.kill();
    let answer = timeout(NO_LONGER_THAN, ask(&service, "/count")).await;
    assert_eq!(answer.unwrap().0, StatusCode::SERVICE_UNAVAILABLE);
    server.start_again();
    assert_eq!(wait_for(&service, "/count", StatusCode::OK).await, "0");
    wait_for(&service, "/ready", StatusCode::OK).await;
}

#[tokio::test]
async fn a_wrong_password_is_a_clear_error_that_does_not_tell_it() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let url = server.url().replace("postgres@", "nobody:hunter2@");
    let (told, took) = refusal(&config(url)).await;
    assert!(
        told.contains("nobody") && !told.contains("hunter2"),
        "{told}"
    );
    assert!(took < config("").start_timeout / 2, "{took:?}");
}

#[tokio::test]
async fn a_service_that_starts_first_waits_for_its_database() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let config = config(server.url());
    server.stop();
    let connecting = tokio::spawn(async move { Database::connect(&config).await });
    sleep(Duration::from_millis(500)).await;
    assert!(!connecting.is_finished());
    server.start_again();
    let connected = timeout(NO_LONGER_THAN, connecting).await.unwrap();
    connected.unwrap().unwrap().ping().await.unwrap();
}

/// As when the instances of before have not ended yet.
#[tokio::test]
async fn a_service_that_finds_no_place_waits_for_one() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let admin = connect(&config(server.url())).await;
    sqlx::query("CREATE ROLE shop LOGIN CONNECTION LIMIT 2")
        .execute(admin.pool())
        .await
        .unwrap();
    let config = config(server.url().replace("postgres@", "shop@"));
    let earlier = connect(&config).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(earlier.pool().acquire().await.unwrap());
    }
    let connecting = tokio::spawn(async move { Database::connect(&config).await });
    sleep(Duration::from_millis(500)).await;
    assert!(!connecting.is_finished());
    drop(held);
    earlier.pool().close().await;
    let connected = timeout(NO_LONGER_THAN, connecting).await.unwrap();
    connected.unwrap().unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn a_database_that_never_comes_is_a_clear_error() {
    let mut config = config(format!("postgres://u:hunter2@{}/db", free_address()));
    config.start_timeout = Duration::from_secs(1);
    let (told, took) = refusal(&config).await;
    assert!(took >= config.start_timeout, "{took:?}");
    assert!(
        told.contains("database could not be used") && told.contains("refused"),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_not_asked_for_again() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (told, took) = refusal(&config(server.url() + "_of_nobody")).await;
    assert!(told.contains("postgres_of_nobody"), "{told}");
    assert!(took < config("").start_timeout / 2, "{took:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_when_tls_is_required() {
    let Some(server) = Postgres::start() else {
        return;
    };
    for mode in ["require", "verify-ca", "verify-full"] {
        let (told, _) = refusal(&config(format!("{}?sslmode={mode}", server.url()))).await;
        assert!(told.contains("TLS"), "{mode}: {told}");
    }
}

#[tokio::test]
async fn required_tls_begins_before_a_name_is_sent() {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    const TLS_HANDSHAKE: u8 = 22;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = config(format!("postgres://u:hunter2@{address}/db?sslmode=require"));
    config.start_timeout = Duration::ZERO;
    let connecting = tokio::spawn(async move { refusal(&config).await });
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut request = [0; 8];
    socket.read_exact(&mut request).await.unwrap();
    assert_eq!(request, SSL_REQUEST);
    socket.write_all(b"S").await.unwrap();
    assert_eq!(socket.read_u8().await.unwrap(), TLS_HANDSHAKE);
    drop(socket);
    connecting.await.unwrap();
}
