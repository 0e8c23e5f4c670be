//! Crates as users write them: they depend on `acton-service` and tokio alone, as the documentation shows.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Outcome, ci, programs, workspace};

const TEMPLATE: &str = include_str!("../downstream/list.html");

/// What the crates share: every call shape of the first page, with a template in a file of the user's own.
const MAIN: &str = include_str!("../downstream/main.rs");

/// Where their sessions are, which the page leaves to its reader.
const MEMORY: &str = "Ok(Store::memory())";
const REDIS: &str = "Ok(Store::redis(Config::<()>::load()?.redis.pool()?))";

/// The features for production, as the page names them.
const PRODUCTION: [&str; 4] = ["htmx", "askama", "sse", "session-redis"];

/// What the page says goes along with them, and our SQLite.
const ALONGSIDE: [&str; 5] = ["htmx-full", "auth", "database", "sqlite", "turso"];

/// Checks the page as it begins and with everything it names, then builds and runs it as in production.
pub(crate) fn check() -> Outcome {
    Downstream::write("page", &["htmx-full"], MEMORY)?.cargo("check")?;
    Downstream::write("page", &ALONGSIDE, MEMORY)?.cargo("check")?;
    let production = Downstream::write("production", &PRODUCTION, REDIS)?;
    production.cargo("build")?;
    production.answers()
}

struct Downstream {
    name: String,
    folder: PathBuf,
}

impl Downstream {
    fn write(name: &str, features: &[&str], store: &str) -> Result<Self, String> {
        let name = format!("downstream-{name}");
        let folder = workspace::target().join("xtask").join(&name);
        let service = workspace::root().join("crates/acton-service");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
             acton-service = {{ path = {service:?}, features = {features:?} }}\n\
             tokio = {{ version = \"1\", features = [\"full\"] }}\n\n{}",
            profiles()?
        );
        let store = format!(
            "use acton_service::prelude::*;\n\npub fn store() -> Result<Store> {{\n    {store}\n}}\n"
        );
        for (file, text) in [
            ("Cargo.toml", manifest.as_str()),
            ("src/main.rs", MAIN),
            ("src/store.rs", &store),
            ("templates/tasks/list.html", TEMPLATE),
        ] {
            write(&folder.join(file), text)?;
        }
        fs::copy(
            workspace::root().join("Cargo.lock"),
            folder.join("Cargo.lock"),
        )
        .map_err(|error| format!("Cargo.lock: {error}"))?;
        Ok(Self { name, folder })
    }

    fn cargo(&self, verb: &str) -> Outcome {
        let mut cargo = ci::strict_cargo();
        cargo
            .args([verb, "--quiet", "--manifest-path"])
            .arg(self.folder.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(workspace::target());
        programs::run(&mut cargo)
    }

    /// Runs the program beside a Redis of its own, and asks for its health and its page.
    fn answers(&self) -> Outcome {
        let redis_address = free_address()?;
        let mut redis =
            match programs::command("redis-server", "on Debian: apt-get install redis-server") {
                Ok(redis) => redis,
                Err(sentence) if programs::unattended() => return Err(sentence),
                Err(sentence) => {
                    eprintln!("    not run: {sentence}");
                    return Ok(());
                }
            };
        redis.args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--port",
            &redis_address.port().to_string(),
        ]);
        let _redis = Running::start(&mut redis, redis_address)?;

        let address = free_address()?;
        let mut service = Command::new(workspace::target().join("debug").join(&self.name));
        service
            .current_dir(&self.folder)
            .env("ACTON_SERVICE__BIND", address.to_string())
            .env("ACTON_REDIS__URL", format!("redis://{redis_address}"));
        let _service = Running::start(&mut service, address)?;
        for (path, part) in [
            ("/health", " 200 "),
            ("/ready", " 200 "),
            ("/", "<li>Milk</li>"),
            ("/login", "<form"),
            ("/tasks", "<li>Milk</li>"),
            ("/api/v1/data", "[1,2,3]"),
        ] {
            let answer = get(address, path)?;
            if !answer.contains(part) {
                return Err(format!(
                    "{} answers {path} without {part}: {answer}",
                    self.name
                ));
            }
        }
        Ok(())
    }
}

/// The profiles of this workspace: with the same ones, what is built already is not built again.
fn profiles() -> Result<String, String> {
    let root = fs::read_to_string(workspace::root().join("Cargo.toml"))
        .map_err(|error| format!("Cargo.toml: {error}"))?;
    let sections = root.split("\n[").skip(1);
    let profiles = sections.filter(|section| section.starts_with("profile."));
    Ok(profiles.map(|section| format!("[{section}\n")).collect())
}

/// A process of ours, ended when it is no longer needed.
struct Running(Child);

impl Running {
    fn start(command: &mut Command, address: SocketAddr) -> Result<Self, String> {
        let name = programs::line(command);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command
            .spawn()
            .map_err(|error| format!("`{name}`: {error}"))?;
        let running = Self(child);
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if start.elapsed() > Duration::from_secs(10) {
                return Err(format!("`{name}` does not listen on {address}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: SocketAddr, path: &str) -> Result<String, String> {
    let ask = || {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            socket,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().map_err(|error: std::io::Error| format!("{path}: {error}"))
}

fn free_address() -> Result<SocketAddr, String> {
    let socket = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    socket.map_err(|error| format!("no free port: {error}"))
}

fn write(file: &Path, text: &str) -> Outcome {
    let folder = file.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, text))
        .map_err(|error| format!("{}: {error}", file.display()))
}
