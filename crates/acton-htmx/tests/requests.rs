//! Whatever a request carries is survived, each extractor reads its own header, and no byte in one
//! changes what another means or what is answered.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot be unwrapped fails the test"
)]

use std::sync::LazyLock;

use acton_htmx::{
    Fragments, Htmx, HtmxLayer, HtmxVersion, HxBoosted, HxCurrentUrl, HxEvent,
    HxHistoryRestoreRequest, HxPTag, HxPrompt, HxPushUrl, HxRedirect, HxRefresh, HxRequest,
    HxRequestType, HxReswap, HxTarget, HxTargetTag, HxTrigger, HxTriggerName, HxTriggerTag, Markup,
    OutOfBandSwap, Selector, Swap, SwapStyle, Wanted, When, headers,
};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect},
    routing::get,
};
use http_body_util::BodyExt;
use proptest::prelude::*;
use tokio::runtime::Runtime;
use tower::ServiceExt;

const REQUEST: [HeaderName; 11] = [
    headers::HX_PTAG,
    headers::HX_BOOSTED,
    headers::HX_CURRENT_URL,
    headers::HX_HISTORY_RESTORE_REQUEST,
    headers::HX_PROMPT,
    headers::HX_REQUEST,
    headers::HX_REQUEST_TYPE,
    headers::HX_SOURCE,
    headers::HX_TARGET,
    headers::HX_TRIGGER,
    headers::HX_TRIGGER_NAME,
];

/// Any bytes that a server lets into a header.
fn header_value() -> impl Strategy<Value = HeaderValue> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..24),
        prop::sample::select(vec!["true", "full", "full;htmx=2", "partial", "false"])
            .prop_map(|word| word.as_bytes().to_vec()),
        "[a-z]{0,4}#?(%[0-9A-F]{0,2}|.){0,8}".prop_map(String::into_bytes),
    ];
    let allowed = |byte: u8| {
        if byte < b' ' || byte == 0x7f {
            b'\t'
        } else {
            byte
        }
    };
    bytes.prop_map(move |bytes| {
        let bytes: Vec<u8> = bytes.into_iter().map(allowed).collect();
        HeaderValue::from_bytes(&bytes).unwrap()
    })
}

fn request() -> impl Strategy<Value = HeaderMap> {
    let header = (
        prop::sample::select(REQUEST.to_vec()),
        header_value(),
        any::<bool>(),
    );
    prop::collection::vec(header, 0..10).prop_map(|lines| {
        let mut headers = HeaderMap::new();
        for (name, value, encoded) in lines {
            let marker = format!("{name}-uri-autoencoded");
            headers.append(name, value);
            if encoded {
                headers.append(
                    HeaderName::try_from(marker).unwrap(),
                    "true".parse().unwrap(),
                );
            }
        }
        headers
    })
}

/// Headers of other kinds, at which the layer and what stands around it look.
const OTHERS: [HeaderName; 6] = [
    header::ACCEPT,
    header::COOKIE,
    header::HOST,
    header::REFERER,
    header::ORIGIN,
    HeaderName::from_static("hx-unheard-of"),
];

/// A request of any bytes with headers of htmx and of other kinds.
fn whole_request() -> impl Strategy<Value = HeaderMap> {
    let other = (prop::sample::select(OTHERS.to_vec()), header_value());
    let others = prop::collection::vec(other, 0..4);
    (request(), others).prop_map(|(mut headers, others)| {
        headers.extend(others);
        headers
    })
}

/// What each extractor reads, beside the headers that decide it.
fn readings(map: &HeaderMap) -> Vec<(Vec<HeaderName>, String)> {
    use headers::*;
    let newer = [HX_SOURCE, HX_REQUEST_TYPE];
    let kind = [HX_REQUEST, HX_BOOSTED, HX_HISTORY_RESTORE_REQUEST];
    let text = |names: &[HeaderName], read: String| ([names, &newer].concat(), read);
    let read = [
        text(&kind, format!("{:?}", Htmx::from_headers(map))),
        text(
            &[HX_TARGET, HX_TARGET_ENCODED],
            format!("{:?}", HxTarget::from_headers(map)),
        ),
        text(
            &[HX_TRIGGER, HX_TRIGGER_ENCODED],
            format!("{:?}", HxTrigger::from_headers(map)),
        ),
        text(
            &[HX_PROMPT, HX_PROMPT_ENCODED],
            format!("{:?}", HxPrompt::from_headers(map)),
        ),
        text(
            &[HX_TARGET],
            format!("{:?}", HxTargetTag::from_headers(map)),
        ),
        (
            vec![HX_TRIGGER_NAME, HX_TRIGGER_NAME_ENCODED],
            format!("{:?}", HxTriggerName::from_headers(map)),
        ),
        (
            vec![HX_CURRENT_URL, HX_CURRENT_URL_ENCODED],
            format!("{:?}", HxCurrentUrl::from_headers(map)),
        ),
        (vec![HX_PTAG], format!("{:?}", HxPTag::from_headers(map))),
        (
            vec![HX_SOURCE],
            format!("{:?}", HxTriggerTag::from_headers(map)),
        ),
    ];
    read.to_vec()
}

