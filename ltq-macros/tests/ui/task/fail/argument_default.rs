use ltq::__private::serde;

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(crate = "ltq::__private::serde")]
struct Repo;

fn word() -> String {
    String::new()
}

fn double(number: u8) -> u8 {
    number * 2
}

#[ltq::task]
async fn no_default(#[ltq(default)] _repo: Repo) {}

#[ltq::task]
async fn another_type(#[ltq(default = word)] _number: u8) {}

#[ltq::task]
async fn with_argument(#[ltq(default = double)] _number: u8) {}

fn main() {}
