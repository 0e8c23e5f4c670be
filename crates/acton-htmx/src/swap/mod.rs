//! How content gets into the page: the vocabulary of `hx-swap`.
//!
//! Reference: <https://htmx.org/attributes/hx-swap/>

mod parse;
mod style;

use std::{fmt::Write as _, time::Duration};

pub use self::style::SwapStyle;

use crate::{dialect::HtmxVersion, error::Error, scroll::Scroll};

/// A swap style with its modifiers.
///
/// ```
/// use std::time::Duration;
/// use acton_htmx::{HxReswap, Scroll, Swap, SwapStyle};
///
/// let swap = Swap::new(SwapStyle::BeforeEnd).settle(Duration::from_millis(50)).scroll(Scroll::BOTTOM);
/// let responder = HxReswap(swap);
///
/// let written: Swap = "beforeend settle:50ms scroll:bottom".parse()?;
/// # assert_eq!(written, responder.0);
/// # Ok::<(), acton_htmx::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[must_use]
pub struct Swap {
    style: SwapStyle,
    swap: Option<Duration>,
    settle: Option<Duration>,
    scroll: Option<Scroll>,
    show: Option<Scroll>,
    transition: Option<bool>,
    ignore_title: Option<bool>,
    focus_scroll: Option<bool>,
    strip: Option<bool>,
    swap_empty: Option<bool>,
}

impl Swap {
    /// A style without modifiers.
    pub fn new(style: SwapStyle) -> Self {
        Self {
            style,
            ..Self::default()
        }
    }

    /// Waits before the old content goes, counted in milliseconds (`swap:`).
    pub fn swap(mut self, delay: Duration) -> Self {
        self.swap = Some(delay);
        self
    }

    /// Waits before the new content settles, counted in milliseconds (`settle:`).
    pub fn settle(mut self, delay: Duration) -> Self {
        self.settle = Some(delay);
        self
    }

    /// Scrolls the target, or another element, to its top or bottom (`scroll:`).
    pub fn scroll(mut self, scroll: Scroll) -> Self {
        self.scroll = Some(scroll);
        self
    }

    /// Scrolls the page until the target, or another element, shows (`show:`).
    pub fn show(mut self, show: Scroll) -> Self {
        self.show = Some(show);
        self
    }

    /// Whether the change is a view transition (`transition:`).
    pub fn transition(mut self, transition: bool) -> Self {
        self.transition = Some(transition);
        self
    }

    /// Whether a `<title>` in the content is ignored (`ignoreTitle:`).
    pub fn ignore_title(mut self, ignore: bool) -> Self {
        self.ignore_title = Some(ignore);
        self
    }

    /// Whether the page scrolls to the focused element (`focus-scroll:`, in htmx 4
    /// `focusScroll:`).
    pub fn focus_scroll(mut self, scroll: bool) -> Self {
        self.focus_scroll = Some(scroll);
        self
    }

    /// Whether the outermost element of the content is left out (`strip:`). htmx 2 knows no such
    /// modifier and gets none.
    pub fn strip(mut self, strip: bool) -> Self {
        self.strip = Some(strip);
        self
    }

    /// Whether an answer without content empties the target (`swapEmpty:`). htmx 2 knows no such
    /// modifier and gets none.
    pub fn swap_empty(mut self, swap: bool) -> Self {
        self.swap_empty = Some(swap);
        self
    }

    /// The style.
    #[must_use]
    pub const fn style(&self) -> SwapStyle {
        self.style
    }

    /// The text of `hx-swap` that both versions of htmx read, for who is not known.
    ///
    /// A style of htmx 4 alone is what [`SwapStyle`] says that htmx 2 gets.
    ///
    /// # Errors
    ///
    /// [`Error::Swap`] for a modifier that the versions spell differently, or that only one of them
    /// has: `scroll:` and `show:` with another element, `focus-scroll:`, `strip:` and `swapEmpty:`.
    pub fn spell_for_both(&self) -> Result<String, Error> {
        let text = self.spell(HtmxVersion::V2);
        if self.has_dialects() {
            return Err(Error::Swap(text));
        }
        Ok(text)
    }

    /// Whether htmx 4 reads another text than htmx 2.
    pub(crate) fn is_respelled(&self) -> bool {
        let word = |version| self.style.word(version);
        self.has_dialects() || word(HtmxVersion::V2) != word(HtmxVersion::V4)
    }

