//! A listener beside the service's own, with the same care and few connections.

use std::time::Duration;

use axum::Router;
use tokio_util::task::TaskTracker;

use super::{Listener, Shutdown, accept::Acceptor};
use crate::limits::LimitsConfig;

/// Who asks here is a monitoring system or two.
const CONNECTIONS: usize = 64;
const STREAMS: u32 = 8;

/// Serves until it is dropped; connections that are open end then.
pub(crate) async fn serve_aside(listener: Listener, router: Router, limits: LimitsConfig) {
    let limits = LimitsConfig {
        connections: limits.connections.min(CONNECTIONS),
        http2_streams: limits.http2_streams.min(STREAMS),
        ..limits
    };
    let end = EndWhenDropped(Shutdown::default());
    Acceptor::new(router, &limits, end.0.clone(), TaskTracker::new())
        .run(listener)
        .await;
}

struct EndWhenDropped(Shutdown);

impl Drop for EndWhenDropped {
    fn drop(&mut self) {
        drop(self.0.close(Duration::ZERO));
        self.0.force();
    }
}
