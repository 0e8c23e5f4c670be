//! What an answer becomes for who asked.

use acton_htmx::HxEvent;
use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::get,
};
use tower::ServiceExt;

use crate::app::*;

#[tokio::test]
async fn vary_names_what_was_looked_at_and_nothing_else() {
    let sum = [
        "HX-Request",
        "HX-Boosted",
        "HX-History-Restore-Request",
        "HX-Request-Type",
        "HX-Source",
        "accept-encoding",
    ];
    assert_eq!(varies_by(&get_with("/page", NONE).await), sum);
    assert_eq!(varies_by(&get_with("/not-modified", V2).await), sum);
    let wanted = [&sum[..4], &sum[5..]].concat();
    assert_eq!(varies_by(&get_with("/redirect", V2).await), wanted);
    assert_eq!(varies_by(&get_with("/status/404", NONE).await), wanted);
    assert_eq!(
        varies_by(&get_with("/plain", V2).await),
        ["accept-encoding"]
    );
    assert_eq!(
        varies_by(&get_with("/unchanged", V2).await),
        ["accept-encoding"]
    );
    assert!(varies_by(&get_with("/by-target", NONE).await).contains(&"HX-Target"));
}

#[tokio::test]
async fn a_redirect_fits_who_asks() {
    for path in ["/redirect", "/303-redirect"] {
        for htmx in [V2, V4, V2_BOOSTED, V4_BOOSTED] {
            let response = send("POST", path, htmx).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(line(&response, "hx-redirect"), Some("/login"));
            assert_eq!(line(&response, "location"), None);
        }
        for browser in [NONE, V2_RESTORE, V4_RESTORE] {
            let response = send("POST", path, browser).await;
            assert_eq!(response.status(), StatusCode::SEE_OTHER, "{path}");
            assert_eq!(line(&response, "location"), Some("/login"));
            assert_eq!(line(&response, "hx-redirect"), None);
        }
    }
}

