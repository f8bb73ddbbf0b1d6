//! A task may stand in a function, in a private module and under `cfg`.
#![deny(warnings)]

mod private {
    use super::Number;

    #[ltq::task]
    pub(super) async fn inner(number: Number) -> Number {
        if number > 0 {
            // The name means the task in its own body too.
            let _ = inner.message(number - 1);
            let _ = self::inner.message(number);
        }
        number
    }

    #[ltq::task]
    async fn never_sent() {}

    pub mod deep {
        #[ltq::task(blocking)]
        pub(in super::super) fn inner() {}
    }
}

type Number = u32;

#[ltq::task]
#[cfg(not(any()))]
async fn present() {}

#[cfg(any())]
#[ltq::task]
async fn absent(nothing: Missing) {}

#[ltq::task]
#[cfg(any())]
async fn absent_too(nothing: Missing) {}

macro_rules! tasks {
    ($($name:ident($ty:ty)),*) => {
        $(
            #[ltq::task]
            async fn $name(value: $ty, text: String) -> $ty {
                drop(text);
                value
            }
        )*
    };
}

tasks!(first(u8), second(std::vec::Vec<String>));

fn main() {
    #[derive(Debug)]
    struct Local;

    #[ltq::task]
    async fn here(#[allow(unused)] pool: ltq::State<Local>, mut number: u8) -> u8 {
        number += 1;
        number
    }

    let _ = (here.message(1), present.message(), private::inner.message(1), private::deep::inner.message());
    let _ = (first.message(1, "a"), second.message(vec![], "a"), first(1, String::new()));
    let _ = here(ltq::State::new(Local), 1);
    let _ = format!("{here:?}");
}
