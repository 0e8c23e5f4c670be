//! The kinds of answer, and the paths under which the fixture gives them.

use serde_json::{Value, json};

use crate::browser::encode;

#[derive(Clone, Copy, Debug)]
pub(super) enum Case {
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
    /// A status over a part of a page, with a place of its own.
    PlacedFragment(u16, Place),
    /// A status over a whole page, with a place of its own.
    PlacedPage(u16, Place),
    /// 304, the same for everybody.
    NotModified,
    /// A status over a part of a page, with an event for each moment.
    Events(u16),
}

/// The headers by which an answer says where it goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    Target,
    Swap,
    Both,
    /// The page as a whole.
    Body,
    /// A part of what is answered goes to another target.
    Part,
}

impl Place {
    const ALL: [Self; 5] = [Self::Target, Self::Swap, Self::Both, Self::Body, Self::Part];

    pub(super) fn retarget(self) -> Option<&'static str> {
        match self {
            Self::Target | Self::Both | Self::Part => Some("#o1"),
            Self::Swap => None,
            Self::Body => Some("body"),
        }
    }

    pub(super) fn reswap(self) -> Option<&'static str> {
        (self == Self::Swap || self == Self::Both).then_some("outerHTML")
    }

    pub(super) fn reselect(self) -> Option<&'static str> {
        (self == Self::Part).then_some("main")
    }

    fn ops(self) -> Vec<Value> {
        let retarget = |selector| json!({"op": "retarget", "selector": selector});
        let reselect = |selector| json!({"op": "reselect", "selector": selector});
        let reswap = |style| json!({"op": "reswap", "style": style});
        let said = [
            self.retarget().map(retarget),
            self.reswap().map(reswap),
            self.reselect().map(reselect),
        ];
        said.into_iter().flatten().collect()
    }
}

/// An event for each moment: the element that asks, one that is there, and one that is not.
fn events() -> Vec<Value> {
    vec![
        json!({"op": "trigger", "name": "received"}),
        json!({"op": "trigger", "name": "swapped", "when": "swap", "target": "#o1"}),
        json!({"op": "trigger", "name": "settled", "when": "settle", "target": "#gone"}),
    ]
}

const ERRORS: [u16; 6] = [401, 403, 404, 422, 429, 500];

impl Case {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let once = [
            Self::Layered,
            Self::Messages,
            Self::Moved,
            Self::Guarded,
            Self::NotModified,
        ];
        let errors = ERRORS.into_iter().flat_map(|status| {
            [Self::Bare, Self::OwnFragment, Self::OwnPage].map(|case| case(status))
        });
        let placed = [200].into_iter().chain(ERRORS).flat_map(|status| {
            let cases = move |place| {
                [Self::PlacedFragment, Self::PlacedPage].map(|case| case(status, place))
            };
            Place::ALL.into_iter().flat_map(cases)
        });
        let events = [200, 204].into_iter().chain(ERRORS).map(Self::Events);
        once.into_iter().chain(errors).chain(placed).chain(events)
    }

    pub(super) fn path(self) -> String {
        let describe = |status: u16, html: &str, ops: Vec<Value>| {
            let spec = json!({"status": status, "html": html, "ops": ops});
            format!("/t/respond?spec={}", encode(&spec.to_string()))
        };
        let respond = |status, html| describe(status, html, Vec::new());
        match self {
            Self::Layered => "/t/page".to_owned(),
            Self::Messages => "/t/flash/show".to_owned(),
            Self::Moved => "/t/flash/set?m=second".to_owned(),
            Self::Guarded => "/t/private".to_owned(),
            Self::Bare(404) => "/no/such/page".to_owned(),
            Self::Bare(status) => respond(status, ""),
            Self::OwnFragment(status) => respond(status, PART),
            Self::OwnPage(status) => respond(status, PAGE),
            Self::PlacedFragment(status, place) => describe(status, PART, place.ops()),
            Self::PlacedPage(status, place) => describe(status, PAGE, place.ops()),
            Self::NotModified => respond(304, ""),
            Self::Events(status) => describe(status, PART, events()),
        }
    }
}

const PART: &str = "<p>own</p>";
const PAGE: &str = "<!doctype html><main>own</main>";
