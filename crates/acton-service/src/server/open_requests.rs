//! The requests that one connection has open, and how long it had none.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// Counts the requests of a connection; clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenRequests {
    count: watch::Sender<Count>,
    taken: Arc<Taken>,
}

/// What the client takes of the answers; HTTP/2 lets it hold back each of them while the connection goes on.
#[derive(Debug, Default)]
struct Taken {
    /// How often more was asked for, of any answer.
    asked: AtomicUsize,
    /// Answers of which something was given and nothing more was asked for yet.
    held: AtomicUsize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    open: usize,
    begun: usize,
}

impl OpenRequests {
    /// One more, until what is returned is dropped.
    pub(super) fn open(&self) -> OpenRequest {
        self.count.send_modify(|count| {
            count.open += 1;
            count.begun += 1;
        });
        OpenRequest(self.count.clone())
    }

    /// Watches what the client takes of an answer.
    pub(super) fn until_taken(&self, body: Body) -> UntilTaken {
        UntilTaken {
            body,
            held: Held {
                is_held: false,
                taken: Arc::clone(&self.taken),
            },
        }
    }

    /// Resolves when the first one has begun.
    pub(super) async fn first(&self) {
        self.when(|count| count.begun > 0).await;
    }

    /// Resolves when none began within `first`, or within `next` after the last one had ended.
    pub(super) async fn none_for(&self, first: Duration, next: Duration) {
        let mut now = *self.count.borrow();
        let mut patience = first;
        while now.open > 0
            || timeout(patience, self.when(|then| then.begun != now.begun))
                .await
                .is_ok()
        {
            now = self.when(|then| then.open == 0).await;
            patience = next;
        }
    }

    /// Resolves when the client holds back answers and has taken nothing of any of them for `patience`, or twice as long
    /// at most.
    pub(super) async fn held_back_for(&self, patience: Duration) {
        let asked = || self.taken.asked.load(Ordering::Relaxed);
        loop {
            let before = asked();
            sleep(patience).await;
            if asked() == before && self.taken.held.load(Ordering::Relaxed) > 0 {
                return;
            }
        }
    }

    async fn when(&self, is_so: impl FnMut(&Count) -> bool) -> Count {
        let mut counts = self.count.subscribe();
        let count = counts.wait_for(is_so).await.map(|count| *count);
        match count {
            Ok(count) => count,
            // Only without a sender, and that is in `self`.
            Err(_) => std::future::pending().await,
        }
    }
}

/// A request that is open.
#[derive(Debug)]
pub(super) struct OpenRequest(watch::Sender<Count>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.send_modify(|count| count.open -= 1);
    }
}

/// Whether more of an answer is to be asked for.
struct Held {
    is_held: bool,
    taken: Arc<Taken>,
}

impl Held {
    fn set(&mut self, is_held: bool) {
        let held = &self.taken.held;
        match (self.is_held, is_held) {
            (false, true) => held.fetch_add(1, Ordering::Relaxed),
            (true, false) => held.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
        self.is_held = is_held;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(false);
    }
}

pin_project! {
    /// The body of an answer that the client is to take.
    pub(super) struct UntilTaken {
        #[pin]
        body: Body,
        held: Held,
    }
}

impl HttpBody for UntilTaken {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.project();
        this.held.taken.asked.fetch_add(1, Ordering::Relaxed);
        let frame = this.body.poll_frame(cx);
        this.held.set(matches!(frame, Poll::Ready(Some(Ok(_)))));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    use super::*;

    const FIRST: Duration = Duration::from_secs(10);
    const NEXT: Duration = Duration::from_secs(75);

    #[tokio::test(start_paused = true)]
    async fn without_any_request_the_first_time_holds() {
        let begun = Instant::now();
        OpenRequests::default().none_for(FIRST, NEXT).await;
        assert_eq!(begun.elapsed(), FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_request_is_waited_for_and_then_the_next_one() {
        let requests = OpenRequests::default();
        let begun = Instant::now();
        let asked = async {
            let request = requests.open();
            sleep(Duration::from_secs(100)).await;
            drop(request);
            sleep(Duration::from_secs(70)).await;
            // So short that nobody sees it open.
            drop(requests.open());
        };
        tokio::join!(asked, requests.none_for(FIRST, NEXT));
        assert_eq!(begun.elapsed(), Duration::from_secs(100 + 70 + 75));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_open_before_is_open() {
        let requests = OpenRequests::default();
        let request = requests.open();
        let begun = Instant::now();
        let end = async {
            sleep(Duration::from_secs(20)).await;
            drop(request);
        };
        tokio::join!(end, requests.none_for(FIRST, FIRST));
        assert_eq!(begun.elapsed(), Duration::from_secs(20) + FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_of_any_answer_is_noticed() {
        let requests = OpenRequests::default();
        let answers = [(); 2].map(|()| requests.until_taken(Body::from("answer")));
        let [mut held, mut taken] = answers.map(Box::pin);
        let begun = Instant::now();
        // Nothing was given yet.
        assert!(
            timeout(FIRST * 5, requests.held_back_for(FIRST))
                .await
                .is_err()
        );
        held.frame().await.unwrap().unwrap();
        let take = async {
            sleep(FIRST / 2).await;
            taken.frame().await.unwrap().unwrap();
        };
        tokio::join!(take, requests.held_back_for(FIRST));
        assert_eq!(begun.elapsed(), FIRST * 5 + FIRST * 2);
        drop(held);
        assert!(taken.frame().now_or_never().unwrap().is_none());
        assert!(
            timeout(FIRST * 5, requests.held_back_for(FIRST))
                .await
                .is_err()
        );
    }
}
