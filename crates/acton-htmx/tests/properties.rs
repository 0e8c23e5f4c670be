//! Whatever a responder accepts is read back unchanged by the rules of htmx, in both versions.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot be unwrapped fails the test"
)]

mod browser;

use std::{collections::BTreeMap, time::Duration};

use acton_htmx::{
    HtmxVersion, HxLocation, HxPushUrl, HxRedirect, HxRefresh, HxReplaceUrl, HxReselect,
    HxResponsePTag, HxReswap, HxRetarget, LocalUrl, Markup, OutOfBandSwap, Scroll, Selector, Swap,
    SwapStyle, headers, hx_json,
};
use axum::{
    http::HeaderName,
    response::{IntoResponse, IntoResponseParts},
};
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::{Value, json};

use browser::{SELECTOR, VERSIONS, answered, css_unescaped, line};

/// The header that each version gets, which is there whoever asks.
fn sent_to_both<P: IntoResponseParts>(parts: impl Fn() -> P, name: &HeaderName) -> [String; 2] {
    VERSIONS.map(|version| {
        let (headers, _) = answered(version, (parts(), ()).into_response());
        line(&headers, name).unwrap()
    })
}

/// The query that values become: a list is sent item by item, and what is no text as JSON.
fn query(values: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let items = |value: &Value| match value {
        Value::Array(items) => items.iter().map(text).collect(),
        other => vec![text(other)],
    };
    let object = values.as_object().unwrap().iter();
    object
        .flat_map(|(name, value)| items(value).into_iter().map(|item| (name.clone(), item)))
        .collect()
}

/// `getSwapSpecification` of htmx 2 and the bare words of htmx 4: each up to its first colon.
fn read_swap(text: &str) -> (String, BTreeMap<String, String>) {
    let mut words = text.split_whitespace();
    let style = words.next().unwrap().to_owned();
    let modifiers = words.map(|word| word.split_once(':').unwrap());
    (
        style,
        modifiers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    )
}

/// Every style, with the word that htmx 2 knows for it and the one of htmx 4.
const STYLES: [(SwapStyle, [&str; 2]); 12] = [
    (SwapStyle::InnerHtml, ["innerHTML"; 2]),
    (SwapStyle::OuterHtml, ["outerHTML"; 2]),
    (SwapStyle::TextContent, ["textContent"; 2]),
    (SwapStyle::BeforeBegin, ["beforebegin"; 2]),
    (SwapStyle::AfterBegin, ["afterbegin"; 2]),
    (SwapStyle::BeforeEnd, ["beforeend"; 2]),
    (SwapStyle::AfterEnd, ["afterend"; 2]),
    (SwapStyle::Delete, ["delete"; 2]),
    (SwapStyle::None, ["none"; 2]),
    (SwapStyle::InnerMorph, ["innerHTML", "innerMorph"]),
    (SwapStyle::OuterMorph, ["outerHTML", "outerMorph"]),
    (SwapStyle::OuterSync, ["outerHTML", "outerSync"]),
];

