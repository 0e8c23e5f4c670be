//! Tasks, and the SQL that keeps them.

use std::fmt;

use serde::Serialize;
use sqlx::{AnyPool, FromRow, Result};

use crate::moment::Moment;

/// Something the team wants done. It is pending until `completed_at` says otherwise.
#[derive(Clone, Debug, FromRow, Serialize)]
pub(crate) struct Task {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) created_by: String,
    /// Unix seconds, as is `completed_at`.
    pub(crate) created_at: i64,
    pub(crate) completed_at: Option<i64>,
}

/// Which tasks a page shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Filter {
    #[default]
    All,
    Pending,
    Completed,
}

/// How many tasks there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    total: usize,
    completed: usize,
}

/// The tasks in the database.
#[derive(Clone)]
pub(crate) struct Tasks {
    pool: AnyPool,
}

impl Tasks {
    pub(crate) fn new(pool: AnyPool) -> Self {
        Self { pool }
    }

    /// Newest first. A team's board fits on one page; a list without an end would need a `LIMIT`.
    pub(crate) async fn all(&self) -> Result<Vec<Task>> {
        sqlx::query_as("SELECT * FROM tasks ORDER BY id DESC")
            .fetch_all(&self.pool)
            .await
    }

    pub(crate) async fn find(&self, id: i64) -> Result<Option<Task>> {
        sqlx::query_as("SELECT * FROM tasks WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
    }

    pub(crate) async fn add(&self, title: &str, created_by: &str) -> Result<()> {
        sqlx::query("INSERT INTO tasks (title, created_by, created_at) VALUES ($1, $2, $3)")
            .bind(title)
            .bind(created_by)
            .bind(Moment::now().unix())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Completing a task twice keeps the first time. Like the others below, it gives the task as it is then, or
    /// none when somebody has deleted it: one statement, so that nobody comes between a question and a change.
    pub(crate) async fn complete(&self, id: i64) -> Result<Option<Task>> {
        let update =
            "UPDATE tasks SET completed_at = coalesce(completed_at, $2) WHERE id = $1 RETURNING *";
        sqlx::query_as(update)
            .bind(id)
            .bind(Moment::now().unix())
            .fetch_optional(&self.pool)
            .await
    }

    pub(crate) async fn reopen(&self, id: i64) -> Result<Option<Task>> {
        sqlx::query_as("UPDATE tasks SET completed_at = NULL WHERE id = $1 RETURNING *")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
    }

    pub(crate) async fn rename(&self, id: i64, title: &str) -> Result<Option<Task>> {
        sqlx::query_as("UPDATE tasks SET title = $2 WHERE id = $1 RETURNING *")
            .bind(id)
            .bind(title)
            .fetch_optional(&self.pool)
            .await
    }

    pub(crate) async fn remove(&self, id: i64) -> Result<Option<Task>> {
        sqlx::query_as("DELETE FROM tasks WHERE id = $1 RETURNING *")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
    }
}

impl Task {
    pub(crate) fn is_completed(&self) -> bool {
        self.completed_at.is_some()
    }

    /// Two paths instead of one that flips: asking twice, or two people at once, cannot undo each other.
    pub(crate) fn toggle_path(&self) -> String {
        let verb = if self.is_completed() {
            "reopen"
        } else {
            "complete"
        };
        format!("/tasks/{}/{verb}", self.id)
    }

    pub(crate) fn created(&self) -> Moment {
        Moment::from_unix(self.created_at)
    }
}

impl Filter {
    pub(crate) const ALL: [Self; 3] = [Self::All, Self::Pending, Self::Completed];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Pending => "Pending",
            Self::Completed => "Completed",
        }
    }

    /// The id of the element that shows how many there are.
    pub(crate) fn count_id(self) -> &'static str {
        match self {
            Self::All => "total-count",
            Self::Pending => "pending-count",
            Self::Completed => "completed-count",
        }
    }

    pub(crate) fn shows(self, task: &Task) -> bool {
        match self {
            Self::All => true,
            Self::Pending => !task.is_completed(),
            Self::Completed => task.is_completed(),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Pending => "pending",
            Self::Completed => "completed",
        })
    }
}

impl From<&str> for Filter {
    /// An address with a filter we do not know shows everything.
    fn from(name: &str) -> Self {
        match name {
            "pending" => Self::Pending,
            "completed" => Self::Completed,
            _ => Self::All,
        }
    }
}

impl Counts {
    pub(crate) fn of(tasks: &[Task]) -> Self {
        let completed = tasks.iter().filter(|task| task.is_completed());
        Self {
            total: tasks.len(),
            completed: completed.count(),
        }
    }

    pub(crate) fn shown_by(self, filter: &Filter) -> usize {
        match filter {
            Filter::All => self.total,
            Filter::Pending => self.total - self.completed,
            Filter::Completed => self.completed,
        }
    }
}
