//! TLS by rustls: which certificate, and who gets a connection.

mod certificate;

use std::{future::poll_fn, path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{self, ServerConfig, crypto::aws_lc_rs},
};
use tokio_util::task::AbortOnDropHandle;

use super::{connection::Settings, socket::Socket};
use crate::config::ConfigError;
use certificate::Certificate;

/// The `[tls]` section.
///
/// With a certificate and its key the service speaks TLS, and nothing else, wherever it listens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TlsConfig {
    /// The PEM file of the certificate, followed by those that it is signed with. Default: none, no TLS.
    pub certificate_file: Option<PathBuf>,
    /// The PEM file of the certificate's private key. Default: none, no TLS.
    pub key_file: Option<PathBuf>,
    /// How often the two files are looked at; what has changed is used for new connections. Default: 10 seconds.
    #[serde(with = "humantime_serde")]
    pub reload_every: Duration,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            certificate_file: None,
            key_file: None,
            reload_every: Duration::from_secs(10),
        }
    }
}

impl TlsConfig {
    pub(crate) fn check(&self, is_https: bool) -> Result<(), ConfigError> {
        let problem = match (&self.certificate_file, &self.key_file) {
            (None, None) => return Ok(()),
            (Some(_), None) => "`tls.certificate_file` needs `tls.key_file`",
            (None, Some(_)) => "`tls.key_file` needs `tls.certificate_file`",
            (Some(_), Some(_)) if !is_https => {
                "`tls.certificate_file` needs a `service.public_origin` with https"
            }
            (Some(_), Some(_)) if self.reload_every.is_zero() => {
                "`tls.reload_every` must not be zero"
            }
            (Some(_), Some(_)) => return Ok(()),
        };
        Err(ConfigError::new(format!("the setting {problem}")))
    }
}

/// Makes TLS of what connects; cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
    reload_every: Duration,
}

impl Tls {
    /// Reads certificate and key, where there are any.
    pub(crate) fn new(config: &TlsConfig) -> Result<Option<Self>, ConfigError> {
        let (Some(chain), Some(key)) = (&config.certificate_file, &config.key_file) else {
            return Ok(None);
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificate = Certificate::read(chain.clone(), key.clone(), Arc::clone(&provider))
            .map_err(|problem| ConfigError::new(format!("the setting {problem}")))?;
        let certificate = Arc::new(certificate);
        let unusable =
            |error: rustls::Error| ConfigError::new(format!("TLS cannot be used: {error}"));
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as _);
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Self {
            acceptor: Arc::new(server).into(),
            certificate,
            reload_every: config.reload_every,
        }))
    }

    /// Shakes hands, within the time that a head may take; nothing when that fails.
    pub(super) async fn accept(&self, socket: Socket, settings: &Settings) -> Option<Socket> {
        let mut handshake = self.acceptor.accept(socket);
        let handshake = poll_fn(|context| std::pin::Pin::new(&mut handshake).poll(context));
        let handshake = tokio::time::timeout(settings.head_timeout, handshake);
        match settings.while_fresh(handshake).await? {
            Ok(Ok(stream)) => Some(Socket::Tls(Box::new(stream))),
            Ok(Err(error)) => {
                tracing::debug!(%error, "TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!("no TLS handshake within limits.header_timeout");
                None
            }
        }
    }

    /// Looks for a new certificate from time to time, until the handle is dropped.
    pub(super) fn keep_fresh(self) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                tokio::time::sleep(self.reload_every).await;
                let certificate = Arc::clone(&self.certificate);
                // Reading files blocks; a panic in there is logged by the panic hook.
                let _ = tokio::task::spawn_blocking(move || certificate.refresh()).await;
            }
        }))
    }
}
