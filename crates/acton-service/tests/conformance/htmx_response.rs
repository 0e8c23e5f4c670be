//! What the typed responders put on the wire: `/t/respond`.

use serde_json::{Value, json};

use crate::browser::{Answer, encode};
use crate::fixture::Fixture;
use crate::htmx_headers::{event_names, events};

async fn respond(fixture: &Fixture, ops: Value) -> Answer {
    let spec = json!({"status": 200, "html": "<p>m</p>", "ops": ops});
    fixture
        .browser()
        .post("/t/respond")
        .htmx()
        .json(&spec)
        .send()
        .await
}

#[tokio::test]
async fn one_event_is_one_line() {
    let answer = respond(
        &Fixture::start(),
        json!([{"op": "trigger", "name": "saved"}]),
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(event_names(&answer, "hx-trigger"), ["saved"]);
    assert_eq!(answer.all("hx-trigger").len(), 1);
}

#[tokio::test]
async fn several_events_share_one_json_line() {
    let ops = json!([
        {"op": "trigger", "name": "saved", "detail": {"id": 7, "tags": ["a"]}},
        {"op": "trigger", "name": "count", "detail": 3},
    ]);
    let answer = respond(&Fixture::start(), ops).await;
    let events = events(&answer, "hx-trigger");
    assert_eq!(events["saved"], json!({"id": 7, "tags": ["a"]}));
    assert_eq!(events["count"], json!(3));
    assert_eq!(answer.all("hx-trigger").len(), 1);
}

#[tokio::test]
async fn events_for_the_requesting_element_come_before_targeted_ones() {
    let ops = json!([
        {"op": "trigger", "name": "far", "target": "#o1"},
        {"op": "trigger", "name": "near"},
    ]);
    let answer = respond(&Fixture::start(), ops).await;
    let line = answer.header("hx-trigger").unwrap().to_owned();
    assert!(
        line.find("near").unwrap() < line.find("far").unwrap(),
        "{line}"
    );
    assert_eq!(events(&answer, "hx-trigger")["far"]["target"], "#o1");
}

#[tokio::test]
async fn a_flash_loses_no_event() {
    let ops = json!([
        {"op": "trigger", "name": "saved"},
        {"op": "flash", "level": "success", "message": "Saved"},
    ]);
    let answer = respond(&Fixture::start(), ops).await;
    assert!(event_names(&answer, "hx-trigger").contains(&"saved".to_owned()));
    assert_eq!(answer.all("hx-trigger").len(), 1);
}

#[tokio::test]
async fn any_text_survives_as_event_detail() {
    let text = "é日本😀 \"<&>\\ \u{7f}\u{1}";
    let answer = respond(
        &Fixture::start(),
        json!([{"op": "trigger", "name": "saved", "detail": text}]),
    )
    .await;
    assert_eq!(events(&answer, "hx-trigger")["saved"], text);
}

#[tokio::test]
async fn event_timing_reaches_both_majors() {
    let fixture = Fixture::start();
    for (when, header) in [
        ("swap", "hx-trigger-after-swap"),
        ("settle", "hx-trigger-after-settle"),
    ] {
        let spec = json!({"ops": [{"op": "trigger", "name": "done", "when": when}]});
        let browser = fixture.browser();
        let two = browser.post("/t/respond").htmx().json(&spec).send().await;
        assert_eq!(event_names(&two, header), ["done"]);
        assert!(two.header("hx-trigger").is_none());
        let four = browser.post("/t/respond").htmx4().json(&spec).send().await;
        assert_eq!(event_names(&four, "hx-trigger"), ["done"]);
    }
}

#[tokio::test]
async fn urls_are_sent_in_ascii_and_never_encoded_twice() {
    let fixture = Fixture::start();
    for (op, header) in [
        ("push_url", "hx-push-url"),
        ("replace_url", "hx-replace-url"),
    ] {
        for (url, sent) in [
            (json!("/a?b=1"), "/a?b=1"),
            (json!(false), "false"),
            (json!("/é x"), "/%C3%A9%20x"),
            (json!("/a%20b"), "/a%20b"),
        ] {
            let answer = respond(&fixture, json!([{"op": op, "url": url}])).await;
            assert_eq!(answer.header(header), Some(sent), "{op} {url}");
        }
    }
}

#[tokio::test]
async fn a_location_is_json_and_not_a_redirect() {
    let ops = json!([{
        "op": "location", "path": "/t/page", "target": "#out", "swap": "innerHTML",
        "values": {"q": "é"}, "push": false,
    }]);
    let answer = respond(&Fixture::start(), ops).await;
    assert!((200..300).contains(&answer.status));
    let sent: Value = serde_json::from_str(answer.header("hx-location").unwrap()).unwrap();
    let keys: Vec<&String> = sent.as_object().unwrap().keys().collect();
    assert!(
        keys.iter()
            .all(|key| ["path", "target", "swap", "values", "push"].contains(&key.as_str())),
        "{sent}"
    );
    assert_eq!(sent["path"], "/t/page");
    assert_eq!(sent["values"], json!({"q": "é"}));
    assert_ne!(
        sent["push"],
        json!("false"),
        "the string suppresses replace too"
    );
    assert_eq!(answer.all("hx-location").len(), 1);
}

#[tokio::test]
async fn a_location_swaps_with_modifiers_in_the_spelling_of_who_asked() {
    let fixture = Fixture::start();
    let spec = json!({"ops": [{
        "op": "location", "path": "/t/page", "swap": "outerHTML scroll:#a:top focus-scroll:true",
        "push": true, "replace": false,
    }]});
    let browser = fixture.browser();
    let sent = async |request: crate::browser::Request<'_>| -> Value {
        let answer = request.json(&spec).send().await;
        serde_json::from_str(answer.header("hx-location").unwrap()).unwrap()
    };
    let two = sent(browser.post("/t/respond").htmx()).await;
    assert_eq!(two["swap"], "outerHTML scroll:#a:top focus-scroll:true");
    let four = sent(browser.post("/t/respond").htmx4()).await;
    assert_eq!(
        four["swap"],
        "outerHTML scroll:top scrollTarget:#a focusScroll:true"
    );
    for location in [two, four] {
        assert_eq!(location.get("replace"), None, "{location}");
    }
}

