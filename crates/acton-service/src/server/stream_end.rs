//! Ends event streams when the service stops.
//!
//! An open event stream would keep a graceful shutdown waiting for ever, whoever made it.

use std::{
    hash::{BuildHasher, RandomState},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use super::{Shutdown, shutdown::Stage};

/// Makes an event stream end, cleanly and without an error, when the service stops.
pub(crate) fn end_at_shutdown(body: Body, shutdown: &Shutdown) -> Body {
    Body::new(EndAtShutdown {
        body,
        end: shutdown.streams_end(),
        shutdown: shutdown.clone(),
        pause: None,
        ended: false,
    })
}

pin_project! {
    struct EndAtShutdown {
        #[pin]
        body: Body,
        end: Stage,
        shutdown: Shutdown,
        pause: Option<Pin<Box<Sleep>>>,
        ended: bool,
    }
}

impl HttpBody for EndAtShutdown {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        // What is ready is still sent: the end waits for the first pause.
        if let Poll::Ready(frame) = this.body.poll_frame(cx) {
            *this.ended = frame.is_none();
            return Poll::Ready(frame);
        }
        ready!(this.end.poll(cx));
        let pause = this
            .pause
            .get_or_insert_with(|| Box::pin(sleep(share_of(this.shutdown.spread()))));
        ready!(pause.as_mut().poll(cx));
        *this.ended = true;
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// A part of this time, by chance.
fn share_of(time: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) >> 11;
    time.mul_f64(random as f64 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::{task::JoinSet, time::Instant};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn streams_end_one_by_one_within_their_time() {
        let shutdown = Shutdown::default();
        let mut streams = JoinSet::new();
        for _ in 0..200 {
            let silent =
                Body::from_stream(futures_util::stream::pending::<Result<Bytes, axum::Error>>());
            let body = end_at_shutdown(silent, &shutdown);
            streams.spawn(async move {
                body.collect().await.expect("a clean end");
                Instant::now()
            });
        }
        tokio::task::yield_now().await;
        let begun = Instant::now();
        let _ = shutdown.close(Duration::from_secs(10));
        let mut in_second = [0; 11];
        while let Some(ended) = streams.join_next().await {
            let ended = ended.expect("no panic").duration_since(begun);
            in_second[ended.as_secs() as usize] += 1;
        }
        assert!(
            in_second[..10].iter().all(|count| *count > 0),
            "{in_second:?}"
        );
    }
}
