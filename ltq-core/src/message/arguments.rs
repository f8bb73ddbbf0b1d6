//! [`Arguments`]: the arguments of a message, for who does not link its task.
//!
//! They stay encoded until somebody asks for one: what lists messages by the thousand seldom shows arguments.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::codec::{argument_error, decode_args, deserializer};
use super::{DecodeError, Envelope};

/// The arguments of a message: values by name.
///
/// They may hold secrets. Printed, an `Arguments` shows the names alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Arguments(Bytes);

impl Arguments {
    /// The arguments in the bytes of a message.
    pub(super) fn of_payload(payload: &Bytes) -> Result<Self, DecodeError> {
        Ok(Self(payload.slice_ref(Envelope::decode(payload)?.args)))
    }

    /// Those of a MessagePack map from name to value.
    #[cfg(feature = "testing")]
    pub(crate) fn new(map: Bytes) -> Self {
        Self(map)
    }

    /// All of them: as a struct with fields of their names, or as a map such as
    /// `BTreeMap<String, serde_json::Value>`. Names the type does not have are ignored.
    ///
    /// # Errors
    ///
    /// They are not of this type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        decode_args(&self.0)
    }

    /// One of them; `None` where there is none of that name.
    ///
    /// # Errors
    ///
    /// It is not of this type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, DecodeError> {
        let one = One { name, of: PhantomData };
        one.deserialize(&mut deserializer(&self.0)).map_err(|error| argument_error(Some(name), &error))
    }

    /// Their names, in the order in which they travel.
    ///
    /// # Errors
    ///
    /// The bytes are not a map from name to value.
    pub fn names(&self) -> Result<Vec<String>, DecodeError> {
        Names.deserialize(&mut deserializer(&self.0)).map_err(|error| argument_error(None, &error))
    }

    /// The MessagePack map they are.
    #[cfg(feature = "testing")]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names() {
            Ok(names) => write!(f, "Arguments({})", names.join(", ")),
            Err(_) => f.write_str("Arguments(unreadable)"),
        }
    }
}

/// Reads the entry of one name.
struct One<'a, T> {
    name: &'a str,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for One<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for One<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of arguments")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Option<T>, A::Error> {
        let mut found = None;
        while let Some(name) = entries.next_key::<String>()? {
            if name == self.name {
                found = Some(entries.next_value()?);
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Reads the names and passes over the values.
struct Names;

impl<'de> DeserializeSeed<'de> for Names {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of arguments")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Vec<String>, A::Error> {
        let mut names = Vec::new();
        while let Some((name, IgnoredAny)) = entries.next_entry::<String, _>()? {
            names.push(name);
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::super::encode_args;
    use super::*;

    #[derive(Serialize)]
    struct Given {
        user: u64,
        password: &'static str,
    }

    fn given() -> Arguments {
        Arguments(encode_args(&Given { user: 7, password: "secret" }).unwrap())
    }

    #[test]
    fn each_is_found_by_its_name() {
        let arguments = given();
        assert_eq!(arguments.names().unwrap(), ["user", "password"]);
        assert_eq!(arguments.get::<u64>("user").unwrap(), Some(7));
        assert_eq!(arguments.get::<String>("password").unwrap().as_deref(), Some("secret"));
        assert_eq!(arguments.get::<u64>("nothing").unwrap(), None);
    }

    #[test]
    fn neither_errors_nor_debug_show_a_value() {
        let arguments = given();
        let error = arguments.get::<u64>("password").unwrap_err().to_string();
        assert!(error.contains("`password`") && error.contains("string"), "{error}");
        for text in [error, format!("{arguments:?}")] {
            assert!(!text.contains("secret"), "{text}");
        }
        assert_eq!(format!("{arguments:?}"), "Arguments(user, password)");
    }

    #[test]
    fn bytes_that_are_no_map_are_an_error() {
        for bytes in [&b"\x01"[..], b"\x82\xa1a", b""] {
            let arguments = Arguments(Bytes::from_static(bytes));
            assert!(matches!(arguments.names(), Err(DecodeError::Arguments { .. })));
            assert!(matches!(arguments.get::<u8>("a"), Err(DecodeError::Arguments { .. })));
            assert_eq!(format!("{arguments:?}"), "Arguments(unreadable)");
        }
    }
}
