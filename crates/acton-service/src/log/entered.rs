//! The spans that a thread is in.

use std::cell::RefCell;

use super::{
    Format,
    fields::Fields,
    line::Spans,
    request_span::{Quiet, Words},
    spans::{self, SpanId},
};

thread_local! {
    /// Innermost last.
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

enum Entered {
    Span(SpanId),
    Request(Box<Quiet>),
}

impl Entered {
    fn is(&self, id: SpanId) -> bool {
        matches!(self, Self::Span(other) if *other == id)
    }
}

pub(super) fn enter(id: SpanId) {
    // A thread that ends is in no span any more.
    let _ = ENTERED.try_with(|entered| entered.borrow_mut().push(Entered::Span(id)));
}

pub(super) fn exit(id: SpanId) {
    let _ = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        if let Some(place) = entered.iter().rposition(|other| other.is(id)) {
            entered.remove(place);
        }
    });
}

/// Whether the thread is in no span.
pub(super) fn is_outside() -> bool {
    ENTERED
        .try_with(|entered| entered.borrow().is_empty())
        .unwrap_or(true)
}

/// Takes the request; [`leave_request`] gives it back.
pub(super) fn enter_request(request: &mut Option<Box<Quiet>>) {
    let _ = ENTERED.try_with(|entered| {
        let request = request.take().map(Entered::Request);
        entered.borrow_mut().extend(request);
    });
}

/// Requests are left in the order opposite to that in which they were entered.
pub(super) fn leave_request() -> Option<Box<Quiet>> {
    let last = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        let is_request = |entered: &Entered| matches!(entered, Entered::Request(_));
        let place = entered.iter().rposition(is_request)?;
        match entered.remove(place) {
            Entered::Request(request) => Some(request),
            Entered::Span(_) => None,
        }
    });
    last.ok().flatten()
}

/// The innermost span; that of a request is opened for whoever asks.
pub(super) fn current(format: Format) -> Option<SpanId> {
    let current = ENTERED.try_with(|entered| match entered.borrow_mut().last_mut()? {
        Entered::Span(id) => Some(*id),
        Entered::Request(request) => Some(request.open(format)),
    });
    current.ok().flatten()
}

/// The span around a line; that of a request need not be open.
pub(super) enum Innermost<'a> {
    Span(SpanId),
    Request(Words<'a>),
}

impl Spans for Innermost<'_> {
    fn outermost_first(&self, each: &mut dyn FnMut(&str, Fields<'_>)) {
        match self {
            Self::Span(id) => id.outermost_first(each),
            Self::Request(_) => self.innermost(each),
        }
    }

    fn innermost(&self, then: &mut dyn FnMut(&str, Fields<'_>)) {
        match self {
            Self::Span(id) => id.innermost(then),
            Self::Request(words) => then(Words::SPAN, Fields::Of(*words)),
        }
    }
}

impl Spans for SpanId {
    fn outermost_first(&self, each: &mut dyn FnMut(&str, Fields<'_>)) {
        if let Some(parent) = spans::parent(*self) {
            parent.outermost_first(each);
        }
        self.innermost(each);
    }

    fn innermost(&self, then: &mut dyn FnMut(&str, Fields<'_>)) {
        spans::with(*self, &mut |name, text| then(name, Fields::Text(text)));
    }
}
