//! What a handler is told.

use serde_json::{Value, json};

use crate::app::*;

async fn echoed(headers: &[(&str, &str)]) -> Value {
    serde_json::from_str(&text(get_with("/echo", headers).await).await).unwrap()
}

#[tokio::test]
async fn plain_navigation_says_nothing() {
    let nothing = json!({
        "is_htmx": false, "boosted": false, "history_restore": false, "target": null,
        "target_tag": null, "trigger": null, "trigger_name": null, "prompt": null,
        "current_url": null, "request_type": null, "htmx_version": null, "trigger_tag": null, "ptag": null,
    });
    assert_eq!(echoed(NONE).await, nothing);
}

#[tokio::test]
async fn htmx_2_sends_ids_as_they_are() {
    let headers = [
        ("HX-Request", "true"),
        ("HX-Trigger", "btn"),
        ("HX-Trigger-Name", "q"),
        ("HX-Target", "out"),
        ("HX-Current-URL", "http://h/p?a=1"),
    ];
    let echo = echoed(&headers).await;
    let expected = json!({
        "is_htmx": true, "boosted": false, "history_restore": false, "target": "out",
        "target_tag": null, "trigger": "btn", "trigger_name": "q", "prompt": null,
        "current_url": "http://h/p?a=1", "request_type": null, "htmx_version": 2, "trigger_tag": null, "ptag": null,
    });
    assert_eq!(echo, expected);
}

#[tokio::test]
async fn htmx_4_sends_elements() {
    let echo = echoed(V4).await;
    assert_eq!(
        (&echo["trigger"], &echo["target"]),
        (&json!("btn"), &json!("out"))
    );
    assert_eq!(
        (&echo["target_tag"], &echo["request_type"]),
        (&json!("div"), &json!("partial"))
    );
    assert_eq!(
        (&echo["trigger_tag"], &echo["htmx_version"]),
        (&json!("button"), &json!(4))
    );
    let echo = echoed(V4_BOOSTED).await;
    assert_eq!(
        (&echo["trigger"], &echo["target"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&echo["target_tag"], &echo["request_type"]),
        (&json!("body"), &json!("full"))
    );
}

#[tokio::test]
async fn encoded_values_are_decoded_when_marked() {
    for (name, field) in [
        ("hx-trigger", "trigger"),
        ("hx-target", "target"),
        ("hx-trigger-name", "trigger_name"),
        ("hx-prompt", "prompt"),
    ] {
        let marker = format!("{name}-uri-autoencoded");
        let value = (name, "%E6%97%A5%E6%9C%AC");
        assert_eq!(
            echoed(&[value, (marker.as_str(), "true")]).await[field],
            "日本",
            "{name}"
        );
        assert_eq!(
            echoed(&[value]).await[field],
            "%E6%97%A5%E6%9C%AC",
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_empty_prompt_is_an_answer() {
    assert_eq!(echoed(&[("hx-prompt", "")]).await["prompt"], "");
}

#[tokio::test]
async fn what_is_no_url_is_nothing() {
    let url = "http://127.0.0.1:1/p?q=%C3%A9#frag%20x";
    assert_eq!(echoed(&[("hx-current-url", url)]).await["current_url"], url);
    assert_eq!(
        echoed(&[("hx-current-url", ":::")]).await["current_url"],
        Value::Null
    );
}

#[tokio::test]
async fn a_page_or_a_part_of_it_by_who_asks() {
    for whole in [NONE, V2_BOOSTED, V2_RESTORE, V4_BOOSTED, V4_RESTORE] {
        assert_eq!(
            text(get_with("/page", whole).await).await,
            "<html><p>",
            "{whole:?}"
        );
    }
    for part in [V2, V4] {
        assert_eq!(text(get_with("/page", part).await).await, "<p>", "{part:?}");
    }
}

#[tokio::test]
async fn the_version_of_what_is_shown_comes_back() {
    assert_eq!(echoed(&[("hx-ptag", "v7")]).await["ptag"], "v7");
}
