//! The span of a request.
//!
//! Most requests say nothing in it but their own line, so where this log listens it is only opened for who else asks:
//! an event, a span inside of it, or a task that takes it along.

use http::{Method, uri::PathAndQuery};
use tracing::{Level, Metadata, Span, callsite::Callsite, metadata::Kind, subscriber::Interest};

use super::{
    Answered, Format,
    entered::{self, Innermost},
    fields::{Writer, label},
    line::with_line,
    spans::{self, SpanId},
    subscriber::{Log, listening},
};
use crate::request::RequestId;

/// Not below `acton_service::access`: whoever wants no line per request still wants to know of which request others are.
pub(super) const TARGET: &str = "acton_service::request";

/// So that also a log of errors alone says which request they belong to.
pub(super) const LEVEL: Level = Level::ERROR;

/// What a span says of its request.
///
/// The query string is left out: it may hold secrets.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) id: &'a [u8],
    pub(super) method: &'a [u8],
    pub(super) path: &'a str,
}

impl Words<'_> {
    pub(super) const SPAN: &'static str = "request";

    pub(super) fn write(&self, fields: &mut Writer<'_>) {
        fields.word(label!("id"), self.id);
        fields.word(label!("method"), self.method);
        fields.text(label!("path"), self.path);
    }
}

/// The request that those words are of.
struct Subject {
    id: RequestId,
    method: Method,
    path: Option<PathAndQuery>,
}

impl Subject {
    fn of<B>(request: &http::Request<B>, id: &RequestId) -> Self {
        Self {
            id: id.clone(),
            method: request.method().clone(),
            path: request.uri().path_and_query().cloned(),
        }
    }

    fn words(&self) -> Words<'_> {
        Words {
            id: self.id.as_bytes(),
            method: self.method.as_str().as_bytes(),
            path: self.path.as_ref().map_or("", PathAndQuery::path),
        }
    }
}

/// A span that is open until this is dropped.
struct OpenSpan(SpanId);

impl Drop for OpenSpan {
    fn drop(&mut self) {
        spans::release(self.0);
    }
}

/// A span that is opened when somebody asks for it.
pub(super) struct Quiet {
    log: Log,
    subject: Subject,
    span: Option<OpenSpan>,
}

impl Quiet {
    pub(super) fn open(&mut self, format: Format) -> SpanId {
        let subject = &self.subject;
        let open = || {
            with_line(|text| {
                subject.words().write(&mut Writer::new(text, format));
                OpenSpan(spans::open(&METADATA, None, text))
            })
        };
        self.span.get_or_insert_with(open).0
    }

    pub(super) fn innermost(&self) -> Innermost<'_> {
        match &self.span {
            Some(span) => Innermost::Span(span.0),
            None => Innermost::Request(self.subject.words()),
        }
    }
}

struct Asked;

static ASKED: Asked = Asked;

static METADATA: Metadata<'static> = tracing_core::metadata! {
    name: Words::SPAN,
    target: TARGET,
    level: LEVEL,
    fields: &["id", "method", "path"],
    callsite: &ASKED,
    kind: Kind::SPAN,
};

impl Callsite for Asked {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &METADATA
    }
}

/// The span that everything logged while answering a request belongs to.
pub(crate) struct RequestSpan(Kept);

enum Kept {
    Open(Span),
    /// None while a thread is in it; boxed, because it goes to and fro.
    Quiet(Option<Box<Quiet>>),
}

impl RequestSpan {
    pub(crate) fn of<B>(request: &http::Request<B>, id: &RequestId) -> Self {
        // Inside another span it would have a parent.
        if entered::is_outside()
            && let Some(log) = listening()
        {
            let subject = Subject::of(request, id);
            let span = None;
            let request = Box::new(Quiet { log, subject, span });
            return Self(Kept::Quiet(Some(request)));
        }
        let (id, method) = (id.as_str(), request.method().as_str());
        let path = request.uri().path();
        let span = tracing::span!(target: TARGET, LEVEL, "request", id, method, path);
        Self(Kept::Open(span))
    }

    /// The span, if it is open.
    #[cfg(feature = "otel")]
    pub(crate) fn span(&self) -> Option<&Span> {
        match &self.0 {
            Kept::Open(span) => Some(span),
            Kept::Quiet(_) => None,
        }
    }

