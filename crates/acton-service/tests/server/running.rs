//! A running service, and what asks it.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use acton_service::{ClientAddr, prelude::*};
use axum::response::sse::{Event, Sse};
use http::{HeaderMap, Uri};
use hyper_util::rt::TokioIo;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, timeout},
};

/// How a test reaches the service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Over {
    Tcp,
    #[cfg(unix)]
    Unix,
    #[cfg(feature = "tls")]
    Tls,
}

/// Every way to reach it.
pub(crate) const EVERY: &[Over] = &[
    Over::Tcp,
    #[cfg(unix)]
    Over::Unix,
    #[cfg(feature = "tls")]
    Over::Tls,
];

/// What bytes go through.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A running service and the way to stop it.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    over: Over,
    /// Where its socket or its certificate lies.
    pub(crate) folder: Folder,
    stop: oneshot::Sender<()>,
    done: JoinHandle<Result<()>>,
}

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("acton-server-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("service.sock")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// More bytes than the system keeps for a client that is slow.
pub(crate) const LARGE: usize = 32 * 1024 * 1024;

pub(crate) fn routes() -> VersionedRoutes {
    VersionedApiBuilder::new()
        .with_frontend_routes(|router| {
            router
                .route(
                    "/",
                    get(|| async { "hello" }).post(|body: String| async move { body }),
                )
                .route("/slow", get(slow))
                .route("/waits", get(waits).post(waits))
                .route("/events", get(events))
                .route("/flood", get(flood))
                .route("/long", get(long))
                .route("/large", get(|| async { vec![b'x'; LARGE] }))
                .route("/headers", get(headers))
                .route("/echo", get(echo))
                .route("/falls-silent", get(falls_silent))
                .route("/tunnel", axum::routing::connect(tunnel))
        })
        .with_fallback(elsewhere)
        .build_routes()
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(700)).await;
    "done"
}

/// How many handlers of `/waits` wait.
pub(crate) static WAITING: AtomicUsize = AtomicUsize::new(0);

async fn waits(_: String) {
    struct Waiting;
    impl Drop for Waiting {
        fn drop(&mut self) {
            WAITING.fetch_sub(1, Ordering::Relaxed);
        }
    }
    WAITING.fetch_add(1, Ordering::Relaxed);
    let _waiting = Waiting;
    std::future::pending().await
}

async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let first = stream::once(async { Ok(Event::default().data("first")) });
    Sse::new(first.chain(stream::pending()))
}

/// More than any socket buffer holds.
async fn flood() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let event = || Event::default().data("x".repeat(100_000));
    Sse::new(stream::repeat_with(move || Ok(event())))
}

/// So much that a slow reader makes the server wait many times.
async fn long() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let event = |number: u32| Event::default().data(number.to_string().repeat(2_000));
    Sse::new(stream::iter(0..1_000).map(move |number| Ok(event(number))))
}

/// What a handler sees.
async fn headers(client: ClientAddr, uri: Uri, headers: HeaderMap) -> String {
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    format!(
        "client: {client}\nuri: {uri}\n{}",
        lines.collect::<String>()
    )
}

/// Another protocol, that gives back what it gets.
async fn echo(request: axum::extract::Request) -> impl IntoResponse {
    give_back(request);
    let headers = [("connection", "upgrade"), ("upgrade", "echo")];
    (StatusCode::SWITCHING_PROTOCOLS, headers)
}

/// How many bytes `/falls-silent` was sent.
pub(crate) static HEARD: AtomicUsize = AtomicUsize::new(0);

/// Another protocol, in which the server closes its side before it has read what the client sends.
async fn falls_silent(mut request: axum::extract::Request) -> impl IntoResponse {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let (mut read, mut write) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
        tokio::time::sleep(Duration::from_millis(100)).await;
        write.shutdown().await.unwrap();
        let mut heard = Vec::new();
        read.read_to_end(&mut heard).await.unwrap();
        HEARD.fetch_add(heard.len(), Ordering::Relaxed);
    });
    let headers = [("connection", "upgrade"), ("upgrade", "silence")];
    (StatusCode::SWITCHING_PROTOCOLS, headers)
}

/// The same as a tunnel.
async fn tunnel(request: axum::extract::Request) {
    give_back(request);
}

/// HTTP/2 asks for a tunnel without a path.
async fn elsewhere(request: axum::extract::Request) -> StatusCode {
    if request.method() != http::Method::CONNECT {
        return StatusCode::NOT_FOUND;
    }
    give_back(request);
    StatusCode::OK
}

fn give_back(mut request: axum::extract::Request) {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let (mut read, mut write) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
}

pub(crate) fn start(change: impl FnOnce(&mut Config)) -> Running {
    start_over(Over::Tcp, change)
}

pub(crate) fn start_over(over: Over, change: impl FnOnce(&mut Config)) -> Running {
    let folder = Folder::new();
    let mut config: Config = Config::default();
    config.service.bind = SocketAddr::from(([127, 0, 0, 1], 0));
    config.log.filter = "off".to_owned();
    match over {
        Over::Tcp => {}
        #[cfg(unix)]
        Over::Unix => config.service.unix_socket = Some(folder.socket()),
        #[cfg(feature = "tls")]
        Over::Tls => crate::tls::configure(&mut config, &folder.0),
    }
    change(&mut config);
    let (stop, stopped) = oneshot::channel::<()>();
    let service = ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes());
    #[cfg(feature = "metrics")]
    let service = service.with_metrics();
    let bound = service
        .with_shutdown(async { drop(stopped.await) })
        .build()
        .bind()
        .unwrap();
    let address = bound.local_addr();
    Running {
        address,
        over,
        folder,
        stop,
        done: tokio::spawn(bound.serve()),
    }
}

impl Running {
    pub(crate) async fn connect(&self) -> Box<dyn Io> {
        match self.over {
            Over::Tcp => Box::new(TcpStream::connect(self.address).await.unwrap()),
            #[cfg(unix)]
            Over::Unix => Box::new(UnixStream::connect(self.folder.socket()).await.unwrap()),
            #[cfg(feature = "tls")]
            Over::Tls => Box::new(crate::tls::connect(self, &[]).await.unwrap()),
        }
    }

    /// Sends bytes and reads until the server closes or falls silent.
    pub(crate) async fn send(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        read(&mut stream).await
    }

    /// Connects and sends bytes.
    pub(crate) async fn begin(&self, bytes: &str) -> Box<dyn Io> {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }

    /// Stops it and says how long that took.
    pub(crate) async fn stop(self) -> Duration {
        self.stop_and(|| {}).await
    }

    /// As [`Running::stop`], with a look at what is left.
    pub(crate) async fn stop_and(self, look: impl FnOnce()) -> Duration {
        let begun = Instant::now();
        self.stop.send(()).unwrap();
        timeout(Duration::from_secs(20), self.done)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        look();
        begun.elapsed()
    }
}

/// Waits for an answer that may be long in coming, and reads it.
pub(crate) async fn await_answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let first = timeout(Duration::from_secs(20), stream.read_u8()).await;
    let first = char::from(first.expect("an answer").expect("an answer"));
    format!("{first}{}", read(stream).await)
}

pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(count)) = timeout(Duration::from_millis(500), stream.read(&mut buffer)).await {
        if count == 0 {
            break;
        }
        text.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// How long it takes until the server closes, which must be soon.
pub(crate) async fn closed(stream: &mut (impl AsyncRead + Unpin)) -> Duration {
    let begun = Instant::now();
    let mut rest = Vec::new();
    let end = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    let _ = end.expect("the server closes the connection");
    begun.elapsed()
}

pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}
