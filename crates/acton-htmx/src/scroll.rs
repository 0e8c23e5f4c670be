//! Where to scroll after a swap.

use std::{fmt::Write as _, str::FromStr};

use crate::{dialect::HtmxVersion, error::Error, selector::Selector};

/// The top or the bottom of the target, or of another element.
///
/// As text it is what htmx 2 writes: `top`, `bottom`, `none`, or `#element:top`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scroll {
    edge: Edge,
    element: Option<Selector>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Edge {
    Top,
    Bottom,
    None,
}

impl Edge {
    const ALL: [Self; 3] = [Self::Top, Self::Bottom, Self::None];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Top => "top",
            Self::Bottom => "bottom",
            Self::None => "none",
        }
    }
}

impl Scroll {
    /// To the top of the target.
    pub const TOP: Self = Self {
        edge: Edge::Top,
        element: None,
    };
    /// To the bottom of the target.
    pub const BOTTOM: Self = Self {
        edge: Edge::Bottom,
        element: None,
    };
    /// Nowhere, even when htmx would: a boosted link scrolls to the top by itself.
    pub const NONE: Self = Self {
        edge: Edge::None,
        element: None,
    };

    /// The same edge of another element, or of `window`.
    ///
    /// # Errors
    ///
    /// [`Error::Selector`] when the selector has spaces, commas or quotes, which htmx splits.
    pub fn of(mut self, element: &str) -> Result<Self, Error> {
        if element.contains([' ', ',', '"', '\'', '<']) {
            return Err(Error::Selector(element.to_owned()));
        }
        self.element = Some(Selector::new(element)?);
        Ok(self)
    }

    /// Whether another element scrolls, which the versions of htmx spell differently.
    pub(crate) const fn is_elsewhere(&self) -> bool {
        self.element.is_some()
    }

    /// Appends ` name:…` as this version of htmx reads it.
    pub(crate) fn push(&self, text: &mut String, name: &str, version: HtmxVersion) {
        let edge = self.edge.as_str();
        match (&self.element, version) {
            (None, _) => write!(text, " {name}:{edge}"),
            (Some(element), HtmxVersion::V2) => write!(text, " {name}:{element}:{edge}"),
            (Some(element), HtmxVersion::V4) => {
                write!(text, " {name}:{edge} {name}Target:{element}")
            }
        }
        .expect("writing to a string");
    }
}

impl FromStr for Scroll {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (element, word) = match text.rsplit_once(':') {
            Some((element, word)) => (Some(element), word),
            None => (None, text),
        };
        let edge = Edge::ALL.into_iter().find(|edge| edge.as_str() == word);
        let edge = edge.ok_or_else(|| Error::Swap(text.to_owned()))?;
        let scroll = Self {
            edge,
            element: None,
        };
        element.map_or(Ok(scroll.clone()), |element| scroll.of(element))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> Option<(String, String)> {
        let scroll: Scroll = text.parse().ok()?;
        let spell = |version| {
            let mut text = String::new();
            scroll.push(&mut text, "show", version);
            text.trim_start().to_owned()
        };
        Some((spell(HtmxVersion::V2), spell(HtmxVersion::V4)))
    }

    #[test]
    fn an_edge_is_spelled_alike() {
        for edge in ["top", "bottom", "none"] {
            let text = format!("show:{edge}");
            assert_eq!(spelled(edge), Some((text.clone(), text)));
        }
    }

    #[test]
    fn the_last_colon_parts_the_element_from_the_edge() {
        let (v2, v4) = spelled("li:last-child:top").unwrap();
        assert_eq!(v2, "show:li:last-child:top");
        assert_eq!(v4, "show:top showTarget:li:last-child");
    }

    #[test]
    fn what_htmx_would_split_is_refused() {
        for text in ["middle", "#a .b:top", "a,b:top", ":top", "'a':top"] {
            assert_eq!(spelled(text), None, "{text}");
        }
    }
}
