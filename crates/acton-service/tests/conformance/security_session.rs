//! The session and its cookie.

use std::time::Duration;

use crate::browser::Browser;
use crate::place::Place;

on_both_stores![
    a_public_page_sets_no_cookie,
    the_cookie_is_as_strict_as_its_origin_allows,
    a_read_returns_the_value_and_keeps_the_id,
    an_id_the_server_did_not_make_is_not_adopted,
    a_nonsense_id_is_anonymous,
    reading_keeps_a_session_alive_until_its_absolute_end,
    nothing_is_stored_after_a_server_error,
    parallel_writers_of_different_keys_lose_nothing,
    a_request_in_flight_does_not_revive_a_session_that_was_logged_out,
];

async fn set(browser: &Browser, key: &str, value: &str) {
    let answer = browser
        .post("/session/set")
        .form(&[("k", key), ("v", value)])
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn get(browser: &Browser, key: &str) -> String {
    let answer = browser.get(&format!("/session/get?k={key}")).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

async fn a_public_page_sets_no_cookie(place: Place) {
    let answer = place.start().browser().get("/").send().await;
    assert_eq!(answer.status, 200);
    assert!(answer.all("set-cookie").is_empty());
}

async fn the_cookie_is_as_strict_as_its_origin_allows(place: Place) {
    let http = place.start();
    let https = place.with(&[("ACTON_SERVICE__PUBLIC_ORIGIN", "https://board.example")]);
    for (fixture, name, secure) in [(&http, "id", false), (&https, "__Host-id", true)] {
        let answer = fixture
            .browser()
            .post("/session/set")
            .form(&[("k", "a"), ("v", "1")])
            .send()
            .await;
        let lines = answer.all("set-cookie");
        let [line] = lines[..] else {
            panic!("one cookie, found {lines:?}")
        };
        assert!(line.starts_with(&format!("{name}=")), "{line}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(line.contains(attribute), "{attribute} in {line}");
        }
        assert!(!line.contains("Domain"), "{line}");
        assert_eq!(line.contains("Secure"), secure, "{line}");
    }
}

async fn a_read_returns_the_value_and_keeps_the_id(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    set(&browser, "a", "1").await;
    let id = browser.session_id();
    assert_eq!(get(&browser, "a").await, "1");
    assert_eq!(browser.session_id(), id);
}

async fn an_id_the_server_did_not_make_is_not_adopted(place: Place) {
    let fixture = place.start();
    let donor = fixture.browser();
    set(&donor, "a", "1").await;
    let mut forged: Vec<char> = donor.session_id().unwrap().chars().collect();
    forged[3] = if forged[3] == 'A' { 'B' } else { 'A' };
    let forged: String = forged.into_iter().collect();

    let browser = fixture.browser();
    browser.set_cookie("id", &forged);
    set(&browser, "a", "2").await;
    assert_ne!(browser.session_id(), Some(forged));
}

async fn a_nonsense_id_is_anonymous(place: Place) {
    let fixture = place.start();
    let long = "x".repeat(10_000);
    for id in ["", "x", &long, "../../etc", "%00"] {
        let browser = fixture.browser();
        browser.set_cookie("id", id);
        assert_eq!(
            browser
                .get("/me")
                .header("accept", "application/json")
                .send()
                .await
                .status,
            401,
            "{id}"
        );
    }
    let answer = fixture
        .browser()
        .get("/session/get?k=a")
        .header("cookie", b"id=caf\xE9\xFF")
        .send()
        .await;
    assert!(answer.status < 500);
}

async fn reading_keeps_a_session_alive_until_its_absolute_end(place: Place) {
    let idle = place.with(&[("ACTON_SESSION__IDLE", "3s")]);
    let browser = idle.browser();
    set(&browser, "a", "1").await;
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(get(&browser, "a").await, "1");
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_ne!(get(&browser, "a").await, "1");

    let absolute = place.with(&[("ACTON_SESSION__ABSOLUTE", "3s")]);
    let browser = absolute.browser();
    set(&browser, "a", "1").await;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        get(&browser, "a").await;
    }
    assert_ne!(get(&browser, "a").await, "1");
}

async fn nothing_is_stored_after_a_server_error(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    set(&browser, "a", "1").await;
    let answer = browser
        .post("/session/set")
        .form(&[("k", "a"), ("v", "2"), ("status", "500")])
        .send()
        .await;
    assert_eq!(answer.status, 500);
    assert_eq!(get(&browser, "a").await, "1");
}

async fn parallel_writers_of_different_keys_lose_nothing(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    set(&browser, "start", "1").await;
    let writers = (0..16).map(|number| {
        let (browser, key) = (&browser, format!("k{number}"));
        async move {
            let fields = [("k", key.as_str()), ("v", "1"), ("delay_ms", "50")];
            assert_eq!(
                browser
                    .post("/session/set")
                    .form(&fields)
                    .send()
                    .await
                    .status,
                200
            );
        }
    });
    futures_util::future::join_all(writers).await;
    for number in 0..16 {
        assert_eq!(get(&browser, &format!("k{number}")).await, "1", "k{number}");
    }
}

async fn a_request_in_flight_does_not_revive_a_session_that_was_logged_out(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    browser.log_in("alice").await;
    let old = browser.cloned_to(&fixture.origin());
    let token = browser.csrf_token().await;
    let slow = async {
        let fields = [("k", "a"), ("v", "1"), ("delay_ms", "300")];
        old.cloned_to(&fixture.origin())
            .post("/session/set")
            .form(&fields)
            .send()
            .await
    };
    let logout = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        browser
            .post("/logout")
            .form(&[("csrf_token", &token)])
            .send()
            .await
    };
    let (slow, logout) = futures_util::future::join(slow, logout).await;
    assert!(
        slow.status < 500 && logout.status < 400,
        "{} {}",
        slow.status,
        logout.status
    );
    assert_eq!(old.user().await, None);
}
