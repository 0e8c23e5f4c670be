//! How often somebody may ask.

mod counts;
mod rate;

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    extract::{MatchedPath, Request},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

pub use rate::Rate;

use crate::{operators::Operators, request::ClientAddr};
use counts::Counts;

/// Limits how often the routes under it are asked; who asks too often gets 429 with `Retry-After`.
///
/// ```
/// use acton_service::{Rate, RateLimit, prelude::*};
///
/// async fn search() -> &'static str {
///     "found"
/// }
///
/// let routes: Router = Router::new()
///     .route("/search", get(search))
///     .layer(RateLimit::per_client(Rate::per_minute(30)));
/// ```
///
/// Each limit counts for itself, in this process; its clones count together.
/// For all routes at once there are the settings `limits.requests_per_client` and `limits.requests_per_user`.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is added to a router"]
pub struct RateLimit {
    by: By,
    rate: Rate,
    counts: Arc<Counts>,
    spares: Option<Operators>,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Client,
    #[cfg(any(feature = "session", feature = "jwt"))]
    User,
    Route,
}

/// Some 4 MB when every one of them is in use.
const MAX_KEYS: usize = 100_000;

impl RateLimit {
    /// Counts the requests of each client: of an address, or in IPv6 of a network `/64`, which one client has for itself.
    ///
    /// Behind proxies that is the address that [`ClientAddr`] tells.
    pub fn per_client(rate: Rate) -> Self {
        Self::new(By::Client, rate)
    }

    /// Counts the requests of each user: of who is logged in, or of the `sub` of the bearer token.
    ///
    /// The session is read for it. A token counts where this layer is inside the `BearerLayer`, which checks it.
    /// Who is not known is counted by client.
    #[cfg(any(feature = "session", feature = "jwt"))]
    pub fn per_user(rate: Rate) -> Self {
        Self::new(By::User, rate)
    }

    /// Counts all requests of each route together, whoever sends them: for what is dear, such as a report.
    pub fn per_route(rate: Rate) -> Self {
        Self::new(By::Route, rate)
    }

    /// Remembers at most so many clients or users at a time, in some 40 bytes each. Default: 100 000.
    ///
    /// When all places are taken, those that have used the least are forgotten.
    pub fn max_keys(self, max_keys: usize) -> Self {
        Self {
            counts: Arc::new(Counts::new(self.rate, max_keys)),
            ..self
        }
    }

    fn new(by: By, rate: Rate) -> Self {
        Self {
            by,
            rate,
            counts: Arc::new(Counts::new(rate, MAX_KEYS)),
            spares: None,
        }
    }

    /// For a limit around all routes.
    #[cfg(feature = "session")]
    pub(crate) fn sparing(self, operators: Operators) -> Self {
        Self {
            spares: Some(operators),
            ..self
        }
    }

    /// Counts a request of this client.
    pub(crate) fn charge_client(&self, request: &Request) -> Result<(), Duration> {
        let client = request.extensions().get::<ClientAddr>();
        let address = client.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |client| client.0);
        self.charge(network(address))
    }

    /// Otherwise the time until the next request is allowed.
    fn charge(&self, key: impl Hash) -> Result<(), Duration> {
        self.counts.charge(key)
    }

    fn charge_route(&self, request: &Request) -> Result<(), Duration> {
        let route = request.extensions().get::<MatchedPath>();
        self.charge(route.map_or("", MatchedPath::as_str))
    }

    #[cfg(any(feature = "session", feature = "jwt"))]
    async fn charge_user(&self, request: Request) -> Result<Request, Duration> {
        let (user, request) = user(request).await;
        match user {
            Some(user) => self.charge(user)?,
            None => self.charge_client(&request)?,
        }
        Ok(request)
    }
}

/// One IPv4 address, or the network that one IPv6 client has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address => address,
    }
}

