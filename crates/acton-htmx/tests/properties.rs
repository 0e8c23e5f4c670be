//! Whatever a responder accepts is read back unchanged by the rules of htmx, in both versions.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot be unwrapped fails the test"
)]

use std::{collections::BTreeMap, convert::Infallible, sync::LazyLock, time::Duration};

use acton_htmx::{
    HtmxLayer, HtmxVersion, HxEvent, HxLocation, HxPushUrl, HxRedirect, HxRefresh, HxReplaceUrl,
    HxReselect, HxResponseTrigger, HxReswap, HxRetarget, LocalUrl, Markup, OutOfBandSwap, Scroll,
    Selector, Swap, SwapStyle, When, headers, hx_json,
};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName},
    response::{IntoResponse, IntoResponseParts, Response},
};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::{Layer, ServiceExt, service_fn};

const VERSIONS: [HtmxVersion; 2] = [HtmxVersion::V2, HtmxVersion::V4];

/// JSON as a handler may send it. Numbers are whole: a fraction is one of many spellings.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let object = prop::collection::btree_map(any::<String>(), inner.clone(), 0..3);
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
            object.prop_map(|object| object.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// What this version of htmx gets: headers and text, as the layer sends them.
fn answered(version: HtmxVersion, response: Response) -> (HeaderMap, String) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    let mut request = Request::get("/page").header("hx-request", "true");
    if version == HtmxVersion::V4 {
        request = request.header("hx-request-type", "partial");
    }
    let request = request.body(Body::empty()).unwrap();
    let once = std::sync::Mutex::new(Some(response));
    let answer = service_fn(move |_: Request| {
        let response = once.lock().unwrap().take().unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    RUNTIME.block_on(async {
        let response = HtmxLayer::default().layer(answer).oneshot(request).await;
        let (parts, body) = response.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.headers, String::from_utf8(body.to_vec()).unwrap())
    })
}

/// A header that is one line of visible ASCII, or absent.
fn line(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    assert!(lines.len() <= 1, "{lines:?}");
    let line = lines.first()?;
    let is_visible = |byte: &u8| (0x20..0x7f).contains(byte);
    assert!(line.as_bytes().iter().all(is_visible), "{line:?}");
    Some(line.to_str().unwrap().to_owned())
}

/// The header that each version gets, which is there whoever asks.
fn sent_to_both<P: IntoResponseParts>(parts: impl Fn() -> P, name: &HeaderName) -> [String; 2] {
    VERSIONS.map(|version| {
        let (headers, _) = answered(version, (parts(), ()).into_response());
        line(&headers, name).unwrap()
    })
}

fn sent(parts: impl IntoResponseParts, name: &HeaderName) -> String {
    line((parts, ()).into_response().headers(), name).unwrap()
}

/// `handleTriggerHeader` of both majors: a JSON object, or names between commas.
fn read_events(line: &str) -> BTreeMap<String, Option<Value>> {
    if line.starts_with('{') {
        let object: BTreeMap<String, Value> = serde_json::from_str(line).unwrap();
        return object
            .into_iter()
            .map(|(name, detail)| (name, Some(detail)))
            .collect();
    }
    line.split(',')
        .map(|name| (name.trim().to_owned(), None))
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

const MOMENTS: [(When, HeaderName); 3] = [
    (When::Receive, headers::HX_TRIGGER),
    (When::Swap, headers::HX_TRIGGER_AFTER_SWAP),
    (When::Settle, headers::HX_TRIGGER_AFTER_SETTLE),
];

/// Text that selects something.
const SELECTOR: &str = "[a-zé日# .>\\[\\]()\"'=]{1,12}";

/// What a browser makes of CSS escapes of six digits; one space after them belongs to the escape.
///
/// <https://www.w3.org/TR/css-syntax-3/#consume-escaped-code-point>
fn css_unescaped(text: &str) -> String {
    let mut rest = text;
    let mut read = String::new();
    while let Some(at) = rest.find('\\') {
        read.push_str(&rest[..at]);
        let digits = &rest[at + 1..at + 7];
        read.push(char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap());
        rest = &rest[at + 7..];
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
    read + rest
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
    fn every_event_and_its_detail_is_read_back(events in prop::collection::btree_map(any::<String>(), prop::option::of(json()), 1..4)) {
        let trigger: HxResponseTrigger = events.iter().map(|(name, detail)| {
            let event = HxEvent::new(name.as_str());
            detail.as_ref().map_or(event.clone(), |detail| event.detail(detail).unwrap())
        }).collect();
        let read = read_events(&sent(trigger, &headers::HX_TRIGGER));
        prop_assert_eq!(read.len(), events.len());
        for (name, detail) in events {
            let read = read[&name].clone().filter(|read| detail.is_some() || read != &serde_json::json!({}));
            prop_assert_eq!(read, detail);
        }
    }

    #[test]
    fn events_of_two_responders_are_read_as_one_line(first in any::<String>(), second in any::<String>(), detail in json()) {
        prop_assume!(first != second);
        let parts = (HxEvent::new(first.as_str()), HxEvent::new(second.as_str()).detail(&detail).unwrap());
        let read = read_events(&sent(parts, &headers::HX_TRIGGER));
        prop_assert!(read.contains_key(&first));
        prop_assert_eq!(&read[&second], &Some(detail));
    }

    #[test]
    fn events_of_every_moment_are_read_back(events in prop::collection::btree_map("\\PC{0,6}", (0usize..3, prop::option::of(json())), 1..5)) {
        let made = || events.iter().map(|(name, (moment, detail))| {
            let event = HxEvent::new(name.as_str()).when(MOMENTS[*moment].0);
            detail.as_ref().map_or(event.clone(), |detail| event.detail(detail).unwrap())
        });
        for version in VERSIONS {
            let (headers, _) = answered(version, (made().collect::<HxResponseTrigger>(), ()).into_response());
            for (moment, (_, header)) in MOMENTS.iter().enumerate() {
                let read = line(&headers, header).map(|line| read_events(&line)).unwrap_or_default();
                let meant = events.iter().filter(|(_, (when, _))| {
                    if version == HtmxVersion::V4 { moment == 0 } else { *when == moment }
                });
                let meant: BTreeMap<_, _> = meant.map(|(name, (_, detail))| (name.clone(), detail.clone())).collect();
                prop_assert_eq!(read.len(), meant.len(), "{} {:?}", header, version);
                for (name, detail) in meant {
                    let read = read[&name].clone().filter(|read| detail.is_some() || read != &serde_json::json!({}));
                    prop_assert_eq!(read, detail);
                }
            }
        }
    }

    #[test]
    fn a_target_is_read_back_beside_the_detail(target in SELECTOR, detail in json(), others in prop::collection::btree_set("[a-c]", 0..3)) {
        let Ok(event) = HxEvent::new("far").detail(&detail).unwrap().target(&target) else { return Ok(()) };
        let events = || others.iter().map(|name| HxEvent::new(name.as_str()));
        let made = || [event.clone()].into_iter().chain(events()).collect::<HxResponseTrigger>();
        for text in sent_to_both(made, &headers::HX_TRIGGER) {
            let read = read_events(&text);
            prop_assert_eq!(read.len(), others.len() + 1);
            let mut fields = read["far"].clone().unwrap();
            let fields = fields.as_object_mut().unwrap();
            let read_target = fields.remove("target").unwrap();
            prop_assert_eq!(css_unescaped(read_target.as_str().unwrap()), target.trim());
            let mut meant = match detail.clone() {
                Value::Object(fields) => fields,
                value => serde_json::Map::from_iter([("value".to_owned(), value)]),
            };
            meant.remove("target");
            prop_assert_eq!(&*fields, &meant);
            // htmx 2 fires what follows an event with a target on that target, too.
            let at = |name: &str| text.find(&format!("\"{name}\":{{")).unwrap();
            prop_assert!(others.iter().all(|name| at(name) < at("far")), "{}", text);
        }
    }

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
        let Ok(selector) = Selector::new(&text) else { return Ok(()) };
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
    fn a_location_is_read_back(path in "/[a-zé ]{0,8}", values in prop::collection::btree_map(any::<String>(), json(), 0..3)) {
        let location = HxLocation::to(&path).unwrap().values(&values).unwrap();
        let read: Value = serde_json::from_str(&sent(location, &headers::HX_LOCATION)).unwrap();
        let encoded = LocalUrl::parse(&path).unwrap();
        prop_assert_eq!(&read["path"], encoded.as_str());
        prop_assert_eq!(&read["values"], &serde_json::to_value(values).unwrap());
    }

    #[test]
    fn an_id_selects_itself(id in "\\PC{1,12}") {
        let selector = Selector::id(&id).unwrap();
        prop_assert_eq!(css_unescaped(selector.as_str()), format!("#{id}"));
        prop_assert!(!selector.as_str().contains([',', ' ', '<', '"', ':']));
    }

    #[test]
    fn a_selector_is_ascii_and_means_the_same(text in SELECTOR) {
        if let Ok(selector) = Selector::new(&text) {
            prop_assert_eq!(css_unescaped(selector.as_str()), text.trim());
        }
    }

    #[test]
    fn json_survives_an_attribute(values in prop::collection::btree_map(any::<String>(), json(), 0..3)) {
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