    fn has_dialects(&self) -> bool {
        let elsewhere = |scroll: &Option<Scroll>| scroll.as_ref().is_some_and(Scroll::is_elsewhere);
        elsewhere(&self.scroll)
            || elsewhere(&self.show)
            || self.focus_scroll.is_some()
            || self.strip.is_some()
            || self.swap_empty.is_some()
    }

    /// The text of `hx-swap` for one version of htmx.
    #[must_use]
    pub fn spell(&self, version: HtmxVersion) -> String {
        let mut text = self.style.word(version).to_owned();
        push_millis(&mut text, "swap", self.swap);
        push_millis(&mut text, "settle", self.settle);
        if let Some(scroll) = &self.scroll {
            scroll.push(&mut text, "scroll", version);
        }
        if let Some(show) = &self.show {
            show.push(&mut text, "show", version);
        }
        push_bool(&mut text, "transition", self.transition);
        push_bool(&mut text, "ignoreTitle", self.ignore_title);
        if version == HtmxVersion::V2 {
            push_bool(&mut text, "focus-scroll", self.focus_scroll);
        } else {
            push_bool(&mut text, "focusScroll", self.focus_scroll);
            push_bool(&mut text, "strip", self.strip);
            push_bool(&mut text, "swapEmpty", self.swap_empty);
        }
        text
    }
}

impl From<SwapStyle> for Swap {
    fn from(style: SwapStyle) -> Self {
        Self::new(style)
    }
}

fn push_millis(text: &mut String, name: &str, delay: Option<Duration>) {
    if let Some(delay) = delay {
        write!(text, " {name}:{}ms", delay.as_millis()).expect("writing to a string");
    }
}

fn push_bool(text: &mut String, name: &str, value: Option<bool>) {
    if let Some(value) = value {
        write!(text, " {name}:{value}").expect("writing to a string");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Swap {
        Swap::new(SwapStyle::OuterHtml)
            .swap(Duration::from_millis(100))
            .settle(Duration::from_millis(50))
            .scroll(Scroll::BOTTOM.of("#a").unwrap())
            .show(Scroll::TOP)
            .transition(true)
            .ignore_title(false)
            .focus_scroll(true)
            .strip(true)
            .swap_empty(false)
    }

    #[test]
    fn htmx_2_reads_the_element_in_the_modifier() {
        let text = "outerHTML swap:100ms settle:50ms scroll:#a:bottom show:top transition:true ignoreTitle:false focus-scroll:true";
        assert_eq!(full().spell(HtmxVersion::V2), text);
    }

    #[test]
    fn htmx_4_reads_the_element_in_a_modifier_of_its_own() {
        let text = "outerHTML swap:100ms settle:50ms scroll:bottom scrollTarget:#a show:top transition:true ignoreTitle:false focusScroll:true strip:true swapEmpty:false";
        assert_eq!(full().spell(HtmxVersion::V4), text);
    }

    #[test]
    fn what_the_versions_spell_differently_cannot_be_said_to_both() {
        let plain = || Swap::new(SwapStyle::BeforeEnd).scroll(Scroll::BOTTOM);
        let both = |swap: Swap| swap.spell_for_both().ok();
        assert_eq!(both(plain()).as_deref(), Some("beforeend scroll:bottom"));
        let morph = Swap::new(SwapStyle::OuterMorph);
        assert!(morph.is_respelled() && !plain().is_respelled());
        assert_eq!(both(morph).as_deref(), Some("outerHTML"));
        for swap in [
            plain().scroll(Scroll::TOP.of("#a").unwrap()),
            plain().show(Scroll::TOP.of("#a").unwrap()),
            plain().focus_scroll(false),
            plain().strip(true),
            plain().swap_empty(true),
        ] {
            assert!(swap.is_respelled());
            assert!(swap.spell_for_both().is_err(), "{swap:?}");
        }
    }

    #[test]
    fn htmx_2_replaces_what_htmx_4_merges() {
        let morph = Swap::new(SwapStyle::OuterMorph);
        assert_eq!(morph.spell(HtmxVersion::V2), "outerHTML");
        assert_eq!(morph.spell(HtmxVersion::V4), "outerMorph");
    }
}
