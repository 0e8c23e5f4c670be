//! Fetching another page and swapping it in.

use std::{collections::BTreeMap, convert::Infallible};

use axum_core::response::{IntoResponseParts, ResponseParts};
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;

use super::{Respelled, whole_response};
use crate::{
    dialect::HtmxVersion,
    error::Error,
    headers, json,
    selector::Selector,
    swap::{Swap, SwapStyle},
    url::LocalUrl,
};

/// Fetches a page and swaps it in, without a reload (`HX-Location`).
///
/// It is always sent as JSON: htmx 4 reads anything else as its configuration language.
/// Under [`HtmxLayer`](crate::HtmxLayer) a plain browser gets a 303 with `Location` instead, with the
/// values in its query.
/// The fields `event` and `handler` of the script's own `htmx.ajax` are an event and a function, so
/// no header can carry them.
///
/// ```
/// use acton_htmx::{HxLocation, SwapStyle};
///
/// fn next(page: u32) -> Result<HxLocation, acton_htmx::Error> {
///     HxLocation::to("/tasks")?.target("#list")?.swap(SwapStyle::OuterHtml).values(&[("page", page)])
/// }
/// # assert!(next(2).is_err(), "values are an object");
/// ```
///
/// Reference: <https://htmx.org/headers/hx-location/>
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a header is sent only when returned from the handler"]
pub struct HxLocation {
    path: LocalUrl,
    target: Option<Selector>,
    source: Option<Selector>,
    select: Option<Selector>,
    select_oob: Vec<(Selector, SwapStyle)>,
    swap: Option<Swap>,
    values: Option<Value>,
    headers: BTreeMap<String, String>,
    push: Option<HistoryUrl>,
    replace: Option<HistoryUrl>,
}

/// A URL for the history, or `false`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum HistoryUrl {
    Url(LocalUrl),
    Never(bool),
}

impl HxLocation {
    /// Fetches a path on this origin.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignUrl`] for anything else; as a response, that is a 500.
    pub fn to(url: impl AsRef<str>) -> Result<Self, Error> {
        LocalUrl::parse(url.as_ref()).map(Self::from)
    }

    /// Swaps into this element, by a selector of CSS. Default: the body.
    ///
    /// # Errors
    ///
    /// [`Error::Selector`] when the selector cannot be sent.
    pub fn target(mut self, selector: &str) -> Result<Self, Error> {
        self.target = Some(Selector::css(selector)?);
        Ok(self)
    }

    /// Sends the request as if this element had.
    ///
    /// # Errors
    ///
    /// [`Error::Selector`] when the selector cannot be sent.
    pub fn source(mut self, selector: &str) -> Result<Self, Error> {
        self.source = Some(Selector::css(selector)?);
        Ok(self)
    }

    /// Takes only this part of the page.
    ///
    /// # Errors
    ///
    /// [`Error::Selector`] when the selector cannot be sent.
    pub fn select(mut self, selector: &str) -> Result<Self, Error> {
        self.select = Some(Selector::css(selector)?);
        Ok(self)
    }

    /// Takes the element with this id out of the page, too, and swaps it with the one that has the
    /// id here (`hx-select-oob`). Several come one after another.
    ///
    /// # Errors
    ///
    /// [`Error::Selector`] when the id cannot be sent; [`Error::Swap`] for
    /// [`SwapStyle::TextContent`], which htmx 2 does not know here.
    pub fn select_oob(mut self, id: &str, style: SwapStyle) -> Result<Self, Error> {
        if style == SwapStyle::TextContent {
            return Err(Error::Swap(style.as_str().to_owned()));
        }
        self.select_oob.push((Selector::id(id)?, style));
        Ok(self)
    }

    /// Swaps in this way. Default: the content is replaced.
    pub fn swap(mut self, swap: impl Into<Swap>) -> Self {
        self.swap = Some(swap.into());
        self
    }

    /// Sends these values as the query: a list item by item, an object, or a list in a list, as
    /// JSON. htmx 4 does so under the script of `Head`.
    ///
    /// # Errors
    ///
    /// [`Error::NotAnObject`] unless it is a map or a struct, [`Error::Json`] when it cannot be
    /// written as JSON, [`Error::Number`] for a number that would arrive as another.
    pub fn values<T: Serialize + ?Sized>(mut self, values: &T) -> Result<Self, Error> {
        let mut values = json::to_value(values)?;
        let fields = values.as_object_mut().ok_or(Error::NotAnObject)?;
        let items = fields
            .values_mut()
            .filter_map(Value::as_array_mut)
            .flatten();
        // htmx 2 has no text for these.
        for item in items.filter(|item| item.is_object() || item.is_array()) {
            *item = item.to_string().into();
        }
        self.values = Some(values);
        Ok(self)
    }

