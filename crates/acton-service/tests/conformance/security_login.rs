//! Login, logout and guards.

use crate::browser::{Answer, Browser, encode};
use crate::place::Place;

on_both_stores![
    login_moves_the_data_to_a_new_id,
    login_answers_htmx_with_a_redirect_it_can_follow,
    logout_is_final,
    another_user_finds_nothing_of_the_one_before,
    logout_needs_a_post,
    a_new_password_ends_the_other_sessions,
    a_disabled_user_is_out_everywhere,
    a_login_beside_a_disabling_lets_nobody_in,
    the_guard_answers_by_who_asks,
    a_missing_role_is_forbidden,
    every_failed_login_looks_the_same,
    a_login_without_a_token_is_refused,
    next_stays_on_this_origin,
    guessing_one_account_is_slowed_down_and_others_are_not,
];

async fn log_out(browser: &Browser) -> Answer {
    let token = browser.csrf_token().await;
    browser
        .post("/logout")
        .form(&[("csrf_token", &token)])
        .send()
        .await
}

async fn login_moves_the_data_to_a_new_id(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    browser
        .post("/session/set")
        .form(&[("k", "cart"), ("v", "3")])
        .send()
        .await;
    let before = browser.cloned_to(&fixture.origin());
    browser.log_in("alice").await;
    assert_ne!(browser.session_id(), before.session_id());
    assert!(browser.user().await.unwrap().contains("alice"));
    assert_eq!(browser.get("/session/get?k=cart").send().await.text(), "3");
    assert_eq!(before.user().await, None);
    assert_ne!(before.get("/session/get?k=cart").send().await.text(), "3");
}

async fn login_answers_htmx_with_a_redirect_it_can_follow(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    let token = browser.csrf_token().await;
    let fields = [
        ("username", "alice"),
        ("password", "correct horse alice"),
        ("next", "/me"),
        ("csrf_token", &token),
    ];
    let answer = browser.post("/login").htmx().form(&fields).send().await;
    assert_eq!(
        (answer.status, answer.header("hx-redirect")),
        (200, Some("/me"))
    );
}

async fn logout_is_final(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    browser.log_in("alice").await;
    let old = browser.cloned_to(&fixture.origin());
    let answer = log_out(&browser).await;
    assert!(answer.header("cache-control").unwrap().contains("no-store"));
    let deletion = answer.all("set-cookie").concat();
    assert!(
        deletion.starts_with("id=")
            && deletion.contains("Max-Age=0")
            && deletion.contains("Path=/"),
        "{deletion}"
    );
    assert_eq!(old.user().await, None);
}

async fn another_user_finds_nothing_of_the_one_before(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    browser.log_in("alice").await;
    browser
        .post("/session/set")
        .form(&[("k", "diary"), ("v", "private")])
        .send()
        .await;
    let alice = browser.session_id();
    browser.log_in("bob").await;
    assert_ne!(browser.session_id(), alice);
    assert_ne!(
        browser.get("/session/get?k=diary").send().await.text(),
        "private"
    );
}

async fn logout_needs_a_post(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    browser.log_in("alice").await;
    assert_eq!(browser.get("/logout").send().await.status, 405);
    assert!(browser.user().await.is_some());
}

async fn a_new_password_ends_the_other_sessions(place: Place) {
    let fixture = place.start();
    let (here, there) = (fixture.browser(), fixture.browser());
    here.log_in("alice").await;
    there.log_in("alice").await;
    let before = here.session_id();
    let token = here.csrf_token().await;
    let fields = [
        ("current", "correct horse alice"),
        ("new", "another horse alice"),
        ("csrf_token", &token),
    ];
    let answer = here.post("/password").form(&fields).send().await;
    assert!(answer.status < 400, "{}", answer.text());
    assert!(here.user().await.is_some());
    assert_ne!(here.session_id(), before);
    assert_eq!(there.user().await, None);
}

async fn a_disabled_user_is_out_everywhere(place: Place) {
    let fixture = place.start();
    let (alice, bob) = (fixture.browser(), fixture.browser());
    alice.log_in("alice").await;
    bob.log_in("bob").await;
    let token = bob.csrf_token().await;
    let answer = bob
        .post("/admin/disable")
        .form(&[("username", "alice"), ("csrf_token", &token)])
        .send()
        .await;
    assert!(answer.status < 400, "{}", answer.text());
    assert_eq!(alice.user().await, None);
    assert_ne!(
        fixture
            .browser()
            .try_log_in("alice", "correct horse alice")
            .await
            .status,
        303
    );
}

