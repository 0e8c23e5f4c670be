//! The end in order: not ready, a pause, streams, requests, and a hard deadline.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use serde::{Deserialize, Deserializer};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::signals::{SPARE, Signals};
use crate::config::ConfigError;

/// The `[shutdown]` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ShutdownConfig {
    /// Time from the signal to the forced end. Default: 25 seconds, inside the 30 that Kubernetes grants.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    /// How long requests are still accepted after `/ready` began to answer 503, so that load balancers notice; shorter
    /// than `grace`. Default: 5 seconds, or a fifth of `grace` where that is less; where `service.environment` is `dev`
    /// no longer than requests are being answered.
    #[serde(deserialize_with = "delay")]
    pub delay: Option<Duration>,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(25),
            delay: None,
        }
    }
}

/// The longest delay that nobody asked for.
const DELAY: Duration = Duration::from_secs(5);

impl ShutdownConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.delay.is_some_and(|delay| delay >= self.grace) && self.delay != Some(Duration::ZERO)
        {
            let sentence = "the setting `shutdown.delay` is not shorter than `shutdown.grace`: \
                            nothing could end in order";
            return Err(ConfigError::new(sentence));
        }
        Ok(())
    }

    pub(crate) fn delay(&self, is_dev: bool) -> Delay {
        let usual = DELAY.min(self.grace / 5);
        match self.delay {
            Some(delay) => Delay::Whole(delay),
            None if is_dev => Delay::WhileBusy(usual),
            None => Delay::Whole(usual),
        }
    }
}

/// How long requests are still accepted once the end has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delay {
    /// So long, because load balancers look only now and then.
    Whole(Duration),
    /// As long as requests are being answered, and so long at most: nobody waits for nothing.
    WhileBusy(Duration),
}

/// How often it is looked whether requests are still being answered.
const LOOK: Duration = Duration::from_millis(20);

