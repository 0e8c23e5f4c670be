//! HTTP/2, known before on a plain socket or chosen in the TLS handshake.

use std::time::Duration;

use acton_service::Config;
use axum::body::Body;
use http::{Request, Response, Version};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    frames::{
        DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, Raw, SETTINGS, frame,
        get,
    },
    running::{EVERY, Io, Running, closed, read, start, start_over, status},
};

/// A client with one connection.
struct Client {
    requests: SendRequest<Body>,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Client {
    async fn over(stream: Box<dyn Io>) -> Self {
        let io = TokioIo::new(stream);
        let (requests, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        Self {
            requests,
            connection: tokio::spawn(connection),
        }
    }

    async fn new(service: &Running) -> Self {
        Self::over(service.connect().await).await
    }

    async fn send(&mut self, request: http::request::Builder, body: Body) -> Response<Incoming> {
        let answer = self.requests.send_request(request.body(body).unwrap());
        timeout(Duration::from_secs(5), answer)
            .await
            .unwrap()
            .unwrap()
    }

    async fn get(&mut self, path: &str) -> Response<Incoming> {
        self.send(Request::get(format!("http://a.test{path}")), Body::empty())
            .await
    }
}

async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}

#[tokio::test]
async fn requests_are_answered_over_everything_and_pass_the_stack() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        let mut client = Client::new(&service).await;
        let response = client.get("/").await;
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(text(response).await, "hello", "{over:?}");
        let post = Request::post("http://a.test/");
        let response = client.send(post, Body::from("x".repeat(100_000))).await;
        assert_eq!(text(response).await.len(), 100_000);
        assert_eq!(client.get("/nowhere").await.status(), 404);
        service.stop().await;
    }
}

#[tokio::test]
async fn handlers_see_what_http_1_would_show_them() {
    let service = start(|_| {});
    let mut client = Client::new(&service).await;
    let request = Request::get("http://a.test:81/headers?a=b")
        .header("cookie", "a=1")
        .header("cookie", "b=2");
    let seen = text(client.send(request, Body::empty()).await).await;
    assert!(seen.contains("\nuri: /headers?a=b\n"), "{seen}");
    assert!(seen.contains("host: a.test:81\n"), "{seen}");
    assert!(seen.contains("cookie: a=1; b=2\n"), "{seen}");
    service.stop().await;
}

#[tokio::test]
async fn the_authority_is_checked_as_the_host_is() {
    let service = start(|config| config.service.allowed_hosts = vec!["a.test".to_owned()]);
    let mut client = Client::new(&service).await;
    for (authority, host, expected) in [
        ("a.test", None, 200),
        ("b.test", None, 421),
        ("a.test", Some("A.test"), 200),
        ("a.test", Some("b.test"), 400),
        ("b.test", Some("a.test"), 400),
    ] {
        let mut request = Request::get(format!("http://{authority}/"));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = client.send(request, Body::empty()).await;
        assert_eq!(answer.status(), expected, "{authority} {host:?}");
    }
    service.stop().await;
}

#[tokio::test]
async fn an_authority_that_is_none_is_refused() {
    let service = start(|_| {});
    let mut raw = Raw::begin(&service).await;
    // `GET /` by http, and nobody meant.
    raw.send(HEADERS, END_STREAM | END_HEADERS, 1, &[0x82, 0x86, 0x84])
        .await;
    let headers = raw.next_of(HEADERS).await.unwrap();
    assert_eq!(
        headers.payload[0], 0x8c,
        "`:status: 400` in the static table"
    );
    raw.send(
        HEADERS,
        END_STREAM | END_HEADERS,
        3,
        &get("/", "user@a.test"),
    )
    .await;
    let headers = raw.next_of(HEADERS).await.unwrap();
    assert_eq!(headers.stream, 3);
    assert_ne!(
        headers.payload[0], 0x88,
        "`:status: 200` in the static table"
    );
    service.stop().await;
}

