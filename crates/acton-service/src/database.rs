//! Rows: PostgreSQL and SQLite behind one pool.

use std::{fmt, io, time::Duration};

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use serde::Deserialize;
use sqlx::{
    AnyConnection, AnyPool, Connection,
    any::{AnyPoolOptions, install_default_drivers},
    migrate::Migrator,
    raw_sql,
};

use crate::{Result, config::ConfigError};

/// The `[database]` section.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// `sqlite://app.db` (feature `sqlite`) or `postgres://user:password@host/name` (feature `database`).
    /// Default: `sqlite://app.db`.
    ///
    /// A SQLite file that does not exist is created; `sqlite::memory:` lasts as long as the pool.
    /// PostgreSQL: `?sslmode=require` refuses to go on without TLS; `?sslmode=verify-full` also checks whose
    /// certificate it is, against the public authorities or those in the file `&sslrootcert=…`.
    ///
    /// <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION>
    pub url: String,
    /// Connections in the pool. Default: 10.
    pub connections: u32,
    /// Time to wait for a free connection; then 503. Default: 5 seconds.
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
    /// Time for one statement, or for SQLite to wait for a lock, and then 503. Default: 10 seconds.
    #[serde(with = "humantime_serde")]
    pub statement_timeout: Duration,
    /// How long to try again when the database is not there at the start. Default: 30 seconds.
    #[serde(with = "humantime_serde")]
    pub start_timeout: Duration,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: "sqlite://app.db".to_owned(),
            connections: 10,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            start_timeout: Duration::from_secs(30),
        }
    }
}

/// The URL may hold a password.
impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DatabaseConfig")
            .field("url", &"[redacted]")
            .field("connections", &self.connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("start_timeout", &self.start_timeout)
            .finish()
    }
}

impl DatabaseConfig {
    /// Whether somebody has named a database that can be used; whether it is used shows later.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let is_default = self.url == Self::default().url;
        if is_default {
            Ok(())
        } else {
            DatabaseKind::of(&self.url).map(drop)
        }
    }
}

/// Which database answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseKind {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

impl DatabaseKind {
    fn of(url: &str) -> Result<Self, ConfigError> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "postgres" | "postgresql" if cfg!(feature = "database") => Ok(Self::Postgres),
            "postgres" | "postgresql" => Err(needs("postgres", "database")),
            "sqlite" if cfg!(feature = "sqlite") => Ok(Self::Sqlite),
            "sqlite" => Err(needs("sqlite", "sqlite")),
            _ => Err(ConfigError::new(
                "the setting `database.url` must begin with sqlite: or postgres:",
            )),
        }
    }
}

fn needs(scheme: &str, feature: &str) -> ConfigError {
    ConfigError::new(format!(
        "the setting `database.url` names {scheme}, which needs the feature `{feature}` of acton-service"
    ))
}

/// A connection pool to PostgreSQL or SQLite, whichever the URL names.
///
/// ```
/// use acton_service::{Database, DatabaseConfig, prelude::*};
///
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let mut config = DatabaseConfig::default();
/// config.url = "sqlite::memory:".to_owned();
/// let database = Database::connect(&config).await?;
///
/// // `$1` works in both.
/// let (sum,): (i64,) = acton_service::sqlx::query_as("SELECT $1 + 1")
///     .bind(41_i64)
///     .fetch_one(database.pool())
///     .await?;
/// assert_eq!(sum, 42);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
///
/// Also an extractor, in a service built
/// [`with_database`](crate::ServiceBuilder::with_database).
#[derive(Clone, Debug)]
pub struct Database {
    pool: AnyPool,
    kind: DatabaseKind,
}

impl Database {
    /// Connects, trying again until `start_timeout` when nobody is there yet.
    ///
    /// # Errors
    ///
    /// A URL of no known kind, or a database that does not answer or refuses.
    pub async fn connect(config: &DatabaseConfig) -> Result<Self> {
        let kind = DatabaseKind::of(&config.url)?;
        install_default_drivers();
        let url = create_if_missing(&config.url, kind);
        let begun = tokio::time::Instant::now();
        loop {
            match knock(&url, config.acquire_timeout).await {
                Ok(()) => break,
                Err(error) if may_pass(&error) && begun.elapsed() < config.start_timeout => {
                    tracing::warn!("the database is not there yet, trying again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let pool = options(config, kind).connect(&url).await?;
        Ok(Self { pool, kind })
    }

    /// Brings the schema up to date: `database.migrate(&sqlx::migrate!("migrations")).await?`.
    ///
    /// A program that was started with `--migrate` ends when they have run.
    ///
    /// # Errors
    ///
    /// A migration that fails, or one that was changed after it ran.
    pub async fn migrate(&self, migrations: &Migrator) -> Result<()> {
        migrations.run(&self.pool).await?;
        crate::config::end_after_migration();
        Ok(())
    }

    /// The pool, for queries.
    #[must_use]
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Which database answers.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// Asks whether it answers.
    ///
    /// # Errors
    ///
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }
}

/// 500 outside a service built with [`ServiceBuilder::with_database`](crate::ServiceBuilder::with_database).
impl<S: Send + Sync> FromRequestParts<S> for Database {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("Database was asked for in a service without with_database");
            StatusCode::INTERNAL_SERVER_ERROR
        })
    }
}

