//! Plain decimal numbers, exact: amounts of the chain's currency, percentages.

use std::fmt;

use kernel::Currency;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use store::{DbError, FromColumn, Param, RowRef, ToParam};

/// How many of [`Amount`]'s smallest steps make one.
const ONE: i64 = 10_000;

/// A decimal number with at most four decimals, held exactly: so many units of the chain's currency, or so many percent.
/// No currency has more decimals (ISO 4217).
///
/// On the wire a plain JSON number, as merchants write it (`25`, `12.5`); a decimal in a string is read too. A JSON
/// number travels as a binary one, which gives back every decimal of up to 15 digits unchanged (IEEE 754), and
/// [`Amount::MAX`] leaves room for no more than 14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i64);

/// Why something is not an [`Amount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a plain decimal.
    #[error("must be a plain decimal number, such as 12.5")]
    Shape,
    /// More than four decimals.
    #[error("must have at most 4 decimals")]
    Precision,
    /// Beyond [`Amount::MAX`].
    #[error("must not be beyond 1000000000")]
    Range,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount, and without its sign the smallest: a thousand million.
    pub const MAX: Self = Self(1_000_000_000 * ONE);

    /// A whole number.
    pub const fn whole(number: i32) -> Self {
        // The widest 32-bit number is beyond MAX, but far from what the steps can hold.
        Self(number as i64 * ONE)
    }

    /// The number in binary, for computing scores; amounts are never added up in it.
    #[expect(clippy::cast_precision_loss, reason = "14 digits at most")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// Whether the number has no more decimals than a currency.
    pub fn fits(self, currency: Currency) -> bool {
        let step = 10_i64.checked_pow(4_u32.saturating_sub(currency.exponent())).unwrap_or(1);
        self.0 % step == 0
    }

    /// The number in hundredths of a hundredth, as it is stored.
    pub const fn ten_thousandths(self) -> i64 {
        self.0
    }
}

impl std::str::FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return Err(AmountError::Shape);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 4 {
            return Err(AmountError::Precision);
        }
        let whole: i64 = whole.parse().map_err(|_| AmountError::Range)?;
        let fraction: i64 = format!("{fraction:0<4}").parse().map_err(|_| AmountError::Shape)?;
        let steps = whole.checked_mul(ONE).and_then(|steps| steps.checked_add(fraction));
        match steps {
            Some(steps) if steps <= Self::MAX.0 => Ok(Self(if negative { -steps } else { steps })),
            Some(_) | None => Err(AmountError::Range),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) =
            (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = format!("{fraction:04}");
        write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % ONE == 0 {
            serializer.serialize_i64(self.0 / ONE)
        } else {
            serializer.serialize_f64(self.to_f64())
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl de::Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount, E> {
        // The shortest decimal that reads back as the same binary number is the one that was written.
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        text.parse().map_err(E::custom)
    }
}

impl utoipa::PartialSchema for Amount {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .description(Some(
                "A decimal number with at most four decimals; a decimal in a string is read too",
            ))
            .examples([serde_json::json!(25)])
            .into()
    }
}

impl utoipa::ToSchema for Amount {
    fn name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }
}

impl ToParam<'_> for Amount {
    const NULL: Param<'static> = Param::Int(None);

    fn to_param(self) -> Param<'static> {
        Param::Int(Some(self.0))
    }
}

impl FromColumn for Amount {
    fn from_column(row: RowRef<'_>, index: usize) -> Result<Option<Self>, DbError> {
        Ok(i64::from_column(row, index)?.map(Self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Amount, String> {
        serde_json::from_str(json).map_err(|error: serde_json::Error| error.to_string())
    }

    #[test]
    fn numbers_and_texts_are_read_exactly() {
        for (json, steps, back) in [
            ("25", 250_000, "25"),
            ("25.0", 250_000, "25"),
            ("0.1", 1_000, "0.1"),
            ("\"0.1000\"", 1_000, "0.1"),
            ("-12.5", -125_000, "-12.5"),
            ("1e2", 1_000_000, "100"),
            ("999999999.9999", 9_999_999_999_999, "999999999.9999"),
            ("1000000000", 10_000_000_000_000, "1000000000"),
        ] {
            let amount = read(json).unwrap_or_else(|error| panic!("{json}: {error}"));
            assert_eq!((amount.ten_thousandths(), amount.to_string().as_str()), (steps, back), "{json}");
            assert_eq!(serde_json::to_string(&amount).ok().as_deref(), Some(back), "{json}");
        }
    }

    #[test]
    fn every_cent_survives_the_wire() {
        for steps in (0..Amount::MAX.0).step_by(99_999_999_989).chain(0..20_000) {
            let json = serde_json::to_string(&Amount(steps)).unwrap_or_default();
            assert_eq!(read(&json), Ok(Amount(steps)), "{json}");
        }
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        for json in [
            "1.00001", "1e10", "-1e10", "1e300", "\"\"", "\"1,5\"", "\" 1\"", "\".5\"", "true", "null", "[1]",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_currency_bounds_the_decimals() {
        let yen = "JPY".parse().unwrap_or(Currency::EUR);
        let fits = |text: &str, currency| text.parse::<Amount>().map(|amount| amount.fits(currency));
        assert_eq!(fits("1.25", Currency::EUR), Ok(true));
        assert_eq!(fits("1.255", Currency::EUR), Ok(false));
        assert_eq!(fits("1.5", yen), Ok(false));
    }
}
