use std::sync::OnceLock;

use acton_htmx::{HtmxConfig, Markup, OutOfBandSwap, Selector, SwapStyle};
use acton_session::{FlashMessage, FlashMessages};

use super::TemplateContext;

/// Messages that wait until somebody renders them, and then stay the same for the whole page.
#[derive(Clone, Debug)]
pub(super) struct Flash {
    waiting: Option<FlashMessages>,
    shown: OnceLock<Vec<FlashMessage>>,
    /// Selector of the region that shows them.
    target: String,
}

impl TemplateContext {
    /// The messages to show, in place of those that wait in the session.
    #[must_use]
    pub fn with_flash(mut self, messages: Vec<FlashMessage>) -> Self {
        self.flash.waiting = None;
        self.flash.shown = messages.into();
        self
    }

    /// The messages to show, oldest first. Asking for them means that they are shown.
    #[must_use]
    pub fn flash(&self) -> &[FlashMessage] {
        let Flash { waiting, shown, .. } = &self.flash;
        shown.get_or_init(|| {
            waiting
                .as_ref()
                .map(FlashMessages::take)
                .unwrap_or_default()
        })
    }

    /// Whether there are messages to show; they keep waiting.
    #[must_use]
    pub fn has_flash(&self) -> bool {
        let Flash { waiting, shown, .. } = &self.flash;
        match shown.get() {
            Some(shown) => !shown.is_empty(),
            None => waiting.as_ref().is_some_and(|waiting| !waiting.is_empty()),
        }
    }

    /// The region of the page that shows messages, with those that there are.
    ///
    /// Its id is the one of `htmx.flash_target`, so that a fragment can fill it later:
    /// [`HtmlTemplate::with_flash`](crate::HtmlTemplate::with_flash).
    /// A message is `<li class="flash-success">`.
    pub fn flash_region(&self) -> Markup {
        let id = Markup::escaped(self.flash.target.trim_start_matches('#'));
        let items = items(self.flash());
        Markup::trusted(format!(r#"<ul id="{id}" aria-live="polite">{items}</ul>"#))
    }

    /// The messages that wait, and newer ones, as content for the region that the page has already;
    /// `None` when there are none.
    ///
    /// For an answer of [`Fragments`](acton_htmx::Fragments); an
    /// [`HtmlTemplate`](crate::HtmlTemplate) has [`with_flash`](crate::HtmlTemplate::with_flash).
    pub fn flash_swap(&self, newer: &[FlashMessage]) -> Option<OutOfBandSwap> {
        let part = || {
            let target = Selector::new(&self.flash.target);
            let messages: Vec<_> = self.flash().iter().chain(newer).cloned().collect();
            OutOfBandSwap::new(target, SwapStyle::InnerHtml, items(&messages))
        };
        (self.has_flash() || !newer.is_empty()).then(part)
    }
}

impl Flash {
    pub(super) fn waiting(messages: &FlashMessages, target: String) -> Self {
        Self {
            waiting: Some(messages.clone()),
            shown: OnceLock::new(),
            target,
        }
    }
}

impl Default for Flash {
    fn default() -> Self {
        let target = HtmxConfig::default().flash_target;
        Self {
            waiting: None,
            shown: OnceLock::new(),
            target,
        }
    }
}

fn items(messages: &[FlashMessage]) -> Markup {
    let item = |message: &FlashMessage| {
        let text = Markup::escaped(&message.text);
        format!(r#"<li class="{}">{text}</li>"#, message.css_class())
    };
    Markup::trusted(messages.iter().map(item).collect::<String>())
}
