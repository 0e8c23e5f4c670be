//! A connection that speaks HTTP/1.

use std::{
    convert::Infallible,
    future::{Future, pending, poll_fn},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;

use super::{
    answer_body::AnswerBody,
    complaint,
    connection::{Settings, note},
    event_stream::{EventStream, Handover},
    heads::HEAD_BYTES,
    shared::{Answering, Shared},
    wire::Wire,
};
use crate::request::host::Unreadable;

/// Answers one request; an event stream is handed over instead.
fn answer(
    settings: &Settings,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<AnswerBody>, Infallible>> + use<> {
    let answering = Answering::begin(shared);
    if !answering.heads.admit(&request) {
        let unclear = Unreadable(StatusCode::BAD_REQUEST);
        request.extensions_mut().insert(unclear);
    }
    let is_connect = request.method() == Method::CONNECT;
    let may_leave = Handover::may_take_answer_to(&request);
    let answer = settings.answer(peer, request.map(Body::new));
    async move {
        let response = answer.await?;
        if begins_another_protocol(is_connect, response.status()) {
            answering.heads.expect_anything();
        }
        let response = match may_leave {
            false => response,
            true => match answering.handover.take(response) {
                Some(response) => response,
                None => pending().await,
            },
        };
        Ok(response.map(|body| AnswerBody::new(body, answering)))
    }
}

/// To ask for another protocol, or for a tunnel, is not to have it.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6>
fn begins_another_protocol(is_connect: bool, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || (is_connect && status.is_success())
}

/// Answers requests until the client leaves, stalls, asks for an event stream, or the service stops.
pub(super) async fn serve(
    wire: Wire,
    shared: &Arc<Shared>,
    peer: SocketAddr,
    settings: &Settings,
) -> Option<EventStream> {
    let mut connection = http1::Builder::new()
        // The wire has an eye on heads that do not come.
        .header_read_timeout(None)
        .keep_alive(!settings.is_overloaded)
        .half_close(wire.can_tell_closed())
        .max_header_size(HEAD_BYTES)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(
            TokioIo::new(wire),
            service_fn(|request| answer(settings, peer, shared, request)),
        )
        .with_upgrades();
    let mut closing = false;
    let mut close = settings.shutdown.is_closing();
    let response = loop {
        let end = poll_fn(|context| match Pin::new(&mut connection).poll(context) {
            Poll::Ready(result) => Poll::Ready(Err(result)),
            Poll::Pending => shared
                .handover
                .take_response()
                .map_or(Poll::Pending, |response| Poll::Ready(Ok(response))),
        });
        tokio::select! {
            biased;
            end = end => match end {
                Ok(response) => break Some(response),
                Err(result) => {
                    note(result);
                    break None;
                }
            },
            () = poll_fn(|context| close.poll(context)), if !closing => {
                closing = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            () = settings.shutdown.forced(), if closing => return None,
        }
    };
    let mut wire = connection.into_parts()?.io.into_inner();
    if let Some(response) = response {
        let stream = wire.into_stream();
        return Some(EventStream::new(stream, response, &settings.shutdown));
    }
    let status = wire.take_complaint()?;
    tokio::select! {
        () = Box::pin(complaint::answer(wire, status, peer, settings)) => {}
        () = settings.shutdown.forced() => {}
    }
    None
}
