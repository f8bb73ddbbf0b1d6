//! The worker of `ltq dev` as a child process, and the signals it is to get.

use std::io;
use std::process::{Command, ExitStatus};

/// A running worker.
#[derive(Debug)]
pub(super) struct Child(tokio::process::Child);

impl Child {
    /// Starts it in a process group of its own: what the terminal sends comes through [`Signals`] alone.
    pub(super) fn start(command: Command) -> io::Result<Self> {
        let mut command = tokio::process::Command::from(command);
        command.stdin(std::process::Stdio::null()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map(Self)
    }

    /// Asks it to stop and waits for its end; each signal that arrives meanwhile asks again.
    pub(super) async fn stop(mut self, signals: &mut Signals) -> Stopped {
        self.ask();
        let mut asked = false;
        loop {
            tokio::select! {
                status = self.0.wait() => return Stopped { code: code(status), asked },
                () = signals.next() => {
                    asked = true;
                    self.ask();
                }
            }
        }
    }

    #[cfg(unix)]
    fn ask(&mut self) {
        use nix::sys::signal::{Signal, kill};
        use nix::unistd::Pid;

        if let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok()) {
            // It may have ended just now.
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
    }

    /// There is nothing gentler between processes here.
    #[cfg(not(unix))]
    fn ask(&mut self) {
        let _ = self.0.start_kill();
    }
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Stopped {
    /// Its exit code.
    pub(super) code: u8,
    /// Whether a signal arrived meanwhile: the command is to end, too.
    pub(super) asked: bool,
}

/// Waits until it ends by itself; for ever where there is none.
///
/// # Cancel safety
///
/// May be dropped: the end is reported by the next call.
pub(super) async fn ended(child: &mut Option<Child>) -> String {
    match child {
        Some(Child(child)) => child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string()),
        None => std::future::pending().await,
    }
}

fn code(status: io::Result<ExitStatus>) -> u8 {
    status.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Requests to stop: SIGTERM and ctrl-c.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Requests to stop: ctrl-c.
#[cfg(not(unix))]
#[derive(Debug)]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
