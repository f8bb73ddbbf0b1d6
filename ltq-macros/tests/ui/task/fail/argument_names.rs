#[ltq::task]
async fn same_key(#[ltq(rename = "id")] user: u64, id: u64) {}

#[ltq::task]
async fn renamed_to_same(id: u64, #[ltq(rename = "id")] user: u64) {}

#[ltq::task]
async fn same_name(id: u64, id: u64) {}

fn main() {
    let _ = same_name.message(1, 2);
}
