//! The interaction contract: guards, forms, flash and errors, as each kind of request sees them.

use crate::browser::{Answer, token_in};
use crate::fixture::Fixture;

#[tokio::test]
async fn a_guarded_page_sends_a_browser_to_the_login_and_back() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    let answer = browser.get("/t/private").send().await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.header("location"),
        Some("/login?next=%2Ft%2Fprivate")
    );

    let login = browser.get("/login?next=%2Ft%2Fprivate").send().await;
    let token = token_in(&login.text());
    let fields = [
        ("username", "alice"),
        ("password", "correct horse alice"),
        ("next", "/t/private"),
        ("csrf_token", &token),
    ];
    let answer = browser.post("/login").form(&fields).send().await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/t/private"))
    );
    assert!(
        browser
            .get("/t/private")
            .send()
            .await
            .text()
            .contains("SECRET")
    );
}

#[tokio::test]
async fn a_guarded_fragment_sends_htmx_to_the_login_and_back_to_its_page() {
    let fixture = Fixture::start();
    let current = format!("{}/t/page?x=1", fixture.origin());
    let answer = fixture
        .browser()
        .get("/t/private/frag")
        .htmx()
        .header("HX-Current-URL", &current)
        .send()
        .await;
    assert!(!(300..400).contains(&answer.status), "{}", answer.status);
    assert_eq!(
        answer.header("hx-redirect"),
        Some("/login?next=%2Ft%2Fpage%3Fx%3D1")
    );
    assert!(!answer.text().contains("SECRET"));
}

#[tokio::test]
async fn a_form_is_accepted_from_its_own_page_only() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    let token = token_in(&browser.get("/t/form").send().await.text());
    let fields = [("name", "Ada"), ("csrf_token", &token)];
    let cross = browser
        .post("/t/form")
        .header("Sec-Fetch-Site", "cross-site")
        .form(&fields)
        .send()
        .await;
    assert_eq!(cross.status, 403);
    let cross = browser
        .post("/t/form")
        .htmx()
        .header("Sec-Fetch-Site", "cross-site")
        .form(&fields)
        .send()
        .await;
    assert_eq!(cross.status, 403);
    let own = browser
        .post("/t/form")
        .header("Sec-Fetch-Site", "same-origin")
        .form(&fields)
        .send()
        .await;
    assert_eq!(
        (own.status, own.header("location")),
        (303, Some("/t/flash/show"))
    );
}

#[tokio::test]
async fn an_invalid_form_comes_back_with_what_was_typed() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    let token = token_in(&browser.get("/t/form").send().await.text());
    let typed = "  ";
    for htmx in [false, true] {
        let request = browser
            .post("/t/form")
            .form(&[("name", typed), ("csrf_token", &token)]);
        let answer = if htmx {
            request.htmx().send().await
        } else {
            request.send().await
        };
        assert_eq!(answer.status, 422);
        let body = answer.text();
        assert!(body.contains("id=\"err-name\""), "{body}");
        assert!(body.contains("value=\"  \""), "{body}");
        assert_eq!(body.matches("id=\"f\"").count(), 1, "{body}");
        assert_eq!(body.contains("<main"), !htmx, "{body}");
        assert_eq!(answer.header("hx-reswap"), None, "422 is swapped");
    }
}

#[tokio::test]
async fn a_flash_is_shown_once_and_escaped() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    let set = browser.get("/t/flash/set?m=%3Cb%3Ex").send().await;
    assert_eq!(
        (set.status, set.header("location")),
        (303, Some("/t/flash/show"))
    );
    let shown = browser.get("/t/flash/show").send().await.text();
    assert_eq!(shown.matches("<li>").count(), 1, "{shown}");
    assert!(shown.contains("x") && !shown.contains("<b>"), "{shown}");
    let again = browser.get("/t/flash/show").send().await.text();
    assert_eq!(again.matches("<li>").count(), 0, "{again}");
}

/// Who asks, and the headers that tell it.
const WHO: [(&str, &[(&str, &str)]); 8] = [
    ("page", &[]),
    ("fragment 2", &[("HX-Request", "true")]),
    (
        "boosted 2",
        &[("HX-Request", "true"), ("HX-Boosted", "true")],
    ),
    (
        "history 2",
        &[
            ("HX-Request", "true"),
            ("HX-History-Restore-Request", "true"),
        ],
    ),
    (
        "fragment 4",
        &[
            ("HX-Request", "true"),
            ("HX-Source", "a"),
            ("HX-Request-Type", "partial"),
        ],
    ),
    (
        "boosted 4",
        &[
            ("HX-Request", "true"),
            ("HX-Source", "a"),
            ("HX-Request-Type", "full"),
            ("HX-Boosted", "true"),
        ],
    ),
    (
        "full 4",
        &[
            ("HX-Request", "true"),
            ("HX-Source", "a"),
            ("HX-Request-Type", "full"),
        ],
    ),
    (
        "history 4",
        &[
            ("HX-History-Restore-Request", "true"),
            ("HX-Request-Type", "full"),
        ],
    ),
];

