//! A plain request costs no memory.

use acton_htmx::{
    Htmx, HxBoosted, HxCurrentUrl, HxHistoryRestoreRequest, HxPTag, HxPrompt, HxRequest,
    HxRequestType, HxTarget, HxTargetTag, HxTrigger, HxTriggerName, HxTriggerTag,
};
use axum::http::{HeaderMap, HeaderValue, header};

fn allocations(headers: &HeaderMap) -> u64 {
    let counted = allocation_counter::measure(|| {
        let extracted = (
            Htmx::from_headers(headers),
            HxRequest::from_headers(headers),
            HxBoosted::from_headers(headers),
            HxHistoryRestoreRequest::from_headers(headers),
            HxRequestType::from_headers(headers),
            HxTarget::from_headers(headers),
            HxTargetTag::from_headers(headers),
            HxTrigger::from_headers(headers),
            HxTriggerTag::from_headers(headers),
            HxPTag::from_headers(headers),
            HxTriggerName::from_headers(headers),
            HxPrompt::from_headers(headers),
            HxCurrentUrl::from_headers(headers),
        );
        assert_eq!(extracted.0.is_htmx(), extracted.1.0);
    });
    counted.count_total
}

#[test]
fn extracting_from_a_plain_request_allocates_nothing() {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
    headers.insert(header::COOKIE, HeaderValue::from_static("id=1"));
    assert_eq!(allocations(&headers), 0);
}

#[test]
fn the_count_would_show_an_allocation() {
    let mut headers = HeaderMap::new();
    headers.insert("hx-target", HeaderValue::from_static("out"));
    assert_ne!(allocations(&headers), 0);
}