#[tokio::test]
async fn another_origin_is_never_sent() {
    let response = send("POST", "/foreign", V2).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn a_location_is_json_for_htmx_and_a_redirect_for_a_browser() {
    let response = send("POST", "/location", V4).await;
    let json = r##"{"path":"/tasks","target":"#out","values":{"q":"\u00e9"},"push":false}"##;
    assert_eq!(line(&response, "hx-location"), Some(json));
    let response = send("POST", "/location", NONE).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(line(&response, "location"), Some("/tasks?q=%C3%A9"));
}

#[tokio::test]
async fn a_refresh_sends_a_browser_back() {
    assert_eq!(
        line(&send("POST", "/refresh", V2).await, "hx-refresh"),
        Some("true")
    );
    let form = [("host", "h"), ("referer", "http://h/tasks?page=2")];
    let response = send("POST", "/refresh", &form).await;
    assert_eq!(line(&response, "location"), Some("/tasks?page=2"));
    assert_eq!(
        send("GET", "/refresh", &form).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_303_never_puts_a_page_into_a_fragment() {
    for htmx in [V2, V4] {
        let response = send("POST", "/303", htmx).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(line(&response, "hx-redirect"), Some("/login"));
        assert_eq!(line(&response, "location"), None);
        assert_eq!(line(&response, "set-cookie"), Some("id=1"));
        assert_eq!(text(response).await, "");
    }
    for follows in [NONE, V2_BOOSTED, V4_BOOSTED, V2_RESTORE, V4_RESTORE] {
        let response = send("POST", "/303", follows).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{follows:?}");
        assert_eq!(line(&response, "hx-redirect"), None);
    }
}

#[tokio::test]
async fn a_redirect_that_repeats_a_form_is_followed() {
    assert_eq!(
        send("POST", "/307", V2).await.status(),
        StatusCode::TEMPORARY_REDIRECT
    );
    assert_eq!(
        line(&send("GET", "/307", V2).await, "hx-redirect"),
        Some("/login")
    );
}

#[tokio::test]
async fn a_redirect_abroad_is_left_by_the_page_itself() {
    let abroad = get_with("/abroad", V2).await;
    assert_eq!(
        line(&abroad, "hx-redirect"),
        Some("https://id.example/authorize")
    );
    let script = get_with("/script", V2).await;
    assert_eq!(
        (script.status(), line(&script, "hx-redirect")),
        (StatusCode::SEE_OTHER, None)
    );
}

#[tokio::test]
async fn a_relative_redirect_counts_from_the_whole_path() {
    let response = send("POST", "/nested/task", V2).await;
    assert_eq!(line(&response, "hx-redirect"), Some("/nested/task?done"));
}

#[tokio::test]
async fn an_error_stays_out_of_a_fragment() {
    for status in [400, 401, 403, 404, 405, 413, 429, 500, 503] {
        let path = format!("/status/{status}");
        for htmx in [V2, V4] {
            assert_eq!(
                line(&get_with(&path, htmx).await, "hx-reswap"),
                Some("none")
            );
        }
        for page in [NONE, V2_BOOSTED, V4_BOOSTED, V2_RESTORE, V4_RESTORE] {
            assert_eq!(line(&get_with(&path, page).await, "hx-reswap"), None);
        }
    }
    assert_eq!(line(&get_with("/status/422", V4).await, "hx-reswap"), None);
    assert_eq!(line(&get_with("/retargeted", V4).await, "hx-reswap"), None);
    assert_eq!(line(&get_with("/status/200", V4).await, "hx-reswap"), None);
}

#[tokio::test]
async fn every_event_reaches_both_dialects() {
    let v2 = get_with("/late", V2).await;
    assert_eq!(line(&v2, "hx-trigger"), Some("received"));
    assert_eq!(line(&v2, "hx-trigger-after-swap"), Some("swapped"));
    assert_eq!(line(&v2, "hx-trigger-after-settle"), Some("settled"));
    let v4 = get_with("/late", V4).await;
    assert_eq!(line(&v4, "hx-trigger"), Some("received, swapped, settled"));
    assert_eq!(line(&v4, "hx-trigger-after-swap"), None);
    assert!(varies_by(&v4).contains(&"HX-Source"));
}

#[tokio::test]
async fn no_event_waits_for_a_swap_that_never_comes() {
    for htmx in [V2, V4] {
        for status in ["204", "404"] {
            let response = get_with(&format!("/late/{status}"), htmx).await;
            assert_eq!(line(&response, "hx-trigger"), Some("swapped, settled"));
            assert_eq!(line(&response, "hx-trigger-after-swap"), None);
            assert_eq!(line(&response, "hx-trigger-after-settle"), None);
            let by_version = varies_by(&response).contains(&"HX-Source");
            assert_eq!(by_version, status == "404", "{status}");
        }
    }
    let boosted = get_with("/late/404", V2_BOOSTED).await;
    assert_eq!(line(&boosted, "hx-trigger-after-swap"), Some("swapped"));
    let form = get_with("/late/422", V2).await;
    assert_eq!(line(&form, "hx-trigger-after-swap"), Some("swapped"));
}

#[tokio::test]
async fn no_event_waits_for_a_swap_that_the_handler_rules_out() {
    for htmx in [V2, V2_BOOSTED, V4] {
        for (path, events) in [
            ("/late/304", "swapped, settled"),
            ("/late-location", "swapped"),
            ("/late-nowhere/422", "swapped, settled"),
            ("/late-nowhere/500", "swapped, settled"),
        ] {
            let response = get_with(path, htmx).await;
            assert_eq!(line(&response, "hx-trigger"), Some(events), "{path}");
            assert_eq!(line(&response, "hx-trigger-after-swap"), None, "{path}");
            assert_eq!(line(&response, "hx-trigger-after-settle"), None, "{path}");
        }
    }
    let shown = get_with("/late-nowhere/200", V2).await;
    assert_eq!(line(&shown, "hx-trigger-after-swap"), Some("swapped"));
}

#[tokio::test]
async fn events_of_other_layers_share_the_line() {
    let merged = r##"{"flash":"Saved","saved":{"target":"#list"}}"##;
    assert_eq!(
        line(&get_with("/two-layers", V2).await, "hx-trigger"),
        Some(merged)
    );
}

#[tokio::test]
async fn modifiers_are_spelled_for_who_asks() {
    let v2 = get_with("/reswap", V2).await;
    assert_eq!(
        line(&v2, "hx-reswap"),
        Some("innerHTML scroll:#a:top focus-scroll:true")
    );
    let v4 = get_with("/reswap", V4).await;
    let spelled = "innerMorph scroll:top scrollTarget:#a focusScroll:true";
    assert_eq!(line(&v4, "hx-reswap"), Some(spelled));
    assert!(varies_by(&v2).contains(&"HX-Source"));
}

#[tokio::test]
async fn parts_for_other_targets_come_along() {
    let response = get_with("/parts", V2).await;
    assert_eq!(
        line(&response, "content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(line(&response, "hx-trigger"), Some("saved"));
    let part = r##"<hx-partial hx-target="#count" hx-swap="innerHTML">&lt;3&gt;</hx-partial>"##;
    assert_eq!(text(response).await, format!("<p>m</p>{part}"));
}

#[tokio::test]
async fn responders_work_without_the_layer() {
    let event = (HxEvent::new("a"), HxEvent::new("b"), HeaderMap::new(), "x").into_response();
    assert_eq!(line(&event, "hx-trigger"), Some("a, b"));
    let echo = Router::new()
        .route("/", get(page))
        .oneshot(request("GET", "/", V2))
        .await
        .unwrap();
    assert_eq!(text(echo).await, "<p>");
}

#[tokio::test]
async fn content_that_failed_is_no_success_whatever_stands_around_it() {
    for who in [NONE, V2, V4] {
        let response = send("POST", "/failed-part", who).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        for name in ["hx-trigger", "hx-redirect", "location"] {
            assert_eq!(line(&response, name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn a_boosted_link_leaves_for_another_origin_by_itself() {
    for htmx in [V2_BOOSTED, V4_BOOSTED] {
        let with_host = |host| [htmx, &[("host", host)]].concat();
        let response = get_with("/abroad", &with_host("app.example")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let target = Some("https://id.example/authorize");
        assert_eq!(line(&response, "hx-redirect"), target);
        let response = get_with("/abroad", &with_host("id.example")).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a_url_to_show_counts_beside_the_wish_to_push_none() {
    for htmx in [V2, V4] {
        let response = get_with("/history", htmx).await;
        assert_eq!(line(&response, "hx-push-url"), None);
        assert_eq!(line(&response, "hx-replace-url"), Some("/tasks"));
    }
}
