//! From a path to a worker: a function with `#[ltq::worker]`, else the tasks under a module.

use ltq_core::inventory;
use ltq_core::task::{TaskDef, TaskEntry};
use ltq_core::worker::{App, IntoApp as _, Worker, WorkerEntry};

use super::flags::TaskPath;

/// How many paths an error lists.
const LISTED: usize = 20;

/// What is linked into this program.
pub(super) struct Linked {
    workers: Vec<&'static WorkerEntry>,
    tasks: Vec<&'static TaskDef>,
}

/// A path leads nowhere, or the paths do not go together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LookupError {
    /// The crate has other paths.
    #[error("there is no worker and no task at `{path}`{}{}", meant(nearest), list(known))]
    Unknown {
        /// What was asked for.
        path: String,
        /// The most similar path there is.
        nearest: Option<String>,
        /// Every path of the crate that leads somewhere.
        known: Vec<String>,
    },
    /// The crate has nothing to run.
    #[error(
        "the crate `{0}` registers no task and no worker: put `#[ltq::task]` on a function of its library, in src/lib.rs \
         or in a module that src/lib.rs declares with `mod`; src/main.rs and other binaries are not part of the library"
    )]
    Empty(String),
    /// Several paths say how to connect.
    #[error("{0} of the PATHs set up a client of their own, and a process has one: start one `ltq run` per PATH")]
    ClientsOfSeveral(usize),
}

fn meant(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"))
}

fn list(known: &[String]) -> String {
    let mut text = "\nthere are:".to_owned();
    for path in known.iter().take(LISTED) {
        text.push_str("\n  ");
        text.push_str(path);
    }
    if let Some(more @ 1..) = known.len().checked_sub(LISTED) {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}

impl Linked {
    pub(super) fn collect() -> Self {
        Self {
            workers: WorkerEntry::all().collect(),
            tasks: inventory::iter::<TaskEntry>().map(|entry| entry.0).collect(),
        }
    }

    /// What is at each path, each path once, as one app.
    pub(super) fn app(&self, paths: &[TaskPath]) -> Result<App, LookupError> {
        let mut seen = Vec::new();
        let mut found = Vec::new();
        for path in paths {
            if !seen.contains(&path) {
                found.push(self.find(path)?);
                seen.push(path);
            }
        }
        join(found.into_iter().map(Found::make).collect())
    }

    /// The tasks at a path or under it; all tasks of the crate where a worker function is.
    pub(super) fn tasks(&self, path: &TaskPath) -> Result<Vec<&'static TaskDef>, LookupError> {
        match self.find(path)? {
            Found::Tasks(_, tasks) => Ok(tasks),
            Found::Worker(_) => {
                let of_crate = |task: &&TaskDef| is_within(task.path, path.crate_name());
                Ok(self.tasks.iter().copied().filter(of_crate).collect())
            }
        }
    }

    fn find(&self, path: &TaskPath) -> Result<Found, LookupError> {
        if let Some(entry) = self.workers.iter().find(|entry| entry.path == path.as_str()) {
            return Ok(Found::Worker(entry));
        }
        let tasks: Vec<_> = self.tasks.iter().copied().filter(|task| is_within(task.path, path.as_str())).collect();
        if !tasks.is_empty() {
            return Ok(Found::Tasks(path.last().to_owned(), tasks));
        }
        let known = self.known(path.crate_name());
        if known.is_empty() {
            return Err(LookupError::Empty(path.crate_name().to_owned()));
        }
        Err(LookupError::Unknown { nearest: nearest(path.as_str(), &known), path: path.to_string(), known })
    }

    /// Every path in a crate that [`find`](Self::find) finds, except single tasks: workers, and modules with tasks.
    fn known(&self, crate_name: &str) -> Vec<String> {
        let mut known: Vec<String> = self.workers.iter().map(|entry| entry.path.to_owned()).collect();
        for task in &self.tasks {
            let mut path = task.path;
            while let Some((module, _)) = path.rsplit_once("::") {
                known.push(module.to_owned());
                path = module;
            }
        }
        known.retain(|path| is_within(path, crate_name));
        known.sort_unstable();
        known.dedup();
        known
    }
}

/// One app of several. What each shares stays with its own workers.
fn join(mut apps: Vec<App>) -> Result<App, LookupError> {
    if apps.len() == 1
        && let Some(app) = apps.pop()
    {
        return Ok(app);
    }
    let clients: Vec<_> = apps.iter().filter_map(App::client_settings).cloned().collect();
    let app = apps.into_iter().flat_map(App::into_workers).fold(App::new(), App::worker);
    match <[_; 1]>::try_from(clients) {
        Ok([client]) => Ok(app.client(client)),
        Err(clients) if clients.is_empty() => Ok(app),
        Err(clients) => Err(LookupError::ClientsOfSeveral(clients.len())),
    }
}

