use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll},
};

use acton_session::{
    CsrfToken, Session, SessionConfig, Sessions, Store, login_required, session_layer,
};
use axum_core::{body::Body, extract::FromRequestParts, response::Response};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body::Frame;
use http_body_util::BodyExt;
use tower_layer::Layer;
use tower_service::Service;

use crate::ready;

/// An application with sessions in memory, and one visitor who has one.
pub struct Visitor {
    app: Sessions<App>,
    guarded: Sessions<acton_session::Guard<App>>,
    /// What stands in the cookie.
    pub id: String,
    /// A token of the visitor's session.
    pub token: String,
}

/// The same for every run: what a run sends changes nothing that another one sees.
pub static VISITOR: LazyLock<Visitor> = LazyLock::new(Visitor::new);

/// What the application answers with a session that is not there.
pub const NOBODY: &[u8] = b"nobody";

impl Visitor {
    fn new() -> Self {
        let layer = session_layer(&SessionConfig::default(), Store::memory());
        let app = layer.layer(App);
        let guarded = layer.layer(login_required().layer(App));
        let begin = Request::get("/token").body(Body::empty());
        let answer = ready(app.clone().call(begin.expect("a request")));
        let Ok(answer) = answer;
        let cookie = answer.headers()[header::SET_COOKIE].to_str();
        let cookie = cookie.expect("text").split(';').next();
        let id = cookie.and_then(|pair| pair.strip_prefix("id="));
        let id = id.expect("the cookie").to_owned();
        let token = String::from_utf8(whole(answer).to_vec()).expect("text");
        Self {
            app,
            guarded,
            id,
            token,
        }
    }

    /// What the application answers.
    pub fn send(&self, request: Request<Body>) -> Response {
        let Ok(answer) = ready(self.app.clone().call(request));
        answer
    }

    /// What it answers where one has to be logged in.
    pub fn knock(&self, request: Request<Body>) -> Response {
        let Ok(answer) = ready(self.guarded.clone().call(request));
        answer
    }
}

/// The body of an answer.
pub fn whole(answer: Response) -> Bytes {
    let body = ready(answer.into_body().collect());
    body.expect("nothing breaks off here").to_bytes()
}

/// `/token` begins a session, `/read` says whose it is, and everything else comes back.
#[derive(Clone)]
struct App;

impl Service<Request<Body>> for App {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(async { Ok(answer(request).await) })
    }
}

async fn answer(request: Request<Body>) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = match parts.uri.path() {
        "/token" => {
            let token = CsrfToken::from_request_parts(&mut parts, &()).await;
            let session = parts.extensions.get::<Session>().expect("a layer");
            session.insert("name", "visitor").await.expect("JSON");
            Body::from(token.expect("a layer").token())
        }
        "/read" => {
            let session = parts.extensions.get::<Session>().expect("a layer");
            let name = session.get::<String>("name").await.expect("a store");
            name.map_or_else(|| Body::from(NOBODY), Body::from)
        }
        _ => body,
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response
}

/// A body that comes in pieces of these sizes, again and again; a piece of no bytes is one, too.
pub struct Pieces {
    rest: Bytes,
    sizes: VecDeque<usize>,
}

impl Pieces {
    /// Cuts a body.
    pub fn of(body: &[u8], sizes: &[u8]) -> Self {
        Self {
            rest: Bytes::copy_from_slice(body),
            sizes: sizes.iter().copied().map(usize::from).collect(),
        }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.sizes.pop_front().unwrap_or(usize::MAX);
        let size = size.min(self.rest.len());
        let piece = self.rest.split_to(size);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
