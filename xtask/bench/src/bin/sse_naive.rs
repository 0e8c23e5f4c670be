//! The handler that everybody writes first, axum's `Sse` over a broadcast channel: `bench-sse-naive <port>`.

use std::convert::Infallible;

use acton_bench::numbers::Series;
use axum::{
    Extension, Router,
    extract::Query,
    response::sse::{Event, KeepAlive, Sse},
    routing::get,
};
use futures_util::{StreamExt, stream::Stream};
use tokio::{net::TcpListener, sync::broadcast};
use tokio_stream::wrappers::BroadcastStream;

type Sender = Extension<broadcast::Sender<String>>;

async fn events(Extension(sender): Sender) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let received = BroadcastStream::new(sender.subscribe());
    let events = received.filter_map(|data| async { Some(Ok(Event::default().data(data.ok()?))) });
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn publish(Extension(sender): Sender, Query(series): Query<Series>) {
    tokio::spawn(series.publish(move |data| {
        let _ = sender.send(data);
    }));
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let routes = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/events", get(events))
        .route("/publish", get(publish))
        .layer(Extension(broadcast::channel::<String>(256).0));
    axum::serve(TcpListener::bind(acton_bench::address()).await?, routes).await
}
