//! One browser that reads numbered messages, and perhaps does not read for a while.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    time::sleep,
};

use crate::{chunks::Lines, numbers};

/// What a reader saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Messages.
    pub messages: u64,
    /// How often the next message was not the next number, and no gap had been told.
    pub silent_losses: u64,
    /// Numbers that came before, or not in order.
    pub disorder: u64,
    /// Gaps that were told.
    pub gaps: u64,
    /// Comments without an event.
    pub comments: u64,
    /// How often the stream ended.
    pub ends: u64,
    /// How long each message was on its way, in microseconds.
    pub latencies: Vec<u32>,
    timed_until: Option<Instant>,
    next: Option<u64>,
    last_event_id: String,
    told_gap: bool,
    event: Event,
}

/// What the lines since the last blank one say.
#[derive(Debug, Default)]
struct Event {
    is_gap: bool,
    id: Option<String>,
    message: Option<(u64, Duration)>,
}

impl Seen {
    /// Nothing yet; what comes later than this from now, if it is not zero, is not timed.
    pub fn timed_for(time: Duration) -> Self {
        Self {
            timed_until: (!time.is_zero()).then(|| Instant::now() + time),
            ..Self::default()
        }
    }

    /// The number after the last one.
    pub fn next(&self) -> u64 {
        self.next.unwrap_or(0)
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            self.dispatch(event);
        } else if let Some(data) = line.strip_prefix("data: ") {
            self.event.message = numbers::read(data);
        } else if let Some(id) = line.strip_prefix("id: ") {
            self.event.id = Some(id.to_owned());
        } else if line == "event: gap" {
            self.event.is_gap = true;
        } else if line.starts_with(':') {
            self.comments += 1;
        }
    }

    fn dispatch(&mut self, event: Event) {
        if let Some(id) = event.id {
            self.last_event_id = id;
        }
        if event.is_gap {
            self.gaps += 1;
            self.told_gap = true;
        }
        if let Some((number, latency)) = event.message {
            self.message(number, latency);
        }
    }

    fn message(&mut self, number: u64, latency: Duration) {
        let told = std::mem::take(&mut self.told_gap);
        match self.next() {
            next if number < next => self.disorder += 1,
            next if number > next && !told => self.silent_losses += 1,
            _ => {}
        }
        self.messages += 1;
        self.next = Some(number + 1);
        if self.timed_until.is_none_or(|end| Instant::now() < end) {
            let micros = latency.as_micros().try_into().unwrap_or(u32::MAX);
            self.latencies.push(micros);
        }
    }
}

/// An open stream.
pub struct Reader {
    stream: TcpStream,
    lines: Lines,
}

impl Reader {
    /// Opens a stream and reads its head. A small window is that of a browser on a slow line.
    ///
    /// # Errors
    ///
    /// No connection, or another answer than 200.
    pub async fn open(address: SocketAddr, after: &Seen, small_window: bool) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if small_window {
            socket.set_recv_buffer_size(16 * 1024)?;
        }
        let mut stream = socket.connect(address).await?;
        let resume = match after.last_event_id.as_str() {
            "" => String::new(),
            id => format!("Last-Event-ID: {id}\r\n"),
        };
        let request = format!(
            "GET /events HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n{resume}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let lines = Lines::default();
        let mut reader = Self { stream, lines };
        reader.head().await?;
        Ok(reader)
    }

    async fn head(&mut self) -> io::Result<()> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.stream.readable().await?;
            match self.stream.try_read(&mut byte) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => head.push(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        match head.starts_with(b"HTTP/1.1 200 ") {
            true => Ok(()),
            false => Err(io::Error::other(
                String::from_utf8_lossy(&head).into_owned(),
            )),
        }
    }

    /// Reads up to the end of the stream, or until all is seen.
    pub async fn read(&mut self, seen: &mut Seen, up_to: u64) {
        let mut bytes = [0; 16 * 1024];
        // What the stream before broke off in the middle of is no event.
        seen.event = Event::default();
        while seen.next() < up_to && !self.lines.ended {
            if self.stream.readable().await.is_err() {
                break;
            }
            match self.stream.try_read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => self.lines.push(&bytes[..count], |line| seen.line(line)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        seen.ends += u64::from(seen.next() < up_to);
    }
}

/// Reads up to a number, and comes back after every end as browsers do.
pub async fn follow(address: SocketAddr, reader: Reader, mut seen: Seen, up_to: u64) -> Seen {
    let mut reader = Some(reader);
    while seen.next() < up_to {
        match &mut reader {
            Some(open) => open.read(&mut seen, up_to).await,
            None => sleep(Duration::from_millis(500)).await,
        }
        if seen.next() < up_to {
            reader = Reader::open(address, &seen, false).await.ok();
        }
    }
    seen
}
