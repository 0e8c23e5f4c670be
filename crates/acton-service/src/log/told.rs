//! What a log tells in a test.

use std::cell::RefCell;

use tracing::{Dispatch, dispatcher::with_default};

thread_local! {
    pub(super) static TOLD: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Where a log of a test writes.
pub(super) fn remember(line: &[u8], urgent: bool) {
    TOLD.with_borrow_mut(|told| {
        told.push_str(if urgent { "!" } else { " " });
        told.push_str(std::str::from_utf8(line).unwrap());
    });
}

/// What this tells, without its times.
pub(super) fn told(subscriber: impl Into<Dispatch>, tell: fn()) -> String {
    with_default(&subscriber.into(), tell);
    let told = TOLD.take();
    let time = "2026-11-27T09:30:00.000123Z".len();
    let timeless = told.lines().map(|line| match line.find("20") {
        Some(place) => format!("{}{}\n", &line[..place], &line[place + time..]),
        None => panic!("no time: {line}"),
    });
    timeless.collect()
}
