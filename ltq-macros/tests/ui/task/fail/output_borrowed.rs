#[ltq::task]
async fn my_task(name: &str) -> &str {
    name
}

#[ltq::task(blocking)]
fn my_result(name: &str) -> ltq::TaskResult<std::borrow::Cow<'_, str>> {
    Ok(name.into())
}

#[ltq::task]
async fn elided(name: &str) -> Option<&str> {
    Some(name)
}

fn main() {
    let _ = my_task.message("name");
}
