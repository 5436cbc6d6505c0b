//! Values that must never be printed.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is printed in the place of a secret.
const MASK: &str = "***";

/// A value that no log, answer or error message can show: every way to print it gives `***`.
///
/// [`Secret::expose`] is the only way in, so that `grep expose` lists all uses.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret<T>(T);

/// A secret text: a password, an API key.
pub type SecretText = Secret<String>;

impl<T> Secret<T> {
    /// Hides a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, to be handed to the outside party it is meant for and to nobody else.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        #[derive(Debug, Serialize)]
        struct Account {
            key: SecretText,
        }
        let account = Account { key: SecretText::new("sk_live_1".to_owned()) };
        assert_eq!(format!("{account:?}"), "Account { key: *** }");
        assert_eq!(account.key.to_string(), "***");
        assert_eq!(serde_json::to_string(&account).expect("json"), r#"{"key":"***"}"#);
        assert_eq!(account.key.expose(), "sk_live_1");
        let read: SecretText = serde_json::from_str(r#""sk_live_1""#).expect("a text");
        assert_eq!(read, account.key);
    }
}
