//! SIGTERM and SIGINT: once to stop, twice to hand back at once, a third time to end the process.
//!
//! They have a thread and a runtime of their own: a task that blocks the worker's runtime must not make the process deaf.

use std::io;

use ltq_core::worker::Shutdown;

/// The exit code of a process that a third signal ended.
const ENDED: i32 = 1;

/// Turns signals into requests from now until the process ends.
pub(super) fn listen(shutdown: Shutdown) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // Registered here and not on the thread, so that no signal is missed once this returns.
    let mut signals = {
        let _entered = runtime.enter();
        Signals::new()?
    };
    std::thread::Builder::new().name("ltq-signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let name = signals.next().await;
            tracing::info!(signal = name, "asked to stop; once more hands back what still runs");
            shutdown.request();
            let name = signals.next().await;
            tracing::warn!(
                signal = name,
                "asked again to stop: handing back what still runs; once more ends the process"
            );
            shutdown.request();
            let name = signals.next().await;
            tracing::error!(signal = name, "asked a third time: ending the process; its leases will run out");
            std::process::exit(ENDED);
        });
    })?;
    Ok(())
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self(tokio::signal::windows::ctrl_c()?))
    }

    async fn next(&mut self) -> &'static str {
        let _ = self.0.recv().await;
        "ctrl-c"
    }
}
