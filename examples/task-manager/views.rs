//! The templates, and what they show.

use acton_service::{prelude::*, session::ActiveSession, templates::ErrorView};

use crate::{
    live::Live,
    moment::Moment,
    tasks::{Counts, Filter, Task},
};

/// The board: the whole page, and as blocks the parts of it that answers replace.
#[derive(Template)]
#[template(path = "board.html", blocks = ["new_task", "region", "list"])]
pub(crate) struct Board {
    pub(crate) htmx: Htmx,
    pub(crate) ctx: TemplateContext,
    pub(crate) live: Live,
    pub(crate) view: View,
    pub(crate) tasks: Vec<Task>,
    /// Tasks that are being edited here and were deleted elsewhere.
    pub(crate) deleted: Vec<i64>,
    pub(crate) counts: Counts,
    /// The form for a new task, as it was typed.
    pub(crate) form: FormState,
    /// Whether that form takes the focus.
    pub(crate) focus: bool,
    /// The edit that was not accepted, as it was typed.
    pub(crate) rejected: Option<(i64, FormState)>,
}

impl Board {
    /// Adds what every answer brings along: the counters, and `messages` in place of earlier ones.
    pub(crate) fn with_news(&self, answer: Fragments, messages: &[FlashMessage]) -> Fragments {
        let answer = answer
            .and(OutOfBandSwap::update("flash", Messages { messages }))
            .and(OutOfBandSwap::update("errors", Markup::default()));
        Filter::ALL.into_iter().fold(answer, |answer, filter| {
            let count = Markup::escaped(self.counts.shown_by(&filter));
            answer.and(OutOfBandSwap::update(filter.count_id(), count))
        })
    }

    /// The task as the list now shows it, which may be not at all.
    pub(crate) fn row(&self, task: &Task) -> OutOfBandSwap {
        let id = row_id(task.id);
        if self.view.filter.shows(task) {
            OutOfBandSwap::replace(&id, TaskRow { task, focus: false })
        } else {
            OutOfBandSwap::delete(&id)
        }
    }

    /// What an edit ends with: the task's row, unless it belongs to another filter by now.
    pub(crate) fn edited(&self, task: &Task, messages: &[FlashMessage]) -> Fragments {
        if self.view.filter.shows(task) {
            let row = TaskRow { task, focus: true };
            return self.with_news(Fragments::new(row), messages);
        }
        self.with_news(Fragments::out_of_band(), messages)
            .and(OutOfBandSwap::delete(&row_id(task.id)))
    }

    fn edit<'a>(&'a self, task: &'a Task) -> Edit<'a> {
        match &self.rejected {
            Some((id, form)) if *id == task.id => Edit::rejected(form),
            _ => Edit {
                keep: true,
                ..Edit::of(task)
            },
        }
    }
}

/// Who has the board open.
#[derive(Template)]
#[template(path = "here.html")]
pub(crate) struct Here {
    pub(crate) names: Vec<String>,
}

/// What a browser asks to see: `?filter=pending&editing=3`.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) filter: Filter,
    editing: Vec<i64>,
}

impl View {
    /// Reads the fields that every form and link of the board carries.
    pub(crate) fn of(form: &FormState) -> Self {
        Self {
            filter: Filter::from(form.value("filter")),
            editing: form
                .values("editing")
                .filter_map(|id| id.parse().ok())
                .collect(),
        }
    }

    pub(crate) fn editing(mut self, id: i64) -> Self {
        self.editing = vec![id];
        self
    }

    pub(crate) fn url(&self) -> String {
        match self.filter {
            Filter::All => "/".to_owned(),
            filter => format!("/?filter={filter}"),
        }
    }

    /// What is being edited stays in the list, wherever it belongs by now.
    pub(crate) fn shows(&self, task: &Task) -> bool {
        self.filter.shows(task) || self.edits(task)
    }

    fn edits(&self, task: &Task) -> bool {
        self.editing.contains(&task.id)
    }

    pub(crate) fn edits_of_deleted(&self, tasks: &[Task]) -> Vec<i64> {
        let is_there = |id: &i64| tasks.iter().any(|task| task.id == *id);
        let edits = self.editing.iter().copied();
        edits.filter(|id| !is_there(id)).collect()
    }
}

/// One task in the list.
#[derive(Template)]
#[template(path = "task.html")]
pub(crate) struct TaskRow<'a> {
    pub(crate) task: &'a Task,
    /// Whether its Edit button takes the focus, because an edit ended here.
    pub(crate) focus: bool,
}

/// The element of a task.
pub(crate) fn row_id(id: i64) -> String {
    format!("task-{id}")
}

/// One task in the list, being edited.
#[derive(Template)]
#[template(path = "edit.html")]
pub(crate) struct EditRow<'a> {
    pub(crate) ctx: &'a TemplateContext,
    pub(crate) view: &'a View,
    pub(crate) task: &'a Task,
    pub(crate) edit: Edit<'a>,
}

/// What stands in the field of an edit, and beside it.
pub(crate) struct Edit<'a> {
    typed: &'a str,
    /// The title that the edit began with.
    was: &'a str,
    problem: Option<&'a str>,
    /// Whether a browser that is editing already keeps what it has.
    keep: bool,
}

impl<'a> Edit<'a> {
    pub(crate) fn of(task: &'a Task) -> Self {
        Self {
            typed: &task.title,
            was: &task.title,
            problem: None,
            keep: false,
        }
    }

    pub(crate) fn rejected(form: &'a FormState) -> Self {
        Self {
            typed: form.value("title"),
            was: form.value("was"),
            problem: form.error("title"),
            keep: false,
        }
    }
}

/// What the region for messages holds.
#[derive(Template)]
#[template(path = "messages.html")]
struct Messages<'a> {
    messages: &'a [FlashMessage],
}

/// Asks before a task is deleted, where no script can.
#[derive(Template)]
#[template(path = "delete.html")]
pub(crate) struct DeletePage {
    pub(crate) ctx: TemplateContext,
    pub(crate) view: View,
    pub(crate) task: Task,
}

#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage {
    pub(crate) ctx: TemplateContext,
    pub(crate) form: FormState,
    /// Name and password of the demo account, where it may be shown.
    pub(crate) demo: Option<(&'static str, &'static str)>,
}

#[derive(Template)]
#[template(path = "register.html")]
pub(crate) struct RegisterPage {
    pub(crate) ctx: TemplateContext,
    pub(crate) form: FormState,
}

#[derive(Template)]
#[template(path = "sessions.html")]
pub(crate) struct SessionsPage {
    pub(crate) ctx: TemplateContext,
    pub(crate) sessions: Vec<ActiveSession>,
}

/// What went wrong, in the design of the board.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    ctx: TemplateContext,
    error: ErrorView,
}

impl ErrorPage {
    pub(crate) fn of(error: ErrorView) -> Self {
        let ctx = TemplateContext::new();
        Self { ctx, error }
    }
}
