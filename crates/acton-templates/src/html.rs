use std::{any, fmt::Display};

use acton_htmx::{
    Fragments, Htmx, HxEvent, HxLocation, HxPushUrl, HxRedirect, HxRefresh, HxReplaceUrl,
    HxReselect, HxReswap, HxRetarget, Markup, OutOfBandSwap, RenderMode, Swap,
};
use askama::Template;
use axum_core::response::{IntoResponse, IntoResponseParts, Response};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::RenderError;

/// A template as an answer: a whole page, or a fragment of one.
///
/// It is rendered when it is made, so both branches of an `if` have this one type and borrow nothing.
/// What goes wrong, in the template or in a header added later, is kept and makes the answer a bare 500,
/// with the template's name in the log and an error page in the browser.
///
/// ```
/// # mod app {
/// use acton_htmx::Htmx;
/// use acton_templates::HtmlTemplate;
/// use askama::Template;
///
/// #[derive(Template)]
/// #[template(source = "<!doctype html><title>Task</title><p>{{ title }}</p>", ext = "html")]
/// struct TaskPage { title: String }
///
/// #[derive(Template)]
/// #[template(source = "<p>{{ title }}</p>", ext = "html")]
/// struct TaskFragment { title: String }
///
/// pub async fn task(htmx: Htmx) -> HtmlTemplate {
///     let title = String::from("Milk");
///     if htmx.wants_fragment() {
///         HtmlTemplate::fragment(TaskFragment { title })
///     } else {
///         HtmlTemplate::page(TaskPage { title })
///     }
/// }
/// # }
/// ```
///
/// It composes with responders in a tuple, `(HxEvent::new("saved"), HtmlTemplate::page(…))`,
/// and with [`with`](Self::with).
#[derive(Debug)]
#[must_use = "a template is sent only when returned from the handler"]
pub struct HtmlTemplate {
    content: Result<Fragments, RenderError>,
    head: Response,
    mode: RenderMode,
    /// A responder that failed has put its own answer in place of the head.
    is_replaced: bool,
}

/// Marks a head that no responder has replaced by an error.
#[derive(Clone, Copy)]
struct Intact;

impl HtmlTemplate {
    /// A whole page.
    pub fn page<T: Template>(template: T) -> Self {
        Self::render(&template, RenderMode::Page)
    }

    /// A part of a page, without a layout.
    ///
    /// A template that renders a whole document (`<!doctype` or `<html`) is refused with
    /// [`RenderError::WholeDocument`]: swapped into a page it would put a page into a page.
    pub fn fragment<T: Template>(template: T) -> Self {
        Self::render(&template, RenderMode::Fragment)
    }

    /// The page or the fragment, whichever the request wants.
    ///
    /// With Askama's `blocks` one struct gives both: `HtmlTemplate::of(htmx, &tasks, tasks.as_list())`.
    /// Plain navigation, boosted links and history restoration get the page. Only the chosen one is rendered.
    pub fn of<P: Template, F: Template>(htmx: Htmx, page: P, fragment: F) -> Self {
        if htmx.wants_fragment() {
            Self::fragment(fragment)
        } else {
            Self::page(page)
        }
    }

