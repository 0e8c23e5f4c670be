use acton_session::Store;
use axum::http::{Method, Request, StatusCode, header};

use crate::{
    app::app,
    browser::{Browser, Page, form_request},
};

fn browser() -> Browser {
    Browser::new(&app(Store::memory()))
}

async fn ask(path: &str, headers: &[(&str, &str)]) -> Page {
    let request = headers
        .iter()
        .fold(Request::get(path), |request, (name, value)| {
            request.header(*name, *value)
        });
    browser().send(request, "").await
}

#[tokio::test]
async fn a_browser_is_sent_to_the_login_page_and_back() {
    let page = ask("/me", &[("accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.header(header::LOCATION), Some("/login?next=%2Fme"));
    let page = ask("/me?x=1&y=ü", &[]).await;
    assert_eq!(
        page.header(header::LOCATION),
        Some("/login?next=%2Fme%3Fx%3D1%26y%3D%25C3%25BC")
    );
}

#[tokio::test]
async fn a_fragment_request_leads_back_to_the_page_it_was_on() {
    let sent = [
        ("hx-request", "true"),
        ("hx-current-url", "http://127.0.0.1:3000/t/page?x=1"),
    ];
    let page = ask("/me", &sent).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        page.header("hx-redirect"),
        Some("/login?next=%2Ft%2Fpage%3Fx%3D1")
    );
    assert_eq!(page.header(header::LOCATION), None);
}

#[tokio::test]
async fn a_boosted_link_leads_to_where_it_points() {
    let sent = [
        ("hx-request", "true"),
        ("hx-boosted", "true"),
        ("hx-current-url", "http://127.0.0.1:3000/"),
    ];
    let page = ask("/me", &sent).await;
    assert_eq!(page.header("hx-redirect"), Some("/login?next=%2Fme"));
}

#[tokio::test]
async fn another_site_is_not_where_one_goes_next() {
    for url in ["nonsense", "javascript:alert(1)", "http://h//evil.test"] {
        let page = ask("/me", &[("hx-request", "true"), ("hx-current-url", url)]).await;
        assert_eq!(page.header("hx-redirect"), Some("/login"), "{url}");
    }
}

#[tokio::test]
async fn a_program_is_refused_without_a_way_and_without_a_body_of_ours() {
    let page = ask("/me", &[("accept", "application/json")]).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert_eq!(page.header(header::CONTENT_TYPE), None);
    assert_eq!(page.header(header::LOCATION), None);
    assert_eq!(page.body, "", "who renders errors says it as JSON");
}

#[tokio::test]
async fn an_event_stream_is_refused_without_a_body() {
    let page = ask(
        "/me",
        &[("accept", "text/event-stream"), ("hx-request", "true")],
    )
    .await;
    assert_eq!(
        (page.status, page.body.as_str()),
        (StatusCode::UNAUTHORIZED, "")
    );
    assert_eq!(page.header("hx-redirect"), None);
}

#[tokio::test]
async fn a_form_that_was_sent_does_not_lead_back() {
    let browser = browser();
    let token = browser.token().await;
    let request = form_request(Method::POST, "/sessions").header("x-csrf-token", token);
    let page = browser.send(request, "handle=x").await;
    assert_eq!(page.header(header::LOCATION), Some("/login"));
}

#[tokio::test]
async fn a_form_that_htmx_sent_leads_back_to_its_page() {
    for kind in ["hx-boosted", "hx-request-type"] {
        let browser = browser();
        let request = form_request(Method::POST, "/sessions")
            .header("x-csrf-token", browser.token().await)
            .header("hx-request", "true")
            .header("hx-current-url", "http://127.0.0.1:3000/account?x=1");
        let request = match kind {
            "hx-boosted" => request.header(kind, "true"),
            _ => request
                .header(kind, "full")
                .header("hx-source", "form#sessions"),
        };
        let page = browser.send(request, "handle=x").await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{kind}");
        assert_eq!(
            page.header("hx-redirect"),
            Some("/login?next=%2Faccount%3Fx%3D1"),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn the_wrong_role_is_refused_and_the_right_one_let_in() {
    let browser = browser();
    browser.submit("/login", "username=alice").await;
    let page = browser.get("/admin").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(!page.body.contains("SECRET"));
    browser.submit("/login", "username=bob").await;
    assert_eq!(browser.get("/admin").await.body, "SECRET");
    assert_eq!(browser.get("/me").await.body, "bob");
}

#[tokio::test]
async fn a_handler_that_asks_for_a_role_refuses_others_too() {
    let app = app(Store::memory());
    let (alice, bob) = (Browser::new(&app), Browser::new(&app));
    alice.submit("/login", "username=alice").await;
    bob.submit("/login", "username=bob").await;
    let page = alice.submit("/disable", "username=bob").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(bob.get("/me").await.body, "bob");
    let page = bob.submit("/disable", "username=alice").await;
    assert_eq!(page.status, StatusCode::OK);
    let page = alice.submit("/disable", "username=bob").await;
    assert_eq!(page.header(header::LOCATION), Some("/login"));
}

#[tokio::test]
async fn login_leads_to_pages_of_this_site_only() {
    for (next, expected) in [
        ("/me?x=1", "/me?x=1"),
        ("https://evil.test", "/"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("javascript:alert(1)", "/"),
    ] {
        let next = next.replace('\\', "%5C").replace('?', "%3F");
        let page = browser()
            .submit("/login", &format!("username=alice&next={next}"))
            .await;
        assert_eq!(page.header(header::LOCATION), Some(expected));
    }
}

#[tokio::test]
async fn pages_of_somebody_who_is_logged_in_are_not_kept() {
    let browser = browser();
    browser.submit("/login", "username=alice").await;
    let page = browser.get("/me").await;
    assert_eq!(page.header(header::CACHE_CONTROL), Some("no-store"));
    assert_eq!(page.header(header::VARY), Some("Cookie"));
}
