//! Where the service listens.

use std::{net::SocketAddr, time::Duration};

use acton_service::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    time::timeout,
};

use crate::running::{closed, read, routes, start, status};

#[tokio::test]
async fn an_address_in_use_is_told_as_a_sentence() {
    let service = start(|_| {});
    let mut config: Config = Config::default();
    config.service.bind = service.address;
    let bound = ServiceBuilder::new().with_config(config).build().bind();
    let told = format!("{:?}", bound.err().unwrap());
    assert!(
        told.contains("cannot listen on") && told.contains(&service.address.to_string()),
        "{told}"
    );
    service.stop().await;
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn numbers_may_have_a_listener_of_their_own() {
    let mut config = Config::<()>::default();
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    config.service.bind = any_port;
    config.metrics.bind = Some(any_port);
    config.limits.header_timeout = Duration::from_secs(2);
    config.log.filter = "off".to_owned();
    let (stop, stopped) = oneshot::channel::<()>();
    let service = ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes());
    let service = service
        .with_metrics()
        .with_shutdown(async { drop(stopped.await) });
    let bound = service.build().bind().unwrap();
    let (public, private) = (bound.local_addr(), bound.metrics_addr().unwrap());
    let done = tokio::spawn(bound.serve());
    let ask = async |address: SocketAddr, path: &str| {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    };
    assert!(ask(public, "/").await.contains("hello"));
    assert!(ask(public, "/metrics").await.starts_with("HTTP/1.1 404"));
    assert!(ask(private, "/").await.starts_with("HTTP/1.1 404"));
    let numbers = ask(private, "/metrics").await;
    assert!(numbers.contains("x-request-id: ") && numbers.contains("nosniff"));
    for unclear in [
        "GET /metrics HTTP/1.1\r\nhost: localhost\nx: y\r\n\r\n",
        "GET /metrics HTTP/1.1\r\n\r\n",
    ] {
        let mut socket = TcpStream::connect(private).await.unwrap();
        socket.write_all(unclear.as_bytes()).await.unwrap();
        assert_eq!(status(&read(&mut socket).await), "400", "{unclear:?}");
    }
    // Those who ask for nothing take the regular places, until their time is over.
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(private).await.unwrap());
    }
    assert!(ask(private, "/").await.starts_with("HTTP/1.1 503"));
    assert!(ask(private, "/metrics").await.starts_with("HTTP/1.1 200"));
    for socket in &mut silent {
        closed(socket).await;
    }
    let page = ask(private, "/metrics").await;
    assert!(
        page.contains("http_route=\"/\",http_response_status_code=\"200\"} 1"),
        "{page}"
    );
    stop.send(()).unwrap();
    timeout(Duration::from_secs(20), done)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(
        TcpStream::connect(private).await.is_err(),
        "it ends with the service"
    );
}

#[cfg(unix)]
mod unix {
    use std::{fs, os::unix::fs::PermissionsExt, path::Path};

    use super::*;
    use crate::running::{Over, start_over};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// What is told when the socket at this path cannot be opened.
    fn refused(path: &Path) -> String {
        let mut config: Config = Config::default();
        config.service.unix_socket = Some(path.to_owned());
        let bound = ServiceBuilder::new().with_config(config).build().bind();
        format!("{:?}", bound.err().expect("it is refused"))
    }

    #[tokio::test]
    async fn a_unix_socket_is_for_its_group_and_goes_with_the_service() {
        let service = start_over(Over::Unix, |_| {});
        let path = service.folder.socket();
        assert_eq!(mode(&path), 0o660);
        let answer = service.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
        service.stop_and(|| assert!(!path.exists())).await;
    }

    #[tokio::test]
    async fn the_mode_of_a_unix_socket_can_be_chosen() {
        let service = start_over(Over::Unix, |config| config.service.unix_socket_mode = 0o600);
        assert_eq!(mode(&service.folder.socket()), 0o600);
        service.stop().await;
    }

    #[tokio::test]
    async fn what_a_killed_process_left_is_replaced_and_what_lives_is_not() {
        let folder = crate::running::Folder::new();
        let left = folder.socket();
        drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
        assert!(left.exists());
        let service = start_over(Over::Unix, |config| {
            config.service.unix_socket = Some(left.clone());
        });
        let told = refused(&left);
        assert!(
            told.contains("cannot listen on unix:") && told.contains("in use"),
            "{told}"
        );
        service.stop().await;

        fs::write(&left, "a letter").unwrap();
        let told = refused(&left);
        assert!(told.contains("no socket"), "{told}");
        assert_eq!(fs::read_to_string(&left).unwrap(), "a letter");
    }

    #[tokio::test]
    async fn a_socket_that_was_replaced_is_not_removed() {
        let service = start_over(Over::Unix, |_| {});
        let path = service.folder.socket();
        fs::remove_file(&path).unwrap();
        let kept = std::os::unix::net::UnixListener::bind(&path).unwrap();
        service.stop_and(|| assert!(path.exists())).await;
        drop(kept);
    }

    #[tokio::test]
    async fn who_comes_by_a_unix_socket_is_on_this_machine() {
        let ask = "GET /headers HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n";
        let service = start_over(Over::Unix, |_| {});
        assert!(service.send(ask).await.contains("client: 127.0.0.1\n"));
        service.stop().await;
        let service = start_over(Over::Unix, |config| {
            config.service.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        });
        assert_eq!(status(&service.send(ask).await), "200");
        assert!(service.send(ask).await.contains("client: 192.0.2.7\n"));
        service.stop().await;
    }

    #[tokio::test]
    async fn a_unix_socket_may_be_handed_to_the_builder() {
        let folder = crate::running::Folder::new();
        let listener = tokio::net::UnixListener::bind(folder.socket()).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut config: Config = Config::default();
        config.log.filter = "off".to_owned();
        let bound = ServiceBuilder::new()
            .with_config(config)
            .with_routes(routes())
            .with_listener(listener)
            .with_shutdown(async { drop(stopped.await) })
            .build()
            .bind()
            .unwrap();
        let done = tokio::spawn(bound.serve());
        let mut stream = tokio::net::UnixStream::connect(folder.socket())
            .await
            .unwrap();
        let ask = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
        stream.write_all(ask).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("hello"), "{answer}");
        stop.send(()).unwrap();
        done.await.unwrap().unwrap();
    }
}
