//! The facts of some sensors on one day, together in one row.
//!
//! Sensors have numbers; those of [`SENSORS`] consecutive numbers share a row for each day and version. So a day of
//! 3,500 arcs is 220 rows of two kilobytes, written one after the other, and the year of one arc is 365 of them.

use std::collections::BTreeMap;

use store::DbError;

use super::codec::{decode, encode, put_varint, take_varint};
use crate::hours::Hours;

/// How many sensors share a row: two rows of arcs fit a page of either engine without spilling over.
const SENSORS: i64 = 16;

/// What sensors measured on one day, by their numbers.
pub type Facts = BTreeMap<i64, Hours>;

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
        while let Some((sensor, hours)) = rest.next_if(|(sensor, _)| of(**sensor) == block) {
            same &= before.get(sensor) == Some(hours);
            put(&mut bytes, sensor.rem_euclid(SENSORS), hours);
        }
        if !same {
            rows.push((block, bytes));
        }
    }
    rows
}

fn put(out: &mut Vec<u8>, place: i64, hours: &Hours) {
    let mut encoded = Vec::with_capacity(128);
    encode(hours, &mut encoded);
    put_varint(out, place.cast_unsigned());
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
        let (sensor, encoded) = entry?;
        facts.insert(sensor, decode(encoded)?);
    }
    Ok(())
}

/// Reads the hours of one sensor of a row; `None` when it has none.
///
/// # Errors
///
/// [`DbError::Decode`] when the row is damaged.
pub(super) fn read_one(sensor: i64, bytes: &[u8]) -> Result<Option<Hours>, DbError> {
    for entry in entries(of(sensor), bytes) {
        let (found, encoded) = entry?;
        if found == sensor {
            return decode(encoded).map(Some);
        }
    }
    Ok(None)
}

/// Each sensor's number and bytes.
fn entries(block: i64, mut bytes: &[u8]) -> impl Iterator<Item = Result<(i64, &[u8]), DbError>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let entry = take(&mut bytes);
        if entry.is_none() {
            bytes = &[];
        }
        let damaged = || DbError::Decode(format!("the stored facts of block {block} are damaged"));
        Some(entry.map(|(place, encoded)| (block * SENSORS + place, encoded)).ok_or_else(damaged))
    })
}

fn take<'a>(bytes: &mut &'a [u8]) -> Option<(i64, &'a [u8])> {
    let place =
        take_varint(bytes).and_then(|place| i64::try_from(place).ok()).filter(|place| *place < SENSORS)?;
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    let (encoded, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some((place, encoded))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::super::codec::tests::hours;
    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(facts in btree_map(0_i64..100, hours(), 0..30)) {
            let rows = changed(&Facts::new(), &facts);
            let mut read = Facts::new();
            for (block, bytes) in &rows {
                read_into(&mut read, *block, bytes).unwrap();
            }
            prop_assert_eq!(&read, &facts);
            for (sensor, hours) in &facts {
                let (_, bytes) = rows.iter().find(|(block, _)| *block == of(*sensor)).unwrap();
                prop_assert_eq!(read_one(*sensor, bytes).unwrap(), Some(*hours));
            }
            prop_assert!(changed(&facts, &facts).is_empty());
        }

        #[test]
        fn only_rows_that_changed_are_written(facts in btree_map(0_i64..100, hours(), 1..30), more in hours()) {
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
        let facts = Facts::from([(3, Hours::default())]);
        let (_, bytes) = &changed(&Facts::new(), &facts)[0];
        assert_eq!(read_one(3, bytes).unwrap(), Some(Hours::default()));
        assert_eq!(read_one(4, bytes).unwrap(), None);
    }
}
