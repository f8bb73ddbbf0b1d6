use std::rc::Rc;

#[ltq::task]
async fn my_task(id: u64) {
    let shared = Rc::new(id);
    std::future::ready(()).await;
    drop(shared);
}

fn main() {}
