//! The example `task-manager`, as a process of its own on PostgreSQL.

use std::{
    env,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::server::{Postgres, free_address};

const ALICE: &str = "username=alice&password=correct+horse";

/// The running example, and one browser in front of it.
struct TaskManager {
    process: Child,
    address: SocketAddr,
    cookie: String,
    token: String,
}

impl TaskManager {
    fn start(database: &str) -> Self {
        let address = free_address();
        let process = Command::new(program())
            .env_clear()
            .env("ACTON_DATABASE__URL", database)
            .env("ACTON_SERVICE__BIND", address.to_string())
            .env("RUST_LOG", "warn")
            .current_dir(env::temp_dir())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut started = Self {
            process,
            address,
            cookie: String::new(),
            token: String::new(),
        };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = started.process.try_wait().unwrap();
            assert_eq!(ended, None, "the example ended at its start; {BUILD}");
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(20));
        }
        started
    }

    /// Ends it as an operator would.
    fn end(mut self) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }

    fn get(&mut self, path: &str) -> String {
        let answer = self.send("GET", path, "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        answer
    }

    /// Fetches the page that holds the form, sends the form and expects to be led on.
    fn post(&mut self, page: &str, path: &str, fields: &str) {
        self.get(page);
        let form = format!("{fields}&csrf_token={}", self.token);
        let answer = self.send("POST", path, &form);
        assert!(answer.starts_with("HTTP/1.1 303"), "{path}: {answer}");
    }

    fn tasks(&mut self, filter: &str) -> Vec<Value> {
        let answer = self.get(&format!("/api/v1/tasks?filter={filter}"));
        let (_, json) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(json).unwrap()
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> String {
        let mut socket = TcpStream::connect(self.address).unwrap();
        let (host, cookie, length) = (self.address, &self.cookie, body.len());
        write!(
            socket,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        if let Some(cookie) = between(&answer, "set-cookie: ", ";") {
            self.cookie = cookie;
        }
        if let Some(token) = between(&answer, r#"name="csrf_token" value=""#, "\"") {
            self.token = token;
        }
        answer
    }
}

impl Drop for TaskManager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn between(text: &str, begin: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(begin)?;
    Some(rest.split(end).next()?.to_owned())
}

const BUILD: &str =
    "cargo build -p acton-service --example task-manager --features htmx-full,database";

/// Cargo puts examples beside the folder of the test binaries; one test target alone does not build them.
fn program() -> PathBuf {
    let tests = env::current_exe().unwrap();
    let profile = tests.ancestors().nth(2).unwrap();
    let program = profile.join("examples").join("task-manager");
    assert!(program.exists(), "the example is not built: {BUILD}");
    program
}

#[test]
fn the_task_manager_keeps_its_tasks_in_postgresql() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let mut board = TaskManager::start(&server.url());
    board.post("/register", "/register", ALICE);
    board.post("/", "/tasks", "title=Milk");
    board.post("/", "/tasks", "title=Bread");
    let tasks = board.tasks("all");
    assert_eq!(tasks.len(), 2);
    let milk = tasks.iter().find(|task| task["title"] == "Milk").unwrap();
    assert_eq!(milk["created_by"], "alice");
    let path = format!("/tasks/{}", milk["id"]);
    board.post("/", &format!("{path}/complete"), "");
    let done = board.tasks("completed");
    assert_eq!((done.len(), &done[0]["title"]), (1, &"Milk".into()));
    board.end();

    let mut board = TaskManager::start(&server.url());
    board.post("/login", "/login", ALICE);
    assert_eq!(board.tasks("completed"), done);
    assert_eq!(board.tasks("pending")[0]["title"], "Bread");
}
