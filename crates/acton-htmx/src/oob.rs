//! Several targets in one answer.
//!
//! A part travels as `<hx-partial hx-target="…" hx-swap="…">`: htmx 2.0.11 and htmx 4 both read
//! it, table rows and options keep their tags in it, and an answer of nothing else leaves the
//! main target alone. How it is swapped is spelled for the version of htmx that asked.
//!
//! Reference: <https://four.htmx.org/reference/hx-partial>

use axum_core::response::{IntoResponse, Response};

use crate::{
    dialect::HtmxVersion,
    document::RenderMode,
    error::Error,
    markup::{Markup, Render},
    selector::Selector,
    spelled,
    swap::{Swap, SwapStyle},
};

/// Content for an element other than the target.
///
/// ```
/// use acton_htmx::{Markup, OutOfBandSwap};
///
/// let count = OutOfBandSwap::update("task-count", Markup::escaped(3));
/// assert_eq!(
///     count.to_markup()?.as_str(),
///     r##"<hx-partial hx-target="#task-count" hx-swap="innerHTML">3</hx-partial>"##,
/// );
/// # Ok::<(), acton_htmx::Error>(())
/// ```
///
/// A template that fails, and an id that cannot be sent, are kept until the answer is written
/// and make it a 500; so do a whole document, and content with `hx-swap-oob` or `<hx-partial>`, which
/// htmx would lose.
#[derive(Debug)]
#[must_use = "content is sent only when returned from the handler"]
pub struct OutOfBandSwap(Result<Part, Error>);

#[derive(Debug)]
struct Part {
    target: Selector,
    swap: Swap,
    content: Markup,
}

impl OutOfBandSwap {
    /// Swaps content relative to every element that the selector matches.
    ///
    /// `this` is refused: beside the main content htmx 2 knows nothing of that name.
    pub fn new(
        target: Result<Selector, Error>,
        swap: impl Into<Swap>,
        content: impl Render,
    ) -> Self {
        let swap = swap.into();
        if swap.style() == SwapStyle::TextContent {
            return Self(Err(Error::Swap(SwapStyle::TextContent.as_str().to_owned())));
        }
        Self(target.and_then(|target| {
            if target.is_this() {
                return Err(Error::Selector(target.to_string()));
            }
            let content = fragment(content)?;
            if has_parts(content.as_str()) {
                return Err(Error::NestedPart);
            }
            Ok(Part {
                target,
                swap,
                content,
            })
        }))
    }

    fn by_id(id: &str, style: SwapStyle, content: impl Render) -> Self {
        Self::new(Selector::id(id), style, content)
    }

    /// Replaces the element with this id.
    pub fn replace(id: &str, content: impl Render) -> Self {
        Self::by_id(id, SwapStyle::OuterHtml, content)
    }

    /// Replaces what is in the element with this id.
    pub fn update(id: &str, content: impl Render) -> Self {
        Self::by_id(id, SwapStyle::InnerHtml, content)
    }

    /// Adds content at the end of the element with this id.
    pub fn append(id: &str, content: impl Render) -> Self {
        Self::by_id(id, SwapStyle::BeforeEnd, content)
    }

    /// Adds content at the start of the element with this id.
    pub fn prepend(id: &str, content: impl Render) -> Self {
        Self::by_id(id, SwapStyle::AfterBegin, content)
    }

    /// Adds content before the element with this id.
    pub fn before(id: &str, content: impl Render) -> Self {
        Self::by_id(id, SwapStyle::BeforeBegin, content)
    }

    /// Adds content after the element with this id.
    pub fn after(id: &str, content: impl Render) -> Self {
        Self::by_id(id, SwapStyle::AfterEnd, content)
    }

    /// Removes the element with this id.
    pub fn delete(id: &str) -> Self {
        Self::by_id(id, SwapStyle::Delete, Markup::default())
    }