fn style() -> impl Strategy<Value = (SwapStyle, [&'static str; 2])> {
    prop::sample::select(STYLES.to_vec())
}

/// The style of a swap and its modifiers by name, as one version of htmx reads them.
type Words = (&'static str, BTreeMap<String, String>);

/// A swap with any modifiers, and what each version is to read.
fn swap() -> impl Strategy<Value = (Swap, [Words; 2])> {
    let flag = || prop::option::of(any::<bool>());
    let delay = || prop::option::of(any::<u32>());
    let place = || prop::option::of((any::<bool>(), prop::option::of("#[a-z]{1,4}")));
    let flags = (flag(), flag(), flag(), flag(), flag());
    (style(), delay(), delay(), place(), place(), flags).prop_map(
        |((style, words), swap_delay, settle, scroll, show, flags)| {
            let mut swap = Swap::new(style);
            let mut read = [BTreeMap::new(), BTreeMap::new()];
            let mut say = |names: [&str; 2], value: String| {
                for (read, name) in read.iter_mut().zip(names) {
                    if !name.is_empty() {
                        read.insert(name.to_owned(), value.clone());
                    }
                }
            };
            if let Some(delay) = swap_delay {
                swap = swap.swap(Duration::from_millis(delay.into()));
                say(["swap"; 2], format!("{delay}ms"));
            }
            if let Some(delay) = settle {
                swap = swap.settle(Duration::from_millis(delay.into()));
                say(["settle"; 2], format!("{delay}ms"));
            }
            for (name, target, place) in [
                ("scroll", "scrollTarget", scroll),
                ("show", "showTarget", show),
            ] {
                let Some((bottom, element)) = place else {
                    continue;
                };
                let edge = if bottom { "bottom" } else { "top" };
                let mut scroll: Scroll = edge.parse().unwrap();
                say(["", name], edge.to_owned());
                say([name, ""], edge.to_owned());
                if let Some(element) = element {
                    scroll = scroll.of(&element).unwrap();
                    say([name, ""], format!("{element}:{edge}"));
                    say(["", target], element);
                }
                swap = if name == "scroll" {
                    swap.scroll(scroll)
                } else {
                    swap.show(scroll)
                };
            }
            let (transition, ignore_title, focus, strip, empty) = flags;
            if let Some(flag) = transition {
                swap = swap.transition(flag);
                say(["transition"; 2], flag.to_string());
            }
            if let Some(flag) = ignore_title {
                swap = swap.ignore_title(flag);
                say(["ignoreTitle"; 2], flag.to_string());
            }
            if let Some(flag) = focus {
                swap = swap.focus_scroll(flag);
                say(["focus-scroll", "focusScroll"], flag.to_string());
            }
            if let Some(flag) = strip {
                swap = swap.strip(flag);
                say(["", "strip"], flag.to_string());
            }
            if let Some(flag) = empty {
                swap = swap.swap_empty(flag);
                say(["", "swapEmpty"], flag.to_string());
            }
            let [v2, v4] = read;
            (swap, [(words[0], v2), (words[1], v4)])
        },
    )
}

fn html_unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text.to_owned(), |text, (entity, sign)| {
            text.replace(entity, sign)
        })
}

