//! What reaches a browser, and how it reads it.

use std::{convert::Infallible, sync::LazyLock};

use acton_htmx::{HtmxLayer, HtmxVersion};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName},
    response::Response,
};
use http_body_util::BodyExt;
use proptest::prelude::*;
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::{Layer, ServiceExt, service_fn};

pub(crate) const VERSIONS: [HtmxVersion; 2] = [HtmxVersion::V2, HtmxVersion::V4];

/// JSON as a handler may send it, also with the fields that mean something to htmx.
///
/// Fractions are such that every parser reads them exactly.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    const SAFE: i64 = 1 << 53;
    let fraction = |(whole, shift): (i32, i32)| f64::from(whole) / f64::from(1 << shift);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-SAFE..=SAFE).prop_map(Value::from),
        (any::<i32>(), 1..5)
            .prop_map(fraction)
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let key = prop_oneof![
        any::<String>(),
        "target|cancelled|value|elt|error|[0-9]{1,3}"
    ];
    leaf.prop_recursive(2, 8, 3, move |inner| {
        let object = prop::collection::btree_map(key.clone(), inner.clone(), 0..3);
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
            object.prop_map(|object| object.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Selectors of every kind, without an escape of their own.
pub(crate) const SELECTOR: &str = "[a-zé日]{1,3}(#[a-zé]{1,3}|[.][a-zé日]{1,3}|\\[[a-z]='[é日 .>#]{0,3}'\\]|:not\\([.]é\\)){0,2}(( | > |, )[.#][a-zé日]{1,3}){0,2}";

/// What this version of htmx gets: headers and text, as the layer sends them.
pub(crate) fn answered(version: HtmxVersion, response: Response) -> (HeaderMap, String) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    let mut request = Request::get("/page").header("hx-request", "true");
    if version == HtmxVersion::V4 {
        request = request.header("hx-request-type", "partial");
    }
    let request = request.body(Body::empty()).unwrap();
    let once = std::sync::Mutex::new(Some(response));
    let answer = service_fn(move |_: Request| {
        let response = once.lock().unwrap().take().unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    RUNTIME.block_on(async {
        let response = HtmxLayer::default().layer(answer).oneshot(request).await;
        let (parts, body) = response.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.headers, String::from_utf8(body.to_vec()).unwrap())
    })
}

/// A header that is one line of visible ASCII, or absent.
pub(crate) fn line(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    assert!(lines.len() <= 1, "{lines:?}");
    let line = lines.first()?;
    let is_visible = |byte: &u8| (0x20..0x7f).contains(byte);
    assert!(line.as_bytes().iter().all(is_visible), "{line:?}");
    Some(line.to_str().unwrap().to_owned())
}

/// What a browser makes of CSS escapes, of six digits or of one other character; a space after digits
/// belongs to the escape.
///
/// <https://www.w3.org/TR/css-syntax-3/#consume-escaped-code-point>
pub(crate) fn css_unescaped(text: &str) -> String {
    let mut rest = text;
    let mut read = String::new();
    while let Some(at) = rest.find('\\') {
        read.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let digits = rest.get(..6);
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        if let Some(character) = code.and_then(char::from_u32) {
            read.push(character);
            rest = rest[6..].strip_prefix(' ').unwrap_or(&rest[6..]);
        }
    }
    read + rest
}
