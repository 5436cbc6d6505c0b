//! The one division at the end of an exact sum.

/// A sum divided by something, as a number for people.
#[expect(
    clippy::cast_precision_loss,
    reason = "the nearest number is wanted, and sums of a day stay below 2^53"
)]
pub(crate) fn ratio(sum: i64, by: i64) -> f64 {
    sum as f64 / by as f64
}

/// The same, or nothing when nothing was summed up.
pub(crate) fn mean(sum: i64, count: u32, units: i64) -> Option<f64> {
    (count > 0).then(|| ratio(sum, i64::from(count) * units))
}

/// How much a part is of the whole, in percent; 0 of nothing.
pub(crate) fn percent(part: u32, whole: u32) -> f64 {
    if whole == 0 { 0.0 } else { ratio(100 * i64::from(part), i64::from(whole)) }
}

/// A length of things in memory as a number on the wire.
pub(crate) fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// A measure in whole billionths, so that a sum of many does not depend on their order; saturates far above everything
/// that happens in a city on a day.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and 2^63 billionths are out of reach")]
pub(crate) fn billionths(value: f64) -> i64 {
    (value * 1e9).round() as i64
}

/// Back from [`billionths`].
pub(crate) fn from_billionths(value: i64) -> f64 {
    ratio(value, 1_000_000_000)
}