proptest! {
    #[test]
    fn a_swap_is_read_back((swap, meant) in swap()) {
        let sent = sent_to_both(|| HxReswap(swap.clone()), &headers::HX_RESWAP);
        for (sent, (word, modifiers)) in sent.iter().zip(&meant) {
            let (style, read) = read_swap(sent);
            prop_assert_eq!((&*style, &read), (*word, modifiers));
        }
        // Every part is read in the same way, apart from text, which has none.
        let part = || OutOfBandSwap::new(Selector::id("a"), swap.clone(), Markup::escaped("x"));
        if swap.style() == SwapStyle::TextContent {
            prop_assert!(part().to_markup().is_err());
            return Ok(());
        }
        for (version, (word, modifiers)) in VERSIONS.into_iter().zip(&meant) {
            let (_, html) = answered(version, part().into_response());
            let (style, read) = read_swap(html.split('"').nth(3).unwrap());
            prop_assert_eq!((&*style, &read), (*word, modifiers));
        }
        // For everybody at once there is what both read alike.
        let shared = part().to_markup().ok();
        prop_assert_eq!(shared.is_some(), meant[0].1 == meant[1].1);
        if let Some(shared) = shared {
            prop_assert_eq!(read_swap(shared.as_str().split('"').nth(3).unwrap()).0, meant[0].0);
        }
    }

    #[test]
    fn a_target_and_a_part_are_read_back(text in SELECTOR) {
        let selector = Selector::new(&text).unwrap();
        prop_assert!(HxRetarget::new(&text).is_ok() && HxReselect::new(&text).is_ok());
        let retarget = sent_to_both(|| HxRetarget(selector.clone()), &headers::HX_RETARGET);
        let reselect = sent_to_both(|| HxReselect(selector.clone()), &headers::HX_RESELECT);
        for sent in retarget.iter().chain(&reselect) {
            prop_assert_eq!(css_unescaped(sent), text.trim());
        }
    }

    #[test]
    fn a_url_is_read_back_wherever_it_is_sent(text in "/\\PC{0,16}") {
        let Ok(url) = LocalUrl::parse(&text) else {
            prop_assert!(HxRedirect::to(&text).is_err() && HxPushUrl::to(&text).is_err() && HxReplaceUrl::to(&text).is_err());
            return Ok(());
        };
        let sent = [
            sent_to_both(|| HxRedirect(url.clone()), &headers::HX_REDIRECT),
            sent_to_both(|| HxPushUrl::from(url.clone()), &headers::HX_PUSH_URL),
            sent_to_both(|| HxReplaceUrl::from(url.clone()), &headers::HX_REPLACE_URL),
        ];
        let page = url::Url::parse("https://origin.example/some/page").unwrap();
        let decode = |text: &str| percent_decode_str(text).collect::<Vec<_>>();
        for sent in sent.iter().flatten() {
            prop_assert_eq!(decode(sent), decode(&text));
            let read = page.join(sent).unwrap();
            prop_assert_eq!(read.origin(), page.origin());
            prop_assert!(!read.path().starts_with("//"), "{}", read);
        }
    }

    #[test]
    fn a_swap_that_is_written_is_read_again(text in "(innerHTML|outerHTML|none|outerSync)?( (swap|settle):[0-9]{1,4}(ms|s|m|)| (scroll|show):(#a:|window:|é:)?(top|bottom|none)| (transition|ignoreTitle|focusScroll|focus-scroll|strip|swapEmpty):(true|false)| (scroll|show)Target:#b|.{0,3}){0,4}") {
        if let Ok(swap) = text.parse::<Swap>() {
            let v4 = swap.spell(HtmxVersion::V4);
            prop_assert_eq!(v4.parse::<Swap>().unwrap(), swap.clone());
            let v2 = swap.spell(HtmxVersion::V2);
            prop_assert_eq!(v2.parse::<Swap>().unwrap().spell(HtmxVersion::V2), v2.clone());
            prop_assert!(v2.is_ascii() && v4.is_ascii());
        }
    }

    #[test]
    fn a_scroll_position_never_breaks_a_swap_into_more_words(text in "\\PC{0,16}") {
        if let Ok(scroll) = text.parse::<Scroll>() {
            for version in [HtmxVersion::V2, HtmxVersion::V4] {
                let swap = Swap::new(SwapStyle::InnerHtml).scroll(scroll.clone()).spell(version);
                let words: Vec<_> = swap.split(' ').skip(1).collect();
                prop_assert!(words.iter().all(|word| word.starts_with("scroll")), "{swap}");
                prop_assert!(words.len() <= 2 && swap.is_ascii());
            }
        }
    }

    #[test]
    fn a_url_never_leaves_the_origin(text in "(/|//|/\\\\|\\\\|javascript:|http:|[.@:?#%]|\\t|\\PC){0,10}") {
        let base = url::Url::parse("https://origin.example/some/page").unwrap();
        if let Ok(local) = LocalUrl::parse(&text) {
            let read = base.join(local.as_str()).unwrap();
            prop_assert_eq!(read.origin(), base.origin());
            prop_assert_eq!(read.username(), "");
            prop_assert!(!read.path().starts_with("//"), "{}", read);
            prop_assert!(local.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn a_url_is_encoded_once(text in "/\\PC{0,16}") {
        if let Ok(local) = LocalUrl::parse(&text) {
            prop_assert_eq!(LocalUrl::parse(local.as_str()).unwrap(), local.clone());
            let decode = |text: &str| percent_decode_str(text).collect::<Vec<_>>();
            prop_assert_eq!(decode(local.as_str()), decode(&text));
        }
    }

    #[test]
    fn of_several_words_about_one_thing_the_last_is_read(
        ((first, _), (last, meant)) in (swap(), swap()),
        styles in prop::array::uniform2(style()),
        selectors in prop::array::uniform2(SELECTOR),
        urls in prop::array::uniform2(prop::option::of("/[a-z]{0,4}")),
    ) {
        let swaps = || (HxReswap(first.clone()), HxReswap(last.clone()));
        for (sent, (word, modifiers)) in sent_to_both(swaps, &headers::HX_RESWAP).iter().zip(&meant) {
            let (style, read) = read_swap(sent);
            prop_assert_eq!((&*style, &read), (*word, modifiers));
        }
        // Several styles of htmx 4 are one of htmx 2.
        let [(first, _), (last, words)] = styles;
        prop_assert_eq!(sent_to_both(|| (HxReswap(first), HxReswap(last)), &headers::HX_RESWAP), words);
        let targets = || selectors.clone().map(|text| HxRetarget::new(text).unwrap()).into();
        let parts = || selectors.clone().map(|text| HxReselect::new(text).unwrap()).into();
        let sent = [
            sent_to_both::<(_, _)>(targets, &headers::HX_RETARGET),
            sent_to_both::<(_, _)>(parts, &headers::HX_RESELECT),
        ];
        for sent in sent.iter().flatten() {
            prop_assert_eq!(css_unescaped(sent), selectors[1].trim());
        }
        let push = |url: &Option<String>| url.as_ref().map_or(HxPushUrl::none(), |url| HxPushUrl::to(url).unwrap());
        let replace = |url: &Option<String>| url.as_ref().map_or(HxReplaceUrl::none(), |url| HxReplaceUrl::to(url).unwrap());
        let sent = [
            sent_to_both(|| (push(&urls[0]), push(&urls[1])), &headers::HX_PUSH_URL),
            sent_to_both(|| (replace(&urls[0]), replace(&urls[1])), &headers::HX_REPLACE_URL),
        ];
        for sent in sent.iter().flatten() {
            prop_assert_eq!(sent, urls[1].as_deref().unwrap_or("false"));
        }
    }

    #[test]
    fn a_location_is_read_back(
        path in "/[a-zé ]{0,8}([?][a-z=&é]{0,6})?(#[a-zé]{0,4})?",
        values in prop::option::of(prop::collection::btree_map(any::<String>(), browser::json(), 0..3)),
        selectors in prop::array::uniform3(prop::option::of(SELECTOR)),
        swap in prop::option::of(swap()),
        taken in prop::collection::vec(("[a-zé:,]{1,6}", style()), 0..3),
        history in prop::array::uniform2(prop::option::of("/[a-zé]{0,4}")),
        header in prop::option::of(("X-[A-Z]{1,4}", "[ -~]{0,8}")),
    ) {
        let [target, source, select] = &selectors;
        let [push, replace] = &history;
        let url = |text: &String| LocalUrl::parse(text).unwrap();
        let taken: Vec<_> = taken.into_iter().filter(|(_, (style, _))| *style != SwapStyle::TextContent).collect();
        let made = || {
            let mut location = HxLocation::to(&path).unwrap();
            if let Some(values) = &values {
                location = location.values(values).unwrap();
            }
            for (id, (style, _)) in &taken {
                location = location.select_oob(id, *style).unwrap();
            }
            location = target.iter().fold(location, |location, text| location.target(text).unwrap());
            location = source.iter().fold(location, |location, text| location.source(text).unwrap());
            location = select.iter().fold(location, |location, text| location.select(text).unwrap());
            location = swap.iter().fold(location, |location, (swap, _)| location.swap(swap.clone()));
            location = push.iter().fold(location, |location, text| location.push(url(text)));
            location = replace.iter().fold(location, |location, text| location.replace(url(text)));
            header.iter().fold(location, |location, (name, value)| location.header(name, value).unwrap())
        };
        for (version, sent) in sent_to_both(made, &headers::HX_LOCATION).into_iter().enumerate() {
            let mut read: BTreeMap<String, Value> = serde_json::from_str(&sent).unwrap();
            let mut field = |name: &str| read.remove(name);
            prop_assert_eq!(field("path"), Some(json!(url(&path))));
            prop_assert_eq!(field("values").map(|read| query(&read)), values.as_ref().map(|values| query(&json!(values))));
            for (name, meant) in [("target", target), ("source", source), ("select", select)] {
                let read = field(name).map(|text| css_unescaped(text.as_str().unwrap()));
                prop_assert_eq!(read.as_deref(), meant.as_deref().map(str::trim), "{}", name);
            }
            let read_back = field("swap").map(|text| read_swap(text.as_str().unwrap()));
            let meant = swap.as_ref().map(|(_, meant)| (meant[version].0.to_owned(), meant[version].1.clone()));
            prop_assert_eq!(read_back, meant);
            let parts = field("selectOOB").map(|text| text.as_str().unwrap().to_owned()).unwrap_or_default();
            let parts: Vec<_> = parts.split_terminator(',').map(|part| part.split_once(':').unwrap()).collect();
            prop_assert_eq!(parts.len(), taken.len());
            for ((read, word), (id, (_, words))) in parts.into_iter().zip(&taken) {
                prop_assert_eq!((css_unescaped(read), word), (format!("#{id}"), words[version]));
            }
            let pushed = push.as_ref().map(|text| json!(url(text)));
            let kept = replace.as_ref().map(|_| json!(false));
            prop_assert_eq!(field("push"), pushed.or(kept));
            prop_assert_eq!(field("replace"), replace.as_ref().map(|text| json!(url(text))));
            let meant = header.as_ref().map(|(name, value)| json!({ name: value }));
            prop_assert_eq!(field("headers"), meant);
            prop_assert!(read.is_empty(), "{:?}", read);
        }
    }

    #[test]
    fn the_version_of_what_is_shown_is_read_back(text in prop_oneof!["[!-~]{1,12}", "\\PC{0,4}"]) {
        if let Ok(version) = HxResponsePTag::new(&text) {
            let sent = sent_to_both(|| version.clone(), &headers::HX_PTAG);
            // A browser trims a value, and reads one character for each byte.
            prop_assert!(sent.iter().all(|sent| *sent == text && text.trim() == text));
        }
    }

    #[test]
    fn an_id_selects_itself(id in "\\PC{1,12}") {
        let selector = Selector::id(&id).unwrap();
        prop_assert_eq!(css_unescaped(selector.as_str()), format!("#{id}"));
        prop_assert!(!selector.as_str().contains([',', ' ', '<', '"', ':']));
    }

    #[test]
    fn a_selector_is_ascii_and_means_the_same(text in "[a-zé日# .>\\[\\]()\"'=]{1,12}") {
        if let Ok(selector) = Selector::new(&text) {
            prop_assert!(selector.as_str().is_ascii());
            prop_assert_eq!(css_unescaped(selector.as_str()), text.trim());
        }
    }

    #[test]
    fn json_survives_an_attribute(values in prop::collection::btree_map(any::<String>(), browser::json(), 0..3)) {
        let markup = hx_json(&values).unwrap();
        prop_assert!(!markup.as_str().contains(['<', '>', '"', '\'']));
        let read: BTreeMap<String, Value> = serde_json::from_str(&html_unescaped(markup.as_str())).unwrap();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn a_part_is_one_element_with_its_target(id in "\\PC{1,12}", text in any::<String>(), (style, _) in style()) {
        prop_assume!(style != SwapStyle::TextContent);
        let part = OutOfBandSwap::new(Selector::id(&id), style, Markup::escaped(&text));
        let markup = part.to_markup().unwrap();
        let (attributes, rest) = markup.as_str().strip_prefix("<hx-partial ").unwrap().split_once('>').unwrap();
        let target = attributes.split('"').nth(1).unwrap();
        prop_assert_eq!(css_unescaped(&html_unescaped(target)), format!("#{id}"));
        let content = rest.strip_suffix("</hx-partial>").unwrap();
        prop_assert!(!content.contains('<'));
        prop_assert_eq!(html_unescaped(content), text);
    }
}

#[test]
fn words_that_stand_for_themselves_are_read_back() {
    let refresh = sent_to_both(|| HxRefresh, &headers::HX_REFRESH);
    let pushed = sent_to_both(HxPushUrl::none, &headers::HX_PUSH_URL);
    let replaced = sent_to_both(HxReplaceUrl::none, &headers::HX_REPLACE_URL);
    assert_eq!(refresh, ["true"; 2]);
    assert_eq!([pushed, replaced], [["false"; 2], ["false"; 2]]);
}
