//! A connection that speaks HTTP/2: chosen in the TLS handshake, or known before on a plain socket.
//!
//! Specification: <https://www.rfc-editor.org/rfc/rfc9113>

use std::{net::SocketAddr, pin::Pin, time::Duration};

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Request, Uri, header, uri::Authority};
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::task::TaskTracker;

use super::{
    connection::{PATIENCE, Settings, note},
    heads::HEAD_BYTES,
    open_requests::OpenRequests,
    wire::Wire,
};

/// Requests that were reset by the client before they were accepted; more at once are a flood, and close the connection.
///
/// CVE-2023-44487
const RESET_EARLY: usize = 20;

/// Requests that were reset because the client broke the protocol; more than that close the connection.
const RESET_BROKEN: usize = 100;

/// What is kept of one answer for a client that takes nothing.
const SEND_BUFFER: usize = 64 * 1024;

/// How often a client is asked whether it lives, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_secs(10);

/// A client that holds back every answer it could take something of is given up after this time, or twice that.
const HOLD: Duration = Duration::from_secs(30);

/// How long a client may stay that was told to leave and has nothing open.
const LEAVE: Duration = Duration::from_secs(1);

/// Runs each request, and each tunnel that became of one, as a task that the end of the service waits for and during
/// which the connection is in use.
#[derive(Clone)]
struct Tracked {
    tasks: TaskTracker,
    requests: OpenRequests,
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tracked {
    fn execute(&self, request: F) {
        let open = self.requests.open();
        self.tasks.spawn(async move {
            request.await;
            drop(open);
        });
    }
}

/// Answers requests until the client leaves, asks nothing for too long, or the service stops.
pub(super) async fn serve(wire: Wire, peer: SocketAddr, settings: &Settings) {
    let requests = OpenRequests::default();
    let tracked = Tracked {
        tasks: settings.tasks.clone(),
        requests: requests.clone(),
    };
    let mut connection = http2::Builder::new(tracked)
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.streams)
        .max_header_list_size(HEAD_BYTES as u32)
        .max_pending_accept_reset_streams(RESET_EARLY)
        .max_local_error_reset_streams(RESET_BROKEN)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN)
        .serve_connection(
            TokioIo::new(wire),
            service_fn(|mut request| {
                let requests = requests.clone();
                speak_http_1(&mut request);
                let answer = settings.answer(peer, request.map(Body::new));
                async move {
                    let response = answer.await?;
                    Ok::<_, std::convert::Infallible>(
                        response.map(|body| Body::new(requests.until_taken(body))),
                    )
                }
            }),
        );
    let held_back = requests.held_back_for(HOLD);
    tokio::pin!(held_back);
    tokio::select! {
        biased;
        result = &mut connection => return note(result),
        () = &mut held_back => return,
        () = settings.shutdown.connections_close() => {}
        () = requests.none_for(settings.head_timeout, settings.keep_alive) => {}
        // Later there may be a place, which only a new connection finds.
        () = requests.first(), if settings.is_overloaded => {}
    }
    // Tells the client which requests are still answered, so that it asks the others elsewhere.
    Pin::new(&mut connection).graceful_shutdown();
    tokio::select! {
        biased;
        result = &mut connection => note(result),
        () = &mut held_back => {}
        () = settings.shutdown.forced() => {}
        () = requests.none_for(LEAVE, LEAVE) => {}
        () = tokio::time::sleep(PATIENCE), if settings.is_overloaded => {}
    }
}

/// Says as HTTP/1 does what HTTP/2 says otherwise, so that everybody behind reads one language.
fn speak_http_1(request: &mut Request<Incoming>) {
    let uri = request.uri().clone();
    if let Some(authority) = uri.authority() {
        name_host(request.headers_mut(), authority);
        // A request for a tunnel has none.
        if let Some(path) = uri.path_and_query() {
            *request.uri_mut() = Uri::from(path.clone());
        }
    }
    join_cookies(request.headers_mut());
}

/// Where a `Host` says something else than `:authority`, there are two of them, and the request is refused.
///
/// <https://www.rfc-editor.org/rfc/rfc9113#section-8.3.1>
fn name_host(headers: &mut HeaderMap, authority: &Authority) {
    let authority = authority.as_str();
    let named = headers.get(header::HOST).map(HeaderValue::as_bytes);
    if named.is_some_and(|host| host.eq_ignore_ascii_case(authority.as_bytes())) {
        return;
    }
    if let Ok(host) = HeaderValue::from_str(authority) {
        headers.append(header::HOST, host);
    }
}

/// Browsers send a line for each cookie.
///
/// <https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3>
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<_> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if lines.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}
