//! Reads an event stream as a browser does.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::browser::Request;

/// One dispatched event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) data: String,
    pub(crate) id: String,
}

/// An open stream.
pub(crate) struct EventStream {
    pub(crate) head: http::response::Parts,
    body: Incoming,
    text: String,
    last_id: String,
    pub(crate) comments: usize,
}

impl EventStream {
    pub(crate) async fn open(request: Request<'_>) -> Self {
        let (head, body) = request.open().await.into_parts();
        Self {
            head,
            body,
            text: String::new(),
            last_id: String::new(),
            comments: 0,
        }
    }

    /// The next event, or `None` when the stream ended or stayed silent for longer than a busy machine needs.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        self.next_within(Duration::from_secs(20)).await
    }

    pub(crate) async fn next_within(&mut self, limit: Duration) -> Option<Event> {
        tokio::time::timeout(limit, self.read())
            .await
            .ok()
            .flatten()
    }

    /// The next events, as many as asked for.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            let event = self.next().await;
            events.push(event.unwrap_or_else(|| panic!("{count} events, found {events:?}")));
        }
        events
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(event) = self.interpret(&block) {
                    return Some(event);
                }
            }
            let frame = self.body.frame().await?.ok()?;
            let bytes = frame.into_data().ok()?;
            assert!(!bytes.contains(&b'\r'), "a stream holds no CR");
            self.text
                .push_str(std::str::from_utf8(&bytes).expect("frames end between characters"));
        }
    }

    fn interpret(&mut self, block: &str) -> Option<Event> {
        let (mut kind, mut data) = (String::new(), None::<String>);
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.starts_with(':') => self.comments += 1,
                "event" => value.clone_into(&mut kind),
                "id" => value.clone_into(&mut self.last_id),
                "data" => match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => data = Some(value.to_owned()),
                },
                _ => {}
            }
        }
        data.map(|data| Event {
            kind,
            data,
            id: self.last_id.clone(),
        })
    }
}
