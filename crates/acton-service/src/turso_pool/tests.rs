use axum::response::IntoResponse;

use super::*;

const SCHEMA: TursoMigration = TursoMigration::new(
    "0001_tasks",
    "CREATE TABLE lists (id INTEGER PRIMARY KEY);\n\
     CREATE TABLE tasks (title TEXT, list INTEGER REFERENCES lists (id));",
);

fn config(path: impl Into<PathBuf>) -> TursoConfig {
    TursoConfig {
        path: path.into(),
        connections: 2,
        acquire_timeout: Duration::from_millis(300),
        busy_timeout: Duration::from_millis(300),
        start_timeout: Duration::from_secs(10),
    }
}

/// A file of the test's own, gone with it.
struct File(PathBuf);

impl File {
    fn new() -> Self {
        let name = format!("acton-turso-{:x}.db", getrandom::u64().unwrap());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.0.display()));
        }
    }
}

async fn open(file: &File) -> Turso {
    Turso::open(&config(&file.0)).await.unwrap()
}

async fn count(database: &Turso) -> i64 {
    let connection = database.acquire().await.unwrap();
    let mut rows = connection
        .query("SELECT count(*) FROM tasks", ())
        .await
        .unwrap();
    rows.next().await.unwrap().unwrap().get(0).unwrap()
}

async fn add(connection: &turso::Connection) {
    let insert = "INSERT INTO tasks (title) VALUES (?1)";
    connection.execute(insert, ["Milk"]).await.unwrap();
}

#[tokio::test]
async fn migrations_run_once_and_rows_survive_a_restart() {
    let file = File::new();
    let database = open(&file).await;
    database.migrate(&[SCHEMA]).await.unwrap();
    add(&database.acquire().await.unwrap()).await;
    drop(database);
    let database = open(&file).await;
    database.migrate(&[SCHEMA]).await.unwrap();
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn a_migration_that_was_changed_is_refused_by_its_name() {
    let database = Turso::open(&config(":memory:")).await.unwrap();
    database.migrate(&[SCHEMA]).await.unwrap();
    let changed = TursoMigration::new("0001_tasks", "CREATE TABLE other (id INTEGER)");
    let error = database.migrate(&[changed]).await.unwrap_err();
    assert!(error.to_string().contains("0001_tasks"), "{error}");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    let database = Turso::open(&config(":memory:")).await.unwrap();
    let broken = TursoMigration::new("0001", "CREATE TABLE tasks (title TEXT); CREATE NONSENSE;");
    assert!(database.migrate(&[broken]).await.is_err());
    database.migrate(&[SCHEMA]).await.unwrap();
    assert_eq!(count(&database).await, 0);
}

#[tokio::test]
async fn foreign_keys_count() {
    let database = Turso::open(&config(":memory:")).await.unwrap();
    database.migrate(&[SCHEMA]).await.unwrap();
    let connection = database.acquire().await.unwrap();
    let orphan = connection
        .execute("INSERT INTO tasks VALUES ('Milk', 7)", ())
        .await;
    assert!(orphan.is_err());
}

#[tokio::test]
async fn what_a_connection_left_open_is_taken_back() {
    let file = File::new();
    let database = open(&file).await;
    database.migrate(&[SCHEMA]).await.unwrap();
    let connection = database.acquire().await.unwrap();
    connection.execute("BEGIN", ()).await.unwrap();
    add(&connection).await;
    drop(connection);
    assert_eq!(count(&database).await, 0);
    add(&database.acquire().await.unwrap()).await;
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn waiting_for_a_connection_has_an_end() {
    let database = Turso::open(&config(":memory:")).await.unwrap();
    let held = [
        database.acquire().await.unwrap(),
        database.acquire().await.unwrap(),
    ];
    let error = database.ping().await.unwrap_err();
    assert_eq!(
        error.into_response().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    drop(held);
    database.ping().await.unwrap();
}

#[tokio::test]
async fn waiting_for_another_writer_has_an_end() {
    let file = File::new();
    let database = open(&file).await;
    database.migrate(&[SCHEMA]).await.unwrap();
    let writer = database.acquire().await.unwrap();
    writer.execute("BEGIN IMMEDIATE", ()).await.unwrap();
    add(&writer).await;
    let other = database.acquire().await.unwrap();
    let refused = other
        .execute("INSERT INTO tasks (title) VALUES ('Tea')", ())
        .await;
    let answer = Error::from(refused.unwrap_err()).into_response();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    writer.execute("COMMIT", ()).await.unwrap();
    add(&other).await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_a_clear_error() {
    let file = File::new();
    std::fs::write(
        &file.0,
        "no database, but long enough to be looked at ".repeat(200),
    )
    .unwrap();
    let error = Turso::open(&config(&file.0)).await.unwrap_err();
    assert!(format!("{error:?}").contains("database"), "{error:?}");
}

/// Names a file that this program is to open and keep, when it was started for that.
const KEEP: &str = "ACTON_TEST_KEEPS_OPEN";

#[tokio::test]
async fn a_file_that_another_process_has_open_is_waited_for() {
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
        time::Instant,
    };

    if let Some(path) = std::env::var_os(KEEP) {
        let _database = Turso::open(&config(path)).await.unwrap();
        println!("it is open");
        let _ = std::io::stdin().read_line(&mut String::new());
        return;
    }
    let file = File::new();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["a_file_that_another_process_has_open", "--nocapture"])
        .env(KEEP, &file.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("it is open")));

    let impatient = TursoConfig {
        start_timeout: Duration::ZERO,
        ..config(&file.0)
    };
    let error = Turso::open(&impatient).await.unwrap_err();
    assert!(
        format!("{error:?}").contains("another process"),
        "{error:?}"
    );
    let begun = Instant::now();
    let opening = tokio::spawn(async move { Turso::open(&config(&file.0)).await.map(|_| file) });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!opening.is_finished());
    drop(other.stdin.take());
    other.wait().unwrap();
    opening.await.unwrap().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}