fn wants_fragment(who: &str) -> bool {
    who.starts_with("fragment")
}

/// htmx that was neither boosted nor asked for history keeps its page: it gets a way on, or a part of it.
fn keeps_its_page(who: &str) -> bool {
    wants_fragment(who) || who == "full 4"
}

async fn ask(fixture: &Fixture, path: &str, headers: &[(&str, &str)]) -> Answer {
    let browser = fixture.browser();
    headers
        .iter()
        .fold(browser.get(path), |request, (name, value)| {
            request.header(name, value)
        })
        .send()
        .await
}

#[tokio::test]
async fn every_kind_of_request_gets_its_kind_of_page() {
    let fixture = Fixture::start();
    for (who, headers) in WHO {
        let answer = ask(&fixture, "/t/page", headers).await;
        assert_eq!(answer.status, 200, "{who}");
        assert_eq!(
            answer.text().contains("<main"),
            !wants_fragment(who),
            "{who}: {}",
            answer.text()
        );
        assert!(answer.vary().contains(&"hx-request".into()), "{who}");
    }
}

#[tokio::test]
async fn every_kind_of_request_is_redirected_in_its_own_way() {
    let fixture = Fixture::start();
    for (who, headers) in WHO {
        let answer = ask(&fixture, "/t/flash/set?m=x", headers).await;
        assert!(
            answer.vary().contains(&"hx-request".into()),
            "{who}: {:?}",
            answer.vary()
        );
        if keeps_its_page(who) {
            assert_eq!(
                (answer.status, answer.header("hx-redirect")),
                (200, Some("/t/flash/show")),
                "{who}"
            );
            assert_eq!(
                (answer.header("location"), answer.body.len()),
                (None, 0),
                "{who}"
            );
        } else {
            assert_eq!(
                (answer.status, answer.header("location")),
                (303, Some("/t/flash/show")),
                "{who}"
            );
            assert_eq!(answer.header("hx-redirect"), None, "{who}");
        }
    }
}

#[tokio::test]
async fn every_kind_of_anonymous_request_is_sent_to_the_login_in_its_own_way() {
    let fixture = Fixture::start();
    for (who, headers) in WHO {
        let answer = ask(&fixture, "/t/private", headers).await;
        assert!(!answer.text().contains("SECRET"), "{who}");
        assert!(
            answer.vary().contains(&"hx-request".into()),
            "{who}: {:?}",
            answer.vary()
        );
        if keeps_its_page(who) || who.starts_with("boosted") {
            assert_eq!(
                (answer.status, answer.header("location")),
                (401, None),
                "{who}"
            );
            assert!(
                answer.header("hx-redirect").unwrap().starts_with("/login"),
                "{who}"
            );
        } else {
            assert_eq!(answer.status, 303, "{who}");
            assert_eq!(
                answer.header("location"),
                Some("/login?next=%2Ft%2Fprivate"),
                "{who}"
            );
        }
    }
}

#[tokio::test]
async fn every_kind_of_request_sees_errors_in_its_own_way() {
    let fixture = Fixture::start();
    for status in [400, 401, 403, 404, 405, 413, 422, 429, 500, 503] {
        for (who, headers) in WHO {
            let spec = format!("%7B%22status%22:{status}%7D");
            let answer = ask(&fixture, &format!("/t/respond?spec={spec}"), headers).await;
            let body = answer.text();
            assert_eq!(answer.status, status, "{who}");
            assert!(answer.header("x-request-id").is_some(), "{who} {status}");
            if keeps_its_page(who) {
                assert!(
                    !body.contains("<main") && !body.contains("<html"),
                    "{who} {status}: {body}"
                );
                let safe = answer.header("hx-retarget").is_some()
                    || answer.header("hx-reswap") == Some("none");
                assert!(
                    safe,
                    "{who} {status} would be swapped into its target: {body}"
                );
            } else {
                assert!(body.contains("<main"), "{who} {status}: {body}");
                assert_eq!(answer.header("hx-retarget"), None, "{who} {status}");
            }
            assert!(
                answer.vary().contains(&"hx-request".into()),
                "{who} {status}: {:?}",
                answer.vary()
            );
        }
    }
}

