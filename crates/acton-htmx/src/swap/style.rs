//! The first word of `hx-swap`.

use std::str::FromStr;

use crate::{dialect::HtmxVersion, error::Error};

/// Where the content goes, relative to the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SwapStyle {
    /// In place of the target's content, the default of htmx.
    #[default]
    InnerHtml,
    /// In place of the target.
    OuterHtml,
    /// As text in place of the target's content.
    TextContent,
    /// Before the target.
    BeforeBegin,
    /// Into the target, before its content.
    AfterBegin,
    /// Into the target, after its content.
    BeforeEnd,
    /// After the target.
    AfterEnd,
    /// Nowhere: the target is removed.
    Delete,
    /// Nowhere: the target stays as it is.
    None,
    /// Merged into the target's content, keeping what is equal. htmx 2 gets [`Self::InnerHtml`].
    InnerMorph,
    /// Merged into the target, keeping what is equal. htmx 2 gets [`Self::OuterHtml`].
    OuterMorph,
    /// In place of the target's attributes and content; the target itself stays. htmx 2 gets
    /// [`Self::OuterHtml`].
    OuterSync,
}

impl SwapStyle {
    pub(crate) const ALL: [Self; 12] = [
        Self::InnerHtml,
        Self::OuterHtml,
        Self::TextContent,
        Self::BeforeBegin,
        Self::AfterBegin,
        Self::BeforeEnd,
        Self::AfterEnd,
        Self::Delete,
        Self::None,
        Self::InnerMorph,
        Self::OuterMorph,
        Self::OuterSync,
    ];

    /// The word in `hx-swap`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InnerHtml => "innerHTML",
            Self::OuterHtml => "outerHTML",
            Self::TextContent => "textContent",
            Self::BeforeBegin => "beforebegin",
            Self::AfterBegin => "afterbegin",
            Self::BeforeEnd => "beforeend",
            Self::AfterEnd => "afterend",
            Self::Delete => "delete",
            Self::None => "none",
            Self::InnerMorph => "innerMorph",
            Self::OuterMorph => "outerMorph",
            Self::OuterSync => "outerSync",
        }
    }

    /// The word that this version understands.
    pub(crate) const fn word(self, version: HtmxVersion) -> &'static str {
        match (self, version) {
            (Self::InnerMorph, HtmxVersion::V2) => Self::InnerHtml.as_str(),
            (Self::OuterMorph | Self::OuterSync, HtmxVersion::V2) => Self::OuterHtml.as_str(),
            _ => self.as_str(),
        }
    }
}

impl FromStr for SwapStyle {
    type Err = Error;

    /// Reads the word as [`SwapStyle::as_str`] writes it.
    fn from_str(word: &str) -> Result<Self, Error> {
        let style = Self::ALL.into_iter().find(|style| style.as_str() == word);
        style.ok_or_else(|| Error::Swap(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_is_read_back_from_its_word() {
        for style in SwapStyle::ALL {
            assert_eq!(style.as_str().parse::<SwapStyle>().unwrap(), style);
        }
        assert!("innerhtml".parse::<SwapStyle>().is_err());
    }

    #[test]
    fn htmx_2_knows_every_word_it_gets() {
        let newer = ["innerMorph", "outerMorph", "outerSync"];
        for style in SwapStyle::ALL {
            assert!(!newer.contains(&style.word(HtmxVersion::V2)), "{style:?}");
        }
    }
}
