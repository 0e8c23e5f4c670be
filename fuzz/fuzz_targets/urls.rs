//! A URL that is accepted never leaves the origin, whoever resolves it.
#![no_main]

use acton_fuzz::{Asker, answered, hides_a_host};
use acton_htmx::{HxPushUrl, HxRedirect, LocalUrl, headers};
use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, Uri, header::LOCATION};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use percent_encoding::percent_decode_str;
use url::Url;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    request: &'a str,
    location: &'a str,
    text: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    local(input.text);
    redirected(input.request, input.location);
});

fn page() -> Url {
    Url::parse("https://origin.example/some/page?query#fragment").expect("a URL")
}

/// What the browser loads, given the text that we send.
fn resolved(text: &str) -> Url {
    page().join(text).expect("a browser resolves what we send")
}

fn assert_stays(text: &str) {
    let url = resolved(text);
    assert_eq!(url.origin(), page().origin(), "{text:?}");
    assert_eq!((url.username(), url.password()), ("", None), "{text:?}");
    // Whoever resolves the path of that once more would find another host in it.
    assert!(!hides_a_host(&url, text), "{text:?}");
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
}

fn local(text: &str) {
    let Ok(url) = LocalUrl::parse(text) else {
        assert!(HxRedirect::to(text).is_err());
        return;
    };
    assert_stays(url.as_str());
    assert_eq!(LocalUrl::parse(url.as_str()).ok().as_ref(), Some(&url));
    let decode = |text: &str| percent_decode_str(text).collect::<Vec<_>>();
    assert_eq!(decode(url.as_str()), decode(text));

    let redirect = HxRedirect::to(text).into_response();
    let pushed = HxPushUrl::to(text).into_response();
    for (response, name) in [
        (redirect, headers::HX_REDIRECT),
        (pushed, headers::HX_PUSH_URL),
    ] {
        assert_eq!(response.headers()[name], url.as_str());
    }
}

/// A `Location` of the application becomes something that leads to the same place, or nothing.
fn redirected(request: &str, location: &str) {
    let (Ok(uri), Ok(value)) = (
        request.parse::<Uri>(),
        HeaderValue::from_bytes(location.as_bytes()),
    ) else {
        return;
    };
    if uri.scheme().is_some() || uri.authority().is_some() {
        return;
    }
    let Ok(asked) = page().join(&format!("https://origin.example{uri}")) else {
        return;
    };
    let mut response = Response::default();
    *response.status_mut() = http::StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, value);
    let answer = answered(Asker::V2, uri, response);
    let Some(sent) = answer.headers().get(headers::HX_REDIRECT) else {
        return;
    };
    let sent = sent.to_str().expect("visible ASCII");
    match page().join(sent) {
        Ok(url) if url.origin() == page().origin() => assert_stays(sent),
        there => assert_eq!(there, asked.join(location), "{sent:?}"),
    }
}
