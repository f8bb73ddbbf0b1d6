//! [`Carried`]: the small map that travels with a message and survives retries.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::deserializer;

/// Values by key, each kept as MessagePack. Empty costs nothing.
///
/// Keys that begin with `ltq.` are the library's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried(pub(crate) BTreeMap<String, Bytes>);

/// A carried value that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("the carried value `{key}` could not be {action} as the requested type")]
pub struct CarriedError {
    key: String,
    action: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Carried {
    /// The value under `key`, or `None` where there is none.
    ///
    /// # Errors
    ///
    /// The value is not of type `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CarriedError> {
        let Some(bytes) = self.0.get(key) else { return Ok(None) };
        T::deserialize(&mut deserializer(bytes)).map(Some).map_err(|source| CarriedError {
            key: key.to_owned(),
            action: "read",
            source: source.into(),
        })
    }

    /// Puts `value` under `key`, over what was there.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded.
    pub fn set<T: Serialize + ?Sized>(&mut self, key: impl Into<String>, value: &T) -> Result<(), CarriedError> {
        let key = key.into();
        match rmp_serde::to_vec_named(value) {
            Ok(bytes) => {
                self.0.insert(key, bytes.into());
                Ok(())
            }
            Err(source) => Err(CarriedError { key, action: "written", source: source.into() }),
        }
    }

    /// Takes the value under `key` away; says whether there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        self.0.remove(key).is_some()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_type() {
        let mut carried = Carried::default();
        carried.set("tries", &3_u32).unwrap();
        carried.set("who", "me").unwrap();
        assert_eq!(carried.get("tries").unwrap(), Some(3_u32));
        assert_eq!(carried.get::<String>("who").unwrap().as_deref(), Some("me"));
        assert_eq!(carried.get::<u32>("nothing").unwrap(), None);
        let error = carried.get::<u32>("who").unwrap_err();
        assert!(error.to_string().contains("`who`"), "{error}");
    }
}
