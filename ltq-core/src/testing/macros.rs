//! `assert_enqueued!` and `assert_not_enqueued!`. They only take the assertion apart; what it means is in `expected.rs`.

/// Asserts that a message of a task was sent and waits.
///
/// `assert_enqueued!(task)`, then what its arguments must be, by name: a value, or a closure with the type of the
/// argument that says whether it is right. Arguments that are not named may be anything. `within = d` asks that it is
/// due no later than `d` from now, `after = d` no earlier. An argument that is itself called `within` or `after` is
/// written `r#within`.
///
/// A queue may come first; else it is the one of this test ([`queue`](crate::testing::queue)).
///
/// ```text
/// assert_enqueued!(welcome);
/// assert_enqueued!(welcome, user = 7, name = |name: String| name.starts_with('A'));
/// assert_enqueued!(queue, remind, user = 7, after = Duration::from_secs(3600));
/// ```
///
/// # Panics
///
/// There is no such message: the text shows what is enqueued instead. Or the task has no such argument.
#[macro_export]
macro_rules! assert_enqueued {
    ($($given:tt)+) => { $crate::__ltq_assert!(enqueued, $($given)+) };
}

/// Asserts that no such message waits: the opposite of [`assert_enqueued!`](crate::assert_enqueued), written the same
/// way.
///
/// # Panics
///
/// There is such a message, or the task has no such argument.
#[macro_export]
macro_rules! assert_not_enqueued {
    ($($given:tt)+) => { $crate::__ltq_assert!(not_enqueued, $($given)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __ltq_assert {
    ($check:ident, $task:expr $(,)?) => {
        $crate::__ltq_assert!(@ $check, $crate::testing::private::this(), $task,)
    };
    ($check:ident, $task:expr, $name:ident = $($conditions:tt)+) => {
        $crate::__ltq_assert!(@ $check, $crate::testing::private::this(), $task, $name = $($conditions)+)
    };
    ($check:ident, $queue:expr, $task:expr $(, $($conditions:tt)*)?) => {
        $crate::__ltq_assert!(@ $check, $queue, $task, $($($conditions)*)?)
    };
    (@ $check:ident, $queue:expr, $task:expr, $($conditions:tt)*) => {{
        let expected = $crate::testing::private::Expected::of($task);
        let expected = $crate::__ltq_expected!(expected, $($conditions)*);
        if let ::core::result::Result::Err(text) = $crate::testing::private::$check(&$queue, expected) {
            ::core::panic!("{text}");
        }
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __ltq_expected {
    ($expected:expr $(,)?) => { $expected };
    ($expected:expr, within = $within:expr $(, $($more:tt)*)?) => {
        $crate::__ltq_expected!($expected.within($within), $($($more)*)?)
    };
    ($expected:expr, after = $after:expr $(, $($more:tt)*)?) => {
        $crate::__ltq_expected!($expected.after($after), $($($more)*)?)
    };
    ($expected:expr, $name:ident = |$value:ident: $type:ty| $check:expr $(, $($more:tt)*)?) => {
        $crate::__ltq_expected!(
            $expected.arg_that(
                ::core::stringify!($name),
                ::core::concat!(
                    "|",
                    ::core::stringify!($value),
                    ": ",
                    ::core::stringify!($type),
                    "| ",
                    ::core::stringify!($check)
                ),
                |$value: $type| $check
            ),
            $($($more)*)?
        )
    };
    ($expected:expr, $name:ident = $value:expr $(, $($more:tt)*)?) => {
        $crate::__ltq_expected!($expected.arg(::core::stringify!($name), &$value), $($($more)*)?)
    };
}
