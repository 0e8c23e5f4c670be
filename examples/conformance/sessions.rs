//! Reading and writing the session.

use std::time::Duration;

use acton_service::prelude::*;
use serde::Deserialize;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/session/get", get(read))
        .route("/session/set", post(write))
}

#[derive(Deserialize)]
struct Read {
    k: String,
}

async fn read(session: Session, Query(read): Query<Read>) -> Result<String> {
    Ok(session.get(&read.k).await?.unwrap_or_default())
}

#[derive(Deserialize)]
struct Write {
    k: String,
    v: String,
    #[serde(default)]
    delay_ms: u64,
    status: Option<u16>,
}

/// Loads, waits, writes: what a slow request does while others come and go.
async fn write(session: Session, Form(write): Form<Write>) -> Result<StatusCode> {
    session.load().await?;
    tokio::time::sleep(Duration::from_millis(write.delay_ms.min(10_000))).await;
    session.insert(&write.k, write.v).await?;
    let status = write
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    Ok(status.unwrap_or(StatusCode::OK))
}
