//! Names that are keywords.

#[ltq::task]
async fn r#match(r#type: String, r#in: u8) -> u8 {
    drop(r#type);
    r#in
}

fn main() {
    let _ = r#match.message("a", 1);
    let _ = r#match("a".to_owned(), 1);
}
