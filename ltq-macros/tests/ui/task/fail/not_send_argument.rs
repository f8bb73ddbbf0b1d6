#[ltq::task]
async fn my_task(_list: std::rc::Rc<u8>) {}

fn main() {}
