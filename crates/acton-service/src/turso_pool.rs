//! Rows in Turso: SQLite's dialect and file format, written in Rust.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use turso::transaction::TransactionBehavior;

use crate::{Error, Result};

/// The `[turso]` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TursoConfig {
    /// The file, created when it does not exist; `:memory:` lasts as long as the service. Default: `turso.db`.
    ///
    /// One process at a time opens it.
    pub path: PathBuf,
    /// Connections in the pool. Default: 10.
    pub connections: u32,
    /// Time to wait for a free connection; then 503. Default: 5 seconds.
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
    /// Time for a statement to wait for another writer; then 503. Default: 5 seconds.
    #[serde(with = "humantime_serde")]
    pub busy_timeout: Duration,
    /// How long to try again when another process has the file open at the start, such as the instance of before.
    /// Default: 30 seconds.
    #[serde(with = "humantime_serde")]
    pub start_timeout: Duration,
}

impl Default for TursoConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::from("turso.db"),
            connections: 10,
            acquire_timeout: Duration::from_secs(5),
            busy_timeout: Duration::from_secs(5),
            start_timeout: Duration::from_secs(30),
        }
    }
}

/// One step of the schema, with a name that sorts after those of earlier steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TursoMigration {
    name: &'static str,
    sql: &'static str,
}

impl TursoMigration {
    /// `TursoMigration::new("0001_tasks", include_str!("migrations/0001_tasks.sql"))`.
    #[must_use]
    pub const fn new(name: &'static str, sql: &'static str) -> Self {
        Self { name, sql }
    }
}

/// A connection pool to a Turso database in a file.
///
/// ```
/// use acton_service::{Turso, TursoConfig, TursoMigration, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let mut config = TursoConfig::default();
/// config.path = ":memory:".into();
/// let database = Turso::open(&config).await?;
///
/// let schema = [TursoMigration::new("0001_tasks", "CREATE TABLE tasks (title TEXT)")];
/// database.migrate(&schema).await?;
///
/// let connection = database.acquire().await?;
/// connection.execute("INSERT INTO tasks VALUES (?1)", ["Milk"]).await?;
/// let mut rows = connection.query("SELECT title FROM tasks", ()).await?;
/// let title: String = rows.next().await?.ok_or_else(|| Error::other("no row"))?.get(0)?;
/// assert_eq!(title, "Milk");
/// # Ok(())
/// # }
/// ```
///
/// Also an extractor, in a service built [`with_turso`](crate::ServiceBuilder::with_turso).
#[derive(Clone)]
pub struct Turso(Arc<Pool>);

struct Pool {
    database: turso::Database,
    idle: Mutex<Vec<turso::Connection>>,
    places: Arc<Semaphore>,
    acquire_timeout: Duration,
    busy_timeout: Duration,
}