#[tokio::test]
async fn a_message_waits_until_an_answer_shows_it() {
    let fixture = Fixture::start();
    for (who, headers) in WHO {
        for path in [
            "/t/page",
            "/t/private",
            "/no/such/page",
            "/t/flash/set?m=again",
        ] {
            let browser = fixture.browser();
            browser.get("/t/flash/set?m=first").send().await;
            let request = browser.get(path);
            let asked = headers.iter().fold(request, |request, (name, value)| {
                request.header(name, value)
            });
            asked.send().await;
            let shown = browser.get("/t/flash/show").send().await.text();
            assert_eq!(shown.matches(">first<").count(), 1, "{who} {path}: {shown}");
        }
    }
}

#[tokio::test]
async fn a_page_that_answers_an_error_itself_is_never_swapped_into_a_fragment() {
    let fixture = Fixture::start();
    for status in [400, 401, 403, 404, 405, 413, 422, 429, 500, 503] {
        let html = "<!doctype html><html><main>oops</main></html>";
        let spec = serde_json::json!({"status": status, "html": html}).to_string();
        let path = format!("/t/respond?spec={}", crate::browser::encode(&spec));
        for (who, headers) in WHO.iter().filter(|(who, _)| wants_fragment(who)) {
            let answer = ask(&fixture, &path, headers).await;
            assert_eq!(
                (answer.status, answer.header("hx-reswap")),
                (status, Some("none")),
                "{who}"
            );
        }
    }
}

#[tokio::test]
async fn a_handler_that_writes_the_status_itself_shows_every_page_and_fragment() {
    let fixture = Fixture::start();
    for status in [200, 401, 403, 404, 422, 429, 500] {
        let html = "<p id=\"own\">own</p>";
        let spec = serde_json::json!({"status": status, "html": html}).to_string();
        for (who, headers) in WHO {
            let path = format!("/t/respond?spec={}", crate::browser::encode(&spec));
            let answer = ask(&fixture, &path, headers).await;
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (status, html),
                "{who}"
            );
            let kept_out = keeps_its_page(who) && status >= 400 && status != 422;
            let reswap = kept_out.then_some("none");
            assert_eq!(answer.header("hx-reswap"), reswap, "{who} {status}");
            let varies = answer.vary().contains(&"hx-request".into());
            assert_eq!(varies, status >= 400 && status != 422, "{who} {status}");
        }
    }
}

#[tokio::test]
async fn every_error_is_json_for_who_asks_for_json_whatever_htmx_says() {
    let fixture = Fixture::start();
    for status in [400, 401, 403, 404, 405, 413, 422, 429, 500, 503] {
        let spec = crate::browser::encode(&format!(r#"{{"status":{status}}}"#));
        for (who, headers) in WHO {
            let headers = [headers, &[("Accept", "application/json")]].concat();
            let answer = ask(&fixture, &format!("/t/respond?spec={spec}"), &headers).await;
            assert_eq!(answer.status, status, "{who}");
            let kind = answer.header("content-type");
            assert_eq!(kind, Some("application/problem+json"), "{who} {status}");
            assert_eq!(answer.json()["status"], status, "{who}");
            let id = answer.header("x-request-id");
            assert_eq!(answer.json()["request_id"].as_str(), id, "{who} {status}");
            assert!(answer.vary().contains(&"accept".into()), "{who} {status}");
        }
    }
}

#[tokio::test]
async fn a_program_that_is_not_logged_in_reads_problem_details() {
    let fixture = Fixture::start();
    for path in ["/me", "/t/private", "/t/private/frag"] {
        let json = ("Accept", "application/json");
        let answer = ask(&fixture, path, &[json]).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.json()["status"], 401);
        let id = answer.header("x-request-id");
        assert!(id.is_some());
        assert_eq!(answer.json()["request_id"].as_str(), id, "{path}");
        assert_eq!(answer.header("location"), None);
    }
}

#[tokio::test]
async fn an_api_client_gets_json() {
    let fixture = Fixture::start();
    let answer = fixture
        .browser()
        .get("/no/such/page")
        .header("accept", "application/json")
        .send()
        .await;
    assert_eq!(answer.status, 404);
    assert!(
        answer.header("content-type").unwrap().contains("json"),
        "{:?}",
        answer.header("content-type")
    );
    assert!(
        answer.json()["request_id"].is_string() || answer.json()["instance"].is_string(),
        "{}",
        answer.text()
    );
}
