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

#[ltq::task]
async fn missing(#[ltq(default = wrod)] _text: String) {}

#[ltq::task]
async fn no_path(#[ltq(default = 5)] a: u8, #[ltq(default = "word")] b: String, #[ltq(default = word())] c: String, #[ltq(default =)] d: u8) {}

fn main() {}
