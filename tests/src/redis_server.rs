//! [`RedisServer`]: a real `redis-server` for one test, in a folder of its own, on a free port and a unix socket.
//!
//! A machine without `redis-server` fails the test with a message that says so: a skipped test proves nothing. The
//! variable [`SERVER`] names another program, so that one test binary is run against several servers.

#![expect(clippy::expect_used, reason = "a test harness fails by panicking")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::certificates::Certificates;

/// The environment variable with the path of the server program that all tests start; if it is not set, that is
/// `redis-server` on the PATH.
pub const SERVER: &str = "LTQ_TEST_SERVER";

/// How long a server may take to come up; generous, because it only bounds a failing test.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How often another port is tried when somebody else was quicker.
const PORT_ATTEMPTS: usize = 5;
/// How far the port on which the servers of a cluster talk is above the one for clients. Redis 6.2 has no setting for it.
const CLUSTER_PORT_ABOVE: u16 = 10_000;

/// How a server is to be started.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    appendonly: bool,
    tls: bool,
    cluster: bool,
    extra_args: Vec<String>,
}

impl RedisOptions {
    /// Keeps data over restarts: every write is in the log before its reply is sent.
    #[must_use]
    pub fn appendonly(mut self) -> Self {
        self.appendonly = true;
        self
    }

    /// Adds an argument of `redis-server`, such as `--requirepass` and then its value.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.extra_args.push(arg.into());
        self
    }

    /// Speaks TLS only, with these certificates.
    #[must_use]
    pub fn tls(mut self, certificates: &Certificates) -> Self {
        self.tls = true;
        self.extra_args.extend(certificates.server_args());
        self
    }

    /// Can be one of a cluster. It has a second port for the others, [`CLUSTER_PORT_ABOVE`] the one for clients.
    #[must_use]
    pub(crate) fn cluster(mut self) -> Self {
        self.cluster = true;
        self.arg("--cluster-enabled").arg("yes")
    }

    /// Starts the server.
    ///
    /// # Panics
    ///
    /// It does not come up.
    #[must_use]
    pub fn start(self) -> RedisServer {
        let dir = TempDir::with_prefix("ltq-redis-").expect("a temporary folder for redis-server");
        let mut server = RedisServer { dir, port: 0, options: self, child: None };
        for attempt in 1.. {
            server.port = if server.options.cluster { free_port_of_a_cluster() } else { free_port() };
            match server.launch() {
                Ok(()) => break,
                Err(log) if attempt < PORT_ATTEMPTS && log.contains("already in use") => {}
                Err(log) => panic!("{} did not start:\n{log}", program().display()),
            }
        }
        server
    }
}

/// A running server. Dropping it stops it, by its process id.
#[derive(Debug)]
pub struct RedisServer {
    dir: TempDir,
    port: u16,
    options: RedisOptions,
    child: Option<Child>,
}

impl RedisServer {
    /// A server that keeps its data in memory only.
    ///
    /// # Panics
    ///
    /// It does not come up.
    #[must_use]
    pub fn start() -> Self {
        Self::options().start()
    }

    /// Options to start a server with.
    #[must_use]
    pub fn options() -> RedisOptions {
        RedisOptions::default()
    }

    /// Its address over TCP.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its address over the unix socket.
    #[must_use]
    pub fn unix_url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }

    /// The TCP port on 127.0.0.1; the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the running server.
    ///
    /// # Panics
    ///
    /// It is not running.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("redis-server is not running").id()
    }

    /// Stops it in order (SIGTERM) and waits until it is gone.
    pub fn stop(&mut self) {
        self.end(Signal::SIGTERM);
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        self.end(Signal::SIGKILL);
    }

    /// Starts it again on the same port and folder; stops it first if it is running.
    ///
    /// # Panics
    ///
    /// It does not come up.
    pub fn restart(&mut self) {
        self.stop();
        if let Err(log) = self.launch() {
            panic!("{} did not start again:\n{log}", program().display());
        }
    }

    /// Freezes it (SIGSTOP): connections stay open and nobody answers.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets a frozen one go on (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Starts the process and waits until it is ready. The error is what it wrote.
    fn launch(&mut self) -> Result<(), String> {
        let mut command = Command::new(program());
        command.args(["--bind", "127.0.0.1"]);
        let port = self.port.to_string();
        if self.options.tls {
            command.args(["--port", "0", "--tls-port", &port]);
        } else {
            command.args(["--port", &port]);
        }
        command.arg("--unixsocket").arg(self.socket());
        command.arg("--dir").arg(self.dir.path());
        command.args(["--save", "", "--daemonize", "no", "--loglevel", "notice"]);
        if self.options.appendonly {
            command.args(["--appendonly", "yes", "--appendfsync", "always"]);
        }
        command.args(&self.options.extra_args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let child = command.spawn().unwrap_or_else(|error| {
            panic!(
                "{} could not be run ({error}); install it, for example with `apt-get install redis-server`, \
                 or let {SERVER} name the program of a server",
                program().display()
            )
        });
        let child = self.child.insert(child);
        let log = child.stdout.take().expect("the log is piped");
        wait_ready(BufReader::new(log), "ready to accept connections").inspect_err(|_| self.kill())
    }

    fn end(&mut self, signal: Signal) {
        if let Some(mut child) = self.child.take() {
            let pid = i32::try_from(child.id()).expect("a process id");
            // A frozen process takes SIGTERM only when it goes on.
            let _ = kill(Pid::from_raw(pid), signal);
            let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
            let _ = child.wait();
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("redis-server can be signalled");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads the log until the server says that it is `ready`, then goes on reading so that it never blocks on a full pipe.
pub(crate) fn wait_ready(log: impl BufRead + Send + 'static, ready: &str) -> Result<(), String> {
    let (lines, written) = mpsc::channel();
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            // Nobody listens any more once the server is ready.
            let _ = lines.send(line);
        }
    });
    let mut seen = String::new();
    loop {
        match written.recv_timeout(START_TIMEOUT) {
            Ok(line) if line.to_lowercase().contains(ready) => return Ok(()),
            Ok(line) => {
                seen.push_str(&line);
                seen.push('\n');
            }
            Err(RecvTimeoutError::Disconnected) => return Err(seen),
            Err(RecvTimeoutError::Timeout) => return Err(format!("{seen}(silent for {START_TIMEOUT:?})")),
        }
    }
}

/// The program of all servers, and with `--sentinel` of sentinels: what [`SERVER`] names, or `redis-server`.
#[must_use]
pub fn program() -> PathBuf {
    if let Some(asked) = std::env::var_os(SERVER) {
        return asked.into();
    }
    // The whole path, since a server tells by what it was started as which program it is.
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join("redis-server")).find(|path| path.is_file());
    found.unwrap_or_else(|| "redis-server".into())
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// A free port whose sibling is free, too. Both are below those that the system hands out by itself, where a connection of
/// another test could be using the sibling.
fn free_port_of_a_cluster() -> u16 {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    // The port that the system names is a number that another test is not given at the same time.
    let mut candidates = std::iter::repeat_with(|| CLUSTER_PORT_ABOVE + free_port() % CLUSTER_PORT_ABOVE).take(1_000);
    candidates.find(|port| free(*port) && free(*port + CLUSTER_PORT_ABOVE)).expect("a free pair of ports")
}
