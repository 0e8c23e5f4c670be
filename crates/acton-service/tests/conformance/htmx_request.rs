//! What a handler is told about the request: `/t/echo`, and what a shared cache is told.

use serde_json::{Value, json};

use crate::browser::Request;
use crate::fixture::Fixture;

async fn echo(fixture: &Fixture, prepare: impl FnOnce(Request<'_>) -> Request<'_>) -> Value {
    let browser = fixture.browser();
    let answer = prepare(browser.get("/t/echo")).send().await;
    assert_eq!(answer.status, 200);
    answer.json()
}

fn expect(found: &Value, wanted: Value) {
    for (key, value) in wanted.as_object().unwrap() {
        assert_eq!(&found[key], value, "{key} in {found}");
    }
}

#[tokio::test]
async fn plain_navigation_carries_no_htmx_information() {
    let found = echo(&Fixture::start(), |request| request).await;
    expect(
        &found,
        json!({
            "is_htmx": false, "boosted": false, "history_restore": false, "target": null,
            "target_tag": null, "trigger": null, "trigger_name": null, "prompt": null,
            "current_url": null, "request_type": null, "htmx_version": null,
        }),
    );
}

#[tokio::test]
async fn only_the_value_true_means_htmx() {
    let fixture = Fixture::start();
    for (value, is_htmx) in [("true", true), ("false", false), ("1", false), ("", false)] {
        let found = echo(&fixture, |request| request.header("HX-Request", value)).await;
        assert_eq!(found["is_htmx"], is_htmx, "HX-Request: {value}");
    }
}

#[tokio::test]
async fn htmx_2_sends_ids_as_they_are() {
    let found = echo(&Fixture::start(), |request| {
        request
            .htmx()
            .header("HX-Trigger", "btn")
            .header("HX-Trigger-Name", "q")
            .header("HX-Target", "out")
            .header("HX-Current-URL", "http://h/p?a=1")
    })
    .await;
    expect(
        &found,
        json!({"trigger": "btn", "trigger_name": "q", "target": "out", "target_tag": null,
            "current_url": "http://h/p?a=1", "htmx_version": 2}),
    );
}

#[tokio::test]
async fn htmx_4_sends_a_tag_and_an_encoded_id() {
    let fixture = Fixture::start();
    let found = echo(&fixture, |request| {
        request.htmx4().header("HX-Target", "div#out")
    })
    .await;
    expect(
        &found,
        json!({"trigger": "btn", "target": "out", "target_tag": "div", "request_type": "partial", "htmx_version": 4}),
    );
    let found = echo(&fixture, |request| {
        request
            .htmx()
            .header("HX-Source", "button#%E6%97%A5%23")
            .header("HX-Target", "div#a%2520b")
    })
    .await;
    expect(&found, json!({"trigger": "日#", "target": "a%20b"}));
}

#[tokio::test]
async fn htmx_4_elements_without_an_id_have_only_a_tag() {
    let found = echo(&Fixture::start(), |request| {
        request
            .htmx()
            .header("HX-Source", "button")
            .header("HX-Target", "body")
            .header("HX-Request-Type", "full")
    })
    .await;
    expect(
        &found,
        json!({"trigger": null, "target": null, "target_tag": "body", "request_type": "full"}),
    );
}

#[tokio::test]
async fn values_are_percent_decoded_only_when_they_are_marked() {
    let fixture = Fixture::start();
    for (header, key) in [
        ("HX-Trigger", "trigger"),
        ("HX-Target", "target"),
        ("HX-Trigger-Name", "trigger_name"),
        ("HX-Prompt", "prompt"),
    ] {
        let encoded = "%E6%97%A5%E6%9C%AC";
        let marker = format!("{header}-URI-AutoEncoded");
        let found = echo(&fixture, |request| {
            request
                .htmx()
                .header(header, encoded)
                .header(&marker, "true")
        })
        .await;
        assert_eq!(found[key], "日本", "{header} with its marker");
        let found = echo(&fixture, |request| request.htmx().header(header, encoded)).await;
        assert_eq!(found[key], encoded, "{header} without a marker");
        let found = echo(&fixture, |request| {
            request.htmx().header(header, b"caf\xE9")
        })
        .await;
        assert_eq!(
            found[key], "café",
            "{header} as the Latin-1 bytes browsers send"
        );
    }
}

#[tokio::test]
async fn an_empty_prompt_is_an_answer() {
    let found = echo(&Fixture::start(), |request| {
        request.htmx().header("HX-Prompt", "")
    })
    .await;
    assert_eq!(found["prompt"], "");
}

#[tokio::test]
async fn the_current_url_keeps_its_fragment_and_nonsense_is_nothing() {
    let fixture = Fixture::start();
    let url = "http://127.0.0.1:1/p?q=%C3%A9#frag%20x";
    let found = echo(&fixture, |request| {
        request.htmx().header("HX-Current-URL", url)
    })
    .await;
    assert_eq!(found["current_url"], url);
    let found = echo(&fixture, |request| {
        request.htmx().header("HX-Current-URL", ":::")
    })
    .await;
    assert_eq!(found["current_url"], Value::Null);
}

#[tokio::test]
async fn boosted_and_history_requests_are_told_apart() {
    let fixture = Fixture::start();
    let found = echo(&fixture, |request| {
        request
            .header("hx-request", "true")
            .header("hx-boosted", "true")
            .header("hx-history-restore-request", "true")
    })
    .await;
    expect(
        &found,
        json!({"is_htmx": true, "boosted": true, "history_restore": true}),
    );
}

#[tokio::test]
async fn navigation_gets_the_page_and_htmx_the_fragment() {
    let fixture = Fixture::start();
    let browser = fixture.browser();

    let page = browser.get("/t/page").send().await;
    assert_eq!(page.text().matches("<main").count(), 1);
    assert!(page.text().to_lowercase().starts_with("<!doctype html>"));
    assert!(
        page.vary().contains(&"hx-request".into()),
        "{:?}",
        page.vary()
    );

    for fragment in [
        browser.get("/t/page").htmx().send().await,
        browser.get("/t/page").htmx4().send().await,
    ] {
        assert_eq!(fragment.text().trim(), r#"<p id="frag">page</p>"#);
        assert!(
            fragment.vary().contains(&"hx-request".into()),
            "{:?}",
            fragment.vary()
        );
    }
}

#[tokio::test]
async fn boosted_navigation_gets_the_page_and_vary_names_the_reason() {
    let fixture = Fixture::start();
    let page = fixture
        .browser()
        .get("/t/page")
        .htmx()
        .header("HX-Boosted", "true")
        .send()
        .await;
    assert!(page.text().contains("<title>"));
    for name in ["hx-request", "hx-boosted"] {
        assert!(
            page.vary().contains(&name.into()),
            "{name} in {:?}",
            page.vary()
        );
    }
}

#[tokio::test]
async fn a_history_restore_gets_the_page_in_both_majors() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    let restore = || {
        browser
            .get("/t/page")
            .header("HX-History-Restore-Request", "true")
    };
    let two = restore().htmx().send().await;
    let four = restore().header("HX-Request-Type", "full").send().await;
    for page in [two, four] {
        assert!(page.text().contains("<main"), "{}", page.text());
        assert!(
            page.vary().contains(&"hx-history-restore-request".into()),
            "{:?}",
            page.vary()
        );
    }
}

#[tokio::test]
async fn vary_names_exactly_what_was_consulted() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    let plain = browser.get("/t/plain").htmx().send().await;
    assert!(
        !plain.vary().iter().any(|token| token.starts_with("hx-")),
        "{:?}",
        plain.vary()
    );
    let by_target = browser
        .get("/t/by-target")
        .htmx()
        .header("HX-Target", "out")
        .send()
        .await;
    assert!(
        by_target.vary().contains(&"hx-target".into()),
        "{:?}",
        by_target.vary()
    );
}

#[tokio::test]
async fn vary_keeps_the_tokens_of_other_layers_once_each() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    browser.csrf_token().await;
    let answer = browser
        .get("/t/page")
        .header("accept-encoding", "gzip")
        .send()
        .await;
    let mut tokens = answer.vary();
    tokens.sort();
    let mut unique = tokens.clone();
    unique.dedup();
    assert_eq!(tokens, unique);
    for name in ["cookie", "hx-request"] {
        assert!(tokens.contains(&name.into()), "{name} in {tokens:?}");
    }
    if answer.header("content-encoding").is_some() {
        assert!(tokens.contains(&"accept-encoding".into()), "{tokens:?}");
    }
}