/// Whoever comes first, nobody is in afterwards: a login that was done before the disabling is ended by it, and any
/// other is refused. Every order is played step by step in `acton-session/tests/http/disabling.rs`.
async fn a_login_beside_a_disabling_lets_nobody_in(place: Place) {
    let fixture = place.start();
    let bob = fixture.browser();
    bob.log_in("bob").await;
    let token = bob.csrf_token().await;
    let people: Vec<_> = (0..6).map(|_| fixture.browser()).collect();
    let logins = people
        .iter()
        .map(|alice| alice.try_log_in("alice", "correct horse alice"));
    let disabling = async {
        let fields = [("username", "alice"), ("csrf_token", token.as_str())];
        bob.post("/admin/disable").form(&fields).send().await
    };
    let (answers, answer) =
        futures_util::future::join(futures_util::future::join_all(logins), disabling).await;
    assert!(answer.status < 400, "{}", answer.text());
    for (alice, answer) in people.iter().zip(answers) {
        assert!([303, 422].contains(&answer.status), "{}", answer.text());
        assert_eq!(alice.user().await, None);
    }
}

async fn the_guard_answers_by_who_asks(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    let page = browser.get("/me").send().await;
    assert_eq!(
        (page.status, page.header("location")),
        (303, Some("/login?next=%2Fme"))
    );
    let current = format!("{}/tasks?filter=open", fixture.origin());
    let htmx = browser
        .get("/me")
        .htmx()
        .header("HX-Current-URL", current)
        .send()
        .await;
    assert_eq!(
        (htmx.status, htmx.header("hx-redirect")),
        (401, Some("/login?next=%2Ftasks%3Ffilter%3Dopen"))
    );
    let api = browser
        .get("/me")
        .header("accept", "application/json")
        .send()
        .await;
    assert_eq!((api.status, api.header("location")), (401, None));
}

async fn a_missing_role_is_forbidden(place: Place) {
    let fixture = place.start();
    let (alice, bob) = (fixture.browser(), fixture.browser());
    alice.log_in("alice").await;
    bob.log_in("bob").await;
    let refused = alice.get("/admin").send().await;
    assert_eq!((refused.status, refused.header("location")), (403, None));
    assert!(!refused.text().contains("for admins"));
    let page = bob.get("/admin").send().await;
    assert_eq!((page.status, page.text().as_str()), (200, "for admins"));
}

async fn every_failed_login_looks_the_same(place: Place) {
    let fixture = place.start();
    let mut seen = Vec::new();
    for (user, password) in [
        ("alice", "wrong horse"),
        ("nobody", "correct horse"),
        ("carol", "correct horse carol"),
    ] {
        let answer = fixture.browser().try_log_in(user, password).await;
        // The one says when it was, and the other which request it was.
        let changing = ["date", "x-request-id"];
        let lines = answer.headers.iter().map(|(name, value)| {
            let value = value.to_str().unwrap();
            match changing.contains(&name.as_str()) {
                true => name.to_string(),
                false => format!("{name}: {value}"),
            }
        });
        let mut headers: Vec<String> = lines.collect();
        headers.sort_unstable();
        let body = without_changing_parts(&answer.text(), user);
        seen.push((answer.status, headers, body));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    assert!((400..500).contains(&seen[0].0));
}

/// Tokens, request ids and the name that was typed differ between two renders of one page.
fn without_changing_parts(body: &str, user: &str) -> String {
    let words = body.replace(user, "USER");
    let words = words.split('"').map(|word| {
        if word.len() > 30 && !word.contains(' ') {
            "…"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join("\"")
}

async fn a_login_without_a_token_is_refused(place: Place) {
    let fixture = place.start();
    let fields = [("username", "alice"), ("password", "correct horse alice")];
    assert_eq!(
        fixture
            .browser()
            .post("/login")
            .form(&fields)
            .send()
            .await
            .status,
        403
    );
}

async fn next_stays_on_this_origin(place: Place) {
    let fixture = place.start();
    for (next, location) in [
        ("/me?x=1", "/me?x=1"),
        ("https://evil.test", "/"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.test", "/"),
        ("", "/"),
    ] {
        let browser = fixture.browser();
        let token = browser.csrf_token().await;
        let fields = [
            ("username", "alice"),
            ("password", "correct horse alice"),
            ("next", next),
            ("csrf_token", &token),
        ];
        let answer = browser
            .post(&format!("/login?next={}", encode(next)))
            .form(&fields)
            .send()
            .await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some(location)),
            "next={next}"
        );
    }
}

async fn guessing_one_account_is_slowed_down_and_others_are_not(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(browser.try_log_in("alice", "wrong horse").await.status);
    }
    let answer = browser.try_log_in("alice", "correct horse alice").await;
    assert_eq!(answer.status, 429, "after {statuses:?}");
    assert!(
        answer
            .header("retry-after")
            .unwrap()
            .parse::<u32>()
            .unwrap()
            > 0
    );
    fixture.browser().log_in("bob").await;
}