#[tokio::test]
async fn limits_are_told_and_held() {
    let service = start(|config| config.limits.http2_streams = 7);
    let mut raw = Raw::begin(&service).await;
    let settings = raw.next_of(SETTINGS).await.unwrap().payload;
    // SETTINGS_MAX_CONCURRENT_STREAMS is 3, SETTINGS_MAX_HEADER_LIST_SIZE is 6.
    let told: Vec<_> = settings.chunks(6).collect();
    assert!(told.contains(&&[0, 3, 0, 0, 0, 7][..]), "{told:?}");
    assert!(told.contains(&&[0, 6, 0, 2, 0, 0][..]), "{told:?}");

    let mut client = Client::new(&service).await;
    let request = Request::get("http://a.test/").header("x", "x".repeat(140_000));
    let sent = client
        .requests
        .send_request(request.body(Body::empty()).unwrap());
    match timeout(Duration::from_secs(5), sent).await.unwrap() {
        Ok(response) => assert_eq!(response.status(), 431),
        Err(error) => assert!(!error.is_timeout(), "{error}"),
    }
    assert_eq!(
        text(Client::new(&service).await.get("/").await).await,
        "hello"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_flood_of_requests_that_are_reset_ends_the_connection() {
    let service = start(|_| {});
    let mut raw = Raw::begin(&service).await;
    let mut flood = Vec::new();
    for number in 0..1_000 {
        let stream = 2 * number + 1;
        flood.extend(frame(
            HEADERS,
            END_STREAM | END_HEADERS,
            stream,
            &get("/", "a.test"),
        ));
        flood.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    let _ = raw.0.write_all(&flood).await;
    let end = raw.next_of(GOAWAY).await.expect("it is told why");
    let enhance_your_calm = 11_u32.to_be_bytes();
    assert_eq!(end.payload[4..8], enhance_your_calm);
    closed(&mut raw.0).await;
    let answer = service.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(status(&answer), "200");
    service.stop().await;
}

#[tokio::test]
async fn who_asks_for_nothing_is_told_to_leave() {
    let limit = |config: &mut Config| config.limits.header_timeout = Duration::from_millis(300);
    for over in EVERY {
        let service = start_over(*over, limit);
        let begun = Instant::now();
        let mut raw = Raw::begin(&service).await;
        assert!(raw.next_of(GOAWAY).await.is_some(), "{over:?}");
        // Half a block of headers is no request.
        let mut half = Raw::begin(&service).await;
        half.send(HEADERS, 0, 1, &[0x82]).await;
        while half.next().await.is_some() {}
        closed(&mut raw.0).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{over:?}");
        service.stop().await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_the_next_request_and_not_for_ever() {
    let service = start(|config| {
        config.limits.header_timeout = Duration::from_millis(200);
        config.limits.keep_alive = Duration::from_millis(1_000);
    });
    let mut client = Client::new(&service).await;
    for _ in 0..3 {
        assert_eq!(text(client.get("/").await).await, "hello");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(text(client.get("/slow").await).await, "done");
    let end = timeout(Duration::from_secs(4), client.connection).await;
    end.expect("the server closes").unwrap().unwrap();
    service.stop().await;
}

#[tokio::test]
async fn a_tunnel_keeps_the_connection_that_it_is_in() {
    let service = start(|config| {
        config.limits.header_timeout = Duration::from_millis(300);
        config.limits.keep_alive = Duration::from_millis(300);
    });
    let mut client = Client::new(&service).await;
    let answer = client
        .send(Request::connect("a.test:80"), Body::empty())
        .await;
    assert_eq!(answer.status(), 200);
    let mut tunnel = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        tunnel.write_all(b"hello").await.unwrap();
        let mut given_back = [0; 5];
        tunnel.read_exact(&mut given_back).await.unwrap();
        assert_eq!(&given_back, b"hello");
    }
    drop(tunnel);
    let ended = timeout(Duration::from_secs(4), client.connection).await;
    assert!(ended.is_ok(), "nothing is open any more");
    service.stop().await;
}

#[tokio::test]
async fn an_event_stream_goes_on_and_ends_cleanly_with_the_service() {
    for over in EVERY {
        let service = start_over(*over, |config| {
            config.limits.keep_alive = Duration::from_millis(300);
        });
        let mut client = Client::new(&service).await;
        let mut body = client.get("/events").await.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "data: first\n\n");
        tokio::time::sleep(Duration::from_millis(600)).await;
        let (took, rest) = tokio::join!(service.stop(), body.collect());
        assert!(rest.unwrap().to_bytes().is_empty(), "{over:?}");
        assert!(took < Duration::from_secs(3), "{took:?}");
        client.connection.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_request_in_flight_is_finished_and_the_client_is_told_to_leave() {
    let service = start(|_| {});
    let mut raw = Raw::begin(&service).await;
    let mut client = Client::new(&service).await;
    let answer = tokio::spawn(async move { text(client.get("/slow").await).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stopping = tokio::spawn(service.stop());
    assert!(raw.next_of(GOAWAY).await.is_some());
    assert_eq!(answer.await.unwrap(), "done");
    // Even though this client does not leave.
    assert!(stopping.await.unwrap() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_upload_that_stalls_is_answered_408_and_the_others_go_on() {
    let service = start(|config| config.limits.body_timeout = Duration::from_millis(300));
    let mut client = Client::new(&service).await;
    let half = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>("half") });
    let body = futures_util::StreamExt::chain(half, futures_util::stream::pending());
    let stalled = client
        .send(Request::post("http://a.test/"), Body::from_stream(body))
        .await;
    assert_eq!(stalled.status(), 408);
    assert_eq!(text(client.get("/").await).await, "hello");
    service.stop().await;
}

#[tokio::test]
async fn without_a_place_a_request_is_refused_and_the_connection_ends() {
    let service = start(|config| config.limits.connections = 1);
    let mut first = service
        .begin("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await;
    assert_eq!(status(&read(&mut first).await), "200");
    let mut client = Client::new(&service).await;
    let refused = client.get("/").await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    let end = timeout(Duration::from_secs(5), client.connection).await;
    end.expect("the server closes").unwrap().unwrap();
    let mut probe = Client::new(&service).await;
    assert_eq!(probe.get("/health").await.status(), 200);
    service.stop().await;
}

#[tokio::test]
async fn who_was_refused_and_asks_again_and_again_is_told_to_come_back() {
    let service = start(|config| config.limits.connections = 1);
    let page = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let mut first = service.begin(page).await;
    assert_eq!(status(&read(&mut first).await), "200");
    let mut raw = Raw::begin(&service).await;
    let begun = Instant::now();
    let mut stream = 1;
    let mut goodbyes = 0;
    // A client that hears nothing of it.
    while begun.elapsed() < Duration::from_secs(6) {
        let ask = frame(
            HEADERS,
            END_STREAM | END_HEADERS,
            stream,
            &get("/", "a.test"),
        );
        if raw.0.write_all(&ask).await.is_err() {
            break;
        }
        stream += 2;
        let heard = timeout(Duration::from_millis(200), raw.next());
        match heard.await {
            Ok(None) => break,
            Ok(Some(frame)) if frame.kind == GOAWAY => goodbyes += 1,
            _ => {}
        }
    }
    assert!(goodbyes > 0, "it is told");
    assert!(begun.elapsed() < Duration::from_secs(5), "it may not stay");
    service.stop().await;
}

#[tokio::test]
async fn what_only_looks_like_http_2_is_refused() {
    let service = start(|_| {});
    for bytes in [
        &b"PRI * HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\n\r\n"[..],
        b"PRI * HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = service.connect().await;
        stream.write_all(bytes).await.unwrap();
        let answer = read(&mut stream).await;
        assert!(["none", "400"].contains(&status(&answer)), "{answer}");
    }
    let mut raw = Raw(service.connect().await);
    raw.0.write_all(PREFACE).await.unwrap();
    raw.send(DATA, 0, 1, b"no settings, no request").await;
    assert!(raw.next_of(GOAWAY).await.is_some());
    service.stop().await;
}
