//! [`Lane`]: one producer behind a proxy, and what is done to its connections.

use std::sync::Arc;
use std::time::Duration;

use ltq_tests::fault_proxy::FaultProxy;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::time::{sleep_until, timeout};

use super::stage::{Stage, disturb};
use crate::faults::{Party, Planned};

/// How long a producer may take to end when it was asked to: longer than any send.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Lane {
    slot: usize,
    proxy: FaultProxy,
    child: Child,
}

impl Lane {
    pub(super) async fn start(stage: &Stage, slot: usize) -> Self {
        let proxy = stage.proxy().await;
        let scenario = &stage.settings.scenario;
        let producers = u64::try_from(scenario.send_timeouts.len()).unwrap_or(1);
        let number = u64::try_from(slot).unwrap_or_default();
        let mut command = stage.command("chaos-producer", &format!("producer-{slot}.log"));
        command
            .args(["--url", &proxy.url()])
            .arg("--notes")
            .arg(stage.path(&format!("producer-{slot}.notes")))
            .args(["--seed", &(stage.settings.seed * 1_000 + number).to_string()])
            .args(["--rate", &(scenario.rate / producers).to_string()])
            .args(["--send-timeout-ms", &scenario.send_timeouts[slot].as_millis().to_string()]);
        if scenario.hard {
            command.arg("--hard");
        }
        if scenario.bulks {
            command.arg("--bulks");
        }
        let child = command.spawn().expect("a producer can be started; build all programs of ltq-chaos");
        Self { slot, proxy, child }
    }

    /// Makes the faults at their times.
    pub(super) async fn run(self, stage: Arc<Stage>, planned: Vec<Planned>) -> Self {
        for Planned { at, fault, .. } in planned {
            sleep_until(stage.began + at).await;
            let start = stage.now();
            disturb(&self.proxy, fault).await;
            stage.made(fault, Party::Producer(self.slot), None, start);
        }
        self
    }

    /// Asks the producer to end, and waits until its last sends have.
    pub(super) async fn stop(mut self) {
        if let Some(pid) = self.child.id() {
            let _ = kill(Pid::from_raw(i32::try_from(pid).expect("a process id")), Signal::SIGTERM);
        }
        let status =
            timeout(PATIENCE, self.child.wait()).await.expect("a producer ends").expect("it can be waited for");
        assert!(status.success(), "producer {} failed ({status}); see its log", self.slot);
    }
}
