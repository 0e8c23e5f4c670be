//! `/health`: the process answers. `/ready`: what it depends on answers too.

use std::{
    fmt::Display,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::FutureExt;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use tokio::sync::Mutex;

use crate::server::Shutdown;

/// A dependency that has not answered by then is not ready.
const DEADLINE: Duration = Duration::from_secs(2);

/// Asked more often, `/ready` repeats its last answer, so that strangers cannot use it to load what we depend on.
const FRESH: Duration = Duration::from_secs(1);

type Outcome = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A named question about something the service depends on.
#[derive(Clone)]
pub(crate) struct Check {
    name: Arc<str>,
    ask: Arc<dyn Fn() -> Outcome + Send + Sync>,
}

impl Check {
    pub(crate) fn new<F, Fut, E>(name: impl Into<Arc<str>>, ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let ask = move || -> Outcome {
            let answer = ask();
            Box::pin(async move { answer.await.map_err(|error| error.to_string()) })
        };
        Self {
            name: name.into(),
            ask: Arc::new(ask),
        }
    }

    /// Whether it is well; why not goes to the log and never to strangers.
    async fn is_well(&self) -> bool {
        // Of a check that panics the others are told all the same.
        let asked = AssertUnwindSafe(async { (self.ask)().await }).catch_unwind();
        let problem = match tokio::time::timeout(DEADLINE, asked).await {
            Ok(Ok(Ok(()))) => return true,
            Ok(Ok(Err(error))) => error,
            Ok(Err(_)) => "the check panicked".to_owned(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(check = %self.name, error = problem, "a dependency is not ready");
        false
    }
}

/// Everything `/health` and `/ready` tell.
pub(crate) struct Health {
    service: String,
    version: Option<String>,
    checks: Vec<Check>,
    shutdown: Shutdown,
    last: Mutex<Option<(Instant, Vec<bool>)>>,
}

impl Health {
    pub(crate) fn new(
        service: String,
        version: Option<String>,
        checks: Vec<Check>,
        shutdown: Shutdown,
    ) -> Self {
        Self {
            service,
            version,
            checks,
            shutdown,
            last: Mutex::new(None),
        }
    }

    /// The routes `/health` and `/ready`.
    pub(crate) fn routes(self) -> Router {
        Router::new()
            .route("/health", get(health))
            .route("/ready", get(ready))
            .with_state(Arc::new(self))
    }

    async fn outcomes(&self) -> Vec<bool> {
        let mut last = self.last.lock().await;
        match last.as_ref() {
            Some((asked, outcomes)) if asked.elapsed() < FRESH => outcomes.clone(),
            _ => {
                let all = self.checks.iter().map(Check::is_well);
                let outcomes = futures_util::future::join_all(all).await;
                *last = Some((Instant::now(), outcomes.clone()));
                outcomes
            }
        }
    }
}

async fn health(State(health): State<Arc<Health>>) -> Response {
    let mut body = json!({ "status": "alive", "service": health.service });
    if let Some(version) = &health.version {
        body["version"] = json!(version);
    }
    uncached(StatusCode::OK, body)
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    if health.shutdown.is_draining() {
        let body = json!({ "status": "stopping", "service": health.service });
        return uncached(StatusCode::SERVICE_UNAVAILABLE, body);
    }
    let outcomes = health.outcomes().await;
    let mut checks = serde_json::Map::new();
    for (check, well) in health.checks.iter().zip(&outcomes) {
        let word = checks.entry(&*check.name).or_insert_with(|| "ready".into());
        // Of two checks with one name the worse is told.
        if !well {
            *word = "unavailable".into();
        }
    }
    let all_well = outcomes.iter().all(|well| *well);
    let status = if all_well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let word = if all_well { "ready" } else { "unavailable" };
    uncached(
        status,
        json!({ "status": word, "service": health.service, "checks": checks }),
    )
}

fn uncached(status: StatusCode, body: serde_json::Value) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    (status, [(header::CACHE_CONTROL, no_store)], Json(body)).into_response()
}
