//! Exact amounts of money.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ISO 4217 currency code, such as `EUR`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// Currencies whose minor unit is not a hundredth (ISO 4217, table A.1, column "minor unit").
const EXPONENTS: &[(&str, u32)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLF", 4),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

impl Currency {
    /// The euro, the default of a chain.
    pub const EUR: Self = Self(*b"EUR");

    /// The code, three capital letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many decimals the currency has: 2 for EUR, 0 for JPY, 3 for TND.
    pub fn exponent(self) -> u32 {
        EXPONENTS.iter().find(|(code, _)| *code == self.code()).map_or(2, |(_, exponent)| *exponent)
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    /// Parses three capital ASCII letters.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            Ok(_) | Err(_) => Err(MoneyError::Currency),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is not an amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not three capital letters.
    #[error("a currency is three capital letters of ISO 4217, such as EUR")]
    Currency,
    /// Not a plain decimal number.
    #[error("an amount is a decimal number in a string, such as \"35.00\"")]
    Amount,
    /// More decimals than the currency has.
    #[error("the amount has more decimals than its currency")]
    Precision,
    /// Larger than can be held exactly.
    #[error("the amount is too large")]
    Overflow,
    /// Amounts of two currencies in one computation.
    #[error("amounts of different currencies cannot be combined")]
    Mixed,
}

/// An exact amount: whole minor units (cents) of one currency.
///
/// On the wire `{"montant":"35.00","devise":"EUR"}`; never a floating point number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// So many minor units (cents for EUR).
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Parses a plain decimal such as `35`, `35.5` or `-0.05` of the given currency.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (negative, digits) = amount.strip_prefix('-').map_or((false, amount), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return Err(MoneyError::Amount);
        }
        let exponent = currency.exponent() as usize;
        let significant = fraction.trim_end_matches('0');
        if significant.len() > exponent {
            return Err(MoneyError::Precision);
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > 18 {
            return Err(MoneyError::Overflow);
        }
        let minor: i64 =
            format!("0{whole}{significant:0<exponent$}").parse().map_err(|_| MoneyError::Overflow)?;
        Ok(Self { minor: if negative { -minor } else { minor }, currency })
    }

    /// The sum; an error when the currencies differ or it would overflow.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed);
        }
        self.minor.checked_add(other.minor).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }

    /// The amount so many times; an error when it would overflow.
    pub fn times(self, quantity: i64) -> Result<Self, MoneyError> {
        self.minor.checked_mul(quantity).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }

    /// The amount as a plain decimal, `35.00`.
    pub fn amount(self) -> String {
        let exponent = self.currency.exponent();
        let sign = if self.minor < 0 { "-" } else { "" };
        let absolute = self.minor.unsigned_abs();
        if exponent == 0 {
            return format!("{sign}{absolute}");
        }
        let unit = 10_u64.pow(exponent);
        format!("{sign}{}.{:0width$}", absolute / unit, absolute % unit, width = exponent as usize)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Montant")]
struct Wire<'a> {
    montant: std::borrow::Cow<'a, str>,
    devise: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire { montant: self.amount().into(), devise: self.currency }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        Self::parse(&wire.montant, wire.devise).map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Money {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .property(
                "montant",
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some(r"^-?[0-9]{1,17}(\.[0-9]{1,4})?$")),
            )
            .property("devise", ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Z]{3}$")))
            .required("montant")
            .required("devise")
            .description(Some("An exact amount: a decimal in a string, and an ISO 4217 currency"))
            .examples([serde_json::json!({"montant": "35.00", "devise": "EUR"})])
            .into()
    }
}

impl utoipa::ToSchema for Money {
    fn name() -> std::borrow::Cow<'static, str> {
        "Montant".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, Currency::EUR)
    }

    #[test]
    fn parses_and_prints_exactly() {
        for (text, minor) in [
            ("35.00", 3500),
            ("35", 3500),
            ("35.5", 3550),
            ("0.05", 5),
            ("-0.05", -5),
            ("007.10", 710),
            ("1.5000", 150),
        ] {
            assert_eq!(Money::parse(text, Currency::EUR), Ok(eur(minor)), "{text}");
        }
        assert_eq!(eur(-5).amount(), "-0.05");
        assert_eq!(eur(123_456).to_string(), "1234.56 EUR");
        let yen: Currency = "JPY".parse().expect("a currency");
        assert_eq!(Money::parse("35", yen).map(Money::amount), Ok("35".to_owned()));
        assert_eq!(Money::parse("35.5", yen), Err(MoneyError::Precision));
    }

    #[test]
    fn refuses_what_is_not_money() {
        for text in ["", ".", "1.", ".5", "1e3", "1,50", " 1", "+1", "--1", "NaN", "١"] {
            assert_eq!(Money::parse(text, Currency::EUR), Err(MoneyError::Amount), "{text}");
        }
        assert_eq!(Money::parse("1.001", Currency::EUR), Err(MoneyError::Precision));
        assert_eq!(Money::parse("99999999999999999999", Currency::EUR), Err(MoneyError::Overflow));
        assert_eq!("eur".parse::<Currency>(), Err(MoneyError::Currency));
    }

    #[test]
    fn arithmetic_is_checked() {
        assert_eq!(eur(1).plus(eur(2)), Ok(eur(3)));
        assert_eq!(eur(i64::MAX).plus(eur(1)), Err(MoneyError::Overflow));
        assert_eq!(eur(i64::MAX).times(2), Err(MoneyError::Overflow));
        let yen = "JPY".parse().expect("a currency");
        assert_eq!(eur(1).plus(Money::from_minor(1, yen)), Err(MoneyError::Mixed));
    }

    #[test]
    fn the_wire_form_is_an_object_of_two_strings() {
        let json = serde_json::to_string(&eur(3500)).expect("json");
        assert_eq!(json, r#"{"montant":"35.00","devise":"EUR"}"#);
        assert_eq!(serde_json::from_str::<Money>(&json).expect("money"), eur(3500));
        assert!(serde_json::from_str::<Money>(r#"{"montant":35.0,"devise":"EUR"}"#).is_err());
    }
}
