//! Whatever bytes a request carries, each extractor reads its own header and nothing else.
#![no_main]

use std::{convert::Infallible, fmt::Debug};

use acton_fuzz::{hides_a_host, ready};
use acton_htmx::{
    Htmx, HxBoosted, HxCurrentUrl, HxHistoryRestoreRequest, HxPTag, HxPrompt, HxRequest,
    HxRequestType, HxTarget, HxTargetTag, HxTrigger, HxTriggerName, HxTriggerTag, headers as hx,
};
use axum_core::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    lines: Vec<(u8, Value<'a>)>,
    text: &'a str,
}

#[derive(Arbitrary, Debug)]
enum Value<'a> {
    True,
    Full,
    Partial,
    Any(&'a [u8]),
    FullOf2,
}

/// As htmx 2 says that it wants a page.
const FULL_OF_2: &str = "full;htmx=2";

const NAMES: [HeaderName; 16] = [
    hx::HX_PTAG,
    hx::HX_BOOSTED,
    hx::HX_CURRENT_URL,
    hx::HX_HISTORY_RESTORE_REQUEST,
    hx::HX_PROMPT,
    hx::HX_REQUEST,
    hx::HX_REQUEST_TYPE,
    hx::HX_SOURCE,
    hx::HX_TARGET,
    hx::HX_TRIGGER,
    hx::HX_TRIGGER_NAME,
    HeaderName::from_static("hx-current-url-uri-autoencoded"),
    HeaderName::from_static("hx-prompt-uri-autoencoded"),
    HeaderName::from_static("hx-target-uri-autoencoded"),
    HeaderName::from_static("hx-trigger-uri-autoencoded"),
    HeaderName::from_static("hx-trigger-name-uri-autoencoded"),
];

fuzz_target!(|input: Input<'_>| {
    let mut headers = HeaderMap::new();
    for (name, value) in &input.lines {
        if let Some(value) = value.header() {
            headers.append(NAMES[usize::from(*name) % NAMES.len()].clone(), value);
        }
    }
    each_reads_its_own(&headers);
    the_way_back_is_the_page(&headers);
    text_arrives(input.text);
});

impl Value<'_> {
    fn header(&self) -> Option<HeaderValue> {
        match self {
            Self::True => Some(HeaderValue::from_static("true")),
            Self::Full => Some(HeaderValue::from_static("full")),
            Self::FullOf2 => Some(HeaderValue::from_static(FULL_OF_2)),
            Self::Partial => Some(HeaderValue::from_static("partial")),
            Self::Any(bytes) => HeaderValue::from_bytes(bytes).ok(),
        }
    }
}

fn extract<T>(headers: &HeaderMap) -> T
where
    T: FromRequestParts<(), Rejection = Infallible>,
{
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.headers = headers.clone();
    match ready(T::from_request_parts(&mut parts, &())) {
        Ok(value) => value,
        Err(impossible) => match impossible {},
    }
}

fn each_reads_its_own(headers: &HeaderMap) {
    const VERSION: [HeaderName; 2] = [hx::HX_SOURCE, hx::HX_REQUEST_TYPE];
    reads_only::<HxRequest>(headers, &[hx::HX_REQUEST], &[]);
    reads_only::<HxBoosted>(headers, &[hx::HX_BOOSTED], &[]);
    reads_only::<HxHistoryRestoreRequest>(headers, &[hx::HX_HISTORY_RESTORE_REQUEST], &[]);
    reads_only::<HxRequestType>(headers, &[hx::HX_REQUEST_TYPE], &[]);
    reads_only::<HxTarget>(headers, &[hx::HX_TARGET], &VERSION);
    reads_only::<HxTargetTag>(headers, &[hx::HX_TARGET], &VERSION);
    reads_only::<HxTrigger>(headers, &[hx::HX_TRIGGER, hx::HX_SOURCE], &VERSION);
    reads_only::<HxTriggerTag>(headers, &[hx::HX_SOURCE], &[]);
    reads_only::<HxPTag>(headers, &[hx::HX_PTAG], &[]);
    reads_only::<HxTriggerName>(headers, &[hx::HX_TRIGGER_NAME], &[]);
    reads_only::<HxPrompt>(headers, &[hx::HX_PROMPT], &VERSION);
    reads_only::<HxCurrentUrl>(headers, &[hx::HX_CURRENT_URL], &[]);
    let kind = [
        hx::HX_REQUEST,
        hx::HX_BOOSTED,
        hx::HX_HISTORY_RESTORE_REQUEST,
        hx::HX_REQUEST_TYPE,
    ];
    reads_only::<Htmx>(headers, &kind, &VERSION);
}