/// Every extractor at once.
type Everything = (Kind, Elements, (HxPrompt, HxPTag, HxCurrentUrl));
type Kind = (
    Htmx,
    HxRequest,
    HxBoosted,
    HxHistoryRestoreRequest,
    HxRequestType,
);
type Elements = (
    HxTarget,
    HxTargetTag,
    HxTrigger,
    HxTriggerTag,
    HxTriggerName,
);

fn everything(map: &HeaderMap) -> Everything {
    let kind = (
        Htmx::from_headers(map),
        HxRequest::from_headers(map),
        HxBoosted::from_headers(map),
        HxHistoryRestoreRequest::from_headers(map),
        HxRequestType::from_headers(map),
    );
    let elements = (
        HxTarget::from_headers(map),
        HxTargetTag::from_headers(map),
        HxTrigger::from_headers(map),
        HxTriggerTag::from_headers(map),
        HxTriggerName::from_headers(map),
    );
    let rest = (
        HxPrompt::from_headers(map),
        HxPTag::from_headers(map),
        HxCurrentUrl::from_headers(map),
    );
    (kind, elements, rest)
}

/// One answer of each kind that the layer treats in a way of its own.
const PATHS: [&str; 8] = [
    "/read",
    "/answer",
    "/redirect",
    "/away",
    "/reload",
    "/missing",
    "/form",
    "/page",
];

async fn answer() -> impl IntoResponse {
    let swap = || Swap::new(SwapStyle::OuterMorph).focus_scroll(true);
    let part = OutOfBandSwap::new(Selector::id("o1"), swap(), Markup::escaped("o"));
    let parts = (
        HxEvent::new("saved"),
        HxEvent::new("settled").when(When::Settle),
        HxReswap(swap()),
        HxPushUrl::none(),
        [(header::CACHE_CONTROL, "no-store")],
    );
    (parts, Fragments::new(Markup::escaped("m")).and(part))
}

fn app() -> Router {
    let page = "<!doctype html><title>f</title>";
    let unprocessable = |html: &'static str| (StatusCode::UNPROCESSABLE_ENTITY, Html(html));
    Router::new()
        .route(
            "/read",
            get(|read: Everything| async move { format!("{read:?}") }),
        )
        .route("/answer", get(answer))
        .route("/redirect", get(|| async { Redirect::to("/next") }))
        .route("/away", get(|| async { HxRedirect::to("/next") }))
        .route("/reload", get(|| async { HxRefresh }))
        .route("/missing", get(|| async { (StatusCode::NOT_FOUND, "no") }))
        .route("/form", get(move || async move { unprocessable("<form>") }))
        .route("/page", get(move || async move { unprocessable(page) }))
        .layer(HtmxLayer::default())
}

/// What the router answers: status, headers and text.
fn answered(path: &str, headers: HeaderMap) -> (StatusCode, HeaderMap, Vec<u8>) {
    static APP: LazyLock<Router> = LazyLock::new(app);
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    *request.headers_mut() = headers;
    RUNTIME.block_on(async {
        let (parts, body) = APP.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, body.to_vec())
    })
}

/// The fewest headers with which a browser says the same.
fn said_briefly(htmx: Htmx) -> HeaderMap {
    use headers::*;
    let mut said = Vec::new();
    match htmx.wanted {
        Wanted::HistoryRestore => said.push((HX_HISTORY_RESTORE_REQUEST, "true")),
        Wanted::Boosted => said.extend([(HX_REQUEST, "true"), (HX_BOOSTED, "true")]),
        _ if htmx.is_htmx() => said.push((HX_REQUEST, "true")),
        _ => {}
    }
    let full = htmx.wanted == Wanted::Page;
    match htmx.version {
        Some(HtmxVersion::V4) => {
            said.push((HX_REQUEST_TYPE, if full { "full" } else { "partial" }))
        }
        Some(HtmxVersion::V2) if full => said.push((HX_REQUEST_TYPE, "full;htmx=2")),
        _ => {}
    }
    said.into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect()
}

