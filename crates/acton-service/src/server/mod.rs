//! Listening, serving and stopping.

mod accept;
mod answer_body;
mod answer_head;
#[cfg(feature = "metrics")]
mod aside;
mod body_end;
mod chunk;
mod complaint;
mod connection;
mod deadline;
mod event_stream;
mod heads;
mod http1;
mod http2;
mod idle;
mod listen;
mod open_requests;
mod places;
mod preface;
mod shared;
mod shutdown;
mod signals;
mod socket;
mod stall;
mod stream_end;
#[cfg(unix)]
mod systemd;
#[cfg(feature = "tls")]
mod tls;
mod wire;

pub(crate) use accept::Server;
#[cfg(feature = "metrics")]
pub(crate) use aside::serve_aside;
pub(crate) use deadline::Deadline;
pub use listen::Listener;
#[cfg(feature = "metrics")]
pub(crate) use listen::listen;
pub use shutdown::ShutdownConfig;
pub(crate) use shutdown::{Delay, Shutdown, Trigger};
pub(crate) use stream_end::end_at_shutdown;
#[cfg(feature = "tls")]
pub(crate) use tls::Tls;
#[cfg(feature = "tls")]
pub use tls::TlsConfig;
