//! The [htmx](https://htmx.org) protocol for axum: one handler for htmx 2 and 4.
//!
//! ```
//! use acton_htmx::{Htmx, HxEvent, HxReswap, SwapStyle};
//! use axum_core::response::IntoResponse;
//!
//! async fn tasks(htmx: Htmx) -> impl IntoResponse {
//!     let body = if htmx.wants_fragment() { "<li>Milk</li>" } else { "<html>…</html>" };
//!     (HxReswap(SwapStyle::BeforeEnd), HxEvent::new("listed"), body)
//! }
//! ```
//!
//! [`headers`] names the protocol. The extractors read it: [`Htmx`] sums a request up, and each
//! header has its own. The responders write it: [`HxRedirect`] to [`HxEvent`] for headers,
//! [`Fragments`] for content with several targets. [`HtmxLayer`] puts both into the dialect of
//! the browser that asked.
//!
//! # Features
#![cfg_attr(feature = "document-features", doc = document_features::document_features!())]

pub mod headers;

mod dialect;
mod request;

mod response;
mod scroll;
mod selector;
mod swap;
mod trigger;
mod trigger_line;
mod url;

mod document;
mod json;
mod markup;
mod numbers;
mod oob;
mod spelled;

mod answer;
mod config;
mod consulted;
mod context;
mod destination;
mod layer;
mod vary;

#[cfg(feature = "assets")]
pub mod assets;
#[cfg(feature = "assets")]
mod head;

mod decode;
mod error;

#[cfg(feature = "assets")]
pub use self::head::Head;

pub use self::{
    config::HtmxConfig,
    consulted::Consulted,
    context::HtmxContext,
    decode::header_text,
    dialect::{Htmx, HtmxVersion, Wanted},
    document::RenderMode,
    error::Error,
    json::hx_json,
    layer::{HtmxFuture, HtmxLayer, HtmxService},
    markup::{Markup, Render},
    oob::{Fragments, OutOfBandSwap},
    request::{
        HxBoosted, HxCurrentUrl, HxHistoryRestoreRequest, HxPTag, HxPrompt, HxRequest,
        HxRequestType, HxTarget, HxTargetTag, HxTrigger, HxTriggerName, HxTriggerTag, RequestType,
    },
    response::{
        HxLocation, HxPushUrl, HxRedirect, HxRefresh, HxReplaceUrl, HxReselect, HxResponsePTag,
        HxReswap, HxRetarget,
    },
    scroll::Scroll,
    selector::Selector,
    swap::{Swap, SwapStyle},
    trigger::{HxEvent, HxResponseTrigger, When},
    url::LocalUrl,
};

/// What handlers use.
pub mod prelude {
    pub use crate::{
        Fragments, Htmx, HtmxVersion, HxBoosted, HxCurrentUrl, HxEvent, HxHistoryRestoreRequest,
        HxLocation, HxPTag, HxPrompt, HxPushUrl, HxRedirect, HxRefresh, HxReplaceUrl, HxRequest,
        HxRequestType, HxReselect, HxResponsePTag, HxResponseTrigger, HxReswap, HxRetarget,
        HxTarget, HxTargetTag, HxTrigger, HxTriggerName, HxTriggerTag, LocalUrl, Markup,
        OutOfBandSwap, Render, Scroll, Selector, Swap, SwapStyle, Wanted, When, hx_json,
    };

    #[cfg(feature = "assets")]
    pub use crate::Head;
}
