//! The names of the protocol, in the order of the htmx reference.
//!
//! Reference: <https://htmx.org/reference/#headers>

use http::{HeaderMap, HeaderName};

/// What makes htmx leave the page. Of several the versions obey different ones.
pub(crate) static NAVIGATION: [HeaderName; 3] = [HX_REDIRECT, HX_LOCATION, HX_REFRESH];

/// What tells htmx to do something, or what it shows.
pub(crate) static RESPONSE: [HeaderName; 12] = [
    HX_LOCATION,
    HX_PUSH_URL,
    HX_REDIRECT,
    HX_REFRESH,
    HX_REPLACE_URL,
    HX_RESWAP,
    HX_RETARGET,
    HX_RESELECT,
    HX_PTAG,
    HX_TRIGGER,
    HX_TRIGGER_AFTER_SETTLE,
    HX_TRIGGER_AFTER_SWAP,
];

/// `true` on a boosted request: a link or form under `hx-boost`.
pub const HX_BOOSTED: HeaderName = HeaderName::from_static("hx-boosted");
/// The URL in the address bar, fragment included.
pub const HX_CURRENT_URL: HeaderName = HeaderName::from_static("hx-current-url");
/// `true` when htmx restores a page that its history no longer holds.
pub const HX_HISTORY_RESTORE_REQUEST: HeaderName =
    HeaderName::from_static("hx-history-restore-request");
/// `true` on a request of the `preload` extension of htmx 2, for something nobody asked for yet.
///
/// Reference: <https://htmx.org/extensions/preload/#about-this-extension>
pub const HX_PRELOADED: HeaderName = HeaderName::from_static("hx-preloaded");
/// What the user typed into `hx-prompt`.
pub const HX_PROMPT: HeaderName = HeaderName::from_static("hx-prompt");
/// The version of what is shown, as the `hx-ptag` extension of htmx 4 keeps and sends it.
pub const HX_PTAG: HeaderName = HeaderName::from_static("hx-ptag");
/// `true` on every request of htmx, apart from the history restore of htmx 4.
pub const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
/// `full` or `partial`, sent by htmx 4; by htmx 2 only `full;htmx=2`, under the script of `Head`.
pub const HX_REQUEST_TYPE: HeaderName = HeaderName::from_static("hx-request-type");
/// The element that sent the request, as `tag#id`, sent by htmx 4 only.
pub const HX_SOURCE: HeaderName = HeaderName::from_static("hx-source");
/// The element to be swapped: its id in htmx 2, `tag#id` in htmx 4.
pub const HX_TARGET: HeaderName = HeaderName::from_static("hx-target");
/// In a request of htmx 2 the id of the element that sent it; in a response the events to fire.
pub const HX_TRIGGER: HeaderName = HeaderName::from_static("hx-trigger");
/// The `name` of the element that sent the request, sent by htmx 2 only.
pub const HX_TRIGGER_NAME: HeaderName = HeaderName::from_static("hx-trigger-name");
/// `true` when htmx 2 had to percent-encode `HX-Current-URL`.
pub const HX_CURRENT_URL_ENCODED: HeaderName =
    HeaderName::from_static("hx-current-url-uri-autoencoded");
/// `true` when htmx 2 had to percent-encode `HX-Prompt`.
pub const HX_PROMPT_ENCODED: HeaderName = HeaderName::from_static("hx-prompt-uri-autoencoded");
/// `true` when htmx 2 had to percent-encode `HX-Target`.
pub const HX_TARGET_ENCODED: HeaderName = HeaderName::from_static("hx-target-uri-autoencoded");
/// `true` when htmx 2 had to percent-encode `HX-Trigger`.
pub const HX_TRIGGER_ENCODED: HeaderName = HeaderName::from_static("hx-trigger-uri-autoencoded");
/// `true` when htmx 2 had to percent-encode `HX-Trigger-Name`.
pub const HX_TRIGGER_NAME_ENCODED: HeaderName =
    HeaderName::from_static("hx-trigger-name-uri-autoencoded");

/// Fetch another page and swap it in, without a reload.
pub const HX_LOCATION: HeaderName = HeaderName::from_static("hx-location");
/// Put a URL into the history.
pub const HX_PUSH_URL: HeaderName = HeaderName::from_static("hx-push-url");
/// Go to another page with a full load.
pub const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
/// Reload the page.
pub const HX_REFRESH: HeaderName = HeaderName::from_static("hx-refresh");
/// Replace the URL in the address bar.
pub const HX_REPLACE_URL: HeaderName = HeaderName::from_static("hx-replace-url");
/// Swap in another way than the element asked for.
pub const HX_RESWAP: HeaderName = HeaderName::from_static("hx-reswap");
/// Swap into another element.
pub const HX_RETARGET: HeaderName = HeaderName::from_static("hx-retarget");
/// Take another part of the response.
pub const HX_RESELECT: HeaderName = HeaderName::from_static("hx-reselect");
/// Events to fire once the content has settled, obeyed by htmx 2 only.
pub const HX_TRIGGER_AFTER_SETTLE: HeaderName = HeaderName::from_static("hx-trigger-after-settle");
/// Events to fire once the content is swapped, obeyed by htmx 2 only.
pub const HX_TRIGGER_AFTER_SWAP: HeaderName = HeaderName::from_static("hx-trigger-after-swap");

/// Whether any header is of htmx; to read a few names is quicker than to look one of these up.
pub(crate) fn any(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("hx-"))
}
