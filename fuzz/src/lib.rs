//! What a browser makes of what we send, as far as the fuzz targets need it.
//!
//! HTML is read by html5ever and CSS by cssparser, so that nothing here repeats the code on trial.

mod css;
mod html;
mod layer;
mod line;
mod path;
mod visitor;

pub use self::{
    css::css,
    html::{Html, html, normalized},
    layer::{Asker, answered},
    line::line,
    path::hides_a_host,
    visitor::{NOBODY, Pieces, VISITOR, Visitor, whole},
};

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

/// What a future that never waits ends with.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}
