//! What a browser sees, through a real router.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot be unwrapped fails the test"
)]

mod answer;
mod app;
mod compose;
mod dialect;
mod place;
mod request;
