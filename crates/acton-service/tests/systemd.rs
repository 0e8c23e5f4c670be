//! A process that systemd starts: a socket handed over, and what it tells in return.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![cfg(unix)]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::OwnedFd,
        unix::net::{UnixDatagram, UnixListener, UnixStream},
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use acton_service::prelude::*;

/// Set for the process that serves; this test program starts itself again with it.
const SERVE: &str = "SERVE_AS_SYSTEMD_SAYS";

/// Not a test of its own: the process that the others start.
#[tokio::test]
async fn serve_when_asked() {
    if std::env::var_os(SERVE).is_none() {
        return;
    }
    let routes = VersionedApiBuilder::new()
        .with_frontend_routes(|router| router.route("/", get(|| async { "hello" })));
    ServiceBuilder::new()
        .with_routes(routes.build_routes())
        .build()
        .serve()
        .await
        .unwrap();
}

struct Manager {
    told: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new(name: &str) -> Self {
        let name = format!("acton-{name}-{}.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        let told = UnixDatagram::bind(&path).unwrap();
        told.set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self { told, path }
    }

    /// Starts the process with listening sockets, as systemd does.
    fn start(&self, sockets: [OwnedFd; 2], environment: &[(&str, &str)]) -> Child {
        let [first, second] = sockets.map(Stdio::from);
        let script =
            "exec 3<&0 4<&1 0</dev/null 1>/dev/null; export LISTEN_PID=$$; exec \"$0\" \"$@\"";
        Command::new("sh")
            .args(["-c", script])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "serve_when_asked", "--nocapture"])
            .env(SERVE, "1")
            // Nothing could listen here.
            .env("ACTON_SERVICE__BIND", "192.0.2.1:1")
            .env("LISTEN_FDS", "2")
            .env("NOTIFY_SOCKET", &self.path)
            .envs(environment.iter().copied())
            .stdin(first)
            .stdout(second)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn next(&self) -> String {
        let mut buffer = [0; 256];
        let count = self
            .told
            .recv(&mut buffer)
            .expect("the service tells something");
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn terminate(child: &Child) {
    let kill = Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
}

fn ask(mut stream: impl Read + Write) -> String {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn sockets_that_were_handed_over_are_used_and_systemd_is_told_what_happens() {
    let manager = Manager::new("notify");
    let path = manager.path.with_extension("listen");
    let _ = std::fs::remove_file(&path);
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = UnixListener::bind(&path).unwrap();
    let address: SocketAddr = tcp.local_addr().unwrap();
    let sockets = [tcp.into(), unix.into()];
    let mut child = manager.start(sockets, &[("WATCHDOG_USEC", "400000")]);
    // Both come at once, in the order in which the runtime gets to them.
    let first: [String; 2] = std::array::from_fn(|_| manager.next());
    assert!(first.contains(&"READY=1".to_owned()), "{first:?}");
    let begun = Instant::now();
    for _ in 0..3 {
        assert_eq!(manager.next(), "WATCHDOG=1");
    }
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(300), "{took:?}");
    for _ in 0..3 {
        let answer = ask(TcpStream::connect(address).unwrap());
        assert!(answer.ends_with("hello"), "{answer}");
        let answer = ask(UnixStream::connect(&path).unwrap());
        assert!(answer.ends_with("hello"), "{answer}");
    }
    terminate(&child);
    let told = std::iter::repeat_with(|| manager.next()).find(|told| told != "WATCHDOG=1");
    assert_eq!(told.as_deref(), Some("STOPPING=1"));
    assert!(child.wait().unwrap().success());
    assert!(path.exists(), "it is systemd's");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_socket_that_does_not_listen_stops_the_start_with_a_sentence() {
    let manager = Manager::new("datagram");
    let datagram = || OwnedFd::from(std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    let child = manager.start([datagram(), datagram()], &[]);
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("cannot listen on a socket in LISTEN_FDS"),
        "{told}"
    );
}
