//! The command line: one run, the mutations, or the short form of both.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use futures_util::StreamExt as _;

use crate::check::{Invariant, Violation, check};
use crate::driver::{self, Settings};
use crate::history::History;
use crate::mutations::{MUTATIONS, Mutation};
use crate::report::Report;
use crate::scenario::Scenario;
use crate::trace::traces;

/// How many broken messages per invariant are shown in full.
const SHOWN: usize = 3;
/// How many small runs go on side by side.
const SIDE_BY_SIDE: usize = 4;
/// The scenarios and seeds of the short form.
const SHORT_FORM: [(&str, u64); 3] = [("short", 1), ("short", 2), ("bulk", 3)];

/// Runs LTQ under faults and checks the history of every message.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask chaos")]
struct Args {
    /// Decides every fault and every message [default: drawn, and printed]
    #[arg(long)]
    seed: Option<u64>,
    /// How long there are faults [default: what the scenario says]
    #[arg(long, value_parser = minutes)]
    minutes: Option<f64>,
    /// How large, and how quickly trouble follows trouble
    #[arg(long, default_value = "full", value_parser = clap::builder::PossibleValuesParser::new(Scenario::NAMES))]
    scenario: String,
    /// Puts a mistake into the scripts, which must be found: its name, or `all`
    #[arg(long, conflicts_with = "scenario")]
    mutation: Option<String>,
    /// The short form of everything, for continuous integration: fixed seeds, and all mutations
    #[arg(long, conflicts_with_all = ["seed", "minutes", "scenario", "mutation"])]
    short_form: bool,
    /// Writes the figures into a file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keeps the notes and logs in this folder
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(minutes) if (0.05..=1_440.0).contains(&minutes) => Ok(minutes),
        _ => Err("write a number of minutes from 0.05 to 1440, such as 10 or 2.5".to_owned()),
    }
}

/// Makes sure that the figures and notes have a place before a long run is made for them.
fn prepare(args: &Args) -> Result<(), String> {
    let in_vain = |what: &str, path: &Path, error: std::io::Error| {
        format!("{what} {} cannot be written ({error}); choose another place", path.display())
    };
    if let Some(path) = &args.json {
        std::fs::write(path, "").map_err(|error| in_vain("the file", path, error))?;
    }
    if let Some(folder) = &args.keep {
        std::fs::create_dir_all(folder).map_err(|error| in_vain("the folder", folder, error))?;
    }
    Ok(())
}

/// The program.
///
/// # Panics
///
/// The machine does not let it work: no temporary folder, no Redis, no processes.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(error) = prepare(&args) {
        say(&error);
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("the threads of the run cannot be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let passed = runtime.block_on(async {
        tokio::select! {
            passed = dispatch(&args) => passed,
            // Dropping the run ends its programs.
            _ = tokio::signal::ctrl_c() => false,
        }
    });
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn dispatch(args: &Args) -> bool {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    if args.short_form {
        // One of `Scenario::NAMES`, all of which a test looks up.
        let named = |name| Scenario::named(name).expect("a scenario of `NAMES`");
        let runs = SHORT_FORM.map(|(name, seed)| one(args, named(name), seed));
        let passed = futures_util::future::join_all(runs).await.into_iter().all(|passed| passed);
        return mutations(args, MUTATIONS.iter().collect(), 1).await && passed;
    }
    match args.mutation.as_deref() {
        // Only what is in `Scenario::NAMES` passes the parser.
        None => one(args, Scenario::named(&args.scenario).expect("a scenario of `NAMES`"), seed).await,
        Some("all") => mutations(args, MUTATIONS.iter().collect(), seed).await,
        Some(name) => match Mutation::named(name) {
            Some(mutation) => mutations(args, vec![mutation], seed).await,
            None => {
                let names: Vec<_> = MUTATIONS.iter().map(|mutation| mutation.name).collect();
                say(&format!("there is no mutation `{name}`: use one of {}, or all", names.join(", ")));
                false
            }
        },
    }
}

