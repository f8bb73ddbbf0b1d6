#[ltq::task]
async fn my_task<T: Send>(value: T) {}

#[ltq::task]
async fn borrowing<'a>(name: &'a str, names: Vec<&'a str>) {}

#[ltq::task]
async fn bounded(id: u64)
where
    u64: Copy,
{
}

fn main() {
    let _ = my_task.message(1);
}
