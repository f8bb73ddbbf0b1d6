//! Every command and flag, with its text. What they do is in `commands` and `run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;
use ltq::__private::{Address, DEFAULT_URL, RunFlags, TaskPath};
use ltq::MessageId;

/// LTQ, a task queue on Redis
#[derive(Debug, Parser)]
#[command(name = "ltq", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the crates of the paths and run their workers, all in one process
    Run(RunArguments),
    /// Run workers while you write them: build and restart when a source changes, with a Redis of their own if none is named
    Dev(DevArguments),
    /// Build a program that runs these workers, for a machine without cargo
    Build(BuildArguments),
    /// List the tasks of a crate or a module
    Tasks(TasksArguments),
    /// Make a crate with a task, a worker and a test
    New(NewArguments),
    /// Send a message for a task
    Send(SendArguments),
    /// List the queues and what waits on them
    Queues(QueuesArguments),
    /// Show how many messages of a queue are where
    Size(SizeArguments),
    /// Delete the waiting messages of a queue, ready and scheduled
    Clear(ClearArguments),
    /// Look at messages that ended without success, replay or delete them
    Dead(DeadArguments),
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// Which folder; it is made if it is not there
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// The flags of `ltq run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_EXIT_CODES)]
pub(crate) struct RunArguments {
    /// `crate::path::to::worker_function`, or `crate` or `crate::module` for all tasks in it
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<TaskPath>,

    #[command(flatten)]
    pub(crate) flags: RunFlags,

    #[command(flatten)]
    pub(crate) build: BuildFlags,
}

/// The flags of `ltq dev`: those of `ltq run`.
#[derive(Debug, Args)]
pub(crate) struct DevArguments {
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

/// How the crates are found and built.
#[derive(Debug, Args)]
#[command(next_help_heading = "Build options")]
pub(crate) struct BuildFlags {
    /// Build with optimisations
    #[arg(long, env = "LTQ_RELEASE", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub(crate) release: bool,

    #[command(flatten)]
    pub(crate) project: ProjectFlags,
}

/// How the crates are found.
#[derive(Debug, Args)]
#[command(next_help_heading = "Build options")]
pub(crate) struct ProjectFlags {
    /// Features of the crates to switch on, with commas between them; `crate/feature` for one of several crates
    #[arg(long, env = "LTQ_FEATURES", value_name = "FEATURES", value_delimiter = ',')]
    pub(crate) features: Vec<String>,

    /// The Cargo.toml of the workspace or of one of its packages [default: that of the current directory]
    #[arg(long, env = "LTQ_MANIFEST_PATH", value_name = "FILE")]
    pub(crate) manifest_path: Option<PathBuf>,
}

/// The flags of `ltq build`.
#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// What the program runs: paths as for `ltq run`
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<TaskPath>,

    /// Where the program goes; a file that is there is replaced
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,

    /// Build without optimisations
    #[arg(long)]
    pub(crate) debug: bool,

    /// Build for another platform, as `cargo build --target` does
    #[arg(long, value_name = "TRIPLE", help_heading = "Build options")]
    pub(crate) target: Option<String>,

    #[command(flatten)]
    pub(crate) project: ProjectFlags,
}

/// The flags of `ltq tasks`.
#[derive(Debug, Args)]
pub(crate) struct TasksArguments {
    /// `crate`, `crate::module` or a task; the path of a worker function stands for its whole crate
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<TaskPath>,

    #[command(flatten)]
    pub(crate) output: OutputFlags,

    #[command(flatten)]
    pub(crate) build: BuildFlags,
}

/// The flags of `ltq new`.
#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The folder of the new crate; its last part is the crate's name
    #[arg(value_name = "NAME")]
    pub(crate) folder: PathBuf,

    /// Depend on the `ltq` in this folder instead of the published one
    #[arg(long, value_name = "PATH")]
    pub(crate) ltq_path: Option<PathBuf>,
}

/// The flags of `ltq send`.
#[derive(Debug, Args)]
pub(crate) struct SendArguments {
    /// The task's name; with --path also its last part, if no other task ends like that
    pub(crate) task: String,

