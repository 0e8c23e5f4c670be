//! SIGTERM and Ctrl-C, heard by a thread of its own.
//!
//! Handlers that block hold up the threads of the runtime, and with them its timers and signals; the end of a runtime
//! waits for every thread that blocks. Who stops the service waits for neither.

use std::{io, sync::mpsc as handshake, thread, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
    time::{sleep, timeout},
};

/// How long the process may take to end once everything was cut off.
const LAST: Duration = Duration::from_secs(1);

/// How much of that may be used up on purpose.
pub(super) const SPARE: Duration = Duration::from_millis(500);

/// How long a log that nobody reads may hold the end up.
const TELL: Duration = Duration::from_millis(250);

/// What the process is told from now on; a signal is not its end any more.
pub(super) struct Signals(mpsc::UnboundedReceiver<Signal>);

impl Signals {
    /// Hears signals, and ends a process that has not ended by itself: `grace` after the first, or after the second.
    ///
    /// `at_once` is called before anybody else learns of the first, however busy the runtime is.
    pub(super) fn receive(grace: Duration, at_once: impl FnOnce() + Send + 'static) -> Self {
        let (told, received) = mpsc::unbounded_channel();
        if let Err(error) = start(grace, at_once, told) {
            tracing::error!(%error, "signals cannot be received; stop the service by other means");
        }
        Self(received)
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        match self.0.recv().await {
            Some(signal) => tracing::info!("received {}", signal.name()),
            None => std::future::pending().await,
        }
    }
}

#[derive(Clone, Copy)]
enum Signal {
    #[cfg(unix)]
    Terminate,
    Interrupt,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            #[cfg(unix)]
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }

    /// What shells show for a program that a signal has ended.
    fn exit_code(self) -> i32 {
        match self {
            #[cfg(unix)]
            Self::Terminate => 128 + 15,
            Self::Interrupt => 128 + 2,
        }
    }
}

/// Returns when no signal can be missed any more.
fn start(
    grace: Duration,
    at_once: impl FnOnce() + Send + 'static,
    told: mpsc::UnboundedSender<Signal>,
) -> io::Result<()> {
    let (armed, is_armed) = handshake::channel();
    let listen = move || match listen() {
        Ok((runtime, source)) => {
            let _ = armed.send(Ok(()));
            runtime.block_on(hear(source, grace, at_once, told));
        }
        Err(error) => drop(armed.send(Err(error))),
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)?;
    is_armed
        .recv()
        .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}

/// A runtime that nobody else can hold up.
fn listen() -> io::Result<(Runtime, Source)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let source = runtime.block_on(async { Source::new() })?;
    Ok((runtime, source))
}

async fn hear(
    mut source: Source,
    grace: Duration,
    at_once: impl FnOnce(),
    told: mpsc::UnboundedSender<Signal>,
) {
    let first = tokio::select! {
        signal = source.next() => signal,
        // The service was dropped.
        () = told.closed() => return,
    };
    at_once();
    let _ = told.send(first);
    match timeout(grace.saturating_add(LAST), source.next()).await {
        Ok(second) => {
            let _ = told.send(second);
            sleep(LAST).await;
            exit(
                second,
                "still busy after a second signal; the process exits",
            );
        }
        Err(_) => exit(
            first,
            "still busy when the grace time is over; the process exits",
        ),
    }
}

/// Ends the process with everything that is going on in it.
fn exit(signal: Signal, why: &'static str) -> ! {
    let (done, is_done) = handshake::channel();
    // By another thread, because whoever reads the log may take nothing.
    let _ = thread::Builder::new().spawn(move || {
        tracing::warn!("{why}");
        crate::log::flush();
        done.send(())
    });
    let _ = is_done.recv_timeout(TELL);
    std::process::exit(signal.exit_code())
}

/// SIGTERM and Ctrl-C.
#[cfg(unix)]
struct Source {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
    }
}

/// Ctrl-C.
#[cfg(windows)]
struct Source(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Source {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> Signal {
        self.0.recv().await;
        Signal::Interrupt
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        process::Command,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
    };

    use super::*;

    #[tokio::test]
    async fn what_is_done_at_once_is_done_before_anybody_is_told() {
        let source = Source::new().unwrap();
        let (told, mut received) = mpsc::unbounded_channel();
        let is_done = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&is_done);
        let at_once = move || done.store(true, Ordering::Relaxed);
        let pid = std::process::id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.unwrap().success());
        tokio::select! {
            biased;
            first = received.recv() => {
                assert_eq!(first.unwrap().name(), "SIGTERM");
                assert!(is_done.load(Ordering::Relaxed));
            }
            () = hear(source, Duration::from_secs(60), at_once, told) => panic!("it waits"),
        }
    }
}