/// Makes runs with mistakes in them, and the same runs without. Says whether each mistake was found, and nothing where
/// there was none.
async fn mutations(args: &Args, mutations: Vec<&'static Mutation>, seed: u64) -> bool {
    let mut scenarios: Vec<_> = mutations.iter().map(|mutation| mutation.scenario).collect();
    scenarios.sort_unstable();
    scenarios.dedup();
    let without = scenarios.into_iter().map(|scenario| (scenario, None));
    let with = mutations.into_iter().map(|mutation| (mutation.scenario, Some(mutation)));
    let run = async |(scenario, mutation): (&'static str, Option<&'static Mutation>)| {
        let scenario = Scenario::named(scenario).expect("a test has checked it");
        (scenario.name, mutation, broken(args, scenario, seed, mutation).await)
    };
    let runs = without.chain(with);
    let results: Vec<_> = futures_util::stream::iter(runs).map(run).buffered(SIDE_BY_SIDE).collect().await;
    let mut table = "\n| mutation | must break | broke |\n| --- | --- | --- |\n".to_owned();
    let mut all_as_they_should = true;
    for (scenario, mutation, broken) in &results {
        let letters: Vec<_> = broken.iter().map(|invariant| format!("({})", invariant.letter())).collect();
        let letters = if letters.is_empty() { "nothing".to_owned() } else { letters.join(" ") };
        let as_it_should = mutation.map_or(broken.is_empty(), |mutation| broken.contains(&mutation.breaks));
        all_as_they_should &= as_it_should;
        let verdict = if as_it_should { "" } else { " **WRONG**" };
        let line = match mutation {
            Some(Mutation { name, what, breaks, .. }) => {
                format!("| `{name}`: {what} | {breaks} | {letters}{verdict} |\n")
            }
            None => format!("| none, scenario `{scenario}` | nothing | {letters}{verdict} |\n"),
        };
        table.push_str(&line);
    }
    say(&table);
    all_as_they_should
}

/// Makes one run and reports it. Says whether it ended as it should.
async fn one(args: &Args, scenario: Scenario, seed: u64) -> bool {
    broken(args, scenario, seed, None).await.is_empty()
}

/// Makes one run; returns the invariants that were broken in it. Too slow is as bad as silent. What a mutation breaks is
/// not reported in full where there are many.
async fn broken(
    args: &Args,
    scenario: Scenario,
    seed: u64,
    mutation: Option<&'static Mutation>,
) -> BTreeSet<Invariant> {
    let minutes = args.minutes.unwrap_or(scenario.minutes);
    let scratch = tempfile::Builder::new().prefix("ltq-chaos-").tempdir().expect("a folder");
    let folder = match &args.keep {
        Some(folder) => folder.join(format!("{}-{seed}", mutation.map_or(scenario.name, |mutation| mutation.name))),
        None => scratch.path().to_owned(),
    };
    std::fs::create_dir_all(&folder).expect("a folder");
    let repeat = match mutation {
        Some(mutation) => format!("cargo xtask chaos --seed {seed} --minutes {minutes} --mutation {}", mutation.name),
        None => format!("cargo xtask chaos --seed {seed} --minutes {minutes} --scenario {}", scenario.name),
    };
    say(&format!("running: {repeat}"));
    let length = Duration::from_secs_f64(minutes * 60.0);
    let settings = Settings { scenario: scenario.clone(), seed, length, mutation, folder };
    let history = driver::run(&settings).await;
    let violations = check(&history, &scenario);
    let mut report = Report::new(&history, &scenario, seed);
    for violation in &violations {
        *report.violations.entry(violation.invariant.letter()).or_default() += 1;
    }
    if let Some(path) = &args.json {
        std::fs::write(path, serde_json::to_string_pretty(&report).expect("figures")).expect("figures can be written");
    }
    let mut broken: BTreeSet<_> = violations.iter().map(|violation| violation.invariant).collect();
    let one_of_many = args.short_form || args.mutation.as_deref() == Some("all");
    if mutation.is_some() && one_of_many {
        return broken;
    }
    say(&format!("\n{report}"));
    let slow = report.slow(&scenario);
    if let Some(slow) = &slow {
        say(&format!("TOO SLOW: {slow}"));
        broken.insert(Invariant::Silent);
    }
    if broken.is_empty() {
        return broken;
    }
    show(&history, &violations, &settings);
    say(&format!("repeat it: {repeat}"));
    broken
}

/// Prints what is broken, and the whole history of the first messages of each invariant.
fn show(history: &History, violations: &[Violation], settings: &Settings) {
    for same in violations.chunk_by(|one, next| one.invariant == next.invariant) {
        say(&format!("BROKEN {}: {} times, seed {}", same[0].invariant, same.len(), settings.seed));
        let mut seen = HashSet::new();
        let first = |violation: &&Violation| violation.message.is_none_or(|message| seen.insert(message));
        let shown: Vec<_> = same.iter().filter(first).take(SHOWN).collect();
        let messages: Vec<u32> = shown.iter().filter_map(|violation| violation.message).collect();
        let traces = traces(history, &messages, &settings.folder.join("redis")).unwrap_or_default();
        for violation in shown {
            say(&format!("- {}", violation.text));
            if let Some(trace) = violation.message.and_then(|message| traces.get(&message)) {
                say(trace);
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "what this program is for")]
fn say(text: &str) {
    println!("{text}");
}
