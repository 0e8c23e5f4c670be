//! What a browser sees, on every kind of store.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[macro_use]
mod stores;
mod app;
mod browser;

mod abandoned;
mod at_once;
mod beside;
mod cookies;
mod cost;
mod csrf;
mod csrf_matrix;
mod devices;
mod disabling;
mod faults;
mod flash;
mod guards;
mod ids;
mod interleaving;
mod layers;
mod leaving;
mod login;
mod logs;
mod meanwhile;
mod others;
mod redis_server;
mod registry;
mod remember;
mod sessions;
mod typed;
mod unanswered;
mod writers;
