//! A swap is read by both majors as it was meant.
#![no_main]

use std::{collections::BTreeMap, time::Duration};

use acton_fuzz::{Asker, answered, css, line};
use acton_htmx::{HtmxVersion, HxReswap, Scroll, Swap, SwapStyle, headers};
use axum_core::response::IntoResponse;
use http::Uri;
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    style: u8,
    swap: Option<Duration>,
    settle: Option<Duration>,
    scroll: Option<&'a str>,
    show: Option<(bool, &'a str)>,
    transition: Option<bool>,
    ignore_title: Option<bool>,
    focus_scroll: Option<bool>,
    strip: Option<bool>,
    swap_empty: Option<bool>,
    word: &'a str,
    text: &'a str,
}

const WORDS: [&str; 12] = [
    "innerHTML",
    "outerHTML",
    "textContent",
    "beforebegin",
    "afterbegin",
    "beforeend",
    "afterend",
    "delete",
    "none",
    "innerMorph",
    "outerMorph",
    "outerSync",
];

/// Where to scroll: the edge, and the element's CSS.
type Place = (String, Vec<String>);

fuzz_target!(|input: Input<'_>| {
    if let Ok(style) = input.word.parse::<SwapStyle>() {
        assert_eq!(style.as_str(), input.word);
    }
    let word = WORDS[usize::from(input.style) % WORDS.len()];
    let mut meant = BTreeMap::new();
    let mut swap = Swap::new(word.parse().expect("a style"));
    if let Some(delay) = input.swap {
        swap = swap.swap(delay);
        meant.insert("swap", format!("{}ms", delay.as_millis()));
    }
    if let Some(delay) = input.settle {
        swap = swap.settle(delay);
        meant.insert("settle", format!("{}ms", delay.as_millis()));
    }
    let scroll = input.scroll.and_then(parsed);
    if let Some((scroll, _)) = &scroll {
        swap = swap.scroll(scroll.clone());
    }
    let show = input
        .show
        .and_then(|(bottom, element)| built(bottom, element));
    if let Some((show, _)) = &show {
        swap = swap.show(show.clone());
    }
    if let Some(transition) = input.transition {
        swap = swap.transition(transition);
        meant.insert("transition", transition.to_string());
    }
    if let Some(ignore) = input.ignore_title {
        swap = swap.ignore_title(ignore);
        meant.insert("ignoreTitle", ignore.to_string());
    }
    if let Some(focus) = input.focus_scroll {
        swap = swap.focus_scroll(focus);
        meant.insert("focusScroll", focus.to_string());
    }

    let mut newer = BTreeMap::new();
    if let Some(strip) = input.strip {
        swap = swap.strip(strip);
        newer.insert("strip", strip.to_string());
    }
    if let Some(empty) = input.swap_empty {
        swap = swap.swap_empty(empty);
        newer.insert("swapEmpty", empty.to_string());
    }

    written(input.text);
    written(&swap.spell(HtmxVersion::V4));
    for version in [HtmxVersion::V2, HtmxVersion::V4] {
        if version == HtmxVersion::V4 {
            meant.extend(newer.clone());
        }
        let (style, mut read) = words(&swap.spell(version));
        assert_eq!(style, spelled(word, version));
        for (name, place) in [("scroll", &scroll), ("show", &show)] {
            let read = place_of(name, &mut read, version);
            assert_eq!(read.as_ref(), place.as_ref().map(|(_, place)| place));
        }
        if version == HtmxVersion::V2 {
            let focus = read.remove("focus-scroll");
            read.extend(focus.map(|focus| ("focusScroll".to_owned(), focus)));
        }
        let read: BTreeMap<_, _> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        assert_eq!(read, meant);
    }
    // An earlier responder has no say, whatever it said.
    let earlier = Swap::new(SwapStyle::OuterMorph).focus_scroll(true);
    for (asker, version) in [(Asker::V2, HtmxVersion::V2), (Asker::V4, HtmxVersion::V4)] {
        let parts = (HxReswap(earlier.clone()), HxReswap(swap.clone()), ());
        let answer = answered(asker, Uri::from_static("/"), parts.into_response());
        let sent = line(answer.headers(), &headers::HX_RESWAP);
        assert_eq!(sent, Some(swap.spell(version)));
    }
});

/// A swap that was read says the same when it is read again, in either spelling.
fn written(text: &str) {
    let Ok(swap) = text.parse::<Swap>() else {
        return;
    };
    let read = |version| swap.spell(version).parse::<Swap>().expect("a swap");
    for version in [HtmxVersion::V2, HtmxVersion::V4] {
        assert_eq!(
            read(version).spell(version),
            swap.spell(version),
            "{text:?}"
        );
        assert!(swap.spell(version).is_ascii());
    }
}

fn spelled(word: &str, version: HtmxVersion) -> &str {
    match word {
        "innerMorph" if version == HtmxVersion::V2 => "innerHTML",
        "outerMorph" | "outerSync" if version == HtmxVersion::V2 => "outerHTML",
        word => word,
    }
}

/// A scroll position as it is written for htmx 2.
fn parsed(text: &str) -> Option<(Scroll, Place)> {
    let scroll = text.parse().ok()?;
    let (element, edge) = text.rsplit_once(':').map_or(("", text), |place| place);
    Some((scroll, (edge.to_owned(), css(element.trim_ascii()))))
}

fn built(bottom: bool, element: &str) -> Option<(Scroll, Place)> {
    let (scroll, edge) = if bottom {
        (Scroll::BOTTOM, "bottom")
    } else {
        (Scroll::TOP, "top")
    };
    Some((
        scroll.of(element).ok()?,
        (edge.to_owned(), css(element.trim_ascii())),
    ))
}

/// `getSwapSpecification` of htmx 2 and the bare words of htmx 4: parts between spaces, each up to
/// its first colon. Quotes, commas and `<` would mean more, so none may stand there.
fn words(text: &str) -> (String, BTreeMap<String, String>) {
    assert!(
        text.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        "{text:?}"
    );
    assert!(!text.contains([',', '"', '\'', '<']), "{text:?}");
    let mut words = text.split_ascii_whitespace();
    let style = words.next().expect("a style comes first").to_owned();
    let mut modifiers = BTreeMap::new();
    for word in words {
        let (name, value) = word.split_once(':').expect("a modifier has a value");
        assert_eq!(
            modifiers.insert(name.to_owned(), value.to_owned()),
            None,
            "{text:?}"
        );
    }
    (style, modifiers)
}

/// htmx 2 reads the element before the last colon, htmx 4 in a word of its own.
fn place_of(
    name: &str,
    read: &mut BTreeMap<String, String>,
    version: HtmxVersion,
) -> Option<Place> {
    let text = read.remove(name)?;
    let (element, edge) = match version {
        HtmxVersion::V2 => text
            .rsplit_once(':')
            .map_or((None, text.as_str()), |(element, edge)| {
                (Some(element.to_owned()), edge)
            }),
        _ => (read.remove(&format!("{name}Target")), text.as_str()),
    };
    Some((edge.to_owned(), css(&element.unwrap_or_default())))
}
