//! Chance that is always the same: numbers mixed out of numbers, without a state.

/// A number from `low` to `high`, both included, that depends on the others only.
pub(super) fn between(low: i64, high: i64, of: [i64; 3]) -> i64 {
    let mixed =
        of.into_iter().fold(0x9e37_79b9_7f4a_7c15, |state, number| mix(state ^ number.cast_unsigned()));
    let span = (high - low + 1).cast_unsigned();
    low + (mixed % span).cast_signed()
}

/// Whether something happens that happens once in so many times.
pub(super) fn once_in(times: i64, of: [i64; 3]) -> bool {
    between(1, times, of) == 1
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_the_range_comes_about_equally_often() {
        let mut counts = [0_u32; 7];
        for number in 0..7_000 {
            let place = usize::try_from(between(-3, 3, [number, 1, 2]) + 3).unwrap_or(usize::MAX);
            counts[place] += 1;
        }
        assert!(counts.iter().all(|count| (850..=1_150).contains(count)), "{counts:?}");
        let often = (0..10_000).filter(|number| once_in(10, [*number, 0, 0])).count();
        assert!((900..=1_100).contains(&often), "{often}");
    }
}
