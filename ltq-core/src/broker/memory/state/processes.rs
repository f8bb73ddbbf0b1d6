//! The records of processes; beside `lua/renew.lua`, `lua/records.lua` and `lua/ask.lua`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Queue;
use crate::broker::memory::clock::ceil_ms;
use crate::broker::{Ask, ProcessId, ProcessRecord, ProcessState};

/// How many leases a record lasts.
const LEASES: u64 = 3;

/// The record of each process, and when it ends.
#[derive(Debug, Default)]
pub(super) struct Processes(BTreeMap<ProcessId, (u64, ProcessRecord)>);

impl Processes {
    /// Keeps what a process tells. Says whether it is to be described, and what it is asked to do.
    pub(super) fn write(
        &mut self,
        process: &ProcessId,
        state: &ProcessState,
        lease: Duration,
        now_ms: u64,
    ) -> (bool, Option<Ask>) {
        self.0.retain(|_, (end_ms, _)| *end_ms > now_ms);
        let end_ms = now_ms.saturating_add(ceil_ms(lease).saturating_mul(LEASES));
        if let Some(description) = &state.description {
            let new = || (end_ms, ProcessRecord::new(process.clone(), description.clone(), now_ms));
            self.0.entry(process.clone()).or_insert_with(new).1.description = description.clone();
        }
        let Some((end, record)) = self.0.get_mut(process) else { return (true, None) };
        *end = end_ms;
        record.busy = state.busy;
        record.running.clone_from(&state.running);
        record.running.truncate(ProcessState::MAX_RUNNING);
        (false, record.ask)
    }

    pub(super) fn remove(&mut self, process: &ProcessId) {
        self.0.remove(process);
    }

    fn get_mut(&mut self, process: &ProcessId, now_ms: u64) -> Option<&mut ProcessRecord> {
        self.0.get_mut(process).filter(|(end_ms, _)| *end_ms > now_ms).map(|(_, record)| record)
    }
}

impl Queue {
    /// The records of processes that have a registered worker.
    pub(in crate::broker::memory) fn process_records(&mut self, now_ms: u64) -> Vec<ProcessRecord> {
        let processes: BTreeSet<_> = self.workers.keys().map(crate::broker::WorkerId::process).collect();
        let records = processes.iter().filter_map(|process| self.processes.get_mut(process, now_ms).cloned());
        records.take(ProcessRecord::MAX_READ).collect()
    }

    /// Notes what a process is asked to do. Says whether there is a record of it.
    pub(in crate::broker::memory) fn ask_process(&mut self, process: &ProcessId, ask: Ask, now_ms: u64) -> bool {
        let record = self.processes.get_mut(process, now_ms);
        record.map(|record| record.ask = Some(ask)).is_some()
    }
}
