#[derive(serde::Serialize)]
struct Local(#[serde(skip)] std::marker::PhantomData<std::rc::Rc<u8>>);

#[ltq::task]
async fn my_task(_id: u64) -> Local {
    Local(std::marker::PhantomData)
}

fn main() {}
