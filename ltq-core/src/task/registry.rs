//! [`Registry`]: the tasks linked into this program, collected by `inventory`.

use std::collections::HashMap;

use super::TaskDef;

/// What `#[ltq::task]` submits.
#[derive(Debug)]
pub struct TaskEntry(pub &'static TaskDef);

inventory::collect!(TaskEntry);

/// The tasks a worker can run, by name.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    by_name: HashMap<&'static str, &'static TaskDef>,
}

/// Two tasks have one name, so a message could not say which it means.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "two tasks are called `{name}`: {first} and {second}; give one of them another name with `#[ltq::task(name = \"…\")]`"
)]
#[non_exhaustive]
pub struct DuplicateTask {
    /// The name.
    pub name: &'static str,
    /// Where one stands.
    pub first: String,
    /// Where the other stands.
    pub second: String,
}

impl Registry {
    /// Every task linked into this program.
    ///
    /// # Errors
    ///
    /// Two tasks have one name.
    pub fn collect() -> Result<Self, DuplicateTask> {
        Self::of(inventory::iter::<TaskEntry>().map(|entry| entry.0))
    }

    /// Just these tasks.
    ///
    /// # Errors
    ///
    /// Two tasks have one name.
    pub fn of(tasks: impl IntoIterator<Item = &'static TaskDef>) -> Result<Self, DuplicateTask> {
        let mut by_name = HashMap::new();
        for task in tasks {
            if let Some(first) = by_name.insert(task.name, task)
                && !std::ptr::eq(first, task)
            {
                let place = |def: &TaskDef| format!("{} ({}:{})", def.path, def.file, def.line);
                return Err(DuplicateTask { name: task.name, first: place(first), second: place(task) });
            }
        }
        Ok(Self { by_name })
    }

    /// The task of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'static TaskDef> {
        self.by_name.get(name).copied()
    }

    /// All tasks, sorted by name.
    #[must_use]
    pub fn tasks(&self) -> Vec<&'static TaskDef> {
        let mut tasks: Vec<_> = self.by_name.values().copied().collect();
        tasks.sort_unstable_by_key(|task| task.name);
        tasks
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
