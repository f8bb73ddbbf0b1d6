//! The commands, one noun each: from arguments to a call to output. `run` alone is elsewhere, since all that build share
//! its parts.

mod build;
mod dead;
mod dev;
mod help;
mod new;
mod queues;
mod send;
mod tasks;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use ltq::Client;

use crate::args::{BrokerFlags, Command};
use crate::error::CliError;
use crate::{run, suggest};

/// Carries out a command; `url_given` says whether an address was given or is the default.
pub(crate) fn carry_out(command: Command, url_given: bool) -> Result<ExitCode, CliError> {
    match command {
        Command::Run(arguments) => return Ok(run::run(&arguments)?),
        Command::Dev(arguments) => return dev::dev(arguments, url_given),
        Command::Build(arguments) => build::build(&arguments),
        Command::Tasks(arguments) => tasks::list(&arguments),
        Command::New(arguments) => new::new(&arguments),
        Command::Send(arguments) => send::send(arguments),
        Command::Queues(arguments) => queues::list(&arguments),
        Command::Size(arguments) => queues::size(&arguments),
        Command::Clear(arguments) => queues::clear(&arguments),
        Command::Dead(arguments) => dead::carry_out(&arguments.command),
        Command::Completions { shell } => help::completions(shell),
        Command::Man { folder } => help::man(&folder),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// Connects, calls, closes.
fn with_client<T>(flags: &BrokerFlags, call: impl AsyncFnOnce(&Client) -> Result<T, CliError>) -> Result<T, CliError> {
    if flags.url.expose().starts_with("memory:") {
        return Err(CliError::Memory);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::io("start the runtime"))?;
    runtime.block_on(async {
        let client = Client::connect(flags.url.expose()).await?;
        let result = call(&client).await;
        client.close().await;
        result
    })
}

/// An error where the queue does not exist, with those that do. A queue exists from its first message on.
async fn existing(client: &Client, queue: &str) -> Result<(), CliError> {
    let known = client.queues().await?;
    if known.iter().any(|name| name == queue) {
        return Ok(());
    }
    let (meant, known) = (suggest::meant(queue, &known), suggest::listed(&known));
    Err(CliError::UnknownQueue { name: queue.to_owned(), meant, known })
}

/// Asks before something that cannot be undone: `what` completes "Really …?".
fn confirm(what: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(CliError::NoTerminal { what: what.to_owned() });
    }
    eprint!("Really {what}? [y/N] ");
    io::stderr().flush().map_err(CliError::io("ask"))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(CliError::io("read the answer"))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") { Ok(()) } else { Err(CliError::Declined) }
}
