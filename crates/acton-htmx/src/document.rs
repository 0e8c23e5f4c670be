//! Whether an answer is a whole page: a form to mend may be swapped in, a page into a page may not.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::{
    Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body::Body;

use crate::answer;

/// What kind of HTML an answer holds; in the extensions of its response, when its maker says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RenderMode {
    /// A whole document.
    Page,
    /// A part of one.
    Fragment,
}

impl RenderMode {
    /// Tells from how HTML begins: a document begins with `<!doctype` or `<html`, after space and
    /// comments.
    ///
    /// ```
    /// use acton_htmx::RenderMode;
    ///
    /// assert_eq!(RenderMode::of(b"<!-- tasks -->\n<!DOCTYPE html>"), RenderMode::Page);
    /// assert_eq!(RenderMode::of(b"<li>Milk</li>"), RenderMode::Fragment);
    /// ```
    #[must_use]
    pub fn of(html: &[u8]) -> Self {
        let start = content(html.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(html));
        let begins = |tag: &[u8]| {
            let beginning = start.get(..tag.len());
            beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(tag))
        };
        let ends_name = |end: &u8| end.is_ascii_whitespace() || matches!(end, b'>' | b'/');
        let is_html = begins(b"<html") && start.get(5).is_none_or(ends_name);
        if begins(b"<!doctype") || is_html {
            Self::Page
        } else {
            Self::Fragment
        }
    }
}

/// What follows space and comments.
fn content(html: &[u8]) -> &[u8] {
    let mut rest = html.trim_ascii_start();
    while let Some(comment) = rest.strip_prefix(b"<!--") {
        let end = comment.windows(3).position(|window| window == b"-->");
        rest = end.map_or(&[][..], |end| comment[end + 3..].trim_ascii_start());
    }
    rest
}

/// An error that may be swapped, whose text is being looked at.
#[derive(Debug)]
pub(crate) struct Reading<R> {
    response: Option<Response<R>>,
    text: BytesMut,
}

impl<R> Reading<R>
where
    R: Body<Data = Bytes> + From<Bytes> + Unpin,
{
    /// Whether only the text can tell what this is: HTML that is in memory already, of a 422 or of an
    /// error with a place in the page.
    pub(crate) fn is_needed(response: &Response<R>) -> bool {
        let (status, headers) = (response.status(), response.headers());
        if !status.is_client_error() && !status.is_server_error() {
            return false;
        }
        let is_html = |value: &http::HeaderValue| {
            let essence = value.as_bytes().get(..9);
            essence.is_some_and(|essence| essence.eq_ignore_ascii_case(b"text/html"))
        };
        let is_form = status == StatusCode::UNPROCESSABLE_ENTITY;
        (is_form || answer::has_place(headers))
            && !answer::shows_whole_pages(headers)
            && response.extensions().get::<RenderMode>().is_none()
            && headers.get(CONTENT_TYPE).is_some_and(is_html)
            && !headers.contains_key(CONTENT_ENCODING)
            && response.body().size_hint().exact().is_some()
    }

    pub(crate) fn new(response: Response<R>) -> Self {
        Self {
            response: Some(response),
            text: BytesMut::new(),
        }
    }

    /// The same answer, with its [`RenderMode`] in the extensions.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Response<R>> {
        let response = self.response.as_mut().expect("polled until it is ready");
        while let Some(frame) = ready!(Pin::new(response.body_mut()).poll_frame(context)) {
            let Ok(frame) = frame else {
                // What breaks off was no answer.
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                self.text.clear();
                break;
            };
            self.text.extend(frame.into_data());
        }
        let text = std::mem::take(&mut self.text).freeze();
        response.extensions_mut().insert(RenderMode::of(&text));
        *response.body_mut() = R::from(text);
        Poll::Ready(self.response.take().expect("it is there"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_told_from_a_fragment() {
        let page = |html: &str| RenderMode::of(html.as_bytes()) == RenderMode::Page;
        for html in [
            "\n <!DOCTYPE html>",
            "<HTML lang=en>",
            "<html>",
            "<html",
            "\u{feff}<!doctype html>",
            "<!-- a --> <!-- b --><!doctype html>",
        ] {
            assert!(page(html), "{html}");
        }
        for html in [
            "<p>",
            "",
            "<ht",
            "é",
            "<html-x>",
            "<!-- <!doctype html>",
            "text <!doctype html>",
        ] {
            assert!(!page(html), "{html}");
        }
    }
}
