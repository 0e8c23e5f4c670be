//! What a process does when the system tells it to stop.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use acton_service::prelude::*;
use axum::response::sse::{Event, Sse};

/// Set for the process that serves; this test program starts itself again with it.
const SERVE: &str = "SERVE_UNTIL_TOLD_TO_STOP";

async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let first = stream::once(async { Ok(Event::default().data("first")) });
    Sse::new(first.chain(stream::pending()))
}

async fn exit() {
    std::process::exit(0)
}

/// Tells the test that it blocks.
fn block() {
    println!("it blocks");
    std::thread::sleep(Duration::from_secs(20));
}

async fn blocks() {
    block();
}

async fn blocks_aside() {
    drop(tokio::task::spawn_blocking(block).await);
}

async fn panics() {
    panic!("hunter2")
}

async fn fails() -> Result<()> {
    Err(Error::other("the disk is full"))
}

/// Not a test of its own: the process that the others start.
#[tokio::test]
async fn serve_when_asked() {
    serve().await;
}

/// The same with threads that do nothing but answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_with_workers() {
    serve().await;
}

async fn serve() {
    if std::env::var_os(SERVE).is_none() {
        return;
    }
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/events", get(events))
            .route("/exit", get(exit))
            .route("/blocks", get(blocks))
            .route("/blocks-aside", get(blocks_aside))
            .route("/late", get(std::future::pending::<()>))
            .route("/panics", get(panics))
            .route("/fails", get(fails))
    });
    ServiceBuilder::new()
        .with_routes(routes.build_routes())
        .build()
        .serve()
        .await
        .unwrap();
}

struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Process {
    fn start(environment: &[(&str, &str)]) -> Self {
        Self::start_as("serve_when_asked", environment)
    }

    fn start_as(name: &str, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(SERVE, "1")
            .env("ACTON_SERVICE__BIND", "127.0.0.1:0")
            .env("RUST_LOG", "info")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on http://") {
            line.clear();
            assert_ne!(
                output.read_line(&mut line).unwrap(),
                0,
                "the process ended early"
            );
        }
        let address = line
            .split("http://")
            .nth(1)
            .unwrap()
            .split([' ', '\n', '"'])
            .next()
            .unwrap()
            .to_owned();
        Self {
            child,
            output,
            address,
        }
    }

    fn open_stream(&self) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .write_all(b"GET /events HTTP/1.1\r\nHost: a.test\r\n\r\n")
            .unwrap();
        let mut begun = [0; 64];
        stream.read_exact(&mut begun).unwrap();
        stream
    }

    /// Sends a request that is named in the log, and reads what comes.
    fn ask(&self, path: &str, id: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nX-Request-Id: {id}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends a request whose handler blocks, and waits until it does.
    fn block(&mut self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        while !line.contains("it blocks") {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0);
        }
        stream
    }

    /// Everything it writes to the log from now on until its end.
    fn log(mut self) -> String {
        let mut log = String::new();
        self.output.read_to_string(&mut log).unwrap();
        assert!(self.child.wait().unwrap().success());
        log
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    fn wait(mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.output.read_to_end(&mut Vec::new()).unwrap();
        (self.child.wait().unwrap(), begun.elapsed())
    }
}

#[test]
fn both_signals_end_it_quickly_and_well_with_an_open_stream() {
    for name in ["-TERM", "-INT"] {
        let process = Process::start(&[]);
        let mut stream = process.open_stream();
        process.signal(name);
        let (status, took) = process.wait();
        assert!(status.success(), "{name}: {status}");
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert!(
            rest.ends_with("0\r\n\r\n"),
            "{name}: the stream was cut off: {rest:?}"
        );
    }
}

#[test]
fn every_request_has_its_line_in_the_log_when_the_process_has_ended() {
    for format in ["pretty", "json"] {
        let process = Process::start(&[("ACTON_LOG__FORMAT", format)]);
        (0..100).for_each(|number| drop(process.ask("/nothing", &format!("id-{number}."))));
        process.signal("-TERM");
        let log = process.log();
        for number in 0..100 {
            let id = format!("id-{number}.");
            let lines: Vec<_> = log.lines().filter(|line| line.contains(&id)).collect();
            assert_eq!(lines.len(), 1, "{format}: {log}");
        }
        assert!(log.contains("stopped"), "{format}: {log}");
    }
}

/// An empty filter, as compose files write it, is none.
#[test]
fn what_went_wrong_is_in_the_log_with_its_request_and_answered_in_full() {
    let process = Process::start(&[("ACTON_LIMITS__REQUEST_TIMEOUT", "200ms"), ("RUST_LOG", "")]);
    let wrong = [
        (
            "/late",
            503,
            " WARN ",
            "no answer within limits.request_timeout",
        ),
        ("/panics", 500, " ERROR ", "a handler panicked"),
        ("/fails", 500, " ERROR ", "the disk is full"),
    ];
    for (path, status, ..) in wrong {
        let answer = process.ask(path, &path[1..]);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(
            answer.contains("\r\nx-content-type-options: nosniff\r\n"),
            "{answer}"
        );
        assert!(
            !answer.contains("hunter2") && !answer.contains("disk"),
            "{answer}"
        );
    }
    process.signal("-TERM");
    let log = process.log();
    for (path, status, level, words) in wrong {
        let request = format!("request{{id={} method=GET path={path}}}:", &path[1..]);
        let lines: Vec<_> = log.lines().filter(|line| line.contains(&request)).collect();
        assert_eq!(lines.len(), 2, "{log}");
        assert!(
            lines[0].contains(level) && lines[0].contains(words),
            "{log}"
        );
        let answered = format!(" answered route={path} status={status} ");
        assert!(lines[1].contains(&answered), "{log}");
    }
}

