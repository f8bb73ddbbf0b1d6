//! Tests of code that sends and of tasks: `cargo test -p examples testing`
//!
//! First the program, which knows nothing of tests; then its tests, from the smallest to the largest: one task as a
//! function, what the code sends, what happens when that runs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ltq::{Context, SendError, State, TaskResult, Worker};

/// How long a new user has to look around before we ask how it went.
const TRIAL: Duration = Duration::from_hours(3 * 24);

/// What the tasks share. A real one would hold a connection.
#[derive(Debug, Default)]
pub struct Mailer {
    sent: Mutex<Vec<String>>,
}

impl Mailer {
    fn deliver(&self, to: &str, text: &str) -> std::io::Result<()> {
        if to.ends_with(".invalid") {
            return Err(std::io::Error::other("the mail server does not answer"));
        }
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{to}: {text}"));
        Ok(())
    }

    /// What was delivered so far.
    pub fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Greets a new user. The last attempt does without the pictures.
#[ltq::task(queue = "mail", max_attempts = 3)]
pub async fn welcome(mailer: State<Mailer>, ctx: Context, email: String, name: String) -> TaskResult {
    let text = if ctx.attempt() < 3 { "with pictures" } else { "plain" };
    mailer.deliver(&email, &format!("Welcome, {name}! ({text})"))?;
    Ok(())
}

/// Asks how it went.
#[ltq::task(queue = "mail")]
pub async fn ask(mailer: State<Mailer>, email: String) -> TaskResult {
    mailer.deliver(&email, "How do you like it?")?;
    Ok(())
}

/// The worker of both tasks.
pub fn worker(mailer: State<Mailer>) -> Worker {
    Worker::new("mail").shared_state(mailer)
}

/// What a web handler calls.
///
/// # Errors
///
/// A message was not accepted.
pub async fn sign_up(email: &str, name: &str, newsletter: bool) -> Result<(), SendError> {
    welcome.send(email, name).await?;
    if newsletter {
        ask.message(email).delay(TRIAL).send().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ltq::testing::{self, assert_enqueued, assert_not_enqueued};

    use super::*;

    fn mailer() -> State<Mailer> {
        State::new(Mailer::default())
    }

    /// A task is a function: no queue is needed to test what it does.
    #[tokio::test]
    async fn the_last_attempt_does_without_pictures() {
        let mailer = mailer();
        let ctx = testing::context(welcome).attempt(3).build();
        welcome(mailer.clone(), ctx, "ada@example.org".into(), "Ada".into()).await.unwrap();
        assert_eq!(mailer.sent(), ["ada@example.org: Welcome, Ada! (plain)"]);
    }

    /// What the code sends, without running it.
    #[tokio::test]
    async fn signing_up_sends_a_welcome_and_asks_later() {
        let _queue = testing::queue();
        sign_up("ada@example.org", "Ada", true).await.unwrap();
        assert_enqueued!(welcome, email = "ada@example.org", name = "Ada", within = Duration::ZERO);
        assert_enqueued!(ask, email = |email: String| email.starts_with("ada@"), after = TRIAL);
    }

    #[tokio::test]
    async fn who_wants_no_letters_is_not_asked() {
        let queue = testing::queue();
        sign_up("ada@example.org", "Ada", false).await.unwrap();
        assert_not_enqueued!(ask);
        assert_eq!(queue.messages().len(), 1);
    }

    /// The whole way: the worker's middleware, retries, and three days in no time.
    #[tokio::test]
    async fn everything_is_delivered() {
        let (queue, mailer) = (testing::queue(), mailer());
        sign_up("ada@example.org", "Ada", true).await.unwrap();

        queue.run_due(worker(mailer.clone())).await.unwrap().assert_success();
        assert_eq!(mailer.sent(), ["ada@example.org: Welcome, Ada! (with pictures)"]);

        queue.advance(TRIAL);
        queue.run_due(worker(mailer.clone())).await.unwrap().assert_success();
        assert_eq!(mailer.sent()[1..], ["ada@example.org: How do you like it?"]);
    }

    /// A failure is run to its end, too.
    #[tokio::test]
    async fn an_address_that_does_not_answer_is_given_up_after_three_attempts() {
        let queue = testing::queue();
        sign_up("ada@example.invalid", "Ada", false).await.unwrap();
        let report = queue.run_all(worker(mailer())).await.unwrap();
        assert_eq!((report.done(), report.retried(), report.dead()), (0, 2, 1), "{report}");
    }

    /// Where the test is about something else, tasks may simply run inside `send`.
    #[tokio::test]
    async fn tasks_may_run_in_place() {
        let (queue, mailer) = (testing::queue(), mailer());
        queue.inline(worker(mailer.clone())).unwrap();
        sign_up("ada@example.org", "Ada", false).await.unwrap();
        assert_eq!(mailer.sent().len(), 1);
    }
}
