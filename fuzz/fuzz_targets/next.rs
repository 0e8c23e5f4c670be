//! Whoever logs in stays on this site, whatever the form, the address or htmx said.
#![no_main]

use acton_fuzz::{VISITOR, hides_a_host};
use acton_session::Next;
use axum_core::body::Body;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use url::Url;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    next: &'a str,
    asked: &'a str,
    current: &'a [u8],
}

impl Input<'_> {
    /// May be, that is: the path of one of the two addresses may be that of the login page.
    fn is_at_the_login_page(&self) -> bool {
        let login = b"/login";
        let mut addresses = [self.asked.as_bytes(), self.current].into_iter();
        addresses.any(|address| address.windows(login.len()).any(|part| part == login))
    }
}

fuzz_target!(|input: Input<'_>| {
    assert_stays(&Next::parse(input.next));
    let json = serde_json::to_string(input.next).expect("text");
    let next: Next = serde_json::from_str(&json).expect("any text is a page");
    assert_eq!(next, Next::parse(input.next));
    the_guard_leads_back(&input);
});

fn page() -> Url {
    Url::parse("https://origin.example/some/page?query#fragment").expect("a URL")
}

fn assert_stays(next: &Next) {
    let url = page().join(next.as_str()).expect("a browser resolves it");
    assert_eq!(url.origin(), page().origin(), "{next}");
    // Whoever resolves the path of that once more would find another host in it.
    assert!(!hides_a_host(&url, next.as_str()), "{next}");
    assert!(
        next.as_str().bytes().all(|byte| byte.is_ascii_graphic()),
        "{next}"
    );
    assert_eq!(Next::parse(next.as_str()), *next);
}

/// `Location` or `HX-Redirect` name the login page, and the page that it leads on to is one of ours.
fn the_guard_leads_back(input: &Input<'_>) {
    let Ok(uri) = input.asked.parse::<Uri>() else {
        return;
    };
    for is_htmx in [false, true] {
        let mut request = Request::get(uri.clone());
        if is_htmx {
            request = request.header("hx-request", "true");
            if let Ok(current) = HeaderValue::from_bytes(input.current) {
                request = request.header("hx-current-url", current);
            }
        }
        let Ok(request) = request.body(Body::empty()) else {
            return;
        };
        let answer = VISITOR.knock(request);
        let name = match answer.status() {
            StatusCode::SEE_OTHER => header::LOCATION,
            status => {
                assert_eq!(status, StatusCode::UNAUTHORIZED);
                header::HeaderName::from_static("hx-redirect")
            }
        };
        let sent = answer.headers()[name].to_str().expect("visible ASCII");
        let url = page().join(sent).expect("a browser resolves it");
        assert_eq!(url.origin(), page().origin(), "{sent}");
        assert_eq!(url.path(), "/login", "{sent}");
        if input.is_at_the_login_page() {
            continue; // which keeps its own query
        }
        for (key, value) in url.query_pairs() {
            assert_eq!(key, "next");
            let next = Next::parse(&value);
            assert_stays(&next);
            // What the guard wrote is what the login form reads.
            assert_eq!(next.as_str(), value, "{sent}");
        }
    }
}