    /// The part as HTML for every version of htmx, for a server-sent event.
    ///
    /// # Errors
    ///
    /// As [`Fragments::to_markup`].
    pub fn to_markup(self) -> Result<Markup, Error> {
        Fragments::out_of_band().and(self).to_markup()
    }
}

impl Part {
    fn push_to(&self, html: &mut String, swap: &str) {
        let target = Markup::escaped(&self.target);
        let swap = Markup::escaped(swap);
        for text in [
            "<hx-partial hx-target=\"",
            target.as_str(),
            "\" hx-swap=\"",
            swap.as_str(),
            "\">",
            self.content.as_str(),
            "</hx-partial>",
        ] {
            html.push_str(text);
        }
    }
}

/// Renders what goes into a page, which a page of its own does not.
fn fragment(content: impl Render) -> Result<Markup, Error> {
    let content = content.to_markup()?;
    match RenderMode::of(content.as_str().as_bytes()) {
        RenderMode::Page => Err(Error::WholeDocument),
        RenderMode::Fragment => Ok(content),
    }
}

/// Whether an element in the HTML asks for a place of its own.
fn has_parts(html: &str) -> bool {
    // Most content does not even mention it.
    let mentions = html.contains("hx-swap-oob") || html.contains("hx-partial");
    mentions
        && html
            .match_indices('<')
            .any(|(start, _)| is_part(&html[start..]))
}

/// Whether a tag is a part; what stands in the quotes of its attributes is text.
fn is_part(tag: &str) -> bool {
    let mut unquoted = String::new();
    let mut quote = None;
    for character in tag.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => {
                quote = Some(character);
                unquoted.push(' ');
            }
            (None, '>') => break,
            (None, _) => unquoted.push(character),
        }
    }
    let mut words = unquoted.split([' ', '\t', '\n', '\r', '\x0c', '=', '/']);
    words.next() == Some("<hx-partial")
        || words.any(|word| matches!(word, "hx-swap-oob" | "data-hx-swap-oob"))
}

/// Content for the target, and for other elements in the same answer.
///
/// It composes with every responder, and its HTML is a message for server-sent events as well.
/// In an answer each part is spelled for the version of htmx that asked, by
/// [`HtmxLayer`](crate::HtmxLayer); without the layer, for htmx 2.
/// Only a target that is swapped as `textContent` cannot have company: htmx 2 reads no HTML then.
///
/// A whole document is refused: swapped into a page it would put a page into a page. `Fragments::from`
/// takes markup as it is, for an answer that may be the page.
///
/// ```
/// use acton_htmx::{Fragments, HxEvent, Markup, OutOfBandSwap};
///
/// async fn add() -> (HxEvent, Fragments) {
///     let task = Markup::trusted("<li>Milk</li>");
///     let answer = Fragments::new(task).and(OutOfBandSwap::update("task-count", Markup::escaped(3)));
///     (HxEvent::new("saved"), answer)
/// }
/// ```
#[derive(Debug)]
#[must_use = "content is sent only when returned from the handler"]
pub struct Fragments(Result<Content, Error>);

/// A part for nobody. Both versions of htmx leave the target alone beside a part, and empty it without.
const NO_PART: &str = r#"<hx-partial hx-target="head" hx-swap="none"></hx-partial>"#;

#[derive(Debug)]
struct Content {
    /// `None` leaves the target as it is; nothing in it would empty the target.
    main: Option<Markup>,
    parts: Vec<Part>,
}

impl Content {
    /// The whole as HTML, given the text of each `hx-swap`.
    fn spell(&self, spell: impl Fn(&Swap) -> Result<String, Error>) -> Result<Markup, Error> {
        let main = self.main.as_ref().map(Markup::as_str);
        let mut html = main.unwrap_or_default().to_owned();
        for part in &self.parts {
            part.push_to(&mut html, &spell(&part.swap)?);
        }
        if self.main.is_none() && self.parts.is_empty() {
            html.push_str(NO_PART);
        }
        Ok(Markup::trusted(html))
    }

