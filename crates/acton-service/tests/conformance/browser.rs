//! A small HTTP client with a cookie jar: what a browser does, without rendering.

use std::collections::BTreeMap;
use std::sync::Mutex;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::{Client as HttpClient, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// One browser: an origin and the cookies it holds.
pub(crate) struct Browser {
    origin: String,
    cookies: Mutex<BTreeMap<String, String>>,
    http: HttpClient<HttpConnector, Full<Bytes>>,
}

impl Browser {
    pub(crate) fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            cookies: Mutex::default(),
            http: HttpClient::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// A second browser that holds the same cookies, perhaps on another node.
    pub(crate) fn cloned_to(&self, origin: &str) -> Self {
        let copy = Self::new(origin);
        *copy.cookies.lock().unwrap() = self.cookies();
        copy
    }

    pub(crate) fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.lock().unwrap().clone()
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.cookies
            .lock()
            .unwrap()
            .insert(name.to_owned(), value.to_owned());
    }

    /// The session cookie's value, whatever its name under this origin.
    pub(crate) fn session_id(&self) -> Option<String> {
        let cookies = self.cookies();
        cookies
            .get("id")
            .or_else(|| cookies.get("__Host-id"))
            .cloned()
    }

    pub(crate) fn get(&self, path: &str) -> Request<'_> {
        self.request("GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Request<'_> {
        self.request("POST", path)
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Request<'_> {
        Request {
            browser: self,
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// A fresh CSRF token of this browser's session, as the form page shows it.
    pub(crate) async fn csrf_token(&self) -> String {
        token_in(&self.get("/form").send().await.text())
    }

    /// Signs in as one of the fixture's users and asserts that it worked.
    pub(crate) async fn log_in(&self, user: &str) -> Answer {
        let answer = self
            .try_log_in(user, &format!("correct horse {user}"))
            .await;
        assert_eq!(answer.status, 303, "login of {user}: {}", answer.text());
        answer
    }

    /// Posts the login form with a valid CSRF token.
    pub(crate) async fn try_log_in(&self, user: &str, password: &str) -> Answer {
        let token = self.csrf_token().await;
        self.post("/login")
            .form(&[
                ("username", user),
                ("password", password),
                ("csrf_token", &token),
            ])
            .send()
            .await
    }

    /// The name `/me` shows, or `None` for an anonymous browser.
    pub(crate) async fn user(&self) -> Option<String> {
        let answer = self
            .get("/me")
            .header("accept", "application/json")
            .send()
            .await;
        match answer.status {
            200 => Some(answer.text()),
            401 => None,
            status => panic!("/me answered {status}: {}", answer.text()),
        }
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap();
        for line in headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                cookies.remove(name.trim());
            } else {
                cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}

/// A request being put together.
pub(crate) struct Request<'a> {
    browser: &'a Browser,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Request<'_> {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_ref()).unwrap(),
        );
        self
    }

    /// As htmx 2 sends it.
    pub(crate) fn htmx(self) -> Self {
        self.header("HX-Request", "true")
    }

    /// As htmx 4 sends it.
    pub(crate) fn htmx4(self) -> Self {
        self.htmx()
            .header("HX-Source", "button#btn")
            .header("HX-Request-Type", "partial")
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        self.body("application/x-www-form-urlencoded", body.join("&"))
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    pub(crate) async fn send(self) -> Answer {
        let browser = self.browser;
        let response = self.open().await;
        let (parts, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        browser.keep_cookies(&parts.headers);
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// Sends the request and hands back the response with its body unread.
    pub(crate) async fn open(self) -> http::Response<Incoming> {
        let uri = format!("{}{}", self.browser.origin, self.path);
        let mut request = http::Request::builder().method(self.method).uri(uri);
        let cookies = self.browser.cookies();
        if !cookies.is_empty() {
            let pairs: Vec<String> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header("cookie", pairs.join("; "));
        }
        request.headers_mut().unwrap().extend(self.headers);
        let request = request.body(Full::new(self.body)).unwrap();
        self.browser
            .http
            .request(request)
            .await
            .expect("the fixture answers")
    }
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect()
    }

    /// The tokens of `Vary`, in lower case, over all its lines.
    pub(crate) fn vary(&self) -> Vec<String> {
        let lines = self.all("vary").join(",");
        let tokens = lines
            .split(',')
            .map(|token| token.trim().to_ascii_lowercase());
        tokens.filter(|token| !token.is_empty()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// The value of the hidden field `csrf_token` in a page.
pub(crate) fn token_in(page: &str) -> String {
    let field = page
        .split("name=\"csrf_token\"")
        .nth(1)
        .unwrap_or_else(|| panic!("no token in {page}"));
    let value = field.split("value=\"").nth(1).expect("a token has a value");
    value.split('"').next().unwrap().to_owned()
}

/// Percent-encodes all but unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