    /// Answers with `status` in place of 200.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        *self.head.status_mut() = status;
        self
    }

    /// Answers 422: the form that is rendered here was not accepted. Both majors of htmx swap it in,
    /// unless it is a whole document where a fragment was wanted, so choose with [`of`](Self::of).
    pub fn unprocessable(self) -> Self {
        self.with_status(StatusCode::UNPROCESSABLE_ENTITY)
    }

    /// Sets a header. A name or value that cannot be sent makes the answer a 500.
    pub fn with_header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName> + Display,
        V: TryInto<HeaderValue>,
    {
        let given = name.to_string();
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => drop(self.head.headers_mut().insert(name, value)),
            _ => self.fail(RenderError::Header { name: given }),
        }
        self
    }

    /// Adds any responder: `.with(HxPushUrl::to("/tasks")?)`, `.with(FlashMessage::success("Saved"))`.
    pub fn with(mut self, part: impl IntoResponseParts) -> Self {
        self.head.extensions_mut().insert(Intact);
        self.head = (part, self.head).into_response();
        self.is_replaced |= self.head.extensions_mut().remove::<Intact>().is_none();
        self
    }

    /// Adds content for another element of the page.
    ///
    /// A whole page already holds it, so only a fragment carries it.
    pub fn and(mut self, part: OutOfBandSwap) -> Self {
        if self.mode == RenderMode::Fragment {
            self.content = self
                .content
                .and_then(|content| Ok(content.and(part).checked()?));
        }
        self
    }

    /// Carries the messages that wait to the page's flash region, out of band, and with them those
    /// that this answer has been given already: `.with(FlashMessage::success("Saved")).with_flash(&ctx)`.
    ///
    /// A whole page shows what waits itself, so only a fragment carries it.
    #[cfg(feature = "session")]
    pub fn with_flash(mut self, context: &crate::TemplateContext) -> Self {
        if self.mode == RenderMode::Page {
            return self;
        }
        let own = acton_session::FlashMessage::take_from(self.head.extensions_mut());
        match context.flash_swap(&own) {
            Some(part) => self.and(part),
            None => self,
        }
    }

    /// Fires an event in the page that asked: [`HxEvent`].
    pub fn with_hx_trigger(self, event: impl Into<HxEvent>) -> Self {
        self.with(event.into())
    }

    /// Sends the browser to another page: [`HxRedirect`].
    pub fn with_hx_redirect(self, url: impl AsRef<str>) -> Self {
        self.with_checked(HxRedirect::to(url))
    }

    /// Goes to another page without a reload: [`HxLocation`].
    pub fn with_hx_location(self, url: impl AsRef<str>) -> Self {
        self.with_checked(HxLocation::to(url))
    }

    /// Reloads the page: [`HxRefresh`].
    pub fn with_hx_refresh(self) -> Self {
        self.with(HxRefresh)
    }

    /// Puts a URL into the history: [`HxPushUrl`].
    pub fn with_hx_push_url(self, url: impl AsRef<str>) -> Self {
        self.with_checked(HxPushUrl::to(url))
    }

    /// Replaces the current URL in the history: [`HxReplaceUrl`].
    pub fn with_hx_replace_url(self, url: impl AsRef<str>) -> Self {
        self.with_checked(HxReplaceUrl::to(url))
    }

    /// Swaps into another element than the one that was asked for: [`HxRetarget`].
    pub fn with_hx_retarget(self, selector: impl AsRef<str>) -> Self {
        self.with_checked(HxRetarget::new(selector))
    }

    /// Takes a part of this answer: [`HxReselect`].
    pub fn with_hx_reselect(self, selector: impl AsRef<str>) -> Self {
        self.with_checked(HxReselect::new(selector))
    }

    /// Swaps in another way than was asked for: [`HxReswap`].
    pub fn with_hx_reswap(self, swap: impl Into<Swap>) -> Self {
        self.with(HxReswap(swap.into()))
    }

    /// Whether this is a page or a fragment.
    #[must_use]
    pub fn mode(&self) -> RenderMode {
        self.mode
    }

    /// The HTML, for example as the data of a server-sent event.
    ///
    /// # Errors
    ///
    /// Why it was not rendered; [`RenderError::Htmx`] for a part that cannot be said to both
    /// versions of htmx at once, see [`Fragments::to_markup`].
    pub fn into_markup(self) -> Result<Markup, RenderError> {
        Ok(self.content?.to_markup()?)
    }

    fn render<T: Template>(template: &T, mode: RenderMode) -> Self {
        let name = any::type_name::<T>();
        let span = tracing::debug_span!("render", template = name, mode = ?mode);
        let mut head = Response::default();
        let content = span.in_scope(|| {
            let html = template.render().map_err(|source| RenderError::Template {
                template: name,
                source,
            })?;
            let rendered = RenderMode::of(html.as_bytes());
            if mode == RenderMode::Fragment && rendered == RenderMode::Page {
                return Err(RenderError::WholeDocument { template: name });
            }
            // A bare form may be swapped in, also where it is what the handler calls a page.
            head.extensions_mut().insert(rendered);
            tracing::debug!(bytes = html.len(), "rendered");
            Ok(Markup::trusted(html).into())
        });
        Self {
            content,
            head,
            mode,
            is_replaced: false,
        }
    }

    fn with_checked<P: IntoResponseParts>(mut self, part: Result<P, acton_htmx::Error>) -> Self {
        match part {
            Ok(part) => self.with(part),
            Err(error) => {
                self.fail(error.into());
                self
            }
        }
    }

    /// Keeps the first failure: the others follow from it.
    fn fail(&mut self, error: RenderError) {
        if self.content.is_ok() {
            self.content = Err(error);
        }
    }
}