    /// The answer, for whichever version of htmx will turn out to have asked.
    fn respond(mut self) -> Result<Response, Error> {
        if let (Some(main), []) = (&mut self.main, &self.parts[..]) {
            return Ok(std::mem::take(main).into_response());
        }
        let spelled = |version| self.spell(|swap| Ok(swap.spell(version)));
        let v2 = spelled(HtmxVersion::V2)?;
        if !self.parts.iter().any(|part| part.swap.is_respelled()) {
            return Ok(v2.into_response());
        }
        Ok(spelled::response(v2, spelled(HtmxVersion::V4)?))
    }
}

impl From<Markup> for Content {
    fn from(main: Markup) -> Self {
        Self {
            main: Some(main),
            parts: Vec::new(),
        }
    }
}

impl Fragments {
    /// Content for the target.
    pub fn new(main: impl Render) -> Self {
        Self(fragment(main).map(Content::from))
    }

    /// No content for the target, which stays as it is: also when no part follows.
    pub fn out_of_band() -> Self {
        Self(Ok(Content {
            main: None,
            parts: Vec::new(),
        }))
    }

    /// Adds content for another element.
    ///
    /// htmx 2 looks for targets from the element that sent the request, so without the script of `Head` a part that
    /// replaces or removes that element comes last.
    pub fn and(self, part: OutOfBandSwap) -> Self {
        Self(self.0.and_then(|mut content| {
            content.parts.push(part.0?);
            Ok(content)
        }))
    }

    /// The same, unless something in it was refused.
    ///
    /// # Errors
    ///
    /// Why the first content or target that was refused was refused.
    pub fn checked(self) -> Result<Self, Error> {
        self.0.map(Ok).map(Self)
    }

    /// The answer as HTML that every version of htmx reads, for a server-sent event.
    ///
    /// # Errors
    ///
    /// Why the first content or target that was refused was refused; [`Error::Swap`] for a swap
    /// that cannot be said to both versions at once, see [`Swap::spell_for_both`].
    pub fn to_markup(self) -> Result<Markup, Error> {
        self.0?.spell(Swap::spell_for_both)
    }
}

impl FromIterator<OutOfBandSwap> for Fragments {
    fn from_iter<I: IntoIterator<Item = OutOfBandSwap>>(parts: I) -> Self {
        parts.into_iter().fold(Self::out_of_band(), Self::and)
    }
}

/// Content for the target as it is, without a copy. Unlike in [`Fragments::new`] it may be a whole
/// document.
impl From<Markup> for Fragments {
    fn from(main: Markup) -> Self {
        Self(Ok(main.into()))
    }
}

impl IntoResponse for Fragments {
    fn into_response(self) -> Response {
        self.0.and_then(Content::respond).into_response()
    }
}

