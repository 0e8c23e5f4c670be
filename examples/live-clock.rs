//! Live updates and nothing else: a clock that every open page shows, sent once a second.
//!
//! ```sh
//! cargo xtask example live-clock
//! ```

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use acton_service::prelude::*;

const CLOCK: &str = "clock";

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Live clock</title>
{{ ctx.head().sse(true) }}
</head>
<body>
<main>
<h1>Live clock</h1>
<p hx-ext="sse" sse-connect="/events?last-event-id={{ ctx.cursor() }}"><time sse-swap="tick">{{ now }}</time> UTC</p>
</main>
</body>
</html>"#
)]
struct Page {
    ctx: TemplateContext,
    now: String,
}

/// The stream goes on where the context was taken: no tick falls between the page and its stream.
async fn page(ctx: TemplateContext) -> HtmlTemplate {
    HtmlTemplate::page(Page { ctx, now: now() })
}

async fn events(
    Extension(broadcaster): Extension<Arc<SseBroadcaster>>,
    last_event_id: LastEventId,
) -> EventStream {
    broadcaster.stream(CLOCK, last_event_id)
}

/// Ticks until the service shuts the broadcaster down.
async fn tick(broadcaster: Arc<SseBroadcaster>) -> Result<()> {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    while !broadcaster.is_closed() {
        seconds.tick().await;
        let message = BroadcastMessage::html_named("tick", Markup::escaped(now()))?;
        broadcaster.publish(CLOCK, message).await?;
    }
    Ok(())
}

fn now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.unwrap_or_default().as_secs();
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

fn app(broadcaster: Arc<SseBroadcaster>) -> ActonService {
    let routes = VersionedApiBuilder::new()
        .with_frontend_routes(|router| router.route("/", get(page)).route("/events", get(events)))
        .build_routes();
    ServiceBuilder::new()
        .with_routes(routes)
        .with_broadcaster(broadcaster)
        .build()
}

#[tokio::main]
async fn main() -> Result<()> {
    let broadcaster = Arc::new(SseBroadcaster::new());
    let clock = tokio::spawn(tick(Arc::clone(&broadcaster)));
    let served = app(broadcaster).serve().await;
    clock.abort();
    served
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request};
    use tower::ServiceExt;

    use super::*;

    async fn answer(path: &str) -> Response {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let service = app(Arc::new(SseBroadcaster::new()));
        service.into_router().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn the_page_shows_the_time_at_once() {
        let body = axum::body::to_bytes(answer("/").await.into_body(), 1 << 20).await;
        let page = String::from_utf8(body.unwrap().to_vec()).unwrap();
        assert!(page.contains(r#"<time sse-swap="tick">"#), "{page}");
    }

    #[tokio::test]
    async fn the_stream_is_a_stream() {
        let headers = answer("/events").await.headers().clone();
        assert_eq!(headers["content-type"], "text/event-stream");
    }

    #[test]
    fn the_time_is_written_as_a_clock_shows_it() {
        let parts: Vec<usize> = now().split(':').map(str::len).collect();
        assert_eq!(parts, [2, 2, 2]);
    }
}
