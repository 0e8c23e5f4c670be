use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header, request::Builder},
    response::Response,
};
use tower::ServiceExt;

/// A browser that keeps cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    app: Router,
    jar: Arc<Mutex<BTreeMap<String, String>>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn new(app: &Router) -> Self {
        Self {
            app: app.clone(),
            jar: Arc::default(),
        }
    }

    /// Another browser that stole this one's cookies, as they are now.
    pub(crate) fn twin(&self) -> Self {
        Self {
            app: self.app.clone(),
            jar: Arc::new(Mutex::new(self.jar.lock().unwrap().clone())),
        }
    }

    /// Goes on with the cookies of another one.
    pub(crate) fn become_twin_of(&self, other: &Self) {
        let cookies = other.jar.lock().unwrap().clone();
        *self.jar.lock().unwrap() = cookies;
    }

    pub(crate) fn on(&self, app: &Router) -> Self {
        Self {
            app: app.clone(),
            jar: Arc::clone(&self.jar),
        }
    }

    pub(crate) fn cookie(&self) -> Option<String> {
        self.named("id")
    }

    pub(crate) fn named(&self, name: &str) -> Option<String> {
        self.jar.lock().unwrap().get(name).cloned()
    }

    pub(crate) fn set_cookie(&self, value: &str) {
        self.set_named("id", value);
    }

    pub(crate) fn set_named(&self, name: &str, value: &str) {
        let mut jar = self.jar.lock().unwrap();
        jar.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn forget(&self, name: &str) {
        self.jar.lock().unwrap().remove(name);
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        self.send(Request::get(path), "").await
    }

    /// As [`get`](Self::get), with this `User-Agent`.
    pub(crate) async fn get_as(&self, device: &str, path: &str) -> Page {
        let request = Request::get(path).header(header::USER_AGENT, device);
        self.send(request, "").await
    }

    /// A form without a token.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Page {
        self.send(form_request(Method::POST, path), form.to_owned())
            .await
    }

    /// A form with the token of `/form`.
    pub(crate) async fn submit(&self, path: &str, form: &str) -> Page {
        let token = self.token().await;
        self.post(path, &format!("csrf_token={token}&{form}")).await
    }

    pub(crate) async fn token(&self) -> String {
        self.get("/form").await.token()
    }

    pub(crate) async fn send(&self, request: Builder, body: impl Into<Body>) -> Page {
        let cookies: Vec<_> = {
            let jar = self.jar.lock().unwrap();
            jar.iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect()
        };
        let request = match cookies.is_empty() {
            true => request,
            false => request.header(header::COOKIE, cookies.join("; ")),
        };
        let response = self
            .app
            .clone()
            .oneshot(request.body(body.into()).unwrap())
            .await;
        let page = Page::read(response.unwrap()).await;
        self.keep(&page.headers);
        page
    }

    fn keep(&self, headers: &HeaderMap) {
        let mut jar = self.jar.lock().unwrap();
        for cookie in headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match attributes.contains("Max-Age=0") {
                true => jar.remove(name),
                false => jar.insert(name.to_owned(), value.to_owned()),
            };
        }
    }
}

impl Page {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn token(&self) -> String {
        let start = self.body.find("value=\"").unwrap() + 7;
        let rest = &self.body[start..];
        rest[..rest.find('"').unwrap()].to_owned()
    }
}

pub(crate) fn form_request(method: Method, path: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}