impl IntoResponse for OutOfBandSwap {
    fn into_response(self) -> Response {
        Fragments::out_of_band().and(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(html: &str) -> Markup {
        Markup::trusted(html)
    }

    #[test]
    fn parts_follow_the_main_content() {
        let row = OutOfBandSwap::replace("row-1", trusted("<tr><td>9</td></tr>"));
        let html = Fragments::new(trusted("<p>m</p>"))
            .and(row)
            .to_markup()
            .unwrap();
        let part = r##"<hx-partial hx-target="#row-1" hx-swap="outerHTML"><tr><td>9</td></tr></hx-partial>"##;
        assert_eq!(html.as_str(), format!("<p>m</p>{part}"));
    }

    #[test]
    fn a_target_cannot_leave_its_attribute() {
        let html = OutOfBandSwap::update(r#"a"><script>"#, trusted("x"))
            .to_markup()
            .unwrap();
        assert!(!html.as_str().contains("<script"));
        let selector = Selector::new(r#"[title="<x>"]"#);
        let html = OutOfBandSwap::new(selector, SwapStyle::InnerHtml, trusted("x"))
            .to_markup()
            .unwrap();
        let escaped = r"[title=&quot;\00003cx\00003e&quot;]";
        assert!(html.as_str().contains(escaped));
    }

    #[test]
    fn what_cannot_be_sent_makes_the_answer_a_500() {
        let answer = Fragments::new(trusted("m")).and(OutOfBandSwap::delete(""));
        assert_eq!(answer.into_response().status(), 500);
        let text = OutOfBandSwap::new(Selector::id("a"), SwapStyle::TextContent, trusted("m"));
        assert_eq!(text.into_response().status(), 500);
    }

    #[test]
    fn a_part_is_for_no_element_that_only_htmx_4_knows() {
        let part = OutOfBandSwap::new(Selector::new("this"), SwapStyle::InnerHtml, trusted("m"));
        assert!(matches!(part.to_markup(), Err(Error::Selector(_))));
    }

    #[test]
    fn a_page_goes_into_no_page() {
        let page = || trusted("<!-- tasks --><!DOCTYPE html><p>m</p>");
        let refused = |html: Result<Markup, Error>| matches!(html, Err(Error::WholeDocument));
        assert!(refused(Fragments::new(page()).to_markup()));
        assert!(refused(OutOfBandSwap::update("a", page()).to_markup()));
        let main = Fragments::new(trusted("m")).and(OutOfBandSwap::replace("a", page()));
        assert!(refused(main.to_markup()));
        let whole = Fragments::from(page()).and(OutOfBandSwap::delete("a"));
        assert!(
            whole
                .to_markup()
                .unwrap()
                .as_str()
                .starts_with(page().as_str())
        );
    }

    #[test]
    fn an_answer_without_any_part_leaves_the_target_alone() {
        let html = |fragments: Fragments| fragments.to_markup().unwrap().into_string();
        assert_eq!(html(Fragments::out_of_band()), NO_PART);
        assert_eq!(html([].into_iter().collect()), NO_PART);
        let empty = Fragments::new(Markup::default());
        assert_eq!(html(empty), "", "this is what empties the target");
        let one = html(Fragments::out_of_band().and(OutOfBandSwap::delete("a")));
        assert_eq!(one.matches("<hx-partial").count(), 1, "{one}");
    }

    #[test]
    fn a_part_in_a_part_is_refused_and_text_about_one_is_not() {
        let made = |html| OutOfBandSwap::update("a", trusted(html)).to_markup();
        for html in [
            "<p id=\"b\" hx-swap-oob=\"true\">x</p>",
            "<p>x</p><p\nhx-swap-oob>x</p>",
            "<p title='>'data-hx-swap-oob='true'>",
            "x <hx-partial hx-target=\"#b\">x</hx-partial>",
            "<hx-partial>",
        ] {
            assert!(matches!(made(html), Err(Error::NestedPart)), "{html}");
        }
        for html in [
            "<p>hx-swap-oob and &lt;hx-partial></p>",
            "<p title=\"a > b hx-swap-oob\">x</p>",
            "<p class=\"hx-swap-oob\" data-x='hx-partial'>x</p>",
            "a < b hx-partial",
        ] {
            assert!(made(html).is_ok(), "{html}");
        }
    }

    #[test]
    fn every_way_to_place_content_has_a_word() {
        let words = [
            (OutOfBandSwap::append("a", Markup::default()), "beforeend"),
            (OutOfBandSwap::prepend("a", Markup::default()), "afterbegin"),
            (OutOfBandSwap::before("a", Markup::default()), "beforebegin"),
            (OutOfBandSwap::after("a", Markup::default()), "afterend"),
            (OutOfBandSwap::delete("a"), "delete"),
        ];
        for (part, word) in words {
            let html = part.to_markup().unwrap();
            assert_eq!(
                html.as_str(),
                format!("<hx-partial hx-target=\"#a\" hx-swap=\"{word}\"></hx-partial>")
            );
        }
    }
}
