//! The promises of the framework, tested from outside: the `conformance` example runs as a process of
//! its own and is spoken to over HTTP, as a browser or an operator would.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

#[macro_use]
mod place;
mod browser;
mod event_stream;
mod fixture;
mod htmx_headers;
mod htmx_request;
mod htmx_response;
mod interaction;
mod redis;
mod security_csrf;
mod security_flash;
mod security_jwt;
mod security_log;
mod security_login;
mod security_platform;
mod security_redis;
mod security_session;
mod security_sse;
mod security_sse_end;
mod table;
mod torture;
