//! How generated code reads what a task returns: a result is split, everything else is a success. Not public API.
//!
//! A macro sees only tokens, and `Alias<u8>` may be a result. So the types decide: [`Kind`] says whether a type is a
//! `Result`, and that constant chooses between the two impls of [`Returned`], which would overlap without it because a
//! `Result` serialises too.
//!
//! Next: back out through the levels of the stack, then `worker/settle.rs`.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::{IntoTaskError, Output, TaskOutput};
use crate::BoxError;

/// Says what kind of type `R` is: `Kind::<R>::IS_RESULT`.
///
/// The constant of the type itself is found before that of the trait [`NotResult`], which must be in scope.
#[derive(Debug)]
pub struct Kind<R>(PhantomData<R>);

impl<T, E> Kind<Result<T, E>> {
    /// It is a `Result`.
    pub const IS_RESULT: bool = true;
}

/// For everything else.
pub trait NotResult {
    /// It is no `Result`.
    const IS_RESULT: bool = false;
}

impl<R> NotResult for Kind<R> {}

/// What a task returns.
pub trait Returned<const IS_RESULT: bool> {
    /// What it is on success.
    type Output;
    /// What it is on failure.
    type Error;

    /// Splits it.
    ///
    /// # Errors
    ///
    /// It is one.
    fn split(self) -> Result<Self::Output, Self::Error>;
}

impl<T, E> Returned<true> for Result<T, E> {
    type Output = T;
    type Error = E;

    fn split(self) -> Self {
        self
    }
}

impl<T> Returned<false> for T {
    type Output = T;
    type Error = Infallible;

    fn split(self) -> Result<T, Infallible> {
        Ok(self)
    }
}

/// Ends an execution with what its task returned. Where the value is not wanted, it is dropped here and costs nothing.
///
/// All bounds stand here and nowhere else, so that a type that cannot be returned is reported once.
///
/// # Errors
///
/// The task failed.
pub fn end<R, const IS_RESULT: bool>(returned: R, is_wanted: bool) -> Result<Output, BoxError>
where
    R: Returned<IS_RESULT>,
    R::Output: TaskOutput,
    R::Error: IntoTaskError,
{
    match returned.split() {
        Ok(value) if is_wanted => Ok(Output::of(value)),
        Ok(_) => Ok(Output::default()),
        Err(error) => Err(error.into_boxed_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Failure, RejectMessage, TaskResult};

    #[test]
    fn results_are_split_and_values_are_kept() {
        assert_eq!(end::<_, { Kind::<u8>::IS_RESULT }>(7_u8, true).unwrap().downcast_ref(), Some(&7_u8));
        assert!(end::<_, { Kind::<()>::IS_RESULT }>((), true).unwrap().is::<()>());
        assert!(
            end::<_, { Kind::<TaskResult<u8>>::IS_RESULT }>(Ok::<u8, std::fmt::Error>(7), true).unwrap().is::<u8>()
        );
        let aliased: TaskResult<u8> = Err(RejectMessage::new("no").into());
        let error = end::<_, { Kind::<TaskResult<u8>>::IS_RESULT }>(aliased, true).unwrap_err();
        assert!(matches!(Failure::of(&error), Failure::Reject(_)));
    }

    #[test]
    fn what_nobody_wants_is_dropped() {
        assert!(end::<_, { Kind::<String>::IS_RESULT }>(String::from("text"), false).unwrap().is::<()>());
    }
}
