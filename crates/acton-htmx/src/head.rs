//! The part of `<head>` that brings htmx, set up safely.

use std::fmt;

use crate::{assets, dialect::HtmxVersion, markup::Markup};

/// htmx 2 under a strict content security policy: no `eval`, no inline style, no script in a
/// fragment, no history request that looks like a fragment; a 422 is swapped.
///
/// Reference: <https://htmx.org/reference/#config>
const CONFIG_V2: &str = r#"{"allowEval":false,"allowScriptTags":false,"includeIndicatorStyles":false,"selfRequestsOnly":true,"historyRestoreAsHxRequest":false,"responseHandling":[{"code":"[23]04","swap":false},{"code":"[23]..","swap":true},{"code":"422","swap":true},{"code":"[45]..","swap":false,"error":true}]}"#;

/// htmx 4 with the same intent; it has no `eval` switch, and swaps a 422 by itself. Attributes
/// are inherited as in htmx 2, so one template serves both.
///
/// Reference: <https://four.htmx.org/reference/config>
const CONFIG_V4: &str = r#"{"includeIndicatorCSS":false,"implicitInheritance":true,"mode":"same-origin","noSwap":[204,304]}"#;

/// The head snippet: settings, style sheet and script for one version of htmx.
///
/// Everything comes from the page's own origin, and nothing in it is inline, so
/// `script-src 'self'; style-src 'self'` is enough.
///
/// ```
/// use acton_htmx::{Head, HtmxVersion};
///
/// let head = Head::new(HtmxVersion::V2).sse(true).csrf_token("token").to_markup();
/// assert!(head.as_str().contains(r#"<meta name="csrf-token" content="token">"#));
/// ```
#[derive(Clone, Debug)]
#[must_use = "the snippet belongs into the head of a page"]
pub struct Head {
    version: HtmxVersion,
    sse: bool,
    csrf_token: Option<String>,
}

impl Head {
    /// The snippet for one version of htmx.
    pub const fn new(version: HtmxVersion) -> Self {
        Self {
            version,
            sse: false,
            csrf_token: None,
        }
    }

    /// Whether the page receives server-sent events. Default: no.
    pub const fn sse(mut self, sse: bool) -> Self {
        self.sse = sse;
        self
    }

    /// The token that every unsafe request of this page sends along as `X-CSRF-Token`.
    pub fn csrf_token(mut self, token: impl Into<String>) -> Self {
        self.csrf_token = Some(token.into());
        self
    }

    /// The HTML.
    pub fn to_markup(&self) -> Markup {
        Markup::trusted(self.to_string())
    }
}

impl fmt::Display for Head {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = match self.version {
            HtmxVersion::V2 => CONFIG_V2,
            HtmxVersion::V4 => CONFIG_V4,
        };
        let config = Markup::escaped(config);
        writeln!(formatter, r#"<meta name="htmx-config" content="{config}">"#)?;
        if let Some(token) = &self.csrf_token {
            let token = Markup::escaped(token);
            writeln!(formatter, r#"<meta name="csrf-token" content="{token}">"#)?;
        }
        writeln!(
            formatter,
            r#"<link rel="stylesheet" href="{}">"#,
            assets::style_path()
        )?;
        let script = assets::script_path(self.version, self.sse);
        writeln!(formatter, r#"<script src="{script}" defer></script>"#)
    }
}

#[cfg(feature = "askama")]
impl askama::filters::HtmlSafe for Head {}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn nothing_in_it_is_inline() {
        let head = Head::new(HtmxVersion::V4).sse(true).to_string();
        assert!(head.contains("></script>") && !head.contains("<style"));
    }

    #[test]
    fn a_token_cannot_leave_its_attribute() {
        let head = Head::new(HtmxVersion::V2)
            .csrf_token("\"><script>")
            .to_string();
        assert!(head.contains("content=\"&quot;&gt;&lt;script&gt;\""));
    }

    #[test]
    fn settings_are_json() {
        let v2: Value = serde_json::from_str(CONFIG_V2).unwrap();
        assert_eq!(v2["allowEval"], false);
        assert!(serde_json::from_str::<Value>(CONFIG_V4).is_ok());
    }
}
