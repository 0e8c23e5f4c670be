//! Who looks after the service is answered whatever else is refused: that is when it is looked after.

use axum::extract::Request;

#[cfg(feature = "metrics")]
use {crate::metrics::Readers, std::sync::Arc};

/// Knows the requests of operators: probes, and on the service's own address those who may read its numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operators {
    #[cfg(feature = "metrics")]
    readers: Option<Arc<Readers>>,
}

impl Operators {
    /// Those who look whether the service lives, and these.
    #[cfg(feature = "metrics")]
    pub(crate) fn with_readers(readers: Arc<Readers>) -> Self {
        Self {
            readers: Some(readers),
        }
    }

    /// Whether one of them sent this request.
    pub(crate) fn sent(&self, request: &Request) -> bool {
        match request.uri().path() {
            "/health" | "/ready" => true,
            #[cfg(feature = "metrics")]
            "/metrics" => self
                .readers
                .as_ref()
                .is_some_and(|readers| readers.may_read(request)),
            _ => false,
        }
    }
}
