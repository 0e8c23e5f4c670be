//! The event stream as WHATWG interprets it.
//!
//! Specification: <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>

use std::{collections::VecDeque, mem};

/// What a page would see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: String,
}

/// Bytes in, events out.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    started: bool,
    pending: Vec<u8>,
    after_cr: bool,
    id: String,
    name: String,
    data: String,
    last_event_id: String,
    retry: Option<u64>,
    events: VecDeque<Event>,
}

impl Decoder {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let skip = mem::replace(&mut self.after_cr, byte == b'\r') && byte == b'\n';
            match byte {
                b'\n' if skip => {}
                b'\r' | b'\n' => self.end_line(),
                _ => self.pending.push(byte),
            }
        }
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    fn end_line(&mut self) {
        let line = mem::take(&mut self.pending);
        let line = String::from_utf8_lossy(&line).into_owned();
        let first = !mem::replace(&mut self.started, true);
        let line = if first {
            line.trim_start_matches('\u{feff}')
        } else {
            &line
        };
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" => self.retry = value.parse().ok().or(self.retry),
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        self.last_event_id.clone_from(&self.id);
        let mut data = mem::take(&mut self.data);
        let name = mem::take(&mut self.name);
        if data.is_empty() {
            return;
        }
        data.pop();
        let name = if name.is_empty() {
            "message".to_owned()
        } else {
            name
        };
        self.events.push_back(Event {
            id: self.id.clone(),
            name,
            data,
        });
    }
}