    /// Sends one more request header.
    ///
    /// # Errors
    ///
    /// [`Error::RequestHeader`] when it is not a header, or not in ASCII.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let sound = HeaderName::try_from(name).is_ok()
            && HeaderValue::try_from(value).is_ok_and(|value| value.to_str().is_ok());
        if !sound {
            return Err(Error::RequestHeader(format!("{name}: {value}")));
        }
        self.headers.insert(name.to_owned(), value.to_owned());
        Ok(self)
    }

    /// Puts this URL into the history. Default: the path that is fetched, with its fragment.
    ///
    /// htmx 2 adds the fragment of the path to a URL that has none.
    pub fn push(mut self, url: LocalUrl) -> Self {
        self.push = Some(HistoryUrl::Url(url));
        self
    }

    /// Puts nothing into the history.
    pub fn no_push(mut self) -> Self {
        self.push = Some(HistoryUrl::Never(false));
        self
    }

    /// Shows this URL in place of the one in the address bar, instead of pushing one.
    pub fn replace(mut self, url: LocalUrl) -> Self {
        self.replace = Some(HistoryUrl::Url(url));
        self.push.get_or_insert(HistoryUrl::Never(false));
        self
    }

    fn header_value(&self, version: HtmxVersion) -> HeaderValue {
        let text = |selector: &Option<Selector>| selector.as_ref().map(ToString::to_string);
        let written = Written {
            path: &self.path,
            target: text(&self.target),
            source: text(&self.source),
            select: text(&self.select),
            select_oob: self.spell_select_oob(version),
            swap: self.swap.as_ref().map(|swap| swap.spell(version)),
            values: self.values.as_ref(),
            headers: &self.headers,
            push: self.push.as_ref(),
            replace: self.replace.as_ref(),
        };
        let json = json::to_ascii(&written).expect("text and JSON values are JSON");
        HeaderValue::try_from(json).expect("escaped JSON is visible ASCII")
    }

    fn spell_select_oob(&self, version: HtmxVersion) -> Option<String> {
        let spell = |(id, style): &(Selector, SwapStyle)| format!("{id}:{}", style.word(version));
        let parts: Vec<_> = self.select_oob.iter().map(spell).collect();
        (!parts.is_empty()).then(|| parts.join(","))
    }
}

impl From<LocalUrl> for HxLocation {
    fn from(path: LocalUrl) -> Self {
        Self {
            path,
            target: None,
            source: None,
            select: None,
            select_oob: Vec::new(),
            swap: None,
            values: None,
            headers: BTreeMap::new(),
            push: None,
            replace: None,
        }
    }
}

/// The fields in the order of the htmx reference.
#[derive(Serialize)]
struct Written<'a> {
    path: &'a LocalUrl,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    swap: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<&'a Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    select: Option<String>,
    #[serde(rename = "selectOOB", skip_serializing_if = "Option::is_none")]
    select_oob: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    push: Option<&'a HistoryUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replace: Option<&'a HistoryUrl>,
}

impl IntoResponseParts for HxLocation {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let v2 = self.header_value(HtmxVersion::V2);
        let v4 = self.header_value(HtmxVersion::V4);
        Respelled {
            name: headers::HX_LOCATION,
            v2,
            v4,
        }
        .apply(&mut parts);
        Ok(parts)
    }
}

whole_response!(HxLocation);

#[cfg(test)]
mod tests {
    use axum_core::response::IntoResponse;
    use serde_json::json;

    use super::*;

    fn sent(location: HxLocation) -> Value {
        let response = location.into_response();
        let line = response.headers()[headers::HX_LOCATION].to_str().unwrap();
        serde_json::from_str(line).unwrap()
    }

    fn to(path: &str) -> HxLocation {
        HxLocation::to(path).unwrap()
    }

    #[test]
    fn only_what_was_said_is_sent() {
        assert_eq!(sent(to("/a")), json!({"path": "/a"}));
        assert_eq!(
            sent(to("/a").no_push()),
            json!({"path": "/a", "push": false})
        );
        let replaced = to("/a").replace(LocalUrl::parse("/b").unwrap());
        let both = json!({"path": "/a", "push": false, "replace": "/b"});
        assert_eq!(sent(replaced), both, "htmx 2 would push by itself");
    }

    #[test]
    fn every_option_has_its_key() {
        let location = to("/é")
            .target("#out")
            .and_then(|location| location.source("#go"))
            .and_then(|location| location.select("#frag"))
            .and_then(|location| location.select_oob("count", SwapStyle::OuterHtml))
            .and_then(|location| location.select_oob("a:b", SwapStyle::BeforeEnd))
            .and_then(|location| location.values(&json!({"q": "é"})))
            .and_then(|location| location.header("X-Why", "because"))
            .unwrap()
            .swap(Swap::new(SwapStyle::OuterHtml).transition(true))
            .push(LocalUrl::parse("/shown").unwrap());
        let expected = json!({
            "path": "/%C3%A9", "target": "#out", "source": "#go", "select": "#frag",
            "selectOOB": "#count:outerHTML,#a\\00003ab:beforeend", "values": {"q": "é"},
            "headers": {"X-Why": "because"}, "swap": "outerHTML transition:true", "push": "/shown",
        });
        assert_eq!(sent(location), expected);
    }

    #[test]
    fn what_is_no_text_in_a_list_is_json() {
        let values = json!({"a": [1, null, {"x": [1]}, ["y"]], "b": {"x": [{}]}});
        let sent = sent(to("/a").values(&values).unwrap());
        let expected = json!({"a": [1, null, r#"{"x":[1]}"#, r#"["y"]"#], "b": {"x": [{}]}});
        assert_eq!(sent["values"], expected);
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        assert!(to("/a").header("X Y", "z").is_err());
        assert!(to("/a").header("X-Y", "é").is_err());
        assert!(to("/a").header("X-Y", "a\r\nb").is_err());
        assert!(to("/a").values(&[1]).is_err());
        assert!(to("/a").select_oob("a", SwapStyle::TextContent).is_err());
        assert!(to("/a").select_oob("", SwapStyle::OuterHtml).is_err());
    }

    #[test]
    fn a_selector_that_only_the_resolver_of_htmx_reads_is_refused() {
        for text in ["<b/>", "next <p/>", "global <p/>"] {
            assert!(to("/a").target(text).is_err(), "{text}");
            assert!(to("/a").source(text).is_err(), "{text}");
            assert!(to("/a").select(text).is_err(), "{text}");
        }
    }
}