/// Who sent the request, if that is known; a store of sessions that is down does not say.
#[cfg(any(feature = "session", feature = "jwt"))]
async fn user(request: Request) -> (Option<String>, Request) {
    #[cfg(feature = "jwt")]
    if let Some(claims) = request.extensions().get::<crate::auth::Claims>()
        && let Some(subject) = claims.sub.clone()
    {
        return (Some(subject), request);
    }
    #[cfg(feature = "session")]
    {
        use crate::session::CurrentUser;
        use axum::extract::OptionalFromRequestParts;

        let (mut parts, body) = request.into_parts();
        let user =
            <CurrentUser as OptionalFromRequestParts<()>>::from_request_parts(&mut parts, &())
                .await;
        let user = user.ok().flatten().map(|user| user.id);
        (user, Request::from_parts(parts, body))
    }
    #[cfg(not(feature = "session"))]
    (None, request)
}

/// The answer to who asks too often, with the time after which the next request is allowed.
pub(crate) fn too_often(wait: Duration) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let retry = [(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))];
    (StatusCode::TOO_MANY_REQUESTS, retry).into_response()
}

impl<S> Layer<S> for RateLimit {
    type Service = RateLimitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitService {
            inner,
            limit: self.clone(),
        }
    }
}

/// The service that [`RateLimit`] makes.
#[derive(Clone, Debug)]
pub struct RateLimitService<S> {
    inner: S,
    limit: RateLimit,
}

impl<S> Service<Request> for RateLimitService<S>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = RateLimitFuture<S::Future, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let spares = self.limit.spares.as_ref();
        if spares.is_some_and(|operators| operators.sent(&request)) {
            return RateLimitFuture::Allowed {
                answer: self.inner.call(request),
            };
        }
        let charged = match self.limit.by {
            By::Client => self.limit.charge_client(&request),
            By::Route => self.limit.charge_route(&request),
            #[cfg(any(feature = "session", feature = "jwt"))]
            By::User => return self.ask_who(request),
        };
        match charged {
            Ok(()) => RateLimitFuture::Allowed {
                answer: self.inner.call(request),
            },
            Err(wait) => RateLimitFuture::Refused { wait },
        }
    }
}

#[cfg(any(feature = "session", feature = "jwt"))]
impl<S> RateLimitService<S>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    fn ask_who(&mut self, request: Request) -> RateLimitFuture<S::Future, S::Error> {
        // The clone takes the place of the service that was found ready, which serves this request.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let limit = self.limit.clone();
        let answer = async move {
            match limit.charge_user(request).await {
                Ok(request) => inner.call(request).await.map(S::Response::into_response),
                Err(wait) => Ok(too_often(wait)),
            }
        };
        RateLimitFuture::Asking {
            answer: Box::pin(answer),
        }
    }
}

type Asking<E> = Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>;

pin_project! {
    /// An answer on its way, or refused.
    #[project = Stage]
    #[doc(hidden)]
    pub enum RateLimitFuture<F, E> {
        Refused { wait: Duration },
        Allowed { #[pin] answer: F },
        Asking { answer: Asking<E> },
    }
}

impl<F, R, E> Future for RateLimitFuture<F, E>
where
    F: Future<Output = Result<R, E>>,
    R: IntoResponse,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project() {
            Stage::Refused { wait } => Ok(too_often(*wait)),
            Stage::Allowed { answer } => ready!(answer.poll(context)).map(R::into_response),
            Stage::Asking { answer } => ready!(answer.as_mut().poll(context)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_has_a_network_for_itself() {
        for (address, counted) in [
            ("192.0.2.9", "192.0.2.9"),
            ("::ffff:192.0.2.9", "192.0.2.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
        ] {
            assert_eq!(network(address.parse().unwrap()).to_string(), counted);
        }
    }

    #[test]
    fn the_wait_is_told_in_whole_seconds_and_never_too_short() {
        for (millis, told) in [(1, "1"), (1_000, "1"), (1_001, "2"), (59_999, "60")] {
            let answer = too_often(Duration::from_millis(millis));
            assert_eq!(answer.headers()["retry-after"], told);
        }
    }
}
