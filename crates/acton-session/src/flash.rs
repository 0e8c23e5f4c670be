use std::{convert::Infallible, fmt, sync::Arc};

use axum_core::{
    extract::FromRequestParts,
    response::{IntoResponseParts, ResponseParts},
};
use http::{Extensions, request::Parts};
use serde::{Deserialize, Serialize};

use crate::{error::Error, visit::Visit};

/// Messages kept for one session; older ones give way.
pub(crate) const MAX_WAITING: usize = 32;
/// How much of a text is kept, in bytes.
const MAX_TEXT_BYTES: usize = 4 * 1024;

/// A message for the next page the visitor sees.
///
/// In an answer it waits for the next request that shows messages:
///
/// ```
/// use acton_session::FlashMessage;
/// use axum::response::{IntoResponse, Redirect};
///
/// async fn save() -> impl IntoResponse {
///     (FlashMessage::success("Saved"), Redirect::to("/tasks"))
/// }
/// ```
///
/// The text is plain: whoever renders it escapes it. Of a text that waits for another request at most 4096 bytes are
/// kept; a longer one is cut between two characters and ends in `…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlashMessage {
    /// How the message is meant.
    pub level: FlashLevel,
    /// What it says.
    pub text: String,
}

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlashLevel {
    /// It worked.
    Success,
    /// Good to know.
    Info,
    /// It worked, but.
    Warning,
    /// It did not work.
    Error,
}

impl FlashMessage {
    /// A message of any level.
    #[must_use]
    pub fn new(level: FlashLevel, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { level, text }
    }

    /// It worked.
    #[must_use]
    pub fn success(text: impl Into<String>) -> Self {
        Self::new(FlashLevel::Success, text)
    }

    /// Good to know.
    #[must_use]
    pub fn info(text: impl Into<String>) -> Self {
        Self::new(FlashLevel::Info, text)
    }

    /// It worked, but.
    #[must_use]
    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(FlashLevel::Warning, text)
    }

    /// It did not work.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(FlashLevel::Error, text)
    }

    /// A class for style sheets, e.g. `flash-success`.
    #[must_use]
    pub fn css_class(&self) -> &'static str {
        self.level.css_class()
    }

    /// As much of it as a session keeps.
    pub(crate) fn cut(mut self) -> Self {
        const MARK: char = '…';
        if self.text.len() > MAX_TEXT_BYTES {
            let most = MAX_TEXT_BYTES - MARK.len_utf8();
            self.text.truncate(self.text.floor_char_boundary(most));
            self.text.push(MARK);
            self.text.shrink_to_fit();
        }
        self
    }

    /// Takes the messages out of an answer, by its extensions, so that the answer shows them itself
    /// instead of leaving them for the next page.
    ///
    /// ```
    /// use acton_session::FlashMessage;
    /// use axum::response::IntoResponse;
    ///
    /// let mut answer = (FlashMessage::success("Saved"), "").into_response();
    /// let shown = FlashMessage::take_from(answer.extensions_mut());
    /// assert_eq!(shown, [FlashMessage::success("Saved")]);
    /// ```
    #[must_use = "a message that is taken is not left for the next page"]
    pub fn take_from(answer: &mut Extensions) -> Vec<Self> {
        answer
            .remove::<Outgoing>()
            .map(|outgoing| outgoing.0)
            .unwrap_or_default()
    }
}

impl FlashLevel {
    /// The level in lower case, e.g. `success`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// A class for style sheets, e.g. `flash-success`.
    #[must_use]
    pub fn css_class(self) -> &'static str {
        match self {
            Self::Success => "flash-success",
            Self::Info => "flash-info",
            Self::Warning => "flash-warning",
            Self::Error => "flash-error",
        }
    }
}

impl fmt::Display for FlashLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Messages of an answer, on their way to the layer.
#[derive(Clone, Default)]
pub(crate) struct Outgoing(pub(crate) Vec<FlashMessage>);

impl IntoResponseParts for FlashMessage {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let outgoing = parts.extensions_mut().get_or_insert_default::<Outgoing>();
        outgoing.0.push(self);
        Ok(parts)
    }
}

/// The messages that wait for this visitor, and a place to leave more.
///
/// Taking them with [`into_messages`](Self::into_messages) or [`take`](Self::take) means that they are shown, once;
/// those that are only looked at keep waiting. While a request holds messages, others do not see them, so two
/// requests at the same time show each message once.
///
/// `HEAD` requests and what is fetched ahead see none: prefetches of a browser, and of the `preload` extension of
/// htmx 2. That of htmx 4 does not say that it fetches ahead, so do not preload what shows messages there.
///
/// ```
/// use acton_session::FlashMessages;
///
/// async fn page(flash: FlashMessages) -> String {
///     let messages = flash.into_messages();
///     messages.iter().map(|message| format!("{}\n", message.text)).collect()
/// }
/// ```
#[derive(Clone)]
pub struct FlashMessages {
    visit: Arc<Visit>,
}

impl FlashMessages {
    pub(crate) fn new(visit: Arc<Visit>) -> Self {
        Self { visit }
    }

    /// The messages, oldest first; they keep waiting.
    #[must_use]
    pub fn messages(&self) -> Vec<FlashMessage> {
        self.visit.flash_waiting()
    }

    /// The messages, oldest first, to be shown now.
    #[must_use]
    pub fn into_messages(self) -> Vec<FlashMessage> {
        self.take()
    }

    /// As [`into_messages`](Self::into_messages), where the messages are needed by reference, e.g. while rendering.
    #[must_use]
    pub fn take(&self) -> Vec<FlashMessage> {
        self.visit.flash_take()
    }

    /// Leaves a message for the next page; of more than 32 the oldest give way.
    pub fn push(&self, message: FlashMessage) {
        self.visit.flash_push(message);
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.visit.flash_is_empty()
    }
}

impl fmt::Debug for FlashMessages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.messages()).finish()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for FlashMessages {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let visit = Visit::of(&parts.extensions)?;
        visit.claim_flash().await?;
        Ok(Self::new(visit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> String {
        FlashMessage::info(text).cut().text
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        for text in ["", "Saved", &"x".repeat(4096), &"é".repeat(2048)] {
            assert_eq!(kept(text), text);
        }
        assert_eq!(kept(&"x".repeat(4097)), format!("{}…", "x".repeat(4093)));
        assert_eq!(kept(&"é".repeat(2049)), format!("{}…", "é".repeat(2046)));
        assert_eq!(kept(&"🦀".repeat(2000)), format!("{}…", "🦀".repeat(1023)));
    }
}
