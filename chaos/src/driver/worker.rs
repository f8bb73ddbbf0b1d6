//! [`Lane`]: one worker after the other at one place, behind one proxy, and what is done to them.
//!
//! It also does what a supervisor does: a worker that has ended is started again.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use ltq_tests::fault_proxy::FaultProxy;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::stage::{Stage, disturb};
use crate::faults::{Fault, Party, Planned};
use crate::tasks::{LEASE_MS, NOTES};

/// How long a worker may take to end when it was asked to; its own limits add up to less.
const PATIENCE: Duration = Duration::from_secs(30);
/// After a worker has ended by itself.
const RESTART: Duration = Duration::from_millis(300);
/// A process may not have got to its signal handler by then. The signal ends it at once, as it ends no process that has one.
const YOUNG: Duration = Duration::from_secs(1);
/// The exit code of a worker that found no broker.
const NO_BROKER: i32 = 69;

pub(super) struct Lane {
    stage: Arc<Stage>,
    slot: usize,
    proxy: FaultProxy,
    child: Child,
    spawned: Instant,
    /// Its number among the processes of the run.
    process: u16,
}

impl Lane {
    pub(super) async fn start(stage: Arc<Stage>, slot: usize) -> Self {
        let proxy = stage.proxy().await;
        let (child, process) = spawn(&stage, slot, &proxy);
        Self { stage, slot, proxy, child, spawned: Instant::now(), process }
    }

    /// Makes the faults at their times, then goes on until `end`.
    pub(super) async fn run(mut self, planned: Vec<Planned>, end: Instant) -> Self {
        for Planned { at, fault, .. } in planned {
            self.wait_until(self.stage.began + at).await;
            self.make(fault).await;
        }
        self.wait_until(end).await;
        self
    }

    /// Asks the worker to end, and waits until it has.
    pub(super) async fn stop(mut self) {
        self.terminate().await;
    }

    async fn wait_until(&mut self, at: Instant) {
        loop {
            tokio::select! {
                () = sleep_until(at) => return,
                status = self.child.wait() => {
                    let status = status.expect("a child can be waited for");
                    self.stage.ended(self.process, status.to_string(), !self.found_no_redis(status));
                }
            }
            sleep(RESTART).await;
            self.spawn();
        }
    }

    async fn make(&mut self, fault: Fault) {
        let (start, process) = (self.stage.now(), self.process);
        match fault {
            Fault::Kill { pause } => {
                let _ = self.child.kill().await;
                self.stage.ended(process, "killed", false);
                self.stage.made(fault, Party::Worker(self.slot), Some(process), start);
                sleep(pause).await;
                self.spawn();
                return;
            }
            Fault::Terminate => {
                self.terminate().await;
                self.spawn();
            }
            Fault::Freeze { time } => {
                self.signal(Signal::SIGSTOP);
                sleep(time).await;
                self.signal(Signal::SIGCONT);
            }
            fault => disturb(&self.proxy, fault).await,
        }
        self.stage.made(fault, Party::Worker(self.slot), Some(process), start);
    }

    async fn terminate(&mut self) {
        let young = self.spawned.elapsed() < YOUNG;
        let by_signal = |status: ExitStatus| status.signal() == Some(Signal::SIGTERM as i32);
        self.signal(Signal::SIGTERM);
        let status: Option<ExitStatus> = timeout(PATIENCE, self.child.wait()).await.ok().and_then(Result::ok);
        if let Some(status) = status {
            let excused = young && by_signal(status) || self.found_no_redis(status);
            self.stage.ended(self.process, format!("SIGTERM, {status}"), !status.success() && !excused);
        } else {
            let _ = self.child.kill().await;
            self.stage.ended(self.process, format!("did not end within {PATIENCE:?} of SIGTERM"), true);
        }
    }

    /// Whether it ended because Redis was away or unreachable when it started.
    fn found_no_redis(&self, status: ExitStatus) -> bool {
        status.code() == Some(NO_BROKER) && self.stage.may_have_found_no_redis(self.process)
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.id() {
            let _ = kill(Pid::from_raw(i32::try_from(pid).expect("a process id")), signal);
        }
    }

    fn spawn(&mut self) {
        (self.child, self.process) = spawn(&self.stage, self.slot, &self.proxy);
        self.spawned = Instant::now();
    }
}

fn spawn(stage: &Stage, slot: usize, proxy: &FaultProxy) -> (Child, u16) {
    let process = stage.started(slot);
    let mut command = stage.command("chaos-worker", &format!("worker-{process}.log"));
    command
        .env("LTQ_URL", proxy.url())
        .env("LTQ_SHUTDOWN_TIMEOUT", "2s")
        .env("LTQ_LOG_LEVEL", "info")
        .env(LEASE_MS, stage.settings.scenario.lease_ms().to_string())
        .env(NOTES, stage.path(&format!("worker-{process}.notes")));
    let child = command.spawn().expect("a worker can be started; build all programs of ltq-chaos");
    stage.has_pid(process, child.id().unwrap_or_default());
    (child, process)
}
