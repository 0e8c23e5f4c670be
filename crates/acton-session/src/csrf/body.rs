use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use axum_core::{
    Error as BodyError,
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::{Buf, Bytes, BytesMut};
use http::{Request, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, LengthLimitError};

use super::field::{Extent, Form, Search};

/// The body is looked at again when this much has come, so looking costs little however small the pieces are.
const STEP: usize = 4 * 1024;

/// Looks for the form field that holds the token and hands the request on as it came.
///
/// At most `limit` bytes, and the piece that crosses it, are kept in memory.
pub(super) async fn find_token(
    request: Request<Body>,
    limit: usize,
) -> Result<(Request<Body>, Option<Vec<u8>>), Response> {
    let Some(form) = Form::of(request.headers()) else {
        return Ok((request, None));
    };
    let (parts, mut body) = request.into_parts();
    let mut read = Vec::new();
    let mut seen = BytesMut::new();
    let mut next_look = STEP;
    let mut trailers = None;
    let found = loop {
        let frame = body.frame().await.transpose();
        let is_end = match frame.map_err(unreadable)?.map(Frame::into_data) {
            Some(Ok(data)) => {
                let room = limit.saturating_sub(seen.len());
                seen.extend_from_slice(&data[..data.len().min(room)]);
                read.push(data);
                false
            }
            Some(Err(frame)) => {
                trailers = Some(frame);
                true
            }
            None => true,
        };
        let is_full = seen.len() >= limit;
        if is_end || is_full || seen.len() >= next_look {
            next_look = seen.len() + STEP;
            let extent = match (is_end, is_full) {
                (true, _) => Extent::Whole,
                (false, true) => Extent::Full,
                (false, false) => Extent::Growing,
            };
            match form.search(&seen, extent) {
                Search::Found(token) => break Some(token),
                Search::Unfinished if extent == Extent::Growing => {}
                Search::Unfinished | Search::Absent => break None,
            }
        }
    };
    let body = Replay {
        read: read.into(),
        trailers,
        rest: body,
    };
    Ok((Request::from_parts(parts, Body::new(body)), found))
}

fn unreadable(error: BodyError) -> Response {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        }
        cause = error.source();
    }
    StatusCode::BAD_REQUEST.into_response()
}

/// What was read already, and then the rest.
struct Replay {
    read: VecDeque<Bytes>,
    trailers: Option<Frame<Bytes>>,
    rest: Body,
}

impl HttpBody for Replay {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(data) = self.read.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(trailers)));
        }
        Pin::new(&mut self.rest).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.trailers.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read: usize = self.read.iter().map(Buf::remaining).sum();
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
            hint.set_upper(upper);
        }
        hint
    }
}
