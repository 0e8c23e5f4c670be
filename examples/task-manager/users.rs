//! Users, and the SQL that keeps them. How they prove who they are is in `account.rs`.

use sqlx::{AnyPool, Result};

use crate::moment::Moment;

/// The users in the database, known by their lower-case names.
#[derive(Clone)]
pub(crate) struct Users {
    pool: AnyPool,
}

impl Users {
    pub(crate) fn new(pool: AnyPool) -> Self {
        Self { pool }
    }

    pub(crate) async fn password_hash(&self, name: &str) -> Result<Option<String>> {
        sqlx::query_scalar("SELECT password_hash FROM users WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await
    }

    /// Whether the name was free. Two people who ask at once cannot both have it.
    pub(crate) async fn add(&self, name: &str, password_hash: &str) -> Result<bool> {
        let insert = "INSERT INTO users (name, password_hash, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let done = sqlx::query(insert)
            .bind(name)
            .bind(password_hash)
            .bind(Moment::now().unix())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Stores another hash of the same password, unless the password was changed meanwhile.
    pub(crate) async fn strengthen(&self, name: &str, weaker: &str, stronger: &str) -> Result<()> {
        let update = "UPDATE users SET password_hash = $3 WHERE name = $1 AND password_hash = $2";
        sqlx::query(update)
            .bind(name)
            .bind(weaker)
            .bind(stronger)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    pub(crate) async fn is_empty(&self) -> Result<bool> {
        let any: Option<String> = sqlx::query_scalar("SELECT name FROM users LIMIT 1")
            .fetch_optional(&self.pool)
            .await?;
        Ok(any.is_none())
    }
}