impl IntoResponse for HtmlTemplate {
    fn into_response(self) -> Response {
        let mut response = match self.content {
            Ok(_) if self.is_replaced => return self.head,
            Ok(content) => content.into_response(),
            Err(error) => return error.into_response(),
        };
        let (head, _) = self.head.into_parts();
        *response.status_mut() = head.status;
        response.headers_mut().extend(head.headers);
        response.extensions_mut().extend(head.extensions);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use acton_htmx::HtmxLayer;
    use axum_core::{body::Body, extract::Request, response::ResponseParts};
    use http::header::CONTENT_TYPE;
    use http_body_util::BodyExt;
    use tower::{Layer, ServiceExt};

    #[derive(Template)]
    #[template(ext = "html", source = "<p>SECRET</p>")]
    struct Secret;

    #[derive(Template)]
    #[template(ext = "html", source = "<!doctype html><p>SECRET</p>")]
    struct Document;

    struct Refused;

    impl IntoResponseParts for Refused {
        type Error = StatusCode;

        fn into_response_parts(self, _: ResponseParts) -> Result<ResponseParts, StatusCode> {
            Err(StatusCode::IM_A_TEAPOT)
        }
    }

    #[test]
    fn a_responder_that_fails_answers_in_place_of_the_template() {
        let response = HtmlTemplate::page(Secret)
            .with(Refused)
            .with_header("x-late", "1")
            .into_response();
        assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
        assert!(!response.headers().contains_key(CONTENT_TYPE));
    }

    #[test]
    fn an_own_content_type_stays() {
        let response = HtmlTemplate::page(Secret)
            .with_header(CONTENT_TYPE, "image/svg+xml")
            .into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], "image/svg+xml");
    }

    /// The header `hx-reswap` and the text, as htmx gets them.
    async fn answered(answer: HtmlTemplate, newer: bool) -> (String, String) {
        let answer = answer.into_response();
        let once = std::sync::Mutex::new(Some(answer));
        let service = tower::service_fn(move |_: Request| {
            let answer = once.lock().unwrap().take().unwrap();
            async { Ok::<_, std::convert::Infallible>(answer) }
        });
        let mut request = Request::new(Body::empty());
        let headers = request.headers_mut();
        headers.insert("hx-request", HeaderValue::from_static("true"));
        if newer {
            headers.insert("hx-source", HeaderValue::from_static("a"));
        }
        let response = HtmxLayer::default().layer(service).oneshot(request).await;
        let (parts, body) = response.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let reswap = parts.headers.get("hx-reswap");
        let reswap = reswap.map_or("", |reswap| reswap.to_str().unwrap());
        assert_eq!(parts.headers[CONTENT_TYPE], "text/html; charset=utf-8");
        (reswap.to_owned(), String::from_utf8(body.to_vec()).unwrap())
    }

    fn morphed() -> HtmlTemplate {
        let target = acton_htmx::Selector::id("o1");
        let swap = Swap::new(acton_htmx::SwapStyle::OuterMorph).focus_scroll(true);
        HtmlTemplate::fragment(Secret).and(OutOfBandSwap::new(target, swap, Secret))
    }

    #[tokio::test]
    async fn a_part_is_spelled_for_the_version_that_asked() {
        for (newer, swap) in [
            (false, "outerHTML focus-scroll:true"),
            (true, "outerMorph focusScroll:true"),
        ] {
            let part = format!(
                "<hx-partial hx-target=\"#o1\" hx-swap=\"{swap}\"><p>SECRET</p></hx-partial>"
            );
            let (_, text) = answered(morphed(), newer).await;
            assert_eq!(text, format!("<p>SECRET</p>{part}"));
        }
        let message = morphed().into_markup();
        assert!(matches!(message, Err(RenderError::Htmx(_))), "{message:?}");
    }

    #[tokio::test]
    async fn a_page_to_mend_a_form_never_lands_in_a_fragment() {
        for newer in [false, true] {
            let page = HtmlTemplate::page(Document).unprocessable();
            assert_eq!(answered(page, newer).await.0, "none");
            for form in [HtmlTemplate::page(Secret), HtmlTemplate::fragment(Secret)] {
                let form = answered(form.unprocessable(), newer).await;
                assert_eq!(form, (String::new(), "<p>SECRET</p>".to_owned()));
            }
        }
    }

    #[test]
    fn the_first_failure_is_kept() {
        let template = HtmlTemplate::page(Secret)
            .with_header("a b", "1")
            .with_hx_push_url("//evil.test");
        let Err(RenderError::Header { name }) = template.into_markup() else {
            panic!("another failure");
        };
        assert_eq!(name, "a b");
    }
}
