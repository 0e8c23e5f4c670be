//! A page of 11 kB, as a list of tasks is one.

use askama::Template;

/// The page, for whoever is logged in.
#[derive(Template)]
#[template(path = "tasks.html")]
pub struct TasksPage<'a> {
    /// Who looks at it.
    pub name: &'a str,
    /// What it shows.
    pub tasks: &'a [Task],
}

/// One line of the page.
pub struct Task {
    /// Its number, in URLs.
    pub id: u32,
    /// What to do; escaped where it is shown.
    pub title: String,
    /// Whether it is done.
    pub done: bool,
}

/// The tasks that every program shows.
pub fn tasks() -> Vec<Task> {
    let task = |id| Task {
        id,
        title: format!("Ask A & B whether <{id}> is \"ready\" to be shown"),
        done: id % 3 == 0,
    };
    (1..=30).map(task).collect()
}
