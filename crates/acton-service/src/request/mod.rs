//! What the service finds out about a request before a handler sees it.

pub(crate) mod body;
pub(crate) mod host;
pub(crate) mod id;
pub(crate) mod proxy;

pub use body::{BodyLimit, BodyLimitService};
pub use id::RequestId;
pub use proxy::ClientAddr;
