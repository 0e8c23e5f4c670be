//! A server, a client that reads as browsers do, and what it saw.

use std::{net::SocketAddr, time::Duration};

use acton_sse::prelude::*;
use axum::{Extension, Router, extract::RawQuery, routing::get};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::decoder::{Decoder, Event};

/// Long enough for a busy machine; nothing waits this long when all is well.
const PATIENCE: Duration = Duration::from_secs(10);

/// Streams the topics of `?topic=a,b`.
async fn events(
    Extension(broadcaster): Extension<SseBroadcaster>,
    RawQuery(query): RawQuery,
    connection: Option<ConnectionId>,
    last_event_id: LastEventId,
) -> EventStream {
    let query = query.unwrap_or_default();
    let topics = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("topic="));
    let topics: Vec<_> = topics.unwrap_or("everyone").split(',').collect();
    broadcaster
        .stream(topics, last_event_id)
        .user("alice")
        .connection(connection)
}

/// Serves a broadcaster at `/events`.
pub(crate) async fn serve(broadcaster: &SseBroadcaster) -> SocketAddr {
    serve_app(
        Router::new()
            .route("/events", get(events))
            .layer(Extension(broadcaster.clone())),
    )
    .await
}

/// Serves a router on a free port.
pub(crate) async fn serve_app(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// An open stream, or the answer in place of it.
pub(crate) struct Client {
    socket: TcpStream,
    pub(crate) head: String,
    /// Everything after the head.
    pub(crate) raw: Vec<u8>,
    decoder: Decoder,
}

impl Client {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        Self::resume(address, path, "").await
    }

    /// Opens a stream with more request lines, each ending in CR LF.
    pub(crate) async fn resume(address: SocketAddr, path: &str, lines: &str) -> Self {
        let mut socket = TcpStream::connect(address).await.expect("a server");
        // HTTP/1.0, so that the body is not cut into chunks.
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{lines}\r\n");
        socket
            .write_all(request.as_bytes())
            .await
            .expect("an open socket");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(
                timeout(PATIENCE, socket.read_u8())
                    .await
                    .expect("in time")
                    .expect("a head"),
            );
        }
        let head = String::from_utf8(head).expect("ASCII").to_ascii_lowercase();
        let (raw, decoder) = Default::default();
        Self {
            socket,
            head,
            raw,
            decoder,
        }
    }

    pub(crate) async fn resume_after(address: SocketAddr, path: &str, id: &str) -> Self {
        Self::resume(address, path, &format!("Last-Event-ID: {id}\r\n")).await
    }

    /// The next event; nothing at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.decoder.next_event() {
                return Some(event);
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// The data of the next events.
    pub(crate) async fn data(&mut self, count: usize) -> Vec<String> {
        let mut data = Vec::new();
        for _ in 0..count {
            data.push(self.next().await.expect("one more event").data);
        }
        data
    }

    /// Reads what comes next; false at the end.
    pub(crate) async fn read(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        let read = timeout(PATIENCE, self.socket.read(&mut bytes))
            .await
            .expect("in time");
        let count = read.expect("an open socket");
        self.raw.extend_from_slice(&bytes[..count]);
        self.decoder.push(&bytes[..count]);
        count > 0
    }

    /// Reads up to the end.
    pub(crate) async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    /// The `Last-Event-ID` that a browser would send now.
    pub(crate) fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }
}
