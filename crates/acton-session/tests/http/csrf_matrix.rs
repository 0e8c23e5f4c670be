//! Every way in which a request can say where it comes from, against the promise in a few lines.

use std::sync::{Arc, Mutex};

use acton_session::{CsrfToken, SessionConfig, SessionLayer, Store, session_layer};
use axum::{
    Extension, Router,
    body::{Body, Bytes},
    http::{Request, StatusCode, header, request::Builder},
    routing::{any, get},
};

use crate::{app::csrf, browser::Browser};

const METHODS: [&str; 9] = [
    "GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE", "post",
];
const SITES: [Option<&str>; 6] = [
    None,
    Some("same-origin"),
    Some("none"),
    Some("same-site"),
    Some("cross-site"),
    Some("?"),
];
const ORIGINS: [Option<&str>; 6] = [
    None,
    Some("https://app.test"),
    Some("https://trusted.test"),
    Some("https://evil.test"),
    Some("null"),
    Some("http://app.test"),
];
const TOKENS: [&str; 6] = ["none", "header", "field", "other", "bad", "twice"];
const TYPES: [&str; 4] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=XX",
    "application/json",
    "text/plain",
];

struct Case {
    method: &'static str,
    site: Option<&'static str>,
    origin: Option<&'static str>,
    token: &'static str,
    content_type: &'static str,
}

impl Case {
    /// What the documentation promises. `own` are the origins of this application.
    fn is_allowed(&self, own: &[&str]) -> bool {
        if ["GET", "HEAD", "OPTIONS", "TRACE"].contains(&self.method) {
            return true;
        }
        let is_trusted = self.origin == Some("https://trusted.test");
        let is_own = self.origin.is_none_or(|origin| own.contains(&origin));
        let good_site = matches!(self.site, None | Some("same-origin" | "none"));
        let is_form = self.content_type.contains("form");
        let good_token = self.token == "header" || (self.token == "field" && is_form);
        good_token && (is_trusted || (is_own && good_site))
    }

    fn request(&self, host: &str, token: &str, other: &str) -> (Builder, String) {
        let mut request = Request::builder()
            .method(self.method)
            .uri("/change")
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, self.content_type);
        for (name, value) in [("sec-fetch-site", self.site), ("origin", self.origin)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let sent: &[&str] = match self.token {
            "header" => &[token],
            "other" => &[other],
            "bad" => &["bad"],
            "twice" => &[token, token],
            _ => &[],
        };
        for token in sent {
            request = request.header("x-csrf-token", *token);
        }
        let field = match self.token {
            "field" => token,
            _ => "",
        };
        (request, self.body(field))
    }

    /// Where `field` is empty there is none with a token.
    fn body(&self, field: &str) -> String {
        match (self.content_type.split(';').next(), field) {
            (Some("multipart/form-data"), "") => {
                "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX--\r\n"
                    .to_owned()
            }
            (Some("multipart/form-data"), token) => format!(
                "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n1\r\n\
                 --XX\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n{token}\r\n--XX--\r\n"
            ),
            (Some("application/json"), token) => format!(r#"{{"a":1,"csrf_token":"{token}"}}"#),
            (_, "") => "a=1&b=%20+%00é".to_owned(),
            (_, token) => format!("a=1&b=%20+%00é&csrf_token={token}&c"),
        }
    }
}

/// What the handler got, each time it ran.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Bytes>>>);

impl Seen {
    fn take(&self) -> Vec<Bytes> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

async fn change(Extension(Seen(seen)): Extension<Seen>, body: Bytes) {
    seen.lock().unwrap().push(body);
}

async fn form(csrf: CsrfToken) -> String {
    csrf.field().to_string()
}

fn app_that_tells(layer: SessionLayer) -> (Router, Seen) {
    let seen = Seen::default();
    let app = Router::new()
        .route("/form", get(form))
        .route("/change", any(change))
        .layer(layer)
        .layer(Extension(seen.clone()));
    (app, seen)
}

/// As it comes from the network.
fn in_pieces(body: &str) -> Body {
    let pieces: Vec<_> = body
        .as_bytes()
        .chunks(11)
        .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
        .collect();
    Body::from_stream(futures_util::stream::iter(pieces))
}

fn cases() -> impl Iterator<Item = Case> {
    METHODS.into_iter().flat_map(|method| {
        SITES.into_iter().flat_map(move |site| {
            ORIGINS.into_iter().flat_map(move |origin| {
                TOKENS.into_iter().flat_map(move |token| {
                    TYPES.into_iter().map(move |content_type| Case {
                        method,
                        site,
                        origin,
                        token,
                        content_type,
                    })
                })
            })
        })
    })
}

async fn compare(layer: SessionLayer, host: &str, own: &[&str]) {
    let (app, seen) = app_that_tells(layer);
    let browser = Browser::new(&app);
    let token = browser.token().await;
    let other = Browser::new(&app).token().await;
    let (mut count, mut allowed) = (0, 0);
    for case in cases() {
        let (request, body) = case.request(host, &token, &other);
        let status = browser.send(request, in_pieces(&body)).await.status;
        let is_allowed = case.is_allowed(own);
        let expected = match is_allowed {
            true => (StatusCode::OK, vec![Bytes::from(body)]),
            false => (StatusCode::FORBIDDEN, Vec::new()),
        };
        let Case {
            method,
            site,
            origin,
            token,
            content_type,
        } = case;
        assert_eq!(
            (status, seen.take()),
            expected,
            "{method} {site:?} {origin:?} {token} {content_type}"
        );
        count += 1;
        allowed += usize::from(is_allowed);
    }
    assert_eq!(count, 7_776);
    assert!(allowed < count);
}

fn layer() -> SessionLayer {
    session_layer(&SessionConfig::default(), Store::memory()).csrf(csrf())
}

#[tokio::test]
async fn without_a_configured_origin_the_host_that_was_asked_decides() {
    compare(
        layer(),
        "app.test",
        &["https://app.test", "http://app.test"],
    )
    .await;
}

#[tokio::test]
async fn a_configured_origin_decides_whatever_the_host() {
    let layer = layer().public_origin("https://app.test");
    compare(layer, "10.0.0.7:8080", &["https://app.test"]).await;
}

#[tokio::test]
async fn under_https_a_page_of_the_same_host_under_http_is_another_site() {
    let layer = layer().public_origin("https://front.test");
    compare(layer, "app.test", &["https://app.test"]).await;
}