/// The value is the same without all other headers. Of those that tell the version, it counts
/// only that they are there, apart from what htmx 2 can say.
fn reads_only<T>(headers: &HeaderMap, own: &[HeaderName], present: &[HeaderName])
where
    T: FromRequestParts<(), Rejection = Infallible> + Debug + PartialEq,
{
    let mut alone = HeaderMap::new();
    for (name, value) in headers {
        let marked = name.as_str().strip_suffix("-uri-autoencoded");
        if own
            .iter()
            .any(|own| own == name || marked == Some(own.as_str()))
        {
            alone.append(name.clone(), value.clone());
        } else if present.contains(name) {
            let is_of_2 = *name == hx::HX_REQUEST_TYPE && value == FULL_OF_2;
            let said = if is_of_2 { FULL_OF_2 } else { "anything" };
            alone.entry(name).or_insert(HeaderValue::from_static(said));
        }
    }
    assert_eq!(extract::<T>(headers), extract::<T>(&alone), "{headers:?}");
}

fn the_way_back_is_the_page(headers: &HeaderMap) {
    let current: HxCurrentUrl = extract(headers);
    let Some(url) = current.0.as_deref().and_then(|url| Url::parse(url).ok()) else {
        return;
    };
    if let Some(local) = current.local() {
        let back = url.join(local.as_str()).expect("a browser resolves a path");
        assert_eq!(back.origin(), url.origin(), "{current:?}");
        assert!(!hides_a_host(&back, local.as_str()), "{current:?}");
    }
    // What a browser sends is what its URL parser wrote.
    if current.0.as_deref() == Some(url.as_str()) && !url.path().starts_with("//") {
        let local = current.local().expect("a page has a path");
        assert_eq!(local.as_str(), &url[url::Position::BeforePath..]);
    }
}

/// `encodeURIComponent`.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// `encodeURI`.
const URI: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b',')
    .remove(b'#');

/// Text is read as each major of htmx writes it.
fn text_arrives(text: &str) {
    let meant = Some(text.to_owned());
    let v2 = |name: HeaderName| written_by_htmx_2(name, text);
    assert_eq!(extract::<HxTarget>(&v2(hx::HX_TARGET)).0, meant);
    assert_eq!(extract::<HxTrigger>(&v2(hx::HX_TRIGGER)).0, meant);
    assert_eq!(extract::<HxTriggerName>(&v2(hx::HX_TRIGGER_NAME)).0, meant);
    assert_eq!(extract::<HxPrompt>(&v2(hx::HX_PROMPT)).0, meant);

    let element = format!("div#{}", utf8_percent_encode(text, URI));
    let prompt = utf8_percent_encode(text, COMPONENT).to_string();
    let v4: HeaderMap = [
        (hx::HX_SOURCE, element.clone()),
        (hx::HX_TARGET, element),
        (hx::HX_PROMPT, prompt),
    ]
    .into_iter()
    .map(|(name, value)| (name, HeaderValue::try_from(value).expect("encoded text")))
    .collect();
    assert_eq!(extract::<HxTarget>(&v4).0, meant);
    assert_eq!(extract::<HxTargetTag>(&v4).0.as_deref(), Some("div"));
    assert_eq!(extract::<HxTrigger>(&v4).0, meant);
    assert_eq!(extract::<HxPrompt>(&v4).0, meant);
}

/// One byte for each character, or encoded with a second header when that cannot be.
fn written_by_htmx_2(name: HeaderName, text: &str) -> HeaderMap {
    let latin_1: Option<Vec<u8>> = text
        .chars()
        .map(|character| u8::try_from(character).ok())
        .collect();
    let plain = latin_1.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
    let mut headers = HeaderMap::new();
    if let Some(plain) = plain {
        headers.insert(name, plain);
    } else {
        let marker = HeaderName::try_from(format!("{name}-uri-autoencoded")).expect("a name");
        let encoded = utf8_percent_encode(text, COMPONENT).to_string();
        headers.insert(name, encoded.try_into().expect("encoded text"));
        headers.insert(marker, HeaderValue::from_static("true"));
    }
    headers
}
