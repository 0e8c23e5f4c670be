//! The certificate and its key, as the files say now.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use tokio_rustls::rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// How a file can be told from its successor without reading it.
type Stamp = Option<(SystemTime, u64)>;

/// A certificate that can change while connections come in.
pub(super) struct Certificate {
    chain_file: PathBuf,
    key_file: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<[Stamp; 2]>,
}

impl Certificate {
    /// Reads both files; fails with a sentence that names the setting.
    pub(super) fn read(
        chain_file: PathBuf,
        key_file: PathBuf,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let seen = stamps(&chain_file, &key_file);
        let current = load(&chain_file, &key_file, &provider)?;
        Ok(Self {
            chain_file,
            key_file,
            provider,
            current: RwLock::new(current.into()),
            seen: Mutex::new(seen),
        })
    }

    /// Reads the files again if they have changed.
    ///
    /// Files that do not fit together leave the certificate as it was; they are complained about once, until they change.
    pub(super) fn refresh(&self) {
        let stamps = stamps(&self.chain_file, &self.key_file);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == stamps {
            return;
        }
        *seen = stamps;
        match load(&self.chain_file, &self.key_file, &self.provider) {
            Ok(certificate) => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                *current = certificate.into();
                tracing::info!("the TLS certificate was read again");
            }
            Err(problem) => {
                tracing::error!("the TLS certificate stays as it was: the setting {problem}");
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Certificate")
            .finish_non_exhaustive()
    }
}

fn load(chain: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&file("certificate_file", chain)?)
        .collect::<Result<_, _>>()
        .map_err(|_| "`tls.certificate_file` names a file that is not PEM")?;
    if certificates.is_empty() {
        return Err("`tls.certificate_file` names a file without a certificate".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(&file("key_file", key)?)
        .map_err(|_| "`tls.key_file` names a file without a private key in PEM")?;
    CertifiedKey::from_der(certificates, key, provider)
        .map_err(|error| format!("`tls.key_file` does not fit the certificate: {error}"))
}

fn file(setting: &str, path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| {
        let kind = error.kind();
        format!("`tls.{setting}` names a file that cannot be read: {kind}")
    })
}

fn stamps(chain: &Path, key: &Path) -> [Stamp; 2] {
    [chain, key].map(|path| {
        let found = fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    })
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::crypto::aws_lc_rs;

    use super::*;
    use crate::log::Written;

    fn shown(certificate: &Certificate) -> Vec<u8> {
        certificate.current.read().unwrap().cert[0].to_vec()
    }

    #[test]
    fn files_that_do_not_fit_keep_the_old_certificate_and_are_complained_about_once() {
        let folder = std::env::temp_dir().join(format!("acton-certificate-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        let issue = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let first = issue();
        fs::write(&chain, first.cert.pem()).unwrap();
        fs::write(&key, first.signing_key.serialize_pem()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificate = Certificate::read(chain.clone(), key.clone(), provider).unwrap();
        let old = shown(&certificate);

        let log = Written::default();
        let count = |words| log.text().matches(words).count();
        tracing::subscriber::with_default(log.subscriber(tracing::Level::INFO), || {
            fs::write(&chain, "no certificate").unwrap();
            (0..3).for_each(|_| certificate.refresh());
            assert_eq!(shown(&certificate), old);
            assert_eq!(count("stays as it was"), 1);

            // A file system need not tell two moments apart that are closer.
            std::thread::sleep(std::time::Duration::from_millis(20));
            let second = issue();
            fs::write(&key, second.signing_key.serialize_pem()).unwrap();
            certificate.refresh();
            assert_eq!(
                count("stays as it was"),
                2,
                "it changed, and is wrong again"
            );
            fs::write(&chain, second.cert.pem()).unwrap();
            (0..3).for_each(|_| certificate.refresh());
            assert_eq!(shown(&certificate), second.cert.der().to_vec());
            assert_eq!(count("read again"), 1);
        });
        fs::remove_dir_all(&folder).unwrap();
    }
}