proptest! {
    #[test]
    fn a_header_means_something_for_itself_only(before in request(), name in prop::sample::select(REQUEST.to_vec()), value in header_value()) {
        let mut after = before.clone();
        after.insert(&name, value);
        for ((decided_by, before), (_, after)) in readings(&before).into_iter().zip(readings(&after)) {
            prop_assert!(decided_by.contains(&name) || before == after, "{name}: {before} became {after}");
        }
    }

    #[test]
    fn no_request_header_makes_an_extractor_panic(headers in request()) {
        let htmx = Htmx::from_headers(&headers);
        prop_assert_eq!(htmx.is_htmx(), HxRequest::from_headers(&headers).0 || HxHistoryRestoreRequest::from_headers(&headers).0);
        drop((HxTarget::from_headers(&headers), HxTargetTag::from_headers(&headers)));
        drop((HxTrigger::from_headers(&headers), HxTriggerName::from_headers(&headers)));
        drop((HxTriggerTag::from_headers(&headers), HxPTag::from_headers(&headers)));
        drop((HxPrompt::from_headers(&headers), HxRequestType::from_headers(&headers)));
        prop_assert!(!HxBoosted::from_headers(&headers).0 || headers.contains_key("hx-boosted"));
        if let Some(url) = HxCurrentUrl::from_headers(&headers).local() {
            prop_assert!(url.as_str().starts_with('/') && !url.as_str().starts_with("//"));
        }
    }

    #[test]
    fn no_request_makes_a_service_panic_and_extractors_read_the_same_in_it(headers in whole_request()) {
        let (status, answer, body) = answered("/read", headers.clone());
        prop_assert_eq!(status, StatusCode::OK);
        prop_assert_eq!(String::from_utf8(body).unwrap(), format!("{:?}", everything(&headers)));
        let named = answer[header::VARY].to_str().unwrap().split(", ").count();
        prop_assert_eq!(named, 16, "every header of htmx was read");
    }

    #[test]
    fn an_answer_depends_on_who_asked_and_on_no_other_byte(headers in whole_request(), path in prop::sample::select(PATHS[1..].to_vec())) {
        let htmx = Htmx::from_headers(&headers);
        let brief = said_briefly(htmx);
        prop_assert_eq!(Htmx::from_headers(&brief), htmx);
        prop_assert_eq!(answered(path, headers), answered(path, brief), "{:?}", htmx);
    }

    #[test]
    fn text_of_single_bytes_is_read_as_the_browser_wrote_it(text in "[ -~\u{a0}-\u{ff}]{0,12}", encoded in any::<bool>()) {
        use headers::*;
        let bytes: Vec<u8> = text.chars().map(|character| u8::try_from(character).unwrap()).collect();
        let mut map = HeaderMap::new();
        for name in [HX_TARGET, HX_TRIGGER, HX_TRIGGER_NAME, HX_PROMPT] {
            let value = if encoded {
                map.insert(format!("{name}-uri-autoencoded").parse::<HeaderName>().unwrap(), HeaderValue::from_static("true"));
                let escaped = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
                HeaderValue::try_from(escaped.to_string()).unwrap()
            } else {
                HeaderValue::from_bytes(&bytes).unwrap()
            };
            map.insert(name, value);
        }
        let read = [
            HxTarget::from_headers(&map).0,
            HxTrigger::from_headers(&map).0,
            HxTriggerName::from_headers(&map).0,
            HxPrompt::from_headers(&map).0,
        ];
        for read in read {
            prop_assert_eq!(read.as_ref(), Some(&text));
        }
    }

    #[test]
    fn ids_are_read_as_the_browser_wrote_them(id in "\\PC{1,12}") {
        let mut headers = HeaderMap::new();
        let encoded = percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC);
        headers.insert("hx-target", encoded.to_string().parse().unwrap());
        headers.insert("hx-target-uri-autoencoded", HeaderValue::from_static("true"));
        prop_assert_eq!(HxTarget::from_headers(&headers).0, Some(id.clone()));
        headers.insert("hx-target", format!("div#{encoded}").parse().unwrap());
        headers.insert("hx-source", HeaderValue::from_static("button"));
        prop_assert_eq!(HxTarget::from_headers(&headers).0, Some(id));
    }
}