    /// Does something inside of it.
    pub(crate) fn within<T>(&mut self, then: impl FnOnce() -> T) -> T {
        match &mut self.0 {
            Kept::Open(span) => span.in_scope(then),
            Kept::Quiet(request) => {
                let _inside = Inside::enter(request);
                then()
            }
        }
    }

    /// Says in it how the request was answered.
    pub(crate) fn answered(&self, answered: &Answered<'_>) {
        match &self.0 {
            Kept::Open(span) => span.in_scope(|| answered.tell()),
            Kept::Quiet(Some(request)) => request.log.answered(answered, &request.innermost()),
            Kept::Quiet(None) => {}
        }
    }
}

/// The request is given back when this is dropped, also by a panic.
struct Inside<'a>(&'a mut Option<Box<Quiet>>);

impl<'a> Inside<'a> {
    fn enter(request: &'a mut Option<Box<Quiet>>) -> Self {
        entered::enter_request(request);
        Self(request)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if self.0.is_none() {
            *self.0 = entered::leave_request();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use http::Request;
    use tracing::{info, info_span, warn};
    use tracing_subscriber::{filter::Targets, layer::SubscriberExt};

    use super::*;
    use crate::{
        log::{
            Lines,
            told::{remember, told},
        },
        request::ClientAddr,
    };

    fn begin() -> RequestSpan {
        let request = Request::post("/tasks/7?token=secret").header("x-request-id", "a-1");
        let request = request.body(()).unwrap();
        let id = RequestId::of(request.headers());
        RequestSpan::of(&request, &id)
    }

    fn answer(span: &RequestSpan, htmx: Option<&'static str>) {
        span.answered(&Answered {
            route: "/tasks/{id}",
            status: 200,
            millis: 0.052,
            client: ClientAddr([192, 0, 2, 7].into()),
            htmx,
        });
    }

    fn is_quiet(span: &RequestSpan) -> bool {
        matches!(&span.0, Kept::Quiet(Some(request)) if request.span.is_none())
    }

    fn story() {
        let mut span = begin();
        span.within(|| info!("alone in it"));
        answer(&span, Some("part"));
        drop(span);
        info!("out of it");

        let mut asked = begin();
        let task = asked.within(|| {
            let child = info_span!("query", table = "tasks");
            child.in_scope(|| warn!("in a child"));
            Span::current().record("method", "again");
            Span::current()
        });
        asked.within(|| info!("entered once more"));
        answer(&asked, None);
        drop(asked);
        // A task goes on when its request is over.
        task.in_scope(|| info!("in a task"));
        drop(task);
        info!("out of that");

        let outer = info_span!("outer").entered();
        let mut inner = begin();
        inner.within(|| info!("in both"));
        drop(outer);
        inner.within(|| {
            let other = begin();
            answer(&other, None);
        });
        answer(&inner, None);

        let mut failed = begin();
        let panics = || failed.within(|| panic!("a handler panics"));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        info!("out of what has failed");
        answer(&failed, None);
    }

    fn quick(filter: &str, format: Format, story: fn()) -> String {
        let filter: Targets = filter.parse().unwrap();
        let log = Log::to(remember, format).behind(&filter);
        told(log.with(filter), story)
    }

    #[test]
    fn it_is_told_as_if_it_had_been_open_all_the_time() {
        let filters = [
            "info",
            "warn",
            "info,acton_service::access=off",
            "info,acton_service::request=off",
        ];
        for filter in filters {
            for format in [Format::Text, Format::Json] {
                let layer = Lines::to(remember, format);
                let filtered = filter.parse::<Targets>().unwrap();
                let subscriber = tracing_subscriber::registry().with(layer).with(filtered);
                let expected = told(subscriber, story);
                assert!(expected.contains("in a child"), "{expected}");
                assert_eq!(expected.contains("a-1"), !filter.contains("request=off"));
                assert_eq!(quick(filter, format, story), expected);
            }
        }
    }

    #[test]
    fn it_is_opened_only_for_who_asks() {
        quick("info", Format::Text, || {
            let mut span = begin();
            span.within(|| ());
            answer(&span, None);
            assert!(is_quiet(&span));
            span.within(|| info!("asks"));
            assert!(!is_quiet(&span));
        });
    }
}
