//! [`Snapshot`]: the counters of a Redis server, and the difference of two.
//!
//! Commands are those that came over the wire. Redis 7.0 has no counter for them: `total_commands_processed` and `INFO
//! commandstats` also count what scripts call. So the calls of every command that no script of LTQ calls are added up;
//! LTQ's clients send no command that its scripts call too, but for one `SADD` when a queue begins. What the driver itself
//! sends is not counted.

use std::collections::BTreeMap;

use fred::clients::Client;
use fred::interfaces::ClientLike as _;
use fred::types::InfoKind;
use ltq::BoxError;

use crate::ceiling::is_called_by_scripts;

/// Commands the driver sends while something is measured: its questions, and what lets the work begin.
const OF_THE_DRIVER: [&str; 3] = ["info", "hget", "rename"];

/// What a server had done at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// Of the main thread, which runs the commands.
    cpu_us: f64,
    network_bytes: f64,
    pub(crate) memory_bytes: f64,
    connections: f64,
    calls: BTreeMap<String, f64>,
    errors: BTreeMap<String, f64>,
}

/// What a server did between two moments.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    pub(crate) cpu_us: f64,
    pub(crate) network_bytes: f64,
    pub(crate) memory_bytes: f64,
    /// How many more there are.
    pub(crate) connections: f64,
    pub(crate) commands: f64,
    calls: BTreeMap<String, f64>,
    errors: BTreeMap<String, f64>,
}

impl Snapshot {
    pub(crate) async fn take(client: &Client) -> Result<Self, BoxError> {
        Self::parse(&client.info::<String>(Some(InfoKind::All)).await?)
    }

    /// What happened until `later`.
    pub(crate) fn until(&self, later: &Self) -> Difference {
        let calls = grown(&self.calls, &later.calls);
        let from_clients = |command: &str| !is_called_by_scripts(command) && !OF_THE_DRIVER.contains(&command);
        Difference {
            cpu_us: later.cpu_us - self.cpu_us,
            network_bytes: later.network_bytes - self.network_bytes,
            memory_bytes: later.memory_bytes - self.memory_bytes,
            connections: later.connections - self.connections,
            commands: calls.iter().filter(|(command, _)| from_clients(command)).map(|(_, calls)| calls).sum(),
            calls,
            errors: grown(&self.errors, &later.errors),
        }
    }

    fn parse(info: &str) -> Result<Self, BoxError> {
        let fields: BTreeMap<&str, &str> = info.lines().filter_map(|line| line.trim().split_once(':')).collect();
        let number = |field: &str| {
            let value = fields.get(field).and_then(|value| value.parse::<f64>().ok());
            value.ok_or_else(|| BoxError::from(format!("INFO has no number `{field}`")))
        };
        let counts = |prefix: &str, count: &str| {
            let counted = fields.iter().filter_map(|(field, value)| {
                let number = value.strip_prefix(count)?.split(',').next()?.parse().ok()?;
                Some((field.strip_prefix(prefix)?.to_owned(), number))
            });
            counted.collect()
        };
        Ok(Self {
            cpu_us: 1e6 * (number("used_cpu_user_main_thread")? + number("used_cpu_sys_main_thread")?),
            network_bytes: number("total_net_input_bytes")? + number("total_net_output_bytes")?,
            memory_bytes: number("used_memory")?,
            connections: number("connected_clients")?,
            calls: counts("cmdstat_", "calls="),
            errors: counts("errorstat_", "count="),
        })
    }
}

impl Difference {
    /// How often one command was called, by clients and scripts.
    pub(crate) fn calls(&self, command: &str) -> f64 {
        self.calls.get(command).copied().unwrap_or(0.0)
    }

    /// How many replies were errors that begin with this word.
    pub(crate) fn errors(&self, word: &str) -> f64 {
        self.errors.get(word).copied().unwrap_or(0.0)
    }
}

fn grown(earlier: &BTreeMap<String, f64>, later: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    later.iter().map(|(name, count)| (name.clone(), count - earlier.get(name).unwrap_or(&0.0))).collect()
}

/// The version a server says it has.
pub(crate) async fn version(client: &Client) -> Result<String, BoxError> {
    let info: String = client.info(Some(InfoKind::Server)).await?;
    let version = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
    Ok(version.unwrap_or("of an unknown version").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "used_memory:1000\r\nconnected_clients:3\r\ntotal_net_input_bytes:10\r\ntotal_net_output_bytes:20\r\n\
        used_cpu_sys_main_thread:0.5\r\nused_cpu_user_main_thread:1.5\r\n";

    #[test]
    fn calls_from_scripts_and_of_the_driver_are_not_commands() {
        let before = Snapshot::parse(INFO).unwrap();
        let stats = "cmdstat_evalsha:calls=3,usec=9\r\ncmdstat_ltrim:calls=7,usec=9\r\ncmdstat_info:calls=1,usec=9\r\n\
            errorstat_MOVED:count=2\r\n";
        let after = Snapshot::parse(&format!("{INFO}{stats}")).unwrap();
        let difference = before.until(&after);
        assert!((difference.commands - 3.0).abs() < 1e-9);
        assert!((difference.calls("ltrim") - 7.0).abs() < 1e-9);
        assert!((difference.errors("MOVED") - 2.0).abs() < 1e-9);
        assert!((before.cpu_us - 2e6).abs() < 1e-9);
    }
}
