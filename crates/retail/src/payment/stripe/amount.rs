//! Amounts as Stripe counts them.

use kernel::Money;

/// Currencies that Stripe counts in whole units (<https://docs.stripe.com/currencies#zero-decimal>). MGA is
/// among them although ISO 4217 gives it a minor unit.
const WHOLE_UNITS: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
];

/// Currencies counted in thousandths, the last digit of which must be 0
/// (<https://docs.stripe.com/currencies#three-decimal>).
const THOUSANDTHS: &[&str] = &["BHD", "JOD", "KWD", "OMR", "TND"];

/// Currencies of ISO 4217 with an unusual minor unit that Stripe does not charge in.
const NOT_CHARGED: &[&str] = &["CLF", "IQD", "LYD", "UYI", "UYW"];

/// The amount as the integer that Stripe expects, or `None` when it cannot be charged exactly: zero or less, in
/// a currency that Stripe does not know, or finer than Stripe counts.
///
/// ISK and UGX have no minor unit any more, but Stripe keeps counting them in hundredths, always `00`
/// (<https://docs.stripe.com/currencies#special-cases>); they fall under the default of two decimals.
pub(super) fn in_stripe_units(money: Money) -> Option<i64> {
    let currency = money.currency();
    let code = currency.code();
    if money.minor() <= 0 || NOT_CHARGED.contains(&code) {
        return None;
    }
    let amount = rescale(money.minor(), currency.exponent(), decimals(code))?;
    let too_fine = THOUSANDTHS.contains(&code) && amount % 10 != 0;
    (!too_fine).then_some(amount)
}

fn decimals(code: &str) -> u32 {
    if WHOLE_UNITS.contains(&code) {
        0
    } else if THOUSANDTHS.contains(&code) {
        3
    } else {
        2
    }
}

fn rescale(amount: i64, from: u32, to: u32) -> Option<i64> {
    let factor = 10_i64.pow(from.abs_diff(to));
    if to >= from { amount.checked_mul(factor) } else { (amount % factor == 0).then_some(amount / factor) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn units(amount: &str, currency: &str) -> Option<i64> {
        in_stripe_units(Money::parse(amount, currency.parse().unwrap()).unwrap())
    }

    #[test]
    fn two_decimals_are_the_rule() {
        assert_eq!(units("35.00", "EUR"), Some(3500));
        assert_eq!(units("0.05", "USD"), Some(5));
    }

    #[test]
    fn currencies_without_a_minor_unit_are_not_multiplied() {
        assert_eq!(units("500", "JPY"), Some(500));
        assert_eq!(units("12", "XOF"), Some(12));
        assert_eq!(units("5.00", "MGA"), Some(5));
        assert_eq!(units("5.20", "MGA"), None, "Stripe has no fraction of an ariary");
    }

    #[test]
    fn currencies_that_lost_their_minor_unit_are_still_counted_in_hundredths() {
        assert_eq!(units("5", "ISK"), Some(500));
        assert_eq!(units("5", "UGX"), Some(500));
    }

    #[test]
    fn thousandths_end_in_zero() {
        assert_eq!(units("5.120", "KWD"), Some(5120));
        assert_eq!(units("5.124", "KWD"), None);
        assert_eq!(units("1", "TND"), Some(1000));
    }

    #[test]
    fn what_cannot_be_charged_is_none() {
        assert_eq!(units("0", "EUR"), None);
        assert_eq!(units("-1.00", "EUR"), None);
        assert_eq!(units("1", "CLF"), None);
        let huge = Money::from_minor(i64::MAX, "ISK".parse().unwrap());
        assert_eq!(in_stripe_units(huge), None);
    }
}
