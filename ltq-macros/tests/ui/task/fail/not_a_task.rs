#[ltq::task]
async fn my_task() {}

async fn plain() {}

fn name<T: ltq::Task>(_task: T) -> &'static str {
    T::DEF.name
}

fn main() {
    let _ = name(my_task);
    let _ = name(plain);
    let _ = name(my_task());
}
