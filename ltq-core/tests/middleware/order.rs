use ltq_core::BoxError;
use ltq_core::middleware::{Middleware, Next, Stack};
use ltq_core::task::{Delivery, Output, TaskError};

use crate::support::{Log, SUCCEEDS, first_attempt, logged};

struct Note(&'static str, Log);

impl Middleware for Note {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        self.1.note(format!("{} in", self.0));
        let result = next.run(delivery).await;
        self.1.note(format!("{} out", self.0));
        result
    }
}

#[tokio::test]
async fn the_first_added_sees_the_delivery_first_and_the_result_last() {
    let log = Log::default();
    let inner = Stack::new().middleware(Note("c", log.clone()));
    let stack = Stack::new().middleware(Note("a", log.clone())).middleware(Note("b", log.clone())).then(inner);
    stack.build().run(logged(&SUCCEEDS, &log)).await.unwrap();
    assert_eq!(log.lines(), ["a in", "b in", "c in", "task", "c out", "b out", "a out"]);
}

#[tokio::test]
async fn a_type_can_be_taken_away() {
    let log = Log::default();
    let stack = Stack::new().middleware(Note("a", log.clone())).middleware(Unconcerned).without::<Note>();
    stack.build().run(logged(&SUCCEEDS, &log)).await.unwrap();
    assert_eq!(log.lines(), ["task"]);
}

struct Unconcerned;

impl Middleware for Unconcerned {
    async fn handle(&self, _: Delivery, _: Next) -> Result<Output, BoxError> {
        Err("called although it said it is not concerned".into())
    }

    fn concerns(&self, _: &Delivery) -> bool {
        false
    }
}

#[tokio::test]
async fn a_level_that_is_not_concerned_is_passed() {
    let log = Log::default();
    let next = Stack::new().middleware(Note("a", log.clone())).middleware(Unconcerned).build();
    next.run(logged(&SUCCEEDS, &log)).await.unwrap();
    assert_eq!(log.lines(), ["a in", "task", "a out"]);
}

/// `?` on errors of different types, and on the result of the rest of the stack.
struct ReadsCarried;

impl Middleware for ReadsCarried {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        let number: Option<u32> = delivery.context().get("number")?;
        let text: String = delivery.context().get("text")?.ok_or_else(|| TaskError::msg("no text").into_boxed())?;
        assert_eq!(text.parse::<u32>()?, number.unwrap_or_default());
        let output = next.run(delivery).await?;
        Ok(output)
    }
}

#[tokio::test]
async fn question_marks_work_on_any_error() {
    let next = Stack::new().middleware(ReadsCarried).build();
    for (text, ends_well) in [("7", true), ("seven", false)] {
        let delivery = first_attempt(&SUCCEEDS);
        delivery.context().set("number", &7).unwrap();
        delivery.context().set("text", text).unwrap();
        assert_eq!(next.clone().run(delivery).await.is_ok(), ends_well, "{text}");
    }
    let error = next.run(first_attempt(&SUCCEEDS)).await.unwrap_err();
    assert_eq!(error.to_string(), "no text");
}