#[test]
fn a_request_whose_client_leaves_has_its_line_too() {
    let mut process = Process::start(&[]);
    let mut client = TcpStream::connect(&process.address).unwrap();
    let request = b"GET /late HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: gone\r\n\r\n";
    client.write_all(request).unwrap();
    // Whoever asks afterwards is answered later, so the first request has reached its handler.
    process.ask("/nothing", "next");
    drop(client);
    let mut line = String::new();
    while !line.contains("id=gone") {
        line.clear();
        assert_ne!(process.output.read_line(&mut line).unwrap(), 0);
    }
    assert!(line.contains(" route=/late status=499 "), "{line}");
    process.signal("-TERM");
    assert!(process.wait().0.success());
}

#[test]
fn a_process_that_exits_in_a_handler_has_written_its_log() {
    for name in ["serve_when_asked", "serve_with_workers"] {
        let process = Process::start_as(name, &[]);
        process.ask("/nothing", "before-exit");
        process.ask("/exit", "exit");
        let log = process.log();
        assert!(log.contains("before-exit"), "{name}: {log}");
    }
}

#[test]
fn a_line_of_the_log_is_text_or_json() {
    let lines = |format| {
        let process = Process::start(&[("ACTON_LOG__FORMAT", format)]);
        process.ask("/no%0athing%20here", "abc");
        process.signal("-TERM");
        let log = process.log();
        let line = log.lines().find(|line| line.contains("answered"));
        line.expect("an access line").to_owned()
    };
    let text = lines("pretty");
    let (time, rest) = text.split_at("2026-11-27T09:30:00.000123Z".len());
    assert!(time.starts_with("20") && time.ends_with('Z'), "{text}");
    let begin = "  INFO request{id=abc method=GET path=/no%0athing%20here}: acton_service::access: answered ";
    assert!(rest.starts_with(begin), "{text}");
    assert!(
        rest.contains(" status=404 ") && rest.contains(" client=127.0.0.1"),
        "{text}"
    );

    let line: serde_json::Value = serde_json::from_str(&lines("json")).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], "acton_service::access");
    assert_eq!(line["fields"]["message"], "answered");
    assert_eq!(line["fields"]["status"], 404);
    assert!(line["fields"]["millis"].is_number());
    for span in [&line["span"], &line["spans"][0]] {
        assert_eq!(
            (&span["name"], &span["id"]),
            (&"request".into(), &"abc".into())
        );
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let process = Process::start(&[("ACTON_SHUTDOWN__DELAY", "20s")]);
    process.signal("-TERM");
    std::thread::sleep(Duration::from_millis(300));
    process.signal("-TERM");
    let (status, took) = process.wait();
    assert!(
        status.success() && took < Duration::from_secs(5),
        "{status} {took:?}"
    );
}

const BLOCKS: [&str; 2] = ["/blocks", "/blocks-aside"];

#[test]
fn a_second_signal_ends_it_at_once_whatever_blocks() {
    for path in BLOCKS {
        let mut process = Process::start(&[]);
        let stream = process.block(path);
        process.signal("-TERM");
        process.signal("-INT");
        let (status, took) = process.wait();
        let code = status.code();
        // Which of them is the second is up to the system.
        assert!(matches!(code, Some(130 | 143)), "{path}: {status}");
        assert!(took < Duration::from_secs(10), "{path}: {took:?}");
        drop(stream);
    }
}

#[test]
fn nothing_that_blocks_holds_the_end_up_longer_than_the_grace_time() {
    for path in BLOCKS {
        let mut process = Process::start(&[("ACTON_SHUTDOWN__GRACE", "500ms")]);
        let stream = process.block(path);
        process.signal("-TERM");
        let begun = Instant::now();
        let mut log = String::new();
        process.output.read_to_string(&mut log).unwrap();
        let status = process.child.wait().unwrap();
        let took = begun.elapsed();
        assert_eq!(status.code(), Some(143), "{path}: {log}");
        assert!(took >= Duration::from_millis(500), "{path}: {took:?}");
        assert!(took < Duration::from_secs(10), "{path}: {took:?}");
        assert!(log.contains("the grace time is over"), "{path}: {log}");
        drop(stream);
    }
}

#[test]
fn a_setting_that_does_not_exist_stops_the_start_with_a_sentence() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "serve_when_asked", "--nocapture"])
        .env(SERVE, "1")
        .env("ACTON_SERVICE__BNID", "hunter2")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        told.contains("ACTON_SERVICE__BNID") && !told.contains("hunter2"),
        "{told}"
    );
}
