//! A service with a bottleneck: `bench-overload <port>`.
//!
//! `/work` waits for one of eight places, as for a connection to a database, and keeps it for ten milliseconds.
//! `/compute` keeps a core for two.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use acton_service::{Config, prelude::*, versioning::VersionedApiBuilder};
use tokio::sync::Semaphore;

async fn work(Extension(places): Extension<Arc<Semaphore>>) -> &'static str {
    let _place = places.acquire().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    "done"
}

async fn compute() -> &'static str {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
    "done"
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut config: Config = Config::default();
    config.service.bind = acton_bench::address();
    // Eight at work and as many again four times in the queue.
    config.limits.requests = 40;
    config.limits.queue_delay = Duration::from_millis(20);
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/work", get(work))
            .route("/compute", get(compute))
            .layer(Extension(Arc::new(Semaphore::new(8))))
    });
    let service = ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes.build_routes());
    service.build().serve().await
}