    /// The arguments, a JSON object from name to value; `-` reads it from standard input, where no process list shows it
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) args: String,

    /// Which queue [default: the task's with --path, else the task's name]
    #[arg(long)]
    pub(crate) queue: Option<String>,

    /// Run no earlier than this long from now: `90s`, `2h`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) delay: Option<Duration>,

    /// Build this crate and check the task's name and its arguments' names against it
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<TaskPath>,

    #[command(flatten)]
    pub(crate) broker: BrokerFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,

    #[command(flatten)]
    pub(crate) build: BuildFlags,
}

/// The flags of `ltq queues`.
#[derive(Debug, Args)]
pub(crate) struct QueuesArguments {
    #[command(flatten)]
    pub(crate) broker: BrokerFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

/// The flags of `ltq size`.
#[derive(Debug, Args)]
pub(crate) struct SizeArguments {
    /// Which queue
    pub(crate) queue: String,

    #[command(flatten)]
    pub(crate) broker: BrokerFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

/// The flags of `ltq clear`.
#[derive(Debug, Args)]
pub(crate) struct ClearArguments {
    /// Which queue
    pub(crate) queue: String,

    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) broker: BrokerFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

/// The commands of `ltq dead`.
#[derive(Debug, Args)]
pub(crate) struct DeadArguments {
    #[command(subcommand)]
    pub(crate) command: DeadCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List dead letters, the latest first
    List {
        /// Which queue
        queue: String,
        /// How many at most
        #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
        /// After how many
        #[arg(long, value_name = "N", default_value = "0")]
        offset: u64,
        #[command(flatten)]
        arguments: ArgumentsFlags,
        #[command(flatten)]
        broker: BrokerFlags,
        #[command(flatten)]
        output: OutputFlags,
    },
    /// Show one dead letter
    Show {
        /// Which queue
        queue: String,
        /// Which message
        id: MessageId,
        #[command(flatten)]
        arguments: ArgumentsFlags,
        #[command(flatten)]
        broker: BrokerFlags,
        #[command(flatten)]
        output: OutputFlags,
    },
    /// Put dead letters back on their queue as if they had been sent now
    Replay {
        /// Which queue
        queue: String,
        #[command(flatten)]
        which: WhichFlags,
        #[command(flatten)]
        broker: BrokerFlags,
        #[command(flatten)]
        output: OutputFlags,
    },
    /// Delete dead letters for good
    Delete {
        /// Which queue
        queue: String,
        #[command(flatten)]
        which: WhichFlags,
        /// Do not ask before deleting all
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        broker: BrokerFlags,
        #[command(flatten)]
        output: OutputFlags,
    },
}

/// One dead letter or all.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhichFlags {
    /// Which message
    pub(crate) id: Option<MessageId>,
    /// All that are there now
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ArgumentsFlags {
    /// Show the arguments of the messages too; they may hold secrets
    #[arg(long)]
    pub(crate) show_arguments: bool,
}

/// Where the queues are.
#[derive(Debug, Args)]
pub(crate) struct BrokerFlags {
    /// Where the queues are: redis://, rediss://, unix://, redis-sentinel:// or redis-cluster://
    #[arg(long, env = "LTQ_URL", value_name = "URL", default_value = DEFAULT_URL, hide_env_values = true)]
    pub(crate) url: Address,
}

/// How results are printed.
#[derive(Debug, Args)]
pub(crate) struct OutputFlags {
    /// Print JSON, one object per line; the default where standard output is no terminal
    #[arg(long)]
    pub(crate) json: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed, or answered with no
  2    cannot be done as called: a flag, a name that is not there, no terminal to ask on
  69   the broker cannot be reached, or refuses
  101  the crates do not build";

const RUN_EXIT_CODES: &str = "\
Exit codes:
  0    stopped as asked
  1    failed while running
  2    cannot start as called: a flag, a path, a package, no task, a missing state
  69   the broker cannot be reached, or refuses
  70   the watchdog gave up: no progress, or no broker for too long
  101  the crates do not build";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn flags_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
