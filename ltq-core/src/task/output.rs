//! [`Output`]: what a task returned, on its way out through the middleware, its type forgotten.
//!
//! It stays the value it was and is encoded when somebody asks for the bytes: most of what tasks return is of no interest
//! to anybody, and middleware in the same process reads the value itself.

use std::any::{Any, type_name};
use std::fmt;
use std::io;

use bytes::Bytes;
use serde::Serialize;

/// What a task returned as its success: any value that serialises.
///
/// Middleware reads it with [`downcast_ref`](Self::downcast_ref) or [`encode`](Self::encode), and puts another in its place
/// by returning that one. Whoever waits for the result reads it as the type that the task declares
/// ([`Task::Output`](crate::task::Task::Output)), so a value in its place has the same type, or serialises like it.
///
/// The output of a task that returns nothing is `()`. It costs no allocation; any other value is boxed once.
///
/// ```
/// use ltq_core::task::Output;
///
/// let output = Output::of(7_u64);
/// assert_eq!(output.downcast_ref::<u64>(), Some(&7));
/// assert!(Output::default().is::<()>());
/// ```
pub struct Output(Box<dyn Value>);

/// What [`Output`] knows about a value whose type it forgot.
trait Value: Any + Send {
    fn type_name(&self) -> &'static str;

    fn write(&self, out: &mut Bounded) -> Result<(), rmp_serde::encode::Error>;
}

impl<T: Serialize + Send + 'static> Value for T {
    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }

    fn write(&self, out: &mut Bounded) -> Result<(), rmp_serde::encode::Error> {
        rmp_serde::encode::write_named(out, self)
    }
}

impl Output {
    /// Holds `value`.
    #[must_use]
    pub fn of<T: Serialize + Send + 'static>(value: T) -> Self {
        // A box of a type without a size, such as `()`, does not allocate.
        Self(Box::new(value))
    }

    /// Whether the value is a `T`.
    #[must_use]
    pub fn is<T: 'static>(&self) -> bool {
        (&*self.0 as &dyn Any).is::<T>()
    }

    /// The value, if it is a `T`.
    #[must_use]
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        (&*self.0 as &dyn Any).downcast_ref()
    }

    /// Takes the value out, if it is a `T`.
    ///
    /// # Errors
    ///
    /// It is of another type; the output comes back.
    pub fn downcast<T: 'static>(self) -> Result<T, Self> {
        if !self.is::<T>() {
            return Err(self);
        }
        let value: Box<dyn Any> = self.0;
        // What is a `T` by the line above cannot fail to be one; the branch keeps the function free of a panic.
        value.downcast().map(|value| *value).map_err(|_| Self::default())
    }

    /// The name of the value's type, for logs. It is not stable between versions of the compiler.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        (*self.0).type_name()
    }

    /// The value as MessagePack, structs as maps from name to value, if that takes at most `max_bytes`. It is encoded anew
    /// at each call.
    ///
    /// # Errors
    ///
    /// It takes more bytes, or the value refuses to be serialised.
    pub fn encode(&self, max_bytes: usize) -> Result<Bytes, OutputError> {
        let mut out = Bounded { bytes: Vec::new(), max_bytes, is_full: false };
        match (*self.0).write(&mut out) {
            _ if out.is_full => Err(OutputError::TooLarge { max_bytes }),
            Ok(()) => Ok(out.bytes.into()),
            Err(error) => Err(OutputError::NotEncodable { type_name: self.type_name(), reason: error.to_string() }),
        }
    }
}

/// Nothing: what a task returns that returns `()`.
impl Default for Output {
    fn default() -> Self {
        Self::of(())
    }
}

/// Names the type only: the value may be a secret.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({})", self.type_name())
    }
}

/// What a task returned cannot be kept or sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// It is too large.
    #[error(
        "what the task returned takes more than {max_bytes} bytes: store it elsewhere, and return where it is or a summary"
    )]
    TooLarge {
        /// How many bytes are allowed.
        max_bytes: usize,
    },
    /// Its `Serialize` refused, or MessagePack cannot hold it.
    #[error("what the task returned, a `{type_name}`, could not be encoded: {reason}; every part of it must serialise")]
    NotEncodable {
        /// The name of its type.
        type_name: &'static str,
        /// What serde said.
        reason: String,
    },
}

/// Takes bytes up to a bound and fails at it, so that a value that is far too large is not encoded to its end.
struct Bounded {
    bytes: Vec<u8>,
    max_bytes: usize,
    is_full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.max_bytes - self.bytes.len() {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A type that a task may return as its success.
///
/// Implemented for everything that serde can write and that owns what it holds.
#[diagnostic::on_unimplemented(
    message = "a task cannot return `{Self}`",
    label = "is handed to whoever asks for the result, so it needs `serde::Serialize`",
    note = "for a type of your own, write `#[derive(serde::Serialize)]`",
    note = "where nobody needs the value, return `()`",
    note = "what a task returns must also be `Send` and own what it holds"
)]
pub trait TaskOutput: Serialize + Send + Sized + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Send + 'static> TaskOutput for T {}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serializer};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Stars {
        count: u32,
    }

    /// Serde refuses it.
    struct Refuses;

    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }

    #[test]
    fn the_value_comes_out_as_the_type_it_went_in() {
        let output = Output::of(Stars { count: 3 });
        assert_eq!(output.downcast_ref::<Stars>(), Some(&Stars { count: 3 }));
        assert!(output.downcast_ref::<u32>().is_none());
        let output = output.downcast::<String>().unwrap_err();
        assert_eq!(output.downcast::<Stars>().unwrap(), Stars { count: 3 });
    }

    #[test]
    fn bytes_are_those_of_the_value_up_to_the_bound() {
        let output = Output::of(Stars { count: 3 });
        let bytes = output.encode(8).unwrap();
        assert_eq!(bytes.len(), 8);
        assert_eq!(rmp_serde::from_slice::<Stars>(&bytes).unwrap(), Stars { count: 3 });
        assert_eq!(output.encode(7), Err(OutputError::TooLarge { max_bytes: 7 }));
        assert_eq!(&*Output::default().encode(1).unwrap(), [0xc0]);
    }

    #[test]
    fn what_does_not_serialise_is_named_with_its_reason() {
        let text = Output::of(vec![Refuses]).encode(100).unwrap_err().to_string();
        assert!(text.contains("Refuses") && text.contains("not today"), "{text}");
    }

    #[test]
    fn a_value_is_not_shown() {
        assert_eq!(format!("{:?}", Output::of(String::from("password"))), "Output(alloc::string::String)");
    }
}