fn options(config: &DatabaseConfig, kind: DatabaseKind) -> AnyPoolOptions {
    let in_memory = config.url.contains(":memory:") || config.url.contains("mode=memory");
    let timeout = config.statement_timeout.as_millis();
    let options = AnyPoolOptions::new()
        .acquire_timeout(config.acquire_timeout)
        .max_connections(if in_memory {
            1
        } else {
            config.connections.max(1)
        })
        .after_connect(move |connection, _| Box::pin(prepare(connection, kind, timeout)));
    // Every connection to a database in memory is a database of its own, and ends with it.
    if in_memory {
        options.idle_timeout(None).max_lifetime(None)
    } else {
        options
    }
}

/// One connection of its own, because a pool that finds nobody says only that time is over.
async fn knock(url: &str, limit: Duration) -> sqlx::Result<()> {
    let connection = tokio::time::timeout(limit, AnyConnection::connect(url)).await;
    let no_answer = |_| sqlx::Error::Io(io::ErrorKind::TimedOut.into());
    connection.map_err(no_answer)??.close().await
}

/// SQLite: readers beside the one writer, foreign keys that count; both: no statement for ever.
async fn prepare(
    connection: &mut AnyConnection,
    kind: DatabaseKind,
    millis: u128,
) -> sqlx::Result<()> {
    let statement = match kind {
        DatabaseKind::Postgres => format!("SET statement_timeout = {millis}"),
        DatabaseKind::Sqlite => format!(
            "PRAGMA busy_timeout = {millis}; PRAGMA journal_mode = WAL; \
             PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON"
        ),
    };
    // Made of a number and our own words.
    raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}

fn create_if_missing(url: &str, kind: DatabaseKind) -> String {
    if kind != DatabaseKind::Sqlite || url.contains("mode=") || url.contains(":memory:") {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}mode=rwc")
}

/// Whether waiting can help: nobody listens, it is starting or ending, or others are in the way.
pub(crate) fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| LATER.contains(&&*code)),
        _ => false,
    }
}

/// PostgreSQL ends, has crashed, has not begun, or has too many connections; SQLite waited too long for a lock.
///
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>, <https://sqlite.org/rescode.html#busy>
const LATER: [&str; 8] = ["57P01", "57P02", "57P03", "53300", "5", "261", "517", "773"];

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> DatabaseConfig {
        DatabaseConfig {
            url: url.to_owned(),
            ..DatabaseConfig::default()
        }
    }

    async fn refusal(url: &str) -> String {
        Database::connect(&config(url))
            .await
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_dump_does_not_show_the_password() {
        assert!(!format!("{:?}", config("postgres://u:hunter2@localhost/db")).contains("hunter2"));
    }

    #[tokio::test]
    async fn an_unknown_kind_is_refused_by_its_setting() {
        let told = refusal("mysql://u:hunter2@localhost/db").await;
        assert!(
            told.contains("database.url") && !told.contains("hunter2"),
            "{told}"
        );
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn a_database_in_memory_keeps_its_rows() {
        let database = Database::connect(&config("sqlite::memory:")).await.unwrap();
        for statement in ["CREATE TABLE t (x INTEGER)", "INSERT INTO t VALUES (7)"] {
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .execute(database.pool())
                .await
                .unwrap();
        }
        let (x,): (i64,) = sqlx::query_as("SELECT x FROM t")
            .fetch_one(database.pool())
            .await
            .unwrap();
        assert_eq!(x, 7);
        assert_eq!(database.kind(), DatabaseKind::Sqlite);
        database.ping().await.unwrap();
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn a_sqlite_file_is_created_and_keeps_foreign_keys() {
        let path = path();
        let database = Database::connect(&config(&format!("sqlite://{}", path.display())))
            .await
            .unwrap();
        let (on,): (i64,) = sqlx::query_as("PRAGMA foreign_keys")
            .fetch_one(database.pool())
            .await
            .unwrap();
        assert_eq!(on, 1);
        assert!(path.exists());
        remove(database, &path).await;
    }

    #[cfg(feature = "sqlite")]
    fn path() -> std::path::PathBuf {
        std::env::temp_dir().join(format!("acton-{:x}.db", getrandom::u64().unwrap()))
    }

    #[cfg(feature = "sqlite")]
    async fn remove(database: Database, path: &std::path::Path) {
        database.pool().close().await;
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", path.display()));
        }
    }

    #[cfg(feature = "sqlite")]
    async fn write(database: &Database, sql: &'static str) -> Result<()> {
        sqlx::query(sql).execute(database.pool()).await?;
        Ok(())
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn who_waits_too_long_for_another_writer_is_told_to_come_back() {
        use axum::response::IntoResponse;

        let path = path();
        let mut config = config(&format!("sqlite://{}", path.display()));
        config.statement_timeout = Duration::from_millis(50);
        let database = Database::connect(&config).await.unwrap();
        write(&database, "CREATE TABLE t (x INTEGER)")
            .await
            .unwrap();
        let mut other = database.pool().acquire().await.unwrap();
        raw_sql("BEGIN IMMEDIATE")
            .execute(&mut *other)
            .await
            .unwrap();
        let error = write(&database, "INSERT INTO t VALUES (1)")
            .await
            .unwrap_err();
        let status = error.into_response().status();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        raw_sql("ROLLBACK").execute(&mut *other).await.unwrap();
        drop(other);
        remove(database, &path).await;
    }
}
