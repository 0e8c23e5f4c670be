//! The body of a stream: frames, comments in silence, and an end.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    cursor::Place,
    frame,
    limits::Permit,
    message::{BroadcastMessage, CLOSE_EVENT},
    moment::{FAR, after},
    random,
    revocation::Revocation,
    subscription::{Next, Subscription},
};

/// How many bytes of frames go into one write; a frame that alone has as many goes by itself.
const CHUNK_BYTES: usize = 64 * 1024;

/// The body of an event stream.
pub(crate) struct EventBody {
    subscription: Subscription,
    until: Option<Revocation>,
    stage: Stage,
    timer: Pin<Box<Sleep>>,
    written_at: Instant,
    rotate_at: Instant,
    /// The last position the browser was told.
    told: Option<Place>,
    /// What was taken for the last write and is too large to be a part of it.
    rest: VecDeque<Bytes>,
    _permit: Permit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Opening,
    Open,
    Over,
}

impl EventBody {
    pub(crate) fn new(
        subscription: Subscription,
        until: Option<Revocation>,
        permit: Permit,
    ) -> Self {
        let config = &subscription.shared().config;
        let now = Instant::now();
        let rotate_after = config.rotate_after.min(FAR);
        let (low, high) = (rotate_after.mul_f32(0.8), rotate_after.mul_f32(1.2));
        let rotate_at = after(now, random::between(low, high));
        let timer = sleep_until(rotate_at.min(after(now, config.keep_alive)));
        Self {
            until,
            stage: Stage::Opening,
            timer: Box::pin(timer),
            written_at: now,
            rotate_at,
            told: None,
            rest: VecDeque::new(),
            _permit: permit,
            subscription,
        }
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.is_over() {
            return Poll::Ready(None);
        }
        if self.is_revoked(context) {
            self.stage = Stage::Over;
            self.rest.clear();
            return Poll::Ready(Some(frame::encode(&BroadcastMessage::signal(CLOSE_EVENT))));
        }
        if let Some(frame) = self.rest.pop_front() {
            self.written_at = Instant::now();
            return Poll::Ready(Some(frame));
        }
        let mut chunk = Chunk::default();
        if self.stage == Stage::Opening {
            self.stage = Stage::Open;
            chunk.push(self.opening());
        }
        self.take_frames(&mut chunk, context);
        self.rest = std::mem::take(&mut chunk.rest);
        match chunk.finish() {
            Some(bytes) => {
                self.written_at = Instant::now();
                Poll::Ready(Some(bytes))
            }
            None if self.stage == Stage::Over => Poll::Ready(None),
            None => self.poll_timer(context),
        }
    }

    fn is_over(&self) -> bool {
        self.stage == Stage::Over && self.rest.is_empty()
    }

    fn is_revoked(&mut self, context: &mut Context<'_>) -> bool {
        let until = self.until.as_mut();
        until.is_some_and(|until| Pin::new(until).poll(context).is_ready())
    }

    fn take_frames(&mut self, chunk: &mut Chunk, context: &Context<'_>) {
        while chunk.bytes < CHUNK_BYTES {
            match self.subscription.poll_next(context) {
                Poll::Pending => return,
                Poll::Ready(None) => {
                    self.stage = Stage::Over;
                    return;
                }
                Poll::Ready(Some(Next::Gap)) => {
                    chunk.push(frame::encode(&self.subscription.gap_message()));
                }
                Poll::Ready(Some(Next::Entry(entry))) => match self.subscription.id_for(&entry) {
                    None => chunk.push(entry.frame()),
                    Some(id) if entry.message.id().is_some() => {
                        chunk.push(entry.frame_without_place());
                        chunk.push(frame::place(&id));
                    }
                    Some(id) => {
                        chunk.push(Bytes::from(format!("id: {id}\n")));
                        chunk.push(entry.frame_without_place());
                    }
                },
            }
            self.told = Some(self.subscription.place().clone());
        }
    }

    /// A comment in silence, and the end when it is time. The timer is not moved by every write;
    /// it looks when it fires.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while self.timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let keep_alive = self.subscription.shared().config.keep_alive;
            let due = after(self.written_at, keep_alive);
            if now >= self.rotate_at {
                self.stage = Stage::Over;
                return Poll::Ready(Some(self.comment()));
            }
            if now >= due {
                self.written_at = now;
                return Poll::Ready(Some(self.comment()));
            }
            self.timer.as_mut().reset(due.min(self.rotate_at));
        }
        Poll::Pending
    }

    /// The first bytes: when to reconnect, and from where.
    fn opening(&mut self) -> Bytes {
        let config = &self.subscription.shared().config;
        let retry = random::between(config.retry_min, config.retry_max).as_millis();
        let known = self.subscription.has_begun() && !self.subscription.has_gap();
        let position = if known {
            self.tell_position()
        } else {
            String::new()
        };
        Bytes::from(format!(": \nretry: {retry}\n{position}\n"))
    }

    fn comment(&mut self) -> Bytes {
        let told = self.told.as_ref() == Some(self.subscription.place());
        if told || !self.subscription.has_begun() {
            return Bytes::from_static(b": \n\n");
        }
        Bytes::from(format!(": \n{}\n", self.tell_position()))
    }

    /// An id without data is no event, but browsers keep it for the next `Last-Event-ID`: a quiet
    /// stream does not fall behind busy ones.
    fn tell_position(&mut self) -> String {
        self.told = Some(self.subscription.place().clone());
        format!("id: {}\n", self.subscription.cursor())
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.get_mut().poll_chunk(context);
        chunk.map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over()
    }
}

/// Frames for one write. A single one is not copied, and no large one.
#[derive(Default)]
struct Chunk {
    first: Bytes,
    joined: BytesMut,
    /// What has to follow by itself.
    rest: VecDeque<Bytes>,
    bytes: usize,
}

impl Chunk {
    fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        if self.first.is_empty() {
            self.first = frame;
            return;
        }
        if frame.len().max(self.first.len()) >= CHUNK_BYTES || !self.rest.is_empty() {
            self.rest.push_back(frame);
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.first);
        }
        self.joined.extend_from_slice(&frame);
    }

    fn finish(self) -> Option<Bytes> {
        let bytes = if self.joined.is_empty() {
            self.first
        } else {
            self.joined.freeze()
        };
        (!bytes.is_empty()).then_some(bytes)
    }
}
