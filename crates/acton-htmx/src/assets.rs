//! The scripts and the style sheet that a page needs, from its own origin.
//!
//! Their URLs hold a fingerprint of what is in them, so browsers keep them for good.
//!
//! Reference: <https://www.rfc-editor.org/rfc/rfc8246>

use std::sync::LazyLock;

use axum_core::{body::Body, response::Response};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};

use crate::dialect::HtmxVersion;

/// Where the assets live: every request under this path goes to [`response`].
pub const PATH_PREFIX: &str = "/_acton/";

/// One script for each way to build a page: with one file there is no order to get wrong.
macro_rules! bundle {
    ($($file:literal),+) => { concat!($(include_str!(concat!("../assets/", $file)), "\n"),+) };
}

static ASSETS: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    [
        Asset::new("htmx2", "js", bundle!("dist/htmx2.min.js", "acton.js")),
        Asset::new(
            "htmx2-sse",
            "js",
            bundle!("dist/htmx2.min.js", "dist/htmx2-sse.min.js", "acton.js"),
        ),
        Asset::new("htmx4", "js", bundle!("dist/htmx4.min.js", "acton.js")),
        Asset::new(
            "htmx4-sse",
            "js",
            bundle!("dist/htmx4.min.js", "dist/htmx4-sse.min.js", "acton.js"),
        ),
        Asset::new("acton", "css", include_str!("../assets/acton.css")),
    ]
});

/// A file and the URL of exactly this content.
#[derive(Debug)]
struct Asset {
    name: &'static str,
    extension: &'static str,
    path: String,
    etag: HeaderValue,
    content: &'static str,
}

impl Asset {
    fn new(name: &'static str, extension: &'static str, content: &'static str) -> Self {
        let fingerprint = format!("{:016x}", fingerprint(content.as_bytes()));
        Self {
            name,
            extension,
            path: format!("{PATH_PREFIX}{name}.{fingerprint}.{extension}"),
            etag: HeaderValue::try_from(format!("\"{fingerprint}\"")).expect("hexadecimal digits"),
            content,
        }
    }

    /// Whether `path` is this file, in this version or another.
    fn answers(&self, path: &str) -> bool {
        let file = path
            .strip_prefix(PATH_PREFIX)
            .and_then(|file| file.split_once('.'));
        file.is_some_and(|(name, rest)| name == self.name && rest.ends_with(self.extension))
    }

    fn content_type(&self) -> HeaderValue {
        HeaderValue::from_static(match self.extension {
            "css" => "text/css; charset=utf-8",
            _ => "text/javascript; charset=utf-8",
        })
    }

    /// While a new version is rolled out, a page of one meets the server of the other: that
    /// works, and nobody keeps the answer.
    fn cache_control(&self, path: &str) -> HeaderValue {
        HeaderValue::from_static(if path == self.path {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        })
    }
}

/// The answer to a GET or HEAD of `path`; `None` when there is no such file.
///
/// A copy that the browser holds already is confirmed with 304.
///
/// ```
/// use acton_htmx::{HtmxVersion, assets};
///
/// let path = assets::script_path(HtmxVersion::V4, true);
/// let response = assets::response(path, &http::HeaderMap::new());
/// assert!(response.is_some_and(|response| response.status() == 200));
/// ```
#[must_use]
pub fn response(path: &str, request: &HeaderMap) -> Option<Response> {
    let asset = ASSETS.iter().find(|asset| asset.answers(path))?;
    let mut response = if is_known(request, &asset.etag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Body::from(asset.content))
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, asset.content_type());
    headers.insert(CACHE_CONTROL, asset.cache_control(path));
    headers.insert(ETAG, asset.etag.clone());
    Some(response)
}

/// The URL of the script for this version of htmx, with or without server-sent events.
#[must_use]
pub fn script_path(version: HtmxVersion, sse: bool) -> &'static str {
    let index = match (version, sse) {
        (HtmxVersion::V2, false) => 0,
        (HtmxVersion::V2, true) => 1,
        (HtmxVersion::V4, false) => 2,
        (HtmxVersion::V4, true) => 3,
    };
    &ASSETS[index].path
}

/// The URL of the style sheet: request indicators, and what to show while live updates are down.
#[must_use]
pub fn style_path() -> &'static str {
    &ASSETS[4].path
}

fn is_known(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let known = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut tags = known.flat_map(|value| value.split(',').map(str::trim));
    tags.any(|tag| tag == "*" || tag.trim_start_matches("W/").as_bytes() == etag.as_bytes())
}

/// FNV-1a with 64 bits: files differ, nobody forges them.
///
/// Reference: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>
fn fingerprint(content: &[u8]) -> u64 {
    content.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str, known: Option<&HeaderValue>) -> Option<Response> {
        let mut request = HeaderMap::new();
        if let Some(known) = known {
            request.insert(IF_NONE_MATCH, known.clone());
        }
        response(path, &request)
    }

    #[test]
    fn the_url_of_this_content_is_kept_for_good() {
        for asset in ASSETS.iter() {
            let response = get(&asset.path, None).unwrap();
            assert_eq!(
                response.headers()[CACHE_CONTROL],
                "public, max-age=31536000, immutable"
            );
        }
    }

    #[test]
    fn another_fingerprint_is_answered_but_not_kept() {
        let response = get("/_acton/htmx2.0123456789abcdef.js", None).unwrap();
        assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");
    }

    #[test]
    fn a_copy_that_is_held_is_confirmed() {
        let etag = get(style_path(), None).unwrap().headers()[ETAG].clone();
        assert_eq!(
            get(style_path(), Some(&etag)).unwrap().status(),
            StatusCode::NOT_MODIFIED
        );
        let weak = HeaderValue::try_from(format!("\"x\", W/{}", etag.to_str().unwrap())).unwrap();
        assert_eq!(
            get(style_path(), Some(&weak)).unwrap().status(),
            StatusCode::NOT_MODIFIED
        );
    }

    #[test]
    fn nothing_else_is_here() {
        for path in [
            "/_acton/",
            "/_acton/acton.js",
            "/_acton/../secret",
            "/htmx2.x.js",
            "/_acton/htmx2.x.css",
        ] {
            assert!(get(path, None).is_none(), "{path}");
        }
    }

    #[test]
    fn each_version_has_scripts_of_its_own() {
        let paths = [
            (HtmxVersion::V2, false),
            (HtmxVersion::V2, true),
            (HtmxVersion::V4, false),
            (HtmxVersion::V4, true),
        ]
        .map(|(version, sse)| script_path(version, sse));
        assert!(
            paths
                .iter()
                .enumerate()
                .all(|(index, path)| !paths[..index].contains(path))
        );
    }
}
