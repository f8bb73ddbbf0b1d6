//! Tasks with one name in two modules, under another name, beside `impl` blocks of the same file.
#![deny(warnings)]

mod tasks {
    #[ltq::task]
    pub async fn fetch(owner: &str, name: &str) -> usize {
        owner.len() + name.len()
    }

    pub mod other {
        #[ltq::task]
        pub async fn fetch(id: u64) -> u64 {
            id
        }
    }
}

pub use tasks::fetch as grab;
pub use tasks::other;

pub struct Service<T>(T);

impl<T: Copy> Service<T> {
    pub fn value(&self) -> T {
        self.0
    }

    pub fn message(&self) -> ltq::Message {
        // A task inside a method knows nothing of the method's type.
        #[ltq::task(queue = "service")]
        async fn inside(id: u64) -> u64 {
            id
        }
        inside.message(1)
    }
}

impl grab {
    pub fn tokio(&self) -> ltq::Message {
        self.message("tokio-rs", "tokio")
    }
}

fn main() {
    fn is_send<T: Send>(_: T) {}
    is_send(grab.send("tokio-rs", "tokio"));
    is_send(grab.send_bulk([grab.message("a", "b"), other::fetch.message(1)]));
    is_send((grab("a", "b"), other::fetch(1)));
    let def = <grab as ltq::Task>::DEF;
    assert!(def.name.ends_with("::tasks::fetch"), "{}", def.name);
    assert_ne!(def.name, <other::fetch as ltq::Task>::DEF.name);
    let service = Service(1_u8);
    assert_eq!((service.value(), service.message().queue()), (1, "service"));
    assert_eq!(grab.tokio().task(), def.name);
}
