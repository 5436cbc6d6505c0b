//! Texts and numbers that are checked where they come in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// Why a text or number is not what it should be; the message says what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Empty, or nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Longer than allowed.
    #[error("must not be longer than {0} characters")]
    TooLong(usize),
    /// Holds a control character.
    #[error("must not contain control characters")]
    Control,
    /// Not an e-mail address.
    #[error("must be an e-mail address, such as nom@exemple.fr")]
    Email,
    /// Not a GTIN-13, or its check digit is wrong.
    #[error("must be 13 digits ending with the right check digit (GTIN-13)")]
    Ean13,
    /// Not a quantity.
    #[error("must be a whole number from 1 to 1000000")]
    Quantity,
}

fn checked(text: &str, max: usize, control: impl Fn(char) -> bool) -> Result<String, TextError> {
    let text = text.trim();
    if text.chars().any(control) {
        return Err(TextError::Control);
    }
    if text.chars().count() > max {
        return Err(TextError::TooLong(max));
    }
    Ok(text.to_owned())
}

macro_rules! parsed_from_string {
    ($name:ident) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
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
    };
}

/// One line of text: trimmed, 1 to 200 characters, no control characters. Names, districts, categories.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, min_length = 1, max_length = 200)]
pub struct Line(String);

impl FromStr for Line {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let text = checked(text, 200, char::is_control)?;
        if text.is_empty() { Err(TextError::Empty) } else { Ok(Self(text)) }
    }
}
parsed_from_string!(Line);

/// Free text: trimmed, up to 4,000 characters, line breaks and tabs allowed, may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, max_length = 4000)]
pub struct Text(String);

impl FromStr for Text {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        checked(text, 4000, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')).map(Self)
    }
}
parsed_from_string!(Text);

/// An e-mail address as its owner wrote it, with a folded form for comparing.
///
/// The check is the one browsers make of `type=email` fields (WHATWG HTML, "valid e-mail address"), with at
/// least one dot in the domain and the lengths of RFC 5321, 4.5.3.1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "email", max_length = 254, example = "claire.martin@exemple.fr")]
pub struct Email(String);

impl Email {
    /// The form in which addresses are compared: lower case.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for Email {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        let (local, domain) = text.split_once('@').ok_or(TextError::Email)?;
        let local_ok = (1..=64).contains(&local.len())
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b));
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let domain_ok = domain.contains('.') && domain.split('.').all(label_ok);
        if text.len() <= 254 && local_ok && domain_ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(TextError::Email)
        }
    }
}
parsed_from_string!(Email);

/// A GTIN-13 (EAN-13) article number whose check digit is right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[0-9]{13}$", example = "3017620422003")]
pub struct Ean13(String);

impl FromStr for Ean13 {
    type Err = TextError;

    /// Weights 1 and 3 from the left, the sum a multiple of ten (GS1 General Specifications, 7.9).
    fn from_str(text: &str) -> Result<Self, TextError> {
        if text.len() != 13 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(TextError::Ean13);
        }
        let sum: u32 = text
            .bytes()
            .zip([1, 3].into_iter().cycle())
            .map(|(digit, weight)| u32::from(digit - b'0') * weight)
            .sum();
        if sum.is_multiple_of(10) { Ok(Self(text.to_owned())) } else { Err(TextError::Ean13) }
    }
}
parsed_from_string!(Ean13);

/// A number of units: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = i64, minimum = 1, maximum = 1_000_000, example = 1)]
pub struct Quantity(i64);

impl Quantity {
    /// The largest quantity.
    pub const MAX: i64 = 1_000_000;

    /// A quantity within 1 to [`Quantity::MAX`].
    pub fn new(units: i64) -> Result<Self, TextError> {
        if (1..=Self::MAX).contains(&units) { Ok(Self(units)) } else { Err(TextError::Quantity) }
    }

    /// The number of units.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl FromStr for Quantity {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        text.parse().map_err(|_| TextError::Quantity).and_then(Self::new)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_trimmed_and_bounded() {
        assert_eq!("  Paris 3e ".parse::<Line>().map(|line| line.to_string()), Ok("Paris 3e".to_owned()));
        assert_eq!("  ".parse::<Line>(), Err(TextError::Empty));
        assert_eq!("a\u{0}b".parse::<Line>(), Err(TextError::Control));
        assert_eq!("é".repeat(201).parse::<Line>(), Err(TextError::TooLong(200)));
        assert!("two\nlines".parse::<Text>().is_ok());
    }

    #[test]
    fn addresses() {
        for good in ["a@b.fr", "Claire.Martin+x@mail.exemple.fr"] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
        }
        for bad in ["", "a", "a@b", "@b.fr", "a@-b.fr", "a@b..fr", "a b@c.fr", "a@b.fr\r\nBcc: x@y.z"] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
        assert_eq!(
            "Claire@Exemple.FR".parse::<Email>().map(|e| e.folded()),
            Ok("claire@exemple.fr".to_owned())
        );
    }

    #[test]
    fn article_numbers_need_their_check_digit() {
        assert!("3017620422003".parse::<Ean13>().is_ok());
        for bad in ["3017620422004", "301762042200", "30176204220033", "301762042200X"] {
            assert!(bad.parse::<Ean13>().is_err(), "{bad}");
        }
    }

    #[test]
    fn quantities_are_bounded() {
        assert!(Quantity::new(0).is_err() && Quantity::new(1_000_001).is_err() && Quantity::new(-1).is_err());
        assert!(serde_json::from_str::<Quantity>("1.5").is_err());
        assert_eq!(serde_json::from_str::<Quantity>("3").map(Quantity::get).ok(), Some(3));
    }
}
