//! The names of things in the offers stall: offers, categories, segments, people, events.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use store::{DbError, FromColumn, Param, RowRef, ToParam};

/// Why a text is not a name; the message says what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not an offer's id.
    #[error("must be 1 to 32 letters, digits, `-` or `_`")]
    OfferId,
    /// A word that an offer's path would not lead to.
    #[error("is a word of the API: an offer of that name could not be reached")]
    Reserved,
    /// Not a category or a segment.
    #[error("must be one line of 1 to 40 characters")]
    Label,
    /// Not the name of a person or an event.
    #[error("must be 1 to 64 visible characters without spaces")]
    Reference,
}

/// Words that follow `/offers/` in paths of their own.
const RESERVED: [&str; 5] = ["decisions", "experiments", "pivots", "recommend", "trending"];

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $parse:expr) => {
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
        #[serde(transparent)]
        $(#[$doc])*
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let parse: fn(&str) -> Result<Box<str>, NameError> = $parse;
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        /// A map keyed by these can be asked with a plain text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl<'a> ToParam<'a> for &'a $name {
            const NULL: Param<'a> = Param::Text(None);

            fn to_param(self) -> Param<'a> {
                Param::Text(Some(&self.0))
            }
        }

        impl FromColumn for $name {
            fn from_column(row: RowRef<'_>, index: usize) -> Result<Option<Self>, DbError> {
                let stored = String::from_column(row, index)?;
                stored.map(|text| text.parse().map_err(|error: NameError| DbError::Decode(error.to_string()))).transpose()
            }
        }
    };
}

name! {
    /// An offer's id: 1 to 32 ASCII letters, digits, `-` and `_`; case counts.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,32}$", example = "OFF001")]
    OfferId, |text| {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if RESERVED.contains(&text) {
            Err(NameError::Reserved)
        } else if plain && (1..=32).contains(&text.len()) {
            Ok(text.into())
        } else {
            Err(NameError::OfferId)
        }
    }
}

name! {
    /// What kind of thing an offer is about: 1 to 40 characters, trimmed, in lower case.
    #[schema(value_type = String, min_length = 1, max_length = 40, example = "electronics")]
    Category, label
}

name! {
    /// A group of people, such as `premium`: 1 to 40 characters, trimmed, in lower case.
    #[schema(value_type = String, min_length = 1, max_length = 40, example = "premium")]
    Segment, label
}

name! {
    /// A person, by the name that the caller has for them: 1 to 64 visible characters; case counts.
    #[schema(value_type = String, min_length = 1, max_length = 64, example = "USER001")]
    UserId, reference
}

name! {
    /// An event, by the name that tells it from all others: 1 to 64 visible characters, the caller's or a UUID of ours.
    #[schema(value_type = String, min_length = 1, max_length = 64, example = "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04")]
    EventId, reference
}

impl From<uuid::Uuid> for EventId {
    fn from(id: uuid::Uuid) -> Self {
        Self(id.hyphenated().to_string().into())
    }
}

impl OfferId {
    /// The next id after the highest of this pattern: `OFF001`, `OFF002` … `OFF999`, `OFF1000`.
    pub fn numbered(number: u64) -> Self {
        Self(format!("OFF{number:03}").into())
    }

    /// The number of an id that [`OfferId::numbered`] could have made, up to 999,999,999: an id with a greater one is a
    /// name like any other, after which no next one has to be found.
    pub fn number(&self) -> Option<u64> {
        let number = self.0.strip_prefix("OFF")?.parse().ok()?;
        (number <= 999_999_999 && Self::numbered(number) == *self).then_some(number)
    }
}

fn label(text: &str) -> Result<Box<str>, NameError> {
    let text = text.trim().to_lowercase();
    let length = text.chars().count();
    if (1..=40).contains(&length) && !text.chars().any(char::is_control) {
        Ok(text.into())
    } else {
        Err(NameError::Label)
    }
}

fn reference(text: &str) -> Result<Box<str>, NameError> {
    let visible = !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if visible && (1..=64).contains(&text.chars().count()) {
        Ok(text.into())
    } else {
        Err(NameError::Reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offers_id_is_plain() {
        for good in ["OFF001", "a", "-_", &"x".repeat(32)] {
            assert_eq!(good.parse::<OfferId>().map(|id| id.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", " OFF001", "OFF 1", "a/b", "..", "été", &"x".repeat(33)] {
            assert_eq!(bad.parse::<OfferId>(), Err(NameError::OfferId), "{bad}");
        }
        for word in RESERVED {
            assert_eq!(word.parse::<OfferId>(), Err(NameError::Reserved));
        }
        assert_ne!("off001".parse::<OfferId>(), "OFF001".parse());
    }

    #[test]
    fn offers_that_are_given_no_id_are_numbered() {
        assert_eq!(OfferId::numbered(7).as_str(), "OFF007");
        assert_eq!(OfferId::numbered(1234).as_str(), "OFF1234");
        let number = |text: &str| text.parse::<OfferId>().map(|id| id.number());
        assert_eq!(number("OFF007"), Ok(Some(7)));
        for other in ["OFF7", "OFF0007", "OFFER", "OFF", "off007", "OFF-01", "OFF9223372036854775807"] {
            assert_eq!(number(other), Ok(None), "{other}");
        }
    }

    #[test]
    fn labels_are_folded() {
        assert_eq!(
            " Électronique\t".parse::<Category>().map(|label| label.to_string()),
            Ok("électronique".into())
        );
        assert_eq!("é".repeat(40).parse::<Segment>().map(|label| label.as_str().len()), Ok(80));
        for bad in ["", "  ", "a\nb", &"é".repeat(41)] {
            assert_eq!(bad.parse::<Segment>(), Err(NameError::Label), "{bad}");
        }
    }

    #[test]
    fn references_are_visible() {
        assert!("USER001".parse::<UserId>().is_ok() && "zoé@exemple.fr".parse::<UserId>().is_ok());
        for bad in ["", " ", "a b", "a\u{0}", "a\u{a0}b", &"x".repeat(65)] {
            assert_eq!(bad.parse::<EventId>(), Err(NameError::Reference), "{bad}");
        }
    }

    #[test]
    fn a_wrong_name_in_json_says_what_is_expected() {
        let refused = serde_json::from_str::<OfferId>("\"a b\"").map_err(|error| error.to_string());
        assert!(refused.is_err_and(|text| text.starts_with("must be 1 to 32 letters")));
        assert!(serde_json::from_str::<OfferId>("\"a\\u002fb\"").is_err());
        assert!(serde_json::from_str::<OfferId>("3").is_err());
    }
}
