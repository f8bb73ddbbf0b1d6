//! What tasks return, on its way out of a worker.

use std::sync::{Arc, Mutex};

use ltq::middleware::{Middleware, Next, Retry};
use ltq::{BoxError, Delivery, Output, TaskResult, Worker, testing};

#[ltq::task(queue = "output", name = "output.double")]
async fn double(number: u64) -> TaskResult<u64> {
    Ok(number * 2)
}

#[ltq::task(queue = "output", name = "output.length", blocking)]
fn length(text: String) -> usize {
    text.len()
}

#[ltq::task(queue = "output", name = "output.nothing")]
async fn nothing() {}

/// Writes down what it sees, and says whether it says so.
struct Look {
    seen: Arc<Mutex<Vec<String>>>,
    reads_output: bool,
}

impl Middleware for Look {
    async fn handle(&self, delivery: Delivery, next: Next) -> Result<Output, BoxError> {
        let output = next.run(delivery).await?;
        let bytes = output.encode(100)?;
        self.seen.lock().unwrap().push(format!("{} {bytes:?}", output.type_name()));
        Ok(output)
    }

    fn reads_output(&self) -> bool {
        self.reads_output
    }
}

/// What a worker's middleware sees of the three tasks.
async fn seen(put: impl FnOnce(Worker, Look) -> Worker, reads_output: bool) -> Vec<String> {
    let seen = Arc::default();
    let queue = testing::TestQueue::new();
    let worker = put(Worker::new("output"), Look { seen: Arc::clone(&seen), reads_output });
    let send = async {
        double.send(21).await.unwrap();
        length.send("four").await.unwrap();
        nothing.send().await.unwrap();
    };
    queue.scope(Box::pin(send)).await;
    Box::pin(queue.run_all(worker)).await.unwrap().assert_success();
    std::mem::take(&mut seen.lock().unwrap())
}

#[tokio::test]
async fn middleware_of_a_worker_sees_it_wherever_it_stands() {
    let all = ["u64 b\"*\"", "usize b\"\\x04\"", "() b\"\\xc0\""];
    assert_eq!(seen(|worker, look| worker.middleware(look), true).await, all);
    assert_eq!(seen(|worker, look| worker.middleware_before::<Retry>(look), true).await, all);
}

#[tokio::test]
async fn where_nobody_reads_it_there_is_none() {
    let none = ["() b\"\\xc0\""; 3];
    assert_eq!(seen(|worker, look| worker.middleware(look), false).await, none);
}
