//! The arguments of a task as they travel: [`Argument`], and how generated code writes and reads all of them.
//!
//! An argument that serde cannot handle is reported once, where generated code asks for [`Argument`] at the argument's
//! type. Everything else it generates must then stay quiet, so writing and reading go through pairs of traits: method
//! lookup finds the first where serde can do it, and a stand-in that never runs where it cannot, because a program
//! with that error is not built.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TaskDef;
use crate::message::{DecodeError, Message, decode_args};

/// A type that can be an argument of a task and travels in its messages.
///
/// Implemented for everything that serde can write and read again and that owns what it holds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a task",
    label = "travels in the message, so it needs `serde::Serialize` and `serde::Deserialize`",
    note = "for a type of your own, write `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "a shared value of the worker, such as a database pool, is taken as `ltq::State<T>`",
    note = "an argument must also be `Send` and own what it holds"
)]
pub trait Argument: Send + Sized + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Argument for T {}

/// Asks that `T` is an [`Argument`].
#[doc(hidden)]
pub const fn argument<T: Argument>() {}

/// A type whose `Default` stands in for an argument that a message lacks.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no default, which `#[ltq(default)]` needs",
    label = "does not implement `Default`",
    note = "for a type of your own, write `#[derive(Default)]`; else name a function: `#[ltq(default = path::to::function)]`"
)]
pub trait DefaultArgument: Sized {
    /// The value.
    #[must_use]
    fn default_argument() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> DefaultArgument for T {
    fn default_argument() -> Self {
        T::default()
    }
}

/// An argument that a message may lack. What is there is read as `T`, so a nil is not taken for a missing one.
#[doc(hidden)]
#[derive(Debug)]
pub struct OrDefault<T>(Option<T>);

impl<T> OrDefault<T> {
    /// An argument that is there.
    pub fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// The argument, or the value of `default`.
    pub fn or_else(self, default: fn() -> T) -> T {
        self.0.unwrap_or_else(default)
    }
}

impl<T> Default for OrDefault<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Serialize> Serialize for OrDefault<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => value.serialize(serializer),
            // Never met: what is sent is there.
            None => serializer.serialize_none(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OrDefault<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

/// Arguments to write.
#[doc(hidden)]
#[derive(Debug)]
pub struct Encode<'a, A>(pub &'a A);

/// For arguments that serialise.
#[doc(hidden)]
pub trait Encoded {
    /// A message that calls the task `def`.
    fn message(&self, def: &'static TaskDef) -> Message;
}

impl<A: Serialize> Encoded for Encode<'_, A> {
    fn message(&self, def: &'static TaskDef) -> Message {
        Message::new(def.name, def.queue, self.0)
    }
}

/// For the rest.
#[doc(hidden)]
pub trait NotEncoded {
    /// Never called.
    fn message(&self, def: &'static TaskDef) -> Message;
}

impl<A> NotEncoded for &Encode<'_, A> {
    fn message(&self, def: &'static TaskDef) -> Message {
        Message::new(def.name, def.queue, &())
    }
}

/// Arguments to read.
#[doc(hidden)]
#[derive(Debug)]
pub struct Decode<A>(pub PhantomData<A>);

/// For arguments that deserialise.
#[doc(hidden)]
pub trait Decoded<A> {
    /// The arguments in a message.
    ///
    /// # Errors
    ///
    /// They do not fit.
    fn decode(&self, bytes: &[u8]) -> Result<A, DecodeError>;
}

impl<A: DeserializeOwned> Decoded<A> for Decode<A> {
    fn decode(&self, bytes: &[u8]) -> Result<A, DecodeError> {
        decode_args(bytes)
    }
}

/// For the rest.
#[doc(hidden)]
pub trait NotDecoded<A> {
    /// Never called.
    ///
    /// # Errors
    ///
    /// Always.
    fn decode(&self, bytes: &[u8]) -> Result<A, DecodeError>;
}

impl<A> NotDecoded<A> for &Decode<A> {
    fn decode(&self, _: &[u8]) -> Result<A, DecodeError> {
        Err(DecodeError::Arguments { reason: "they do not deserialise".to_owned() })
    }
}
