//! Publishes numbers one after the other, and remembers what became of each.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// So that events are larger than what sockets hold for those who stall.
const PADDING: usize = 400;

/// Between two numbers.
const PAUSE: Duration = Duration::from_millis(6);

/// A publisher at one node: what it says there arrives in order. At another node it is somebody else.
pub(super) type Voice = usize;

/// What the publisher knows about a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives everywhere: the node said so, or at least took it and went on.
    Arrives,
    /// The node went away before it answered.
    Unknown,
}

/// How many numbers all publishers together have come to, and how far they may go: what happens to the nodes happens
/// between the same numbers on a slow machine.
#[derive(Debug, Default)]
pub(super) struct Progress {
    made: AtomicUsize,
    allowed: AtomicUsize,
}

impl Progress {
    pub(super) fn allow(&self, numbers: usize) {
        self.allowed.store(numbers, Ordering::Relaxed);
    }

    /// Waits until they have come this far.
    pub(super) async fn reach(&self, numbers: usize) {
        let reached = async {
            while self.made.load(Ordering::Relaxed) < numbers {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let reached = timeout(STANDSTILL, reached).await;
        reached.expect("publishers that go on");
    }

    async fn wait_for_leave(&self) {
        while self.made.load(Ordering::Relaxed) >= self.allowed.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// How long the next part of the numbers may take.
const STANDSTILL: Duration = Duration::from_secs(180);

pub(super) struct Publisher {
    addresses: Arc<[SocketAddr]>,
    name: usize,
    /// The node that it publishes through.
    node: usize,
    progress: Arc<Progress>,
    /// How many voices all publishers have had.
    voices: Arc<AtomicUsize>,
    voice: Voice,
    pub(super) fates: HashMap<Voice, Vec<Fate>>,
    pub(super) acknowledged: usize,
}

impl Publisher {
    /// Begins at the node that has its number.
    pub(super) fn new(
        addresses: &Arc<[SocketAddr]>,
        name: usize,
        progress: &Arc<Progress>,
        voices: &Arc<AtomicUsize>,
    ) -> Self {
        Self {
            addresses: Arc::clone(addresses),
            name,
            node: name % addresses.len(),
            progress: Arc::clone(progress),
            voices: Arc::clone(voices),
            voice: voices.fetch_add(1, Ordering::Relaxed),
            fates: HashMap::new(),
            acknowledged: 0,
        }
    }

    /// Publishes so many numbers.
    pub(super) async fn publish(mut self, count: usize) -> Self {
        for _ in 0..count {
            self.progress.wait_for_leave().await;
            let status = self.post_next("").await;
            self.acknowledged += usize::from(status == Some(200));
            self.progress.made.fetch_add(1, Ordering::Relaxed);
            sleep(PAUSE).await;
        }
        self
    }

    /// Publishes the last one, for which every listener waits, until it is acknowledged.
    pub(super) async fn finish(&mut self) {
        let last = format!("last-{} ", self.name);
        while self.post_next(&last).await != Some(200) {
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Says how a node answered, and turns to the other one when it did not.
    async fn post_next(&mut self, word: &str) -> Option<u16> {
        let number = self.fates.entry(self.voice).or_default().len();
        let answer = timeout(Duration::from_secs(20), self.post(number, word)).await;
        let status = answer.ok().and_then(Result::ok);
        let fate = match status {
            Some(_) => Fate::Arrives,
            None => Fate::Unknown,
        };
        self.fates.entry(self.voice).or_default().push(fate);
        if status.is_none() {
            self.node = 1 - self.node;
            self.voice = self.voices.fetch_add(1, Ordering::Relaxed);
        }
        status
    }

    /// Asks a node to publish a number, and says how it answered.
    async fn post(&self, number: usize, word: &str) -> std::io::Result<u16> {
        let address = self.addresses[self.node];
        let mut stream = TcpStream::connect(address).await?;
        let body = format!(
            r#"{{"topic":"torture","data":"{} {number} {word}{}"}}"#,
            self.voice,
            "x".repeat(PADDING)
        );
        let request = format!(
            "POST /t/sse/publish HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let status = answer.split(' ').nth(1).and_then(|text| text.parse().ok());
        status.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }
}
