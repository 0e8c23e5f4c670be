//! Who looks after the service is answered whatever else is refused: that is when it is looked after.

use std::net::Ipv4Addr;

use axum::extract::Request;
use http::header;

use crate::request::host::without_port;

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

    /// Whether one of them sent this request, and may do so to a host that is not listed: by address, in HTTP/1.0, or by
    /// a name that means something only inside the network.
    ///
    /// Probes tell nothing. The numbers do, and a stranger's page in a browser inside the network could read them when
    /// the stranger's name leads here.
    pub(crate) fn may_ask_any_host(&self, request: &Request) -> bool {
        let tells_much = request.uri().path() == "/metrics";
        self.sent(request) && !(tells_much && names_domain(request))
    }
}

/// Whether the host is a name that somebody can own.
fn names_domain(request: &Request) -> bool {
    let host = request.headers().get(header::HOST);
    let host = host.map_or(&b""[..], |host| without_port(host.as_bytes()));
    let is_address = str::from_utf8(host).is_ok_and(|host| host.parse::<Ipv4Addr>().is_ok());
    host.contains(&b'.') && !is_address && !host.starts_with(b"[")
}
