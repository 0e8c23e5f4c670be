//! A PostgreSQL of the test's own, on a free port, ended with the test.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

#[path = "../../../../tests/servers/port.rs"]
mod port;

/// A server and its data, both gone when it is dropped.
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    user: Option<(u32, u32)>,
    address: SocketAddr,
    process: Child,
}

impl Postgres {
    /// Starts a server, or says in one line why the test is skipped.
    ///
    /// With `CI=true` a missing program is a failure.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let sentence = "PostgreSQL is missing; install it with `apt-get install postgresql`";
            assert!(env::var("CI").as_deref() != Ok("true"), "{sentence}");
            eprintln!("skipped: {sentence}");
            return None;
        };
        let folder = env::temp_dir().join(format!("postgres-{:x}", getrandom::u64().unwrap()));
        fs::create_dir(&folder).unwrap();
        let user = other_user(&folder);
        create(&programs, &folder, user);
        let address = free_address();
        let process = serve(&programs, &folder, user, address);
        let mut server = Self {
            programs,
            folder,
            user,
            address,
            process,
        };
        server.wait_until_listening();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.address)
    }

    /// Ends the server and every connection; its data stay.
    pub(crate) fn stop(&mut self) {
        // Its fast shutdown.
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.unwrap().success());
        self.process.wait().unwrap();
    }

    /// Ends it as a crash of the machine would: nothing is written, nobody is told.
    pub(crate) fn kill(&mut self) {
        self.signal("-KILL");
        self.process.wait().unwrap();
    }

    /// Makes it hang: connections stay open, and nothing is answered.
    pub(crate) fn hang(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    /// To the server and to each process that serves a connection.
    fn signal(&self, signal: &str) {
        let id = self.process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.unwrap_or_default();
        let ids =
            std::iter::once(id.to_string()).chain(children.split_whitespace().map(str::to_owned));
        // One of them may have ended meanwhile.
        let _ = Command::new("kill").arg(signal).args(ids).status();
    }

    /// Starts it on the same port with the same data.
    pub(crate) fn start_again(&mut self) {
        self.process = serve(&self.programs, &self.folder, self.user, self.address);
        self.wait_until_listening();
    }

    fn wait_until_listening(&mut self) {
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let ended = self.process.try_wait().unwrap();
            assert_eq!(ended, None, "PostgreSQL ended at its start");
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "PostgreSQL listens within 20 s"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Killed outright it would leave its own processes behind for a while.
        if let Ok(None) = self.process.try_wait() {
            let id = self.process.id().to_string();
            let _ = Command::new("kill").args(["-QUIT", &id]).status();
            let _ = self.process.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// An address that nobody has.
pub(crate) fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port::free_port()).into()
}

/// The folder that holds `initdb` and `postgres`: one of `PATH`, or where Debian keeps each version.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let versions = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    let is_complete = |folder: &PathBuf| {
        let has = |name| folder.join(name).is_file();
        has("initdb") && has("postgres")
    };
    env::split_paths(&path).chain(versions).find(is_complete)
}

/// PostgreSQL refuses to run as the superuser; then it runs as its own user, who gets the folder.
fn other_user(folder: &Path) -> Option<(u32, u32)> {
    if fs::metadata(folder).unwrap().uid() != 0 {
        return None;
    }
    let id = |what| {
        let output = Command::new("id").args([what, "postgres"]).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        text.trim().parse().expect("a user named postgres")
    };
    let (user, group) = (id("-u"), id("-g"));
    std::os::unix::fs::chown(folder, Some(user), Some(group)).unwrap();
    Some((user, group))
}

fn command(program: &Path, folder: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

fn create(programs: &Path, folder: &Path, user: Option<(u32, u32)>) {
    let output = command(&programs.join("initdb"), folder, user)
        .args(["--auth=trust", "--username=postgres", "--encoding=UTF8"])
        .args(["--no-locale", "--no-sync", "--pgdata=."])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "initdb: {told}");
}

fn serve(programs: &Path, folder: &Path, user: Option<(u32, u32)>, address: SocketAddr) -> Child {
    let log = fs::File::create(folder.join("server.log")).unwrap();
    command(&programs.join("postgres"), folder, user)
        .args(["-D", ".", "-F", "-h", "127.0.0.1", "-k", ""])
        .args(["-p", &address.port().to_string()])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}
