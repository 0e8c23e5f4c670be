use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, Method, Request, header};

use super::{CsrfExempt, body::find_token};
use crate::{
    error::{CsrfError, Error},
    visit::Visit,
};

const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

/// Lets a request through that may change something, with its body as it came.
pub(crate) async fn admit(
    visit: &Visit,
    request: Request<Body>,
) -> Result<Request<Body>, Response> {
    let changes_nothing = is_safe(request.method()) && !opens_websocket(visit, &request);
    if changes_nothing || is_exempt(visit, &request) {
        return Ok(request);
    }
    // Apart, so that the future of every other request stays small.
    Box::pin(admit_change(visit, request)).await
}

async fn admit_change(visit: &Visit, request: Request<Body>) -> Result<Request<Body>, Response> {
    let headers = request.headers();
    let origins = &visit.shared.origins;
    origins.check(request.uri(), headers).map_err(refuse)?;
    if is_safe(request.method()) {
        // Scripts cannot give a WebSocket a token.
        return Ok(request);
    }
    // Without a session no token can be right: there is no need to read the body.
    if !visit.has_cookie() {
        return Err(refuse(CsrfError::Missing));
    }
    match sent_header(headers) {
        Some(token) => {
            check(visit, token?).await?;
            Ok(request)
        }
        None => admit_form(visit, request).await,
    }
}

async fn admit_form(visit: &Visit, request: Request<Body>) -> Result<Request<Body>, Response> {
    let limit = visit.shared.csrf.search_bytes;
    let (request, token) = find_token(request, limit).await?;
    let token = token.ok_or_else(|| refuse(CsrfError::Missing))?;
    check(visit, &token).await?;
    Ok(request)
}

async fn check(visit: &Visit, token: &[u8]) -> Result<(), Response> {
    visit.load().await.map_err(IntoResponse::into_response)?;
    match visit.known_csrf_secret() {
        Some(secret) if secret.matches(token) => Ok(()),
        _ => Err(refuse(CsrfError::Invalid)),
    }
}

fn refuse(error: CsrfError) -> Response {
    tracing::info!(reason = %error, "request refused");
    Error::Csrf(error).into_response()
}

/// Methods are compared as they are written: `post` is a method of its own, and not a safe one.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc9110#name-safe-methods>
fn is_safe(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    )
}

/// Any page may open a WebSocket anywhere, with the visitor's cookie, and read what it says.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc6455#section-10.2>
fn opens_websocket(visit: &Visit, request: &Request<Body>) -> bool {
    let upgrades = request.headers().get_all(header::UPGRADE).iter();
    let mut protocols = upgrades.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    visit.has_cookie()
        && protocols.any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

fn is_exempt(visit: &Visit, request: &Request<Body>) -> bool {
    let config = &visit.shared.csrf;
    !config.enabled
        || request.extensions().get::<CsrfExempt>().is_some()
        || config
            .exempt
            .iter()
            .any(|path| path == request.uri().path())
        || (!visit.has_cookie() && is_bearer(request.headers()))
}

/// Browsers add cookies by themselves and never a bearer token, so such a request was not forged by a page.
fn is_bearer(headers: &HeaderMap) -> bool {
    let scheme = headers.get(header::AUTHORIZATION);
    let scheme = scheme.and_then(|value| value.as_bytes().get(..7));
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
}

/// The header decides where it is sent, even if it is empty; sent twice it says nothing.
fn sent_header(headers: &HeaderMap) -> Option<Result<&[u8], Response>> {
    let mut tokens = headers.get_all(X_CSRF_TOKEN).iter();
    match (tokens.next(), tokens.next()) {
        (None, _) => None,
        (Some(token), None) => Some(Ok(token.as_bytes())),
        (Some(_), Some(_)) => Some(Err(refuse(CsrfError::Invalid))),
    }
}
