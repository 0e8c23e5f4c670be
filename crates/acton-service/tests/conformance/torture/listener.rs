//! A browser that leaves, comes back, and sometimes reads nothing for a while.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use super::PUBLISHERS;

/// What a page sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The voice of a publisher, and its number.
    Number(usize, usize),
    /// It has seen what comes next already now, before it has a place in the row.
    Early,
    Gap,
    /// It has come to a node while the row was another one, which not every node could know.
    Between,
}

pub(super) struct Listener {
    addresses: Arc<[SocketAddr]>,
    between: Arc<AtomicBool>,
    random: u64,
    last_event_id: String,
    stream: Option<Stream>,
    pub(super) seen: Vec<Seen>,
    /// The last numbers that it has seen, one of each publisher.
    finished: HashSet<String>,
}

impl Listener {
    /// Opens the first stream, which is there before anything is published.
    pub(super) async fn open(
        addresses: &Arc<[SocketAddr]>,
        between: &Arc<AtomicBool>,
        seed: u64,
    ) -> Self {
        let mut listener = Self {
            addresses: Arc::clone(addresses),
            between: Arc::clone(between),
            random: seed,
            last_event_id: String::new(),
            stream: None,
            seen: Vec::new(),
            finished: HashSet::new(),
        };
        let mut stream = listener.connect().await.unwrap();
        // The first block is the place to resume from.
        while listener.last_event_id.is_empty() {
            let block = stream.block().await.unwrap();
            listener.take(&block);
        }
        listener.stream = Some(stream);
        listener
    }

    /// Listens until the last number of each publisher has come.
    pub(super) async fn listen(&mut self) {
        while self.finished.len() < PUBLISHERS {
            let stream = match self.stream.take() {
                Some(stream) => Ok(stream),
                None => self.connect().await,
            };
            if let Ok(stream) = stream {
                if self.between.load(Ordering::Relaxed) {
                    self.seen.push(Seen::Between);
                }
                self.read(stream).await;
            }
            // Most come back soon, some so late that the history has gone on.
            let away = match self.draw(12) {
                0 => 1500 + self.draw(3000),
                _ => self.draw(300),
            };
            sleep(Duration::from_millis(away)).await;
        }
    }

    /// Reads some blocks of a stream, perhaps with a pause, up to its end.
    async fn read(&mut self, mut stream: Stream) {
        let stall_at = (self.draw(6) == 0).then(|| self.draw(100));
        for count in 0..20 + self.draw(600) {
            if stall_at == Some(count) {
                sleep(Duration::from_millis(1000 + self.draw(3000))).await;
            }
            match stream.block().await {
                Ok(block) => self.take(&block),
                Err(_) => return,
            }
            if self.finished.len() == PUBLISHERS {
                return;
            }
        }
    }

    /// Takes the lines of one block in, as a browser dispatches an event.
    fn take(&mut self, block: &[String]) {
        let field = |name: &str| block.iter().find_map(|line| line.strip_prefix(name));
        let data = field("data: ");
        if let Some(id) = field("id: ") {
            // `epoch-place`, and behind it what nodes have delivered without a place.
            let place = |id: &str| id.split('.').next().map(ToOwned::to_owned);
            if data.is_some() && id.contains('.') && place(id) == place(&self.last_event_id) {
                self.seen.push(Seen::Early);
            }
            id.clone_into(&mut self.last_event_id);
        }
        if field("event: ") == Some("gap") {
            self.seen.push(Seen::Gap);
        } else if let Some(data) = data {
            let mut words = data.split(' ').map_while(|word| word.parse().ok());
            let (voice, number) = (words.next().unwrap(), words.next().unwrap());
            self.seen.push(Seen::Number(voice, number));
            let last = data.split(' ').find(|word| word.starts_with("last-"));
            self.finished.extend(last.map(ToOwned::to_owned));
        }
    }

    /// Opens a stream on any of the nodes.
    async fn connect(&mut self) -> std::io::Result<Stream> {
        let at = self.draw(self.addresses.len() as u64) as usize;
        let address = self.addresses[at];
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(8 * 1024)?;
        let mut stream = socket.connect(address).await?;
        let resume = match self.last_event_id.as_str() {
            "" => String::new(),
            id => format!("Last-Event-ID: {id}\r\n"),
        };
        let request =
            format!("GET /t/sse?topic=torture HTTP/1.1\r\nHost: {address}\r\n{resume}\r\n");
        stream.write_all(request.as_bytes()).await?;
        Stream::begin(stream).await
    }

    /// A number below `end`; the same listener draws the same numbers in every run.
    fn draw(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// An open stream, read chunk by chunk.
struct Stream {
    socket: BufReader<TcpStream>,
    text: String,
}

impl Stream {
    async fn begin(stream: TcpStream) -> std::io::Result<Self> {
        let mut stream = Self {
            socket: BufReader::new(stream),
            text: String::new(),
        };
        let status = stream.line().await?;
        while !stream.line().await?.is_empty() {}
        match status.split(' ').nth(1) {
            Some("200") => Ok(stream),
            _ => Err(std::io::Error::other(status)),
        }
    }

    /// The lines up to the next blank one; an error at the end.
    async fn block(&mut self) -> std::io::Result<Vec<String>> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                return Ok(block.lines().map(ToOwned::to_owned).collect());
            }
            self.chunk().await?;
        }
    }

    async fn chunk(&mut self) -> std::io::Result<()> {
        let size = self.line().await?;
        let size = usize::from_str_radix(&size, 16).map_err(std::io::Error::other)?;
        let mut data = vec![0; size + 2];
        self.socket.read_exact(&mut data).await?;
        if size == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        data.truncate(size);
        self.text
            .push_str(&String::from_utf8(data).expect("chunks end between characters"));
        Ok(())
    }

    async fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        match self.socket.read_line(&mut line).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}
