//! Every kind of request × every kind of answer: status, headers, an exact `Vary`, messages, page or
//! fragment, against a short oracle.

use crate::browser::{Answer, encode};
use crate::fixture::Fixture;

type Lines = &'static [(&'static str, &'static str)];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Page,
    Fragment,
    Boosted,
    History,
    /// htmx 4 replaces the body, or selects a part of a page.
    Full,
}

use Kind::{Boosted, Fragment, Full, History, Page};

const REQUEST: (&str, &str) = ("HX-Request", "true");
const BOOST: (&str, &str) = ("HX-Boosted", "true");
const RESTORE: (&str, &str) = ("HX-History-Restore-Request", "true");
const SOURCE: (&str, &str) = ("HX-Source", "button#btn");
const PARTIAL: (&str, &str) = ("HX-Request-Type", "partial");
const FULL: (&str, &str) = ("HX-Request-Type", "full");

/// Who asks: htmx 2, htmx 4, or no htmx at all.
const WHO: [(Kind, Lines); 9] = [
    (Page, &[]),
    (Page, &[("HX-Request", "false")]),
    (Fragment, &[REQUEST]),
    (Boosted, &[REQUEST, BOOST]),
    (History, &[REQUEST, RESTORE]),
    (Fragment, &[REQUEST, SOURCE, PARTIAL]),
    (Full, &[REQUEST, SOURCE, FULL]),
    (Boosted, &[REQUEST, SOURCE, FULL, BOOST]),
    (History, &[RESTORE, FULL]),
];

#[derive(Clone, Copy, Debug)]
enum Case {
    /// A page or a part of it, which leaves messages alone.
    Layered,
    /// A page that shows messages.
    Messages,
    /// A 303 with a message.
    Moved,
    /// A 401 that leads to the login.
    Guarded,
    /// A status and nothing else.
    Bare(u16),
    /// A status over a part of a page.
    OwnFragment(u16),
    /// A status over a whole page.
    OwnPage(u16),
}

const ERRORS: [u16; 6] = [401, 403, 404, 422, 429, 500];

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        let once = [Self::Layered, Self::Messages, Self::Moved, Self::Guarded];
        let errors = ERRORS.into_iter().flat_map(|status| {
            [Self::Bare, Self::OwnFragment, Self::OwnPage].map(|case| case(status))
        });
        once.into_iter().chain(errors)
    }

    fn path(self) -> String {
        let respond = |status: u16, html: &str| {
            let spec = serde_json::json!({"status": status, "html": html});
            format!("/t/respond?spec={}", encode(&spec.to_string()))
        };
        match self {
            Self::Layered => "/t/page".to_owned(),
            Self::Messages => "/t/flash/show".to_owned(),
            Self::Moved => "/t/flash/set?m=second".to_owned(),
            Self::Guarded => "/t/private".to_owned(),
            Self::Bare(404) => "/no/such/page".to_owned(),
            Self::Bare(status) => respond(status, ""),
            Self::OwnFragment(status) => respond(status, "<p>own</p>"),
            Self::OwnPage(status) => respond(status, "<!doctype html><main>own</main>"),
        }
    }
}

/// What is in the body.
#[derive(Debug, PartialEq)]
enum Body {
    Nothing,
    Page,
    Fragment,
    /// A sentence for who does not go where the answer leads.
    Text,
}

#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    body: Body,
    vary: Vec<&'static str>,
    location: Option<&'static str>,
    redirect: Option<&'static str>,
    retarget: Option<&'static str>,
    reswap: Option<&'static str>,
    /// The messages that this answer shows, and those that wait afterwards.
    shown: &'static [&'static str],
    waiting: &'static [&'static str],
}

/// Tells whether htmx asked, and for what.
const WANTED: [&str; 4] = [
    "hx-boosted",
    "hx-history-restore-request",
    "hx-request",
    "hx-request-type",
];
/// Tells which htmx asked.
const VERSION: [&str; 4] = [
    "hx-history-restore-request",
    "hx-request",
    "hx-request-type",
    "hx-source",
];

const LOGIN: &str = "/login?next=%2Ft%2Fprivate";

/// What every cell of the table holds. A message waits in each.
fn oracle(case: Case, kind: Kind) -> Seen {
    let keeps_page = matches!(kind, Fragment | Full);
    let (first, both) = (&["first"][..], &["first", "second"][..]);
    let plain = Seen {
        status: 200,
        body: Body::Page,
        vary: Vec::new(),
        location: None,
        redirect: None,
        retarget: None,
        reswap: None,
        shown: &[],
        waiting: first,
    };
    let vary = |parts: &[&[&'static str]]| {
        let mut names = parts.concat();
        names.sort_unstable();
        names.dedup();
        names
    };
    let by_fragment = |wants| if wants { Body::Fragment } else { Body::Page };
    match case {
        Case::Layered => Seen {
            body: by_fragment(kind == Fragment),
            vary: vary(&[&WANTED, &VERSION, &["cookie"]]),
            ..plain
        },
        Case::Messages => Seen {
            vary: vary(&[&VERSION, &["cookie"]]),
            shown: first,
            waiting: &[],
            ..plain
        },
        Case::Moved => Seen {
            status: if keeps_page { 200 } else { 303 },
            body: Body::Nothing,
            location: (!keeps_page).then_some("/t/flash/show"),
            redirect: keeps_page.then_some("/t/flash/show"),
            vary: vary(&[&WANTED, &["cookie"]]),
            waiting: both,
            ..plain
        },
        Case::Guarded => {
            let htmx = keeps_page || kind == Boosted;
            let current: &[&str] = &["hx-current-url", "hx-current-url-uri-autoencoded"];
            let current = if kind == Fragment { current } else { &[] };
            Seen {
                status: if htmx { 401 } else { 303 },
                body: Body::Text,
                location: (!htmx).then_some(LOGIN),
                // A fragment leads back to the page it is on, which it did not name here.
                redirect: htmx.then_some(if kind == Fragment { "/login" } else { LOGIN }),
                vary: vary(&[&WANTED, &VERSION, &["accept", "cookie"], current]),
                ..plain
            }
        }
        Case::Bare(status) => Seen {
            status,
            body: by_fragment(keeps_page),
            vary: vary(&[&WANTED, &["accept"]]),
            retarget: keeps_page.then_some("#errors"),
            reswap: keeps_page.then_some("innerHTML"),
            ..plain
        },
        Case::OwnFragment(422) => Seen {
            status: 422,
            body: Body::Fragment,
            ..plain
        },
        Case::OwnFragment(status) => Seen {
            status,
            body: Body::Fragment,
            vary: vary(&[&WANTED]),
            reswap: keeps_page.then_some("none"),
            ..plain
        },
        Case::OwnPage(status) => {
            let has_use_for_a_page = status == 422 && kind == Full;
            Seen {
                status,
                vary: vary(&[&WANTED]),
                reswap: (keeps_page && !has_use_for_a_page).then_some("none"),
                ..plain
            }
        }
    }
}

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
            let expected = oracle(case, kind);
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
            ] {
                assert_eq!(answer.header(name), value, "{name} of {cell}");
            }
            assert_eq!(messages(&answer.text()), expected.shown, "{cell}");
            assert_eq!(waiting, expected.waiting, "{cell}");
            assert!(answer.header("x-request-id").is_some(), "{cell}");
        }
    }
}
