//! The same with an `SseBroadcaster` in the service: `bench-sse <port> [drain]`, with the settings that it has by default.
//!
//! With `drain` it goes on for a second after `/ready` says 503, and has ten for its end.

use std::{sync::Arc, time::Duration};

use acton_bench::numbers::Series;
use acton_service::{Config, prelude::*, versioning::VersionedApiBuilder};

type Broadcaster = Extension<Arc<SseBroadcaster>>;

async fn events(Extension(broadcaster): Broadcaster, last_event_id: LastEventId) -> EventStream {
    broadcaster.stream("numbers", last_event_id)
}

async fn publish(Extension(broadcaster): Broadcaster, Query(series): Query<Series>) {
    tokio::spawn(series.publish(move |data| {
        broadcaster.publish("numbers", data);
    }));
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut config: Config = Config::default();
    config.service.bind = acton_bench::address();
    if acton_bench::asked_for("drain") {
        config.shutdown.delay = Some(Duration::from_secs(1));
        config.shutdown.grace = Duration::from_secs(10);
    }
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/events", get(events))
            .route("/publish", get(publish))
    });
    let service = ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes.build_routes());
    service.with_sse().build().serve().await
}
