//! TLS: handshakes, versions of HTTP, and certificates that change.

use std::{fs, path::Path, sync::Arc, time::Duration};

use acton_service::{Config, ServiceBuilder};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use crate::running::{Folder, Over, Running, closed, read, start_over, status};

const PAGE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Writes a new certificate and its key.
fn issue(folder: &Path) {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("key.pem"), issued.signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("chain.pem"), issued.cert.pem()).unwrap();
}

/// Makes the service speak TLS.
pub(crate) fn configure(config: &mut Config, folder: &Path) {
    issue(folder);
    config.service.public_origin = "https://localhost".to_owned();
    config.tls.certificate_file = Some(folder.join("chain.pem"));
    config.tls.key_file = Some(folder.join("key.pem"));
    config.tls.reload_every = Duration::from_millis(50);
}

/// Connects, trusting the certificate that lies there now.
pub(crate) async fn connect(
    service: &Running,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let chain = service.folder.0.join("chain.pem");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(chain).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let stream = TcpStream::connect(service.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await
}

#[tokio::test]
async fn pages_come_by_https_with_hsts() {
    let service = start_over(Over::Tls, |_| {});
    let answer = service.send(PAGE).await;
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert!(
        answer.contains("\r\nstrict-transport-security: "),
        "{answer}"
    );
    service.stop().await;
}

#[tokio::test]
async fn the_handshake_chooses_the_version_of_http() {
    let service = start_over(Over::Tls, |_| {});
    for (offered, chosen) in [
        (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
        (&["http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let stream = connect(&service, offered).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen);
    }
    assert!(connect(&service, &["spdy/3"]).await.is_err());
    service.stop().await;
}

#[tokio::test]
async fn a_handshake_that_stalls_is_given_up_and_nobody_waits_for_it() {
    let service = start_over(Over::Tls, |config| {
        config.limits.header_timeout = Duration::from_millis(500);
    });
    for half in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"\x16"] {
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        stream.write_all(half).await.unwrap();
        assert_eq!(status(&service.send(PAGE).await), "200");
        let took = closed(&mut stream).await;
        assert!(took < Duration::from_secs(2), "{half:?}: {took:?}");
    }
    let mut plain = TcpStream::connect(service.address).await.unwrap();
    plain.write_all(PAGE.as_bytes()).await.unwrap();
    assert!(!read(&mut plain).await.contains("hello"));
    service.stop().await;
}

#[tokio::test]
async fn a_handshake_takes_a_place() {
    let service = start_over(Over::Tls, |config| config.limits.connections = 1);
    let stalled = TcpStream::connect(service.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(status(&service.send(PAGE).await), "503");
    drop(stalled);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(status(&service.send(PAGE).await), "200");
    service.stop().await;
}

#[tokio::test]
async fn a_handshake_that_stalls_does_not_hold_the_end_up() {
    let service = start_over(Over::Tls, |_| {});
    let stalled = TcpStream::connect(service.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let took = service.stop().await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    drop(stalled);
}

#[tokio::test]
async fn a_new_certificate_is_used_without_dropping_anybody() {
    let service = start_over(Over::Tls, |_| {});
    let folder = service.folder.0.clone();
    let mut old = connect(&service, &[]).await.unwrap();

    // One that does not fit its key is not used.
    let fits = fs::read(folder.join("chain.pem")).unwrap();
    let stranger = Folder::new();
    issue(&stranger.0);
    fs::copy(stranger.0.join("chain.pem"), folder.join("chain.pem")).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(connect(&service, &[]).await.is_err());
    fs::write(folder.join("chain.pem"), &fits).unwrap();
    assert!(connect(&service, &[]).await.is_ok());

    // One that does is soon.
    issue(&folder);
    let begun = Instant::now();
    while connect(&service, &[]).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    old.write_all(PAGE.as_bytes()).await.unwrap();
    assert_eq!(status(&read(&mut old).await), "200");
    service.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_told_as_a_sentence() {
    let folder = Folder::new();
    let told = |change: &dyn Fn(&mut Config)| {
        let mut config: Config = Config::default();
        configure(&mut config, &folder.0);
        change(&mut config);
        let bound = ServiceBuilder::new().with_config(config).build().bind();
        format!("{:?}", bound.err().expect("it is refused"))
    };
    let nowhere = || Some(folder.0.join("nowhere.pem"));
    for (change, sentence) in [
        (
            &(|config: &mut Config| config.tls.key_file = None) as &dyn Fn(&mut Config),
            "`tls.certificate_file` needs `tls.key_file`",
        ),
        (
            &|config| config.service.public_origin = "http://localhost".to_owned(),
            "needs a `service.public_origin` with https",
        ),
        (
            &|config| config.tls.key_file = nowhere(),
            "`tls.key_file` names a file that cannot be read",
        ),
        (
            &|config| config.tls.certificate_file = config.tls.key_file.clone(),
            "`tls.certificate_file` names a file without a certificate",
        ),
        (
            &|config| config.tls.key_file = config.tls.certificate_file.clone(),
            "`tls.key_file` names a file without a private key",
        ),
        (
            &|config| config.tls.reload_every = Duration::ZERO,
            "`tls.reload_every` must not be zero",
        ),
    ] {
        let told = told(change);
        assert!(told.contains(sentence), "{told}");
    }
}

#[tokio::test]
async fn an_event_stream_by_https_is_flushed_event_by_event() {
    let service = start_over(Over::Tls, |_| {});
    let mut stream = service.begin(&PAGE.replace("/ ", "/events ")).await;
    let mut text = String::new();
    while !text.contains("data: first\n\n") {
        let mut buffer = [0; 1024];
        let count = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer);
        let count = timeout(Duration::from_secs(5), count)
            .await
            .unwrap()
            .unwrap();
        assert_ne!(count, 0, "{text}");
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    service.stop().await;
}
