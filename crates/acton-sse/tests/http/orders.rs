//! Every order in which a reader and a publisher can take turns.
//!
//! All that they share is behind one lock, so what threads can do to each other is a sequence of whole steps; here
//! every sequence up to a length is played. The only thing read beside the lock is whether there may be news, and
//! the waker below notices when a reader that waits for news would sleep through them.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use acton_sse::{SseConfig, Subscription, prelude::*};

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Publish,
    /// To a topic that the reader does not read.
    PublishElsewhere,
    /// The reader takes what is there, or waits.
    Read,
    /// Its connection breaks, and it comes back with the last id it has seen.
    Reconnect,
    /// Another reader of the topic comes and goes.
    Visitor,
}

const STEPS: [Step; 5] = [
    Step::Publish,
    Step::PublishElsewhere,
    Step::Read,
    Step::Reconnect,
    Step::Visitor,
];
const LENGTH: u32 = 7;
/// Less than can be published, so that readers fall out of the history.
const HISTORY: usize = 3;

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One play, and what its reader has seen.
struct Play {
    broadcaster: SseBroadcaster,
    reader: Subscription,
    last_id: Option<String>,
    bell: Arc<Bell>,
    published: u32,
    seen: u32,
    /// A gap that no message has followed yet, and how much had been published then.
    gap: Option<u32>,
    /// How often the bell had rung when the reader began to wait.
    waits_since: Option<usize>,
}

impl Play {
    fn new() -> Self {
        let config = SseConfig {
            history: HISTORY,
            queue: 1,
            ..SseConfig::default()
        };
        let broadcaster = SseBroadcaster::from_config(&config);
        let start = broadcaster.cursor();
        Self {
            reader: broadcaster.subscribe_from("read", Some(&start)),
            last_id: Some(start),
            broadcaster,
            bell: Arc::default(),
            published: 0,
            seen: 0,
            gap: None,
            waits_since: None,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Publish => {
                self.published += 1;
                self.broadcaster.publish("read", self.published.to_string());
                if let Some(rung) = self.waits_since {
                    assert!(
                        self.bell.0.load(Ordering::Relaxed) > rung,
                        "nobody woke the reader"
                    );
                }
            }
            Step::PublishElsewhere => drop(self.broadcaster.publish("elsewhere", "x")),
            Step::Read => drop(self.read()),
            Step::Reconnect => {
                let from = self.last_id.as_deref();
                self.reader = self.broadcaster.subscribe_from("read", from);
                self.waits_since = None;
            }
            Step::Visitor => drop(self.broadcaster.subscribe_to("read")),
        }
    }

    /// One message; false when there is none.
    fn read(&mut self) -> bool {
        let waker = Waker::from(Arc::clone(&self.bell));
        let rung = self.bell.0.load(Ordering::Relaxed);
        let next = pin!(self.reader.recv()).poll(&mut Context::from_waker(&waker));
        let Poll::Ready(message) = next else {
            // A reader that has looked twice waits since it looked first.
            self.waits_since.get_or_insert(rung);
            return false;
        };
        self.waits_since = None;
        let message = message.expect("an open broadcaster");
        self.last_id = message.id().map(str::to_owned);
        if message.is_gap() {
            let told = self.gap.replace(self.published);
            assert!(
                told.is_none_or(|then| self.published > then),
                "two gaps for one loss"
            );
            return true;
        }
        let number: u32 = message.data().parse().expect("a number");
        if self.gap.take().is_some() {
            assert!(
                number > self.seen + 1,
                "a gap without a loss before {number}"
            );
        } else {
            assert_eq!(number, self.seen + 1, "a silent hole, or twice");
        }
        self.seen = number;
        true
    }

    fn finish(mut self) {
        while self.read() {}
        assert!(
            self.seen == self.published || self.gap.is_some(),
            "the end is missing"
        );
    }
}

#[test]
fn whatever_the_order_nothing_is_lost_silently_or_told_twice() {
    let count = STEPS.len();
    for play in 0..count.pow(LENGTH) {
        let steps: Vec<_> = (0..LENGTH)
            .map(|at| STEPS[play / count.pow(at) % count])
            .collect();
        let result = std::panic::catch_unwind(|| {
            let mut play = Play::new();
            steps.iter().for_each(|step| play.take(*step));
            play.finish();
        });
        assert!(result.is_ok(), "{steps:?}");
    }
}
