//! The facts of some sensors on one day, together in one row.
//!
//! Sensors have numbers; those of [`SENSORS`] consecutive numbers share a row for each day and version. So a day of
//! 3,500 arcs is 220 rows of two kilobytes, written one after the other, and the year of one arc is 365 of them.

use std::collections::BTreeMap;

use store::DbError;

use super::codec::{decode, encode, put_varint, take_varint};
use crate::hours::{Hours, SLOTS};
use crate::sensor::Described;

/// How many sensors share a row: two rows of arcs fit a page of either engine without spilling over.
const SENSORS: i64 = 16;

/// What the rows of one sensor and day say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SensorFacts {
    /// What was measured.
    pub hours: Hours,
    /// Which of the sensor's descriptions counts on this day; none when no row says anything of the sensor.
    pub described: Option<Described>,
}

/// What sensors measured on one day, by their numbers.
pub type Facts = BTreeMap<i64, SensorFacts>;

/// The row that a sensor's hours are in.
pub(super) const fn of(sensor: i64) -> i64 {
    sensor.div_euclid(SENSORS)
}

/// The rows of these facts that are not the same as before, as bytes, by their numbers.
pub fn changed(before: &Facts, after: &Facts) -> Vec<(i64, Vec<u8>)> {
    let mut rows = Vec::new();
    let mut rest = after.iter().peekable();
    while let Some((first, _)) = rest.peek() {
        let block = of(**first);
        let mut bytes = Vec::new();
        let mut same = true;
        while let Some((sensor, facts)) = rest.next_if(|(sensor, _)| of(**sensor) == block) {
            same &= before.get(sensor) == Some(facts);
            put(&mut bytes, sensor.rem_euclid(SENSORS), facts);
        }
        if !same {
            rows.push((block, bytes));
        }
    }
    rows
}

/// Appends a sensor: its place in the row; one more than the number of its description and the slot of that, or zero;
/// the length of its hours and these.
fn put(out: &mut Vec<u8>, place: i64, facts: &SensorFacts) {
    put_varint(out, place.cast_unsigned());
    match facts.described {
        Some(Described { slot, number }) => {
            put_varint(out, u64::from(number) + 1);
            put_varint(out, slot as u64);
        }
        None => put_varint(out, 0),
    }
    let mut encoded = Vec::with_capacity(128);
    encode(&facts.hours, &mut encoded);
    put_varint(out, encoded.len() as u64);
    out.append(&mut encoded);
}

/// Reads a row into a day's facts.
///
/// # Errors
///
/// [`DbError::Decode`] when the row is damaged.
pub(super) fn read_into(facts: &mut Facts, block: i64, bytes: &[u8]) -> Result<(), DbError> {
    for entry in entries(block, bytes) {
        let entry = entry?;
        facts.insert(entry.sensor, entry.facts()?);
    }
    Ok(())
}

/// Reads the facts of one sensor of a row; `None` when it has none.
///
/// # Errors
///
/// [`DbError::Decode`] when the row is damaged.
pub(super) fn read_one(sensor: i64, bytes: &[u8]) -> Result<Option<SensorFacts>, DbError> {
    for entry in entries(of(sensor), bytes) {
        let entry = entry?;
        if entry.sensor == sensor {
            return entry.facts().map(Some);
        }
    }
    Ok(None)
}

/// A sensor of a row.
struct Entry<'b> {
    sensor: i64,
    described: Option<Described>,
    hours: &'b [u8],
}

impl Entry<'_> {
    fn facts(&self) -> Result<SensorFacts, DbError> {
        Ok(SensorFacts { hours: decode(self.hours)?, described: self.described })
    }
}

/// Each sensor of a row.
fn entries(block: i64, mut bytes: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, DbError>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let entry = take(block, &mut bytes);
        if entry.is_none() {
            bytes = &[];
        }
        let damaged = || DbError::Decode(format!("the stored facts of block {block} are damaged"));
        Some(entry.ok_or_else(damaged))
    })
}

fn take<'a>(block: i64, bytes: &mut &'a [u8]) -> Option<Entry<'a>> {
    let place =
        take_varint(bytes).and_then(|place| i64::try_from(place).ok()).filter(|place| *place < SENSORS)?;
    let described = match take_varint(bytes)?.checked_sub(1) {
        Some(number) => {
            let slot = usize::try_from(take_varint(bytes)?).ok().filter(|slot| *slot < SLOTS)?;
            Some(Described { slot, number: u32::try_from(number).ok()? })
        }
        None => None,
    };
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    let (hours, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(Entry { sensor: block * SENSORS + place, described, hours })
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::super::codec::tests::hours;
    use super::*;

    /// Any facts of a sensor, none included.
    pub(crate) fn facts() -> impl Strategy<Value = SensorFacts> {
        let number = prop_oneof![0_u32..3, Just(u32::MAX)];
        let described = (0..SLOTS, number).prop_map(|(slot, number)| Described { slot, number });
        let described = proptest::option::weighted(0.8, described);
        (hours(), described).prop_map(|(hours, described)| SensorFacts { hours, described })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(facts in btree_map(0_i64..100, facts(), 0..30)) {
            let rows = changed(&Facts::new(), &facts);
            let mut read = Facts::new();
            for (block, bytes) in &rows {
                read_into(&mut read, *block, bytes).unwrap();
            }
            prop_assert_eq!(&read, &facts);
            for (sensor, of_sensor) in &facts {
                let (_, bytes) = rows.iter().find(|(block, _)| *block == of(*sensor)).unwrap();
                prop_assert_eq!(read_one(*sensor, bytes).unwrap(), Some(*of_sensor));
            }
            prop_assert!(changed(&facts, &facts).is_empty());
        }

        #[test]
        fn only_rows_that_changed_are_written(facts in btree_map(0_i64..100, facts(), 1..30), more in facts()) {
            let mut after = facts.clone();
            let sensor = *facts.keys().next().unwrap();
            after.insert(sensor, more);
            let blocks: Vec<_> = changed(&facts, &after).into_iter().map(|(block, _)| block).collect();
            let expected = if facts[&sensor] == more { vec![] } else { vec![of(sensor)] };
            prop_assert_eq!(blocks, expected);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = read_into(&mut Facts::new(), 0, &bytes);
            let _ = read_one(3, &bytes);
        }
    }

    #[test]
    fn a_sensor_that_measured_nothing_is_not_there() {
        let facts = Facts::from([(3, SensorFacts::default())]);
        let (_, bytes) = &changed(&Facts::new(), &facts)[0];
        assert_eq!(read_one(3, bytes).unwrap(), Some(SensorFacts::default()));
        assert_eq!(read_one(4, bytes).unwrap(), None);
    }
}
