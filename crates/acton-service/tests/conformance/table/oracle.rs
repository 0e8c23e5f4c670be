//! What every cell of the table holds.

use super::{
    Kind::{self, Boosted, Fragment, Full, History, Page},
    case::{Case, Place},
};

/// What is in the body.
#[derive(Debug, PartialEq)]
pub(super) enum Body {
    Nothing,
    Page,
    Fragment,
    /// A sentence for who does not go where the answer leads.
    Text,
}

#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) body: Body,
    pub(super) vary: Vec<&'static str>,
    pub(super) location: Option<&'static str>,
    pub(super) redirect: Option<&'static str>,
    pub(super) retarget: Option<&'static str>,
    pub(super) reswap: Option<&'static str>,
    pub(super) reselect: Option<&'static str>,
    /// The names of the events of each moment.
    pub(super) events: [&'static [&'static str]; 3],
    /// The messages that this answer shows, and those that wait afterwards.
    pub(super) shown: &'static [&'static str],
    pub(super) waiting: &'static [&'static str],
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
pub(super) fn oracle(case: Case, kind: Kind, is_v4: bool) -> Seen {
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
        reselect: None,
        events: [&[]; 3],
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
        Case::PlacedFragment(status, place) => Seen {
            status,
            body: Body::Fragment,
            retarget: place.retarget(),
            reswap: place.reswap(),
            reselect: place.reselect(),
            ..plain
        },
        Case::PlacedPage(status, place) => {
            // A page is swapped where it is all there is, or where a part of it is taken.
            let is_sound = status == 200 || matches!(place, Place::Body | Place::Part);
            let is_kept_out = match kind {
                Fragment => true,
                Full => place != Place::Swap,
                Page | Boosted | History => false,
            };
            let said = |value: Option<&'static str>| match kind {
                _ if is_sound => value,
                _ if is_kept_out => None,
                Boosted if place != Place::Swap => None,
                _ => value,
            };
            Seen {
                status,
                vary: if is_sound {
                    Vec::new()
                } else {
                    vary(&[&WANTED])
                },
                retarget: said(place.retarget()),
                reswap: if !is_sound && is_kept_out {
                    Some("none")
                } else {
                    said(place.reswap())
                },
                reselect: place.reselect(),
                ..plain
            }
        }
        Case::NotModified => Seen {
            status: 304,
            body: Body::Nothing,
            ..plain
        },
        Case::Events(status) => {
            let is_error = status >= 400 && status != 422;
            let is_silent = status == 204;
            let one_moment = is_silent || is_v4 || is_error && keeps_page;
            let (own, version): (&[_], &[_]) = (
                if is_error { &WANTED } else { &[] },
                if is_silent { &[] } else { &VERSION },
            );
            Seen {
                status,
                body: if is_silent {
                    Body::Nothing
                } else {
                    Body::Fragment
                },
                vary: vary(&[own, version]),
                reswap: (is_error && keeps_page).then_some("none"),
                events: if one_moment {
                    [&["received", "settled", "swapped"], &[], &[]]
                } else {
                    [&["received"], &["swapped"], &["settled"]]
                },
                ..plain
            }
        }
    }
}
