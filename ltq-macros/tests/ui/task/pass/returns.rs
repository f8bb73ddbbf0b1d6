//! What is returned serialises; whether it is a result, the types say and not the tokens.
use std::collections::BTreeMap;

use ltq::Task;
use serde::Serialize;

/// Nobody can read it back, and nobody needs to.
#[derive(Serialize)]
struct Report<'a> {
    text: &'a str,
}

type Alias<T> = Result<T, std::num::ParseIntError>;

type Counts = BTreeMap<String, u64>;

#[ltq::task]
async fn nothing() {}

#[ltq::task]
async fn report() -> Report<'static> {
    Report { text: "fixed" }
}

#[ltq::task(blocking)]
fn option_blocking() -> Option<Report<'static>> {
    None
}

#[ltq::task]
async fn aliased(text: String) -> Alias<u8> {
    text.parse()
}

#[ltq::task(blocking)]
fn io() -> std::io::Result<Counts> {
    Ok(Counts::new())
}

#[ltq::task]
async fn question_mark(text: String) -> ltq::TaskResult<u8> {
    Ok(text.parse()?)
}

#[ltq::task]
async fn decided() -> Result<(), ltq::RejectMessage> {
    Ok(())
}

#[ltq::task]
async fn nested() -> Option<Result<u8, String>> {
    None
}

#[ltq::task]
async fn fixed() -> &'static str {
    "text"
}

fn output<T>(_: impl Task<Output = T>) {}

fn main() {
    output::<()>(nothing);
    output::<Report<'static>>(report);
    output::<Option<Report<'static>>>(option_blocking);
    output::<u8>(aliased);
    output::<BTreeMap<String, u64>>(io);
    output::<u8>(question_mark);
    output::<()>(decided);
    output::<Option<Result<u8, String>>>(nested);
    output::<&'static str>(fixed);
    let _ = (report(), option_blocking(), aliased(String::new()), question_mark(String::new()), fixed());
}
