//! Decimal numbers as they are written, into integers with fixed decimals: never by way of a float.

/// Digits that are looked at: no more matter, since all results have fewer.
const DIGITS: i64 = 100_000_000_000_000_000;

/// Something else than a number, or one out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotANumber;

/// Reads a number into units of `10^-places`, rounded half away from zero; nothing (or blanks) is no number at all.
///
/// The least `i32` is out of range too: it stands for a missing value elsewhere.
pub(super) fn fixed(text: &[u8], places: i32) -> Result<Option<i32>, NotANumber> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Ok(None);
    }
    let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let (mut value, mut decimals, mut exponent) = (0_i64, 0_i32, 0_i32);
    let (mut any, mut fraction) = (false, false);
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                any = true;
                if value < DIGITS {
                    value = value * 10 + i64::from(byte - b'0');
                    decimals += i32::from(fraction);
                } else if !fraction {
                    return Err(NotANumber);
                }
            }
            b'.' if !fraction && any => fraction = true,
            b'e' | b'E' if any => {
                exponent = power(&digits[at + 1..])?;
                break;
            }
            _ => return Err(NotANumber),
        }
    }
    if !any {
        return Err(NotANumber);
    }
    let units = shift(value, places + exponent - decimals).ok_or(NotANumber)?;
    let units = i32::try_from(if negative { -units } else { units }).map_err(|_| NotANumber)?;
    if units == i32::MIN { Err(NotANumber) } else { Ok(Some(units)) }
}

/// An exponent of ten, of at most two digits.
fn power(text: &[u8]) -> Result<i32, NotANumber> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 2 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NotANumber);
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
    Ok(if negative { -value } else { value })
}

/// `value · 10^by`, rounded half up (`value` is not negative); `None` when it is too large.
fn shift(value: i64, by: i32) -> Option<i64> {
    if by >= 0 {
        return if value == 0 { Some(0) } else { value.checked_mul(10_i64.checked_pow(by.unsigned_abs())?) };
    }
    // Less than half a unit, when the divisor does not even fit.
    let Some(divisor) = 10_i64.checked_pow(by.unsigned_abs()) else { return Some(0) };
    Some(value / divisor + i64::from(value % divisor >= divisor / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_units() {
        for (text, places, units) in [
            ("0", 3, 0),
            ("1034.0", 3, 1_034_000),
            ("-3", 3, -3_000),
            ("22.86333", 5, 2_286_333),
            (" 7.5 ", 5, 750_000),
            ("5e-05", 5, 5),
            ("1.5E3", 0, 1_500),
            ("0.0005", 3, 1),
            ("0.00049999", 3, 0),
            ("-0.0005", 3, -1),
            ("0.1000000000000000055511151231257827", 5, 10_000),
            ("2147483647", 0, i32::MAX),
            ("0e99", 3, 0),
            ("3e-99", 3, 0),
        ] {
            assert_eq!(fixed(text.as_bytes(), places), Ok(Some(units)), "{text}");
        }
        assert_eq!(fixed(b"  ", 3), Ok(None));
    }

    #[test]
    fn everything_else_is_no_number() {
        for text in [
            "-",
            ".",
            ".5",
            "1.2.3",
            "1,5",
            "NaN",
            "inf",
            "1e",
            "1e100",
            "1e+",
            "12a",
            "+5",
            "0x1",
            "1 2",
            "2147483648",
            "-2147483648",
            "99999999999999999999",
            "--1",
        ] {
            assert_eq!(fixed(text.as_bytes(), 0), Err(NotANumber), "{text}");
        }
    }
}
