//! The user's types may be called like those the expansion needs.
#![allow(dead_code)]

use ltq::__private::serde;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(crate = "ltq::__private::serde")]
struct String(u8);

#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(crate = "ltq::__private::serde")]
struct Message;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(crate = "ltq::__private::serde")]
struct Option;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(crate = "ltq::__private::serde")]
struct Vec<T>(T);

#[derive(serde::Serialize)]
#[serde(crate = "ltq::__private::serde")]
struct Result;

struct Box;
struct Some;
struct None;
struct Err;
trait Default {}
trait Clone {}
trait Deref {}
struct Ok;
trait Into {}
trait Send {}
trait Task {}
mod std {}
mod core {}

#[ltq::task(max_attempts = 2, timeout = "1s", backoff = "1s..2s", rate = "1/s")]
async fn my_task(text: String, message: Message, option: Option, many: Vec<u8>, name: &str) -> Result {
    let _ = (text, message, option, many, name);
    Result
}

#[ltq::task(blocking)]
fn blocking(text: String) -> Result {
    let _ = text;
    Result
}

fn main() {
    let _ = my_task.message(String(1), Message, Option, Vec(1), "name");
    let _ = my_task(String(1), Message, Option, Vec(1), "name");
    let _ = blocking.message(String(1));
    let _: Result = blocking(String(1));
}