impl Delay {
    async fn pass(self, grace: Duration, is_busy: impl Fn() -> bool) {
        match self {
            Self::Whole(delay) => tokio::time::sleep(delay.min(grace)).await,
            Self::WhileBusy(most) => {
                let end = Instant::now() + most.min(grace);
                while is_busy() && Instant::now() < end {
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }
}

fn delay<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    humantime_serde::deserialize(deserializer).map(Some)
}

/// How far the end has come; cheap to clone and to ask.
#[derive(Clone, Default)]
pub(crate) struct Shutdown(Arc<Stages>);

#[derive(Default)]
struct Stages {
    draining: AtomicBool,
    streams: Mark,
    connections: Mark,
    forced: Mark,
    spread: OnceLock<Duration>,
    at_close: Mutex<Vec<AtClose>>,
}

/// What is begun when streams should end, and how long that may go on.
type AtClose = Box<dyn FnOnce(Duration) -> Closing + Send>;
type Closing = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Shutdown {
    /// Whether `/ready` should send new requests elsewhere.
    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// When event streams should end.
    pub(super) fn streams_end(&self) -> Stage {
        Stage::of(self, |stages| &stages.streams)
    }

    /// When connections should finish what they do and close.
    pub(super) fn is_closing(&self) -> Stage {
        Stage::of(self, |stages| &stages.connections)
    }

    /// When nothing may go on.
    pub(super) fn is_forced(&self) -> Stage {
        Stage::of(self, |stages| &stages.forced)
    }

    /// Resolves when connections should finish what they do and close.
    pub(crate) async fn connections_close(&self) {
        self.0.connections.token.cancelled().await;
    }

    /// Resolves when nothing may go on.
    pub(crate) async fn forced(&self) {
        self.0.forced.token.cancelled().await;
    }

    /// The time over which streams end, each at a moment of its own, so that not all browsers come back at once.
    pub(super) fn spread(&self) -> Duration {
        self.0.spread.get().copied().unwrap_or_default()
    }

    /// Calls this when streams should end, with the time over which they do. The end of the service waits for what
    /// it returns, until the grace time is over.
    #[cfg(feature = "sse")]
    pub(crate) fn at_close<F>(&self, call: impl FnOnce(Duration) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.calls()
            .push(Box::new(move |spread| Box::pin(call(spread))));
    }

    fn calls(&self) -> MutexGuard<'_, Vec<AtClose>> {
        self.0
            .at_close
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Says what the end has to wait for.
    pub(super) fn close(&self, spread: Duration) -> Vec<Closing> {
        let spread = *self.0.spread.get_or_init(|| spread);
        let calls = std::mem::take(&mut *self.calls());
        let closing = calls.into_iter().map(|call| call(spread)).collect();
        self.0.streams.reach();
        self.0.connections.reach();
        closing
    }

    pub(super) fn force(&self) {
        self.0.forced.reach();
    }
}

/// A point in time, after which `is_reached` stays true.
#[derive(Default)]
struct Mark {
    is_reached: AtomicBool,
    token: CancellationToken,
}

impl Mark {
    fn reach(&self) {
        self.is_reached.store(true, Ordering::Release);
        self.token.cancel();
    }
}

/// Waits for a mark. Tasks that are woken for thousands of other reasons ask without a lock.
pub(super) struct Stage {
    shutdown: Shutdown,
    mark: fn(&Stages) -> &Mark,
    wait: Pin<Box<WaitForCancellationFutureOwned>>,
    waiter: Option<Waker>,
}

impl Stage {
    fn of(shutdown: &Shutdown, mark: fn(&Stages) -> &Mark) -> Self {
        Self {
            shutdown: shutdown.clone(),
            mark,
            wait: Box::pin(mark(&shutdown.0).token.clone().cancelled_owned()),
            waiter: None,
        }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if (self.mark)(&self.shutdown.0)
            .is_reached
            .load(Ordering::Acquire)
        {
            return Poll::Ready(());
        }
        let waiter = self.waiter.as_ref();
        if waiter.is_some_and(|waiter| waiter.will_wake(context.waker())) {
            return Poll::Pending;
        }
        self.waiter = Some(context.waker().clone());
        self.wait.as_mut().poll(context)
    }
}

/// What begins the end: a signal, or a future of the application's.
pub(crate) enum Trigger {
    Signals,
    Future(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Trigger {
    /// From now on a signal is not the end of the process any more, and the first one begins to drain.
    pub(super) fn arm(self, grace: Duration, shutdown: &Shutdown) -> Armed {
        let shutdown = shutdown.clone();
        match self {
            Self::Signals => Armed::Signals(Signals::receive(grace, move || shutdown.drain())),
            Self::Future(future) => Armed::Future(future),
        }
    }
}

/// A trigger that misses nothing.
pub(super) enum Armed {
    Signals(Signals),
    Future(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Armed {
    /// Waits for the first signal, or for the future.
    pub(super) async fn first(&mut self) {
        match self {
            Self::Signals(signals) => signals.next().await,
            Self::Future(future) => future.await,
        }
    }

    /// Waits for the second signal; a future comes only once.
    async fn second(&mut self) {
        match self {
            Self::Signals(signals) => signals.next().await,
            Self::Future(_) => std::future::pending().await,
        }
    }

    /// A process that was told to end by a signal does so by force.
    fn is_signal(&self) -> bool {
        matches!(self, Self::Signals(_))
    }
}

/// Keeps accepting for `delay`, lets streams and requests end, and forces the end at `grace` or at a second signal.
///
/// Says until when the process has time for what it does afterwards; none where nobody ends it by force.
pub(super) async fn run(
    shutdown: &Shutdown,
    trigger: &mut Armed,
    (delay, grace): (Delay, Duration),
    is_busy: impl Fn() -> bool,
    idle: impl Future<Output = ()>,
) -> Option<Instant> {
    let deadline = tokio::time::sleep(grace);
    let mut until = deadline.deadline() + SPARE;
    let in_order = async {
        delay.pass(grace, is_busy).await;
        let closing = shutdown.close(spread(delay, grace));
        idle.await;
        for end in closing {
            end.await;
        }
    };
    tokio::select! {
        () = in_order => tracing::info!("every connection has ended"),
        () = deadline => tracing::warn!("the grace time is over, closing what is left"),
        () = trigger.second() => {
            tracing::warn!("second signal, closing at once");
            until = Instant::now() + SPARE;
        }
    }
    drop(shutdown.close(Duration::ZERO));
    shutdown.force();
    trigger.is_signal().then_some(until)
}

/// How long streams may take to end: a quarter of the time that is left; no time where there is no delay either.
fn spread(delay: Delay, grace: Duration) -> Duration {
    match delay {
        Delay::Whole(Duration::ZERO) | Delay::WhileBusy(_) => Duration::ZERO,
        Delay::Whole(delay) => grace.saturating_sub(delay) / 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_nothing_and_no_request_is_waited_for_too_long() {
        let most = Delay::WhileBusy(Duration::from_secs(5));
        let grace = Duration::from_secs(25);
        for (busy, passes) in [(0, 0), (1, 1), (60, 5)] {
            let begun = Instant::now();
            let busy = Duration::from_secs(busy);
            most.pass(grace, || begun.elapsed() < busy).await;
            let late = begun.elapsed() - Duration::from_secs(passes);
            assert!(late <= LOOK, "{busy:?}: {late:?}");
        }
    }
}
