#[ltq::task]
async fn misspelled(#[ltq(renme = "x")] a: u8, #[ltq(colour)] b: u8, #[ltq(default = one, skip_logs)] c: u8) {}

#[ltq::task]
async fn no_option(#[ltq] a: u8, #[ltq = "default"] b: u8, #[ltq("x")] c: u8) {}

#[ltq::task]
async fn wrong_value(#[ltq(rename)] a: u8, #[ltq(skip_log = true)] b: u8, #[ltq(rename = "")] c: u8, #[ltq(rename("x"))] d: u8) {}

#[ltq::task]
async fn no_path(#[ltq(default = 5)] a: u8, #[ltq(default = "one")] b: u8, #[ltq(default = one())] c: u8, #[ltq(default =)] d: u8) {}

#[ltq::task]
async fn twice(#[ltq(default, default)] a: u8, #[ltq(skip_log)] #[ltq(skip_log)] b: u8) {}

#[ltq::task]
async fn injected(#[ltq(default)] _ctx: ltq::Context, #[ltq(skip_log)] _pool: ltq::State<u8>) {}

#[ltq::task]
async fn of_serde(#[serde(default)] a: u8, #[serde(rename = "x")] b: u8, #[serde(with = "x")] c: u8) {}

#[ltq::task]
async fn conditional(#[cfg(unix)] id: u64) {}

#[ltq::task]
#[ltq(queue = "a")]
async fn on_the_task() {}

fn main() {}
