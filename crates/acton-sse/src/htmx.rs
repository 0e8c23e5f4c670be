//! HTML as a message, for htmx 2 and htmx 4 alike.

use acton_htmx::{Fragments, Markup, OutOfBandSwap, Render};

use crate::{error::Error, message::BroadcastMessage};

/// HTML that htmx swaps.
///
/// One stream serves both majors, from the same markup:
///
/// ```html
/// <main hx-ext="sse" sse-connect="/events" sse-close="close">
///   <ul id="tasks" sse-swap="task-added" hx-swap="beforeend">…</ul>
///   <div hx-get="/summary" hx-trigger="sse:task-removed, sse:gap">…</div>
///   <div sse-swap="message" hx-swap="none"></div>
/// </main>
/// ```
///
/// | message | htmx 2 | htmx 4 |
/// |---|---|---|
/// | named | `sse-swap` and `sse:name` triggers | the same, through the head snippet of `acton-htmx`; by itself, the DOM event `name` and no swap |
/// | without a name | `sse-swap="message"` | the same, through the head snippet; by itself, swapped into the connected element |
/// | out-of-band parts | go to their targets, once an `sse-swap` listens to the message | the same |
///
/// So a page with the head snippet needs no second form, and a page without it sends
/// out-of-band parts without a name.
impl BroadcastMessage {
    /// A message whose data is HTML: markup, or a template.
    ///
    /// ```
    /// use acton_htmx::Markup;
    /// use acton_sse::BroadcastMessage;
    ///
    /// let message = BroadcastMessage::html(Markup::escaped("1 < 2"))?;
    /// assert_eq!(message.data(), "1 &lt; 2");
    /// # Ok::<(), acton_sse::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Render`] when the template fails.
    pub fn html(content: impl Render) -> Result<Self, Error> {
        Ok(content.to_markup()?.into())
    }

    /// A message with an event name, whose data is HTML: markup, or a template.
    ///
    /// # Errors
    ///
    /// [`Error::EventName`] or [`Error::Render`].
    pub fn html_named(event: impl AsRef<str>, content: impl Render) -> Result<Self, Error> {
        Self::html(content)?.with_event(event)
    }
}

impl From<Markup> for BroadcastMessage {
    fn from(markup: Markup) -> Self {
        Self::new(markup.into_string())
    }
}

/// ```
/// use acton_htmx::{Fragments, Markup, OutOfBandSwap};
/// use acton_sse::BroadcastMessage;
///
/// let fragments = Fragments::new(Markup::trusted("<li>Milk</li>"))
///     .and(OutOfBandSwap::update("task-count", Markup::escaped(3)));
/// let message = BroadcastMessage::try_from(fragments)?.with_event("task-added")?;
/// assert!(message.data().contains("#task-count"));
/// # Ok::<(), acton_sse::Error>(())
/// ```
impl TryFrom<Fragments> for BroadcastMessage {
    type Error = Error;

    fn try_from(fragments: Fragments) -> Result<Self, Error> {
        Ok(fragments.to_markup()?.into())
    }
}

impl TryFrom<OutOfBandSwap> for BroadcastMessage {
    type Error = Error;

    fn try_from(part: OutOfBandSwap) -> Result<Self, Error> {
        Ok(part.to_markup()?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_for_elsewhere_travel_as_partials() {
        let part = OutOfBandSwap::append("rows", Markup::trusted("<tr><td>2</td></tr>"));
        let message = BroadcastMessage::try_from(part).unwrap();
        assert_eq!(
            message.data(),
            r##"<hx-partial hx-target="#rows" hx-swap="beforeend"><tr><td>2</td></tr></hx-partial>"##
        );
    }

    #[test]
    fn a_target_that_cannot_be_sent_is_an_error() {
        let part = OutOfBandSwap::delete("a\0b");
        assert!(matches!(
            BroadcastMessage::try_from(part),
            Err(Error::Render(_))
        ));
    }
}