enum Found {
    Worker(&'static WorkerEntry),
    Tasks(String, Vec<&'static TaskDef>),
}

impl Found {
    fn make(self) -> App {
        match self {
            Self::Worker(entry) => (entry.make)(),
            Self::Tasks(name, tasks) => Worker::for_tasks(name, tasks).into_app(),
        }
    }
}

fn is_within(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The most similar one, if it is similar at all.
fn nearest(path: &str, known: &[String]) -> Option<String> {
    let similarity = |known: &String| strsim::normalized_damerau_levenshtein(path, known);
    known.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b))).filter(|best| similarity(best) > 0.6).cloned()
}

#[cfg(test)]
mod tests {
    use ltq_core::task::Output;

    use super::*;

    const fn task(path: &'static str) -> TaskDef {
        TaskDef::new(path, path, |_| Box::pin(async { Ok(Output::default()) }))
    }

    fn two() -> App {
        App::new().worker(Worker::new("a")).worker(Worker::new("b")).client(ltq_core::client::Client::builder())
    }

    fn linked() -> Linked {
        static TASKS: [TaskDef; 4] =
            [task("app::jobs::mail::send"), task("app::jobs::resize"), task("app::jobs_old::send"), task("other::run")];
        static WORKERS: [WorkerEntry; 3] = [
            WorkerEntry::new("app::jobs::worker", "src/jobs.rs", 1, || Worker::new("of-function").into_app()),
            WorkerEntry::new("other::worker", "src/lib.rs", 1, two),
            WorkerEntry::new("other::again", "src/lib.rs", 9, two),
        ];
        Linked { workers: WORKERS.iter().collect(), tasks: TASKS.iter().collect() }
    }

    fn find(path: &str) -> Result<Worker, LookupError> {
        let found = linked().find(&path.parse().unwrap())?;
        let [worker] = <[_; 1]>::try_from(found.make().into_workers()).unwrap();
        Ok(worker)
    }

    fn app(paths: &[&str]) -> Result<App, LookupError> {
        let paths: Vec<_> = paths.iter().map(|path| path.parse().unwrap()).collect();
        linked().app(&paths)
    }

    #[test]
    fn a_function_is_found_by_its_path() {
        assert_eq!(find("app::jobs::worker").unwrap().name(), "of-function");
    }

    #[test]
    fn a_module_runs_the_tasks_under_it_and_no_others() {
        let worker = find("app::jobs").unwrap();
        assert_eq!(worker.name(), "jobs");
        assert_eq!(worker.queue_names(), ["app::jobs::mail::send", "app::jobs::resize"]);
        assert_eq!(find("app").unwrap().queue_names().len(), 3);
        assert_eq!(find("app::jobs::resize").unwrap().queue_names(), ["app::jobs::resize"]);
    }

    #[test]
    fn the_tasks_of_a_worker_are_those_of_its_crate() {
        let paths = |path: &str| -> Vec<_> {
            linked().tasks(&path.parse().unwrap()).unwrap().iter().map(|task| task.path).collect()
        };
        assert_eq!(paths("app::jobs_old"), ["app::jobs_old::send"]);
        assert_eq!(paths("app::jobs::worker"), ["app::jobs::mail::send", "app::jobs::resize", "app::jobs_old::send"]);
    }

    #[test]
    fn an_unknown_path_lists_what_the_crate_has() {
        let error = find("app::jobs::wroker").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("did you mean `app::jobs::worker`?"), "{text}");
        let LookupError::Unknown { known, .. } = error else { panic!("{text}") };
        assert_eq!(known, ["app", "app::jobs", "app::jobs::mail", "app::jobs::worker", "app::jobs_old"]);
        assert!(matches!(find("app::zzz_nothing_alike"), Err(LookupError::Unknown { nearest: None, .. })));
    }

    #[test]
    fn a_crate_without_tasks_has_its_own_error() {
        let text = find("empty::worker").unwrap_err().to_string();
        assert!(text.contains("`empty` registers no task") && text.contains("#[ltq::task]"), "{text}");
    }

    #[test]
    fn a_path_given_twice_is_run_once() {
        assert_eq!(app(&["app", "app"]).unwrap().workers().len(), 1);
    }

    #[test]
    fn several_paths_are_one_app_with_one_client() {
        let joined = app(&["other::worker", "app::jobs::worker"]).unwrap();
        let names: Vec<_> = joined.workers().iter().map(Worker::name).collect();
        assert_eq!(names, ["a", "b", "of-function"]);
        assert!(joined.client_settings().is_some());
        assert!(app(&["app", "other"]).unwrap().client_settings().is_none());
        let error = app(&["other::worker", "other::again"]).unwrap_err();
        assert!(matches!(error, LookupError::ClientsOfSeveral(2)), "{error}");
    }
}
