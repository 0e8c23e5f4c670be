//! HTML that is safe to send.

use std::fmt::{self, Write as _};

use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, header::CONTENT_TYPE};

use crate::error::Error;

/// HTML that needs no more escaping.
///
/// ```
/// use acton_htmx::Markup;
///
/// assert_eq!(Markup::escaped("<b>").as_str(), "&lt;b&gt;");
/// assert_eq!(Markup::trusted("<b>bold</b>").as_str(), "<b>bold</b>");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[must_use = "markup is sent only when returned from the handler"]
pub struct Markup(String);

impl Markup {
    /// Escapes text for element content and for quoted attributes.
    pub fn escaped(text: impl fmt::Display) -> Self {
        let mut html = Escaped(String::new());
        write!(html, "{text}").expect("writing to a string");
        Self(html.0)
    }

    /// Takes HTML that the application itself wrote or sanitised.
    pub fn trusted(html: impl Into<String>) -> Self {
        Self(html.into())
    }

    /// The HTML.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The HTML, without a copy.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    /// Whether there is nothing but whitespace.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.trim_ascii().is_empty()
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<Markup> for String {
    fn from(markup: Markup) -> Self {
        markup.0
    }
}

impl IntoResponse for Markup {
    fn into_response(self) -> Response {
        const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
        let mut response = self.0.into_response();
        response.headers_mut().insert(CONTENT_TYPE, HTML);
        response
    }
}

#[cfg(feature = "askama")]
impl askama::filters::HtmlSafe for Markup {}

/// What can become [`Markup`]: markup itself and, with feature `askama`, every template.
pub trait Render {
    /// Appends the HTML to `html`.
    ///
    /// # Errors
    ///
    /// [`Error::Render`] when the template fails.
    fn render_to(&self, html: &mut String) -> Result<(), Error>;

    /// The HTML as a value of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Render`] when the template fails.
    fn to_markup(&self) -> Result<Markup, Error> {
        let mut html = String::new();
        self.render_to(&mut html)?;
        Ok(Markup(html))
    }
}

impl Render for Markup {
    fn render_to(&self, html: &mut String) -> Result<(), Error> {
        html.push_str(&self.0);
        Ok(())
    }
}

impl Render for &Markup {
    fn render_to(&self, html: &mut String) -> Result<(), Error> {
        (*self).render_to(html)
    }
}

#[cfg(feature = "askama")]
impl<T: askama::Template> Render for T {
    fn render_to(&self, html: &mut String) -> Result<(), Error> {
        html.reserve(T::SIZE_HINT);
        self.render_into(html)
            .map_err(|error| Error::Render(Box::new(error)))
    }
}

/// Escapes on the way, so that no second copy of the text is made.
struct Escaped(String);

impl fmt::Write for Escaped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            self.0.push_str(&rest[..at]);
            self.0.push_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            });
            rest = &rest[at + 1..];
        }
        self.0.push_str(rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_an_attribute() {
        let markup = Markup::escaped(r#"<a title="x" class='y'>&</a>"#);
        let escaped = "&lt;a title=&quot;x&quot; class=&#39;y&#39;&gt;&amp;&lt;/a&gt;";
        assert_eq!(markup.as_str(), escaped);
    }

    #[test]
    fn text_without_markup_stays_as_it_is() {
        assert_eq!(Markup::escaped("é日").as_str(), "é日");
    }

    #[test]
    fn whitespace_is_nothing() {
        assert!(Markup::trusted(" \n").is_empty());
        assert!(!Markup::trusted("x").is_empty());
    }

    #[cfg(feature = "askama")]
    #[test]
    fn templates_take_markup_without_a_filter() {
        fn assert_safe<T: askama::filters::HtmlSafe>() {}
        assert_safe::<Markup>();
    }
}
