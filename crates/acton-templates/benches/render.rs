//! What rendering costs: a page with its context, the same list as a fragment, and one with three other targets.

use std::hint::black_box;

use acton_htmx::{Htmx, HtmxVersion, Markup, OutOfBandSwap, Wanted};
use acton_templates::{HtmlTemplate, TemplateContext};
use askama::Template;
use axum_core::response::IntoResponse;
use criterion::{Criterion, criterion_group, criterion_main};

#[derive(Template)]
#[template(
    ext = "html",
    blocks = ["list"],
    source = r#"<!doctype html>
<html lang="en">
<head><title>Tasks</title>{{ ctx.csrf_meta() }}</head>
<body>
<nav><a href="/tasks"{% if ctx.is_active("/tasks") %} aria-current="page"{% endif %}>Tasks</a>
{% if let Some(user) = ctx.user() %}<b>{{ user }}</b>{% endif %}</nav>
<main id="main"><ul id="task-list">
{% block list %}{% for task in tasks %}<li id="task-{{ loop.index }}">{{ task }}</li>
{% endfor %}{% endblock %}
</ul><form method="post">{{ ctx.csrf_field() }}<input name="title"></form></main>
</body>
</html>"#
)]
struct Tasks {
    ctx: TemplateContext,
    tasks: Vec<String>,
}

fn tasks() -> Tasks {
    let ctx = TemplateContext::new()
        .with_path("/tasks")
        .with_auth(Some("alice".into()));
    let ctx = ctx.with_csrf("c29tZSB0b2tlbiB0aGF0IGlzIGxvbmcgZW5vdWdo");
    let tasks = (1..=20)
        .map(|number| format!("Task <{number}> & what it is about"))
        .collect();
    Tasks { ctx, tasks }
}

fn render(criterion: &mut Criterion) {
    let tasks = tasks();
    let fragment = Htmx {
        version: Some(HtmxVersion::V2),
        wanted: Wanted::Fragment,
    };
    criterion.bench_function("page with context, 20 rows", |bencher| {
        bencher.iter(|| {
            HtmlTemplate::of(black_box(Htmx::PLAIN), &tasks, tasks.as_list()).into_response()
        });
    });
    criterion.bench_function("fragment, 20 rows", |bencher| {
        bencher.iter(|| {
            HtmlTemplate::of(black_box(fragment), &tasks, tasks.as_list()).into_response()
        });
    });
    criterion.bench_function("fragment, 20 rows, three other targets", |bencher| {
        bencher.iter(|| {
            let count = |id| OutOfBandSwap::update(id, Markup::escaped(black_box(20)));
            HtmlTemplate::of(black_box(fragment), &tasks, tasks.as_list())
                .and(count("total-count"))
                .and(count("pending-count"))
                .and(count("completed-count"))
                .into_response()
        });
    });
}

criterion_group!(benches, render);
criterion_main!(benches);