impl Turso {
    /// Opens the file, or creates it; tries again until `start_timeout` when another process has it open.
    ///
    /// # Errors
    ///
    /// A file that cannot be opened, is no database, or stays open in another process.
    pub async fn open(config: &TursoConfig) -> Result<Self> {
        let path = config.path.to_string_lossy();
        let begun = tokio::time::Instant::now();
        let database = loop {
            match turso::Builder::new_local(&path).build().await {
                Ok(database) => break database,
                Err(error) if is_locked(&error) && begun.elapsed() < config.start_timeout => {
                    tracing::warn!("another process has the database open, trying again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let places = usize::try_from(config.connections.max(1)).unwrap_or(Semaphore::MAX_PERMITS);
        let pool = Self(Arc::new(Pool {
            database,
            idle: Mutex::default(),
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            acquire_timeout: config.acquire_timeout,
            busy_timeout: config.busy_timeout,
        }));
        pool.ping().await?;
        Ok(pool)
    }

    /// A connection, given back when it is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] when all are in use for `turso.acquire_timeout`.
    pub async fn acquire(&self) -> Result<TursoConnection> {
        let pool = &self.0;
        let place = Arc::clone(&pool.places).acquire_owned();
        let place = tokio::time::timeout(pool.acquire_timeout, place).await;
        let Ok(Ok(place)) = place else {
            return Err(Error::Busy);
        };
        let idle = pool
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let connection = match idle {
            Some(connection) => connection,
            None => pool.connect().await?,
        };
        Ok(TursoConnection {
            connection: Some(connection),
            pool: Arc::clone(pool),
            _place: place,
        })
    }

    /// Runs the steps that have not run yet, in the order of their names, each in a transaction.
    ///
    /// A program that was started with `--migrate` ends when they have run.
    ///
    /// # Errors
    ///
    /// A step that fails, and one that was changed after it ran; the database stays as it was before that step.
    pub async fn migrate(&self, steps: &[TursoMigration]) -> Result<()> {
        let mut steps = steps.to_vec();
        steps.sort_by_key(|step| step.name);
        let mut connection = self.acquire().await?;
        connection
            .execute(
                "CREATE TABLE IF NOT EXISTS _acton_migrations (name TEXT PRIMARY KEY, sql TEXT NOT NULL)",
                (),
            )
            .await?;
        for step in steps {
            run(&mut connection, step).await?;
        }
        crate::config::end_after_migration();
        Ok(())
    }

    /// Asks whether it answers.
    ///
    /// # Errors
    ///
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        let connection = self.acquire().await?;
        let mut rows = connection.query("SELECT 1", ()).await?;
        while rows.next().await?.is_some() {}
        Ok(())
    }
}

async fn run(connection: &mut turso::Connection, step: TursoMigration) -> Result<()> {
    let TursoMigration { name, sql } = step;
    // Nobody else writes between the question and the answer.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .await?;
    let mut rows = transaction
        .query("SELECT sql FROM _acton_migrations WHERE name = ?1", [name])
        .await?;
    let earlier = match rows.next().await? {
        Some(row) => Some(row.get::<String>(0)?),
        None => None,
    };
    drop(rows);
    match earlier {
        Some(earlier) if earlier == sql => Ok(transaction.rollback().await?),
        Some(_) => {
            transaction.rollback().await?;
            Err(Error::other(format!(
                "the migration {name} was changed after it ran"
            )))
        }
        None => {
            transaction.execute_batch(sql).await?;
            transaction
                .execute("INSERT INTO _acton_migrations VALUES (?1, ?2)", [name, sql])
                .await?;
            Ok(transaction.commit().await?)
        }
    }
}

impl Pool {
    async fn connect(&self) -> Result<turso::Connection> {
        let connection = self.database.connect()?;
        connection.busy_timeout(self.busy_timeout)?;
        connection.execute("PRAGMA foreign_keys = ON", ()).await?;
        Ok(connection)
    }
}

impl fmt::Debug for Turso {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Turso").finish_non_exhaustive()
    }
}

/// A connection of the pool, in use until it is dropped.
pub struct TursoConnection {
    /// There until it is dropped.
    connection: Option<turso::Connection>,
    pool: Arc<Pool>,
    _place: OwnedSemaphorePermit,
}

impl Deref for TursoConnection {
    type Target = turso::Connection;

    fn deref(&self) -> &turso::Connection {
        self.connection.as_ref().expect("taken only by drop")
    }
}

impl DerefMut for TursoConnection {
    fn deref_mut(&mut self) -> &mut turso::Connection {
        self.connection.as_mut().expect("taken only by drop")
    }
}

impl fmt::Debug for TursoConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TursoConnection")
            .finish_non_exhaustive()
    }
}

impl Drop for TursoConnection {
    fn drop(&mut self) {
        // One that was left inside a transaction is closed, which takes back what it wrote.
        if let Some(connection) = self.connection.take()
            && connection.is_autocommit().unwrap_or(false)
        {
            let mut idle = self
                .pool
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            idle.push(connection);
        }
    }
}

/// 500 outside a service built with [`ServiceBuilder::with_turso`](crate::ServiceBuilder::with_turso).
impl<S: Send + Sync> FromRequestParts<S> for Turso {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("Turso was asked for in a service without with_turso");
            StatusCode::INTERNAL_SERVER_ERROR
        })
    }
}

/// Whether another process has the file open; of that the crate has only words.
fn is_locked(error: &turso::Error) -> bool {
    matches!(error, turso::Error::Error(text) if text.starts_with("Locking error"))
}

/// Whether waiting can help: somebody else is writing.
pub(crate) fn may_pass(error: &turso::Error) -> bool {
    matches!(error, turso::Error::Busy(_) | turso::Error::BusySnapshot(_))
}

#[cfg(test)]
mod tests;
