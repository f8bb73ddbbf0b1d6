#[derive(ltq::__private::serde::Serialize)]
#[serde(crate = "ltq::__private::serde")]
struct Repo;

#[ltq::task(blocking)]
fn my_task(_repo: Vec<Repo>) {}

fn main() {}
