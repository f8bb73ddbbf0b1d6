//! [`Stage`]: what all lanes of a run share, and where they write down what they did.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ltq_tests::fault_proxy::{Aim, FaultProxy, Rewrites};
use tokio::process::Command;
use tokio::time::Instant;

use super::settings::Settings;
use crate::faults::{Fault, Party};
use crate::history::{History, Made, NEVER, Process};
use crate::notes::now_ms;

pub(super) struct Stage {
    pub(super) settings: Settings,
    pub(super) began: Instant,
    began_ms: u64,
    server: SocketAddr,
    rewrites: Rewrites,
    processes: Mutex<Vec<Process>>,
    faults: Mutex<Vec<Made>>,
    /// When the last outage of Redis ended; [`NEVER`] while there is one.
    last_outage: AtomicU32,
}

impl Stage {
    /// `server` is where Redis answers.
    pub(super) fn new(settings: &Settings, server: SocketAddr, rewrites: Rewrites) -> Self {
        Self {
            settings: settings.clone(),
            began: Instant::now(),
            began_ms: now_ms(),
            server,
            rewrites,
            processes: Mutex::default(),
            faults: Mutex::default(),
            last_outage: AtomicU32::new(0),
        }
    }

    pub(super) fn now(&self) -> u32 {
        u32::try_from(now_ms().saturating_sub(self.began_ms)).unwrap_or(NEVER - 1)
    }

    pub(super) async fn proxy(&self) -> FaultProxy {
        FaultProxy::start(self.server, self.rewrites.clone()).await.expect("a port for a proxy")
    }

    /// A program of this package. What it logs goes into a file of that name.
    pub(super) fn command(&self, program: &str, log: &str) -> Command {
        let own = std::env::current_exe().expect("the path of this program");
        let mut command = Command::new(own.with_file_name(program));
        let log = std::fs::File::options().create(true).append(true).open(self.path(log)).expect("a log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        command
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.settings.folder.join(name)
    }

    /// Writes down a worker process that has started; returns its number.
    pub(super) fn started(&self, slot: usize) -> u16 {
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        let number = u16::try_from(processes.len()).expect("few processes");
        processes.push(Process {
            slot,
            pid: 0,
            started: self.now(),
            ended: NEVER,
            end: "running".to_owned(),
            unexpected: false,
        });
        number
    }

    pub(super) fn has_pid(&self, process: u16, pid: u32) {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(process)].pid = pid;
    }

    /// Writes down that a worker process has ended.
    pub(super) fn ended(&self, process: u16, end: impl Into<String>, unexpected: bool) {
        let now = self.now();
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        let process = &mut processes[usize::from(process)];
        (process.ended, process.end, process.unexpected) = (now, end.into(), unexpected);
    }

    /// Whether a process that started then may have found no Redis.
    pub(super) fn may_have_found_no_redis(&self, process: u16) -> bool {
        let processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes[usize::from(process)].started <= self.last_outage.load(Ordering::Relaxed).saturating_add(1_000)
    }

    pub(super) fn outage_begins(&self) {
        self.last_outage.store(NEVER, Ordering::Relaxed);
    }

    pub(super) fn outage_ends(&self) {
        self.last_outage.store(self.now(), Ordering::Relaxed);
    }

    /// Writes down a fault that began at `start`, and ends now, or later if that is its nature.
    pub(super) fn made(&self, fault: Fault, party: Party, process: Option<u16>, start: u32) {
        let length = if fault == Fault::HalfOpen { fault.time() } else { Duration::ZERO };
        let end = self.now() + u32::try_from(length.as_millis()).unwrap_or(0);
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(Made { fault, party, process, start, end });
    }

    /// What is written down so far.
    pub(super) fn history(&self) -> History {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
        faults.sort_by_key(|made| made.start);
        History {
            began_ms: self.began_ms,
            lease: u32::try_from(self.settings.scenario.lease_ms()).unwrap_or(NEVER),
            processes: self.processes.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            faults,
            ..History::default()
        }
    }
}

/// Makes a fault of the connections through a proxy, from its beginning to its end.
pub(super) async fn disturb(proxy: &FaultProxy, fault: Fault) {
    match fault {
        Fault::Cut => proxy.cut(),
        Fault::HalfOpen => proxy.half_open(),
        Fault::Stall { time } => {
            proxy.stall();
            tokio::time::sleep(time).await;
            proxy.go_on();
        }
        Fault::Delay { each, time } => {
            proxy.delay(each);
            tokio::time::sleep(time).await;
            proxy.go_on();
        }
        Fault::DropReplies { calls, time } => {
            proxy.drop_replies(Aim::Scripts, calls);
            tokio::time::sleep(time).await;
            proxy.forget_orders();
        }
        Fault::Refuse { refusal, calls, time } => {
            proxy.refuse(Aim::Scripts, refusal, calls);
            tokio::time::sleep(time).await;
            proxy.forget_orders();
        }
        _ => unreachable!("{} is no fault of a connection", fault.name()),
    }
}
