use std::borrow::Cow;

#[ltq::task]
async fn my_task(names: &[String], id: Option<&str>, text: &mut str, other: Cow<'_, str>, fixed: &'static str) {}

fn main() {
    let _ = my_task.send(1, 2, 3, 4, 5);
}
