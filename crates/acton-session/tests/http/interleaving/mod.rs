//! Random requests, many at a time, on one session, against what a person would expect.

mod model;
mod script;

use std::{env, sync::Arc};

use acton_session::{SessionConfig, Store, session_layer};
use axum::Router;
use proptest::test_runner::{Config, TestRunner};
use tokio::{runtime::Runtime, sync::Semaphore};

use self::model::Model;
use crate::{app::app_that_tells, browser::Browser, leaving::Quiet, stores};

/// Everything a model plays with.
struct Stage {
    app: Router,
    registry: acton_session::SessionRegistry,
    quiet: Quiet,
    /// One permit for each writer that has read its session.
    loaded: Arc<Semaphore>,
}

impl Stage {
    async fn on(store: Store) -> Self {
        let (app, loaded) = app_that_tells(store.clone());
        Browser::new(&app).post("/session/set", "k=a&v=1").await;
        Self {
            app,
            quiet: Quiet::now().await,
            registry: session_layer(&SessionConfig::default(), store).registry(),
            loaded,
        }
    }
}

/// As many scripts as this, or as `PROPTEST_CASES` says.
pub(crate) fn cases(usual: u32) -> u32 {
    let asked = env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

fn play_random(cases: u32, store: &Store, runtime: &Runtime) {
    let config = Config {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let stage = runtime.block_on(Stage::on(store.clone()));
    let played = TestRunner::new(config).run(&script::phases(), |phases| {
        runtime.block_on(Model::new(&stage).play(&phases));
        Ok(())
    });
    if let Err(failure) = played {
        panic!("{failure}");
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn no_order_of_requests_breaks_a_session_in_memory() {
    play_random(cases(200), &Store::memory(), &runtime());
}

/// More than the scripts of one round leave behind: what gives way are the visitors who were there before.
const CAPACITY: usize = 16_000;
const ROUND: u32 = 100;

#[test]
fn no_order_of_requests_breaks_a_session_in_a_full_memory() {
    let runtime = runtime();
    let mut left = cases(ROUND);
    while left > 0 {
        let store = Store::memory_with_capacity(CAPACITY);
        runtime.block_on(fill(&store));
        play_random(left.min(ROUND), &store, &runtime);
        left = left.saturating_sub(ROUND);
    }
}

async fn fill(store: &Store) {
    let app = app_that_tells(store.clone()).0;
    // Chance puts more into one part of the store than into another.
    for _ in 0..CAPACITY * 5 / 4 {
        Browser::new(&app).post("/session/set", "k=a&v=1").await;
    }
}

#[test]
fn no_order_of_requests_breaks_a_session_in_redis() {
    let runtime = runtime();
    let _guard = runtime.enter();
    if let Some((_server, store)) = stores::redis() {
        play_random(cases(60), &store, &runtime);
    }
}

#[test]
fn no_order_of_requests_breaks_a_session_in_a_custom_store() {
    let store = Store::custom(stores::Shelf::default());
    play_random(cases(60), &store, &runtime());
}