#[tokio::test]
async fn a_redirect_fits_who_asked() {
    let fixture = Fixture::start();
    let spec = json!({"ops": [{"op": "redirect", "url": "/login"}]});
    let browser = fixture.browser();
    let htmx = browser.post("/t/respond").htmx().json(&spec).send().await;
    assert!((200..300).contains(&htmx.status));
    assert_eq!(htmx.header("hx-redirect"), Some("/login"));
    assert_eq!(htmx.header("location"), None);

    let plain = browser.post("/t/respond").json(&spec).send().await;
    assert_eq!(plain.status, 303);
    assert_eq!(plain.header("location"), Some("/login"));
    assert_eq!(plain.header("hx-redirect"), None);
}

#[tokio::test]
async fn refresh_is_exactly_true() {
    let answer = respond(&Fixture::start(), json!([{"op": "refresh"}])).await;
    assert_eq!(answer.header("hx-refresh"), Some("true"));
}

#[tokio::test]
async fn a_reswap_carries_its_modifiers() {
    let ops = json!([{
        "op": "reswap", "style": "outerHTML", "swap_ms": 100, "settle_ms": 50, "scroll": "bottom", "transition": true,
    }]);
    let answer = respond(&Fixture::start(), ops).await;
    let mut words: Vec<&str> = answer.header("hx-reswap").unwrap().split(' ').collect();
    assert_eq!(words.remove(0), "outerHTML");
    words.sort_unstable();
    assert_eq!(
        words,
        [
            "scroll:bottom",
            "settle:50ms",
            "swap:100ms",
            "transition:true"
        ]
    );
}

#[tokio::test]
async fn the_target_and_the_selection_can_be_changed() {
    let ops =
        json!([{"op": "retarget", "selector": "#o1"}, {"op": "reselect", "selector": "#frag"}]);
    let answer = respond(&Fixture::start(), ops).await;
    assert_eq!(answer.header("hx-retarget"), Some("#o1"));
    assert_eq!(answer.header("hx-reselect"), Some("#frag"));
    assert!(answer.text().contains("<p>m</p>"));
}

#[tokio::test]
async fn operations_also_arrive_by_query() {
    let fixture = Fixture::start();
    let spec = json!({"html": "<b>q</b>", "ops": [{"op": "refresh"}]}).to_string();
    let answer = fixture
        .browser()
        .get(&format!("/t/respond?spec={}", encode(&spec)))
        .htmx()
        .send()
        .await;
    assert_eq!(
        (answer.status, answer.header("hx-refresh")),
        (200, Some("true"))
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_and_the_next_request_works() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    for op in [
        json!({"op": "redirect", "url": "javascript:alert(1)"}),
        json!({"op": "redirect", "url": "//evil.test"}),
        json!({"op": "redirect", "url": "/\\evil.test"}),
        json!({"op": "push_url", "url": "https://evil.test/"}),
        json!({"op": "location", "path": "javascript:alert(1)"}),
        json!({"op": "reswap", "style": "sideways"}),
        json!({"op": "location", "path": "/a", "headers": {"X-A": "é"}}),
        json!({"op": "location", "path": "/a", "swap": "innerHTML later:1s"}),
        json!({"op": "retarget", "selector": "#a["}),
        json!({"op": "trigger", "name": "a", "target": ""}),
        json!({"op": "oob", "id": "o1", "style": "textContent", "html": "x"}),
        json!({"op": "oob", "html": "x"}),
        json!({"op": "no such operation"}),
    ] {
        let answer = browser
            .post("/t/respond")
            .htmx()
            .json(&json!({"ops": [op]}))
            .send()
            .await;
        assert!(answer.status >= 400, "{op} answered {}", answer.status);
        for header in ["hx-redirect", "hx-location", "hx-push-url", "location"] {
            assert_eq!(answer.header(header), None, "{op}");
        }
    }
    for status in [0, 100, 101, 199, 1000] {
        let spec = json!({"status": status});
        let answer = browser.post("/t/respond").json(&spec).send().await;
        assert!(
            (400..600).contains(&answer.status),
            "{status}: {}",
            answer.status
        );
    }
    assert_eq!(browser.get("/").send().await.status, 200);
}
