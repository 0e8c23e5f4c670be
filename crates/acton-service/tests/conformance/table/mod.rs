//! Every kind of request × every kind of answer: status, headers, an exact `Vary`, messages, page or
//! fragment, against a short oracle.

mod case;
mod oracle;

use case::Case;
use oracle::{Body, oracle};

use crate::browser::Answer;
use crate::fixture::Fixture;
use crate::htmx_headers::event_names;

type Lines = &'static [(&'static str, &'static str)];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Page,
    Fragment,
    Boosted,
    History,
    /// The body is replaced, or a part of a page selected.
    Full,
}

use Kind::{Boosted, Fragment, Full, History, Page};

const REQUEST: (&str, &str) = ("HX-Request", "true");
const BOOST: (&str, &str) = ("HX-Boosted", "true");
const RESTORE: (&str, &str) = ("HX-History-Restore-Request", "true");
const SOURCE: (&str, &str) = ("HX-Source", "button#btn");
const PARTIAL: (&str, &str) = ("HX-Request-Type", "partial");
const FULL: (&str, &str) = ("HX-Request-Type", "full");
/// As the script of the head says it for htmx 2.
const FULL_2: (&str, &str) = ("HX-Request-Type", "full;htmx=2");

/// An element with an id, as each version names it. No answer depends on it.
const INTO_2: (&str, &str) = ("HX-Target", "out");
const INTO_4: (&str, &str) = ("HX-Target", "div#out");

/// Who asks: htmx 2, htmx 4, or no htmx at all.
const WHO: [(Kind, Lines); 14] = [
    (Page, &[]),
    (Page, &[("HX-Request", "false")]),
    (Fragment, &[REQUEST]),
    (Fragment, &[REQUEST, INTO_2]),
    (Full, &[REQUEST, FULL_2]),
    (Boosted, &[REQUEST, BOOST]),
    (Boosted, &[REQUEST, BOOST, INTO_2]),
    (History, &[REQUEST, RESTORE]),
    (Fragment, &[REQUEST, SOURCE, PARTIAL]),
    (Fragment, &[REQUEST, SOURCE, PARTIAL, INTO_4]),
    (Full, &[REQUEST, SOURCE, FULL]),
    (Boosted, &[REQUEST, SOURCE, FULL, BOOST]),
    (Boosted, &[REQUEST, SOURCE, PARTIAL, BOOST, INTO_4]),
    (History, &[RESTORE, FULL]),
];

/// The messages in a page, in order.
fn messages(page: &str) -> Vec<String> {
    let items = page.split("<li>").skip(1);
    items
        .filter_map(|item| Some(item.split_once("</li>")?.0.to_owned()))
        .collect()
}

fn body_of(answer: &Answer) -> Body {
    let text = answer.text();
    if text.is_empty() {
        return Body::Nothing;
    }
    let kind = answer.header("content-type");
    if kind == Some("text/plain; charset=utf-8") {
        assert!(!text.contains('<'), "{text}");
        return Body::Text;
    }
    assert_eq!(kind, Some("text/html; charset=utf-8"));
    let is_page = text.starts_with("<!doctype html>") && text.contains("<main");
    assert!(
        is_page || !text.contains("<main") && !text.contains("<html"),
        "{text}"
    );
    if is_page { Body::Page } else { Body::Fragment }
}

#[tokio::test]
async fn every_cell_of_the_table_holds_what_the_oracle_says() {
    let fixture = Fixture::start();
    for case in Case::all() {
        for (kind, lines) in WHO {
            let browser = fixture.browser();
            browser.get("/t/flash/set?m=first").send().await;
            let request = browser.get(&case.path());
            let request = lines.iter().fold(request, |request, (name, value)| {
                request.header(name, value)
            });
            let answer = request.send().await;
            let waiting = messages(&browser.get("/t/flash/show").send().await.text());

            let cell = format!("{case:?} for {lines:?}");
            let is_v4 = lines.contains(&SOURCE) || lines == [RESTORE, FULL];
            let expected = oracle(case, kind, is_v4);
            let mut vary = answer.vary();
            vary.sort_unstable();
            assert_eq!(vary, expected.vary, "{cell}");
            assert_eq!(
                (answer.status, body_of(&answer)),
                (expected.status, expected.body),
                "{cell}"
            );
            for (name, value) in [
                ("location", expected.location),
                ("hx-redirect", expected.redirect),
                ("hx-retarget", expected.retarget),
                ("hx-reswap", expected.reswap),
                ("hx-reselect", expected.reselect),
            ] {
                assert_eq!(answer.header(name), value, "{name} of {cell}");
            }
            let moments = [
                "hx-trigger",
                "hx-trigger-after-swap",
                "hx-trigger-after-settle",
            ];
            for (moment, expected) in moments.into_iter().zip(expected.events) {
                assert_eq!(event_names(&answer, moment), expected, "{moment} of {cell}");
            }
            assert_eq!(messages(&answer.text()), expected.shown, "{cell}");
            assert_eq!(waiting, expected.waiting, "{cell}");
            assert!(answer.header("x-request-id").is_some(), "{cell}");
        }
    }
}
