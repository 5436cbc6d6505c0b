//! Reading facts that last: disruptions, weather, roadworks, the reference of arcs. Their files are read as a whole.
//!
//! Each format has a `parse` that turns one file into records; [`join`] then makes those of a whole import one, whatever
//! the order in which files and records came.

mod civil;
mod document;
mod reference;
mod rows;
mod transit;
mod weather;
mod works;

use std::cmp::Ordering;

use memchr::memchr_iter;

use super::{Damage, InputError, Refusal, Tally, texts};
use crate::MetricType;
use crate::record::{Record, Records};

/// More records than this, no source of a city has: Paris has 3,400 arcs and some thousand roadworks a year.
pub(super) const MOST: usize = 100_000;

/// Reads one file of a type whose facts are records.
///
/// A record that makes no sense is rejected and counted; in the tally, lines of JSON are places in its list of records.
/// The records may repeat ids: give those of all files to [`join`].
///
/// # Errors
/// When the file is damaged, or is of another type.
pub fn parse(kind: MetricType, name: &str, data: &[u8], tally: &mut Tally) -> Result<Records, InputError> {
    let mut records = match kind {
        MetricType::Transit => transit::parse(name, data, tally)?,
        MetricType::Weather => weather::parse(name, data, tally).map(Records::some)?,
        MetricType::Works => works::parse(name, data, tally)?,
        MetricType::Reference => reference::parse(name, data, tally).map(Records::some)?,
        MetricType::Bikes | MetricType::Roads => {
            let found = super::detect::beginning(data);
            let missing = "records: this type has hours of sensors".to_owned();
            let why = Refusal::Unknown { wanted: kind, missing, begins: found };
            return Err(InputError::refused(name, why));
        }
    };
    let mut place = 0;
    records.list.retain(|record| {
        place += 1;
        let sound = texts::id(record.id.as_bytes());
        sound.map_err(|reason| tally.reject(reason, name, place)).is_ok()
    });
    Ok(records)
}

/// The records of an import, ascending by id. Of several with one id one stays: the one that ends latest, then the
/// greatest by its text; so it does not matter which came first. Weather is joined hour by hour instead.
pub fn join(mut records: Vec<Record>, tally: &mut Tally) -> Vec<Record> {
    records.sort_by(|a, b| a.id.cmp(&b.id).then_with(|| preference(b, a)));
    let mut kept: Vec<Record> = Vec::with_capacity(records.len());
    let mut has_conflict = false;
    for record in records {
        match kept.last_mut() {
            Some(other) if other.id == record.id && record.kind == MetricType::Weather => {
                weather::join(other, &record, tally);
            }
            Some(better) if better.id == record.id => {
                tally.duplicates += 1;
                if *better != record && !has_conflict {
                    has_conflict = true;
                    tally.conflicts += 1;
                }
            }
            Some(_) | None => {
                has_conflict = false;
                kept.push(record);
            }
        }
    }
    tally.kept += kept.len() as u64;
    kept
}

fn preference(a: &Record, b: &Record) -> Ordering {
    let text = |record: &Record| (record.from, record.body.to_string());
    a.to.rank().cmp(&b.to.rank()).then_with(|| text(a).cmp(&text(b)))
}

/// Text in another encoding is told by the line where it begins to make no sense.
fn utf8(name: &str, data: &[u8]) -> Result<(), InputError> {
    let Err(error) = std::str::from_utf8(data) else { return Ok(()) };
    let line = 1 + memchr_iter(b'\n', &data[..error.valid_up_to()]).count() as u64;
    Err(InputError::damaged(name, line, Damage::NotUtf8))
}

/// What was said of a fact, as the body of a record. Our own plain types cannot fail to be written as JSON.
fn body(content: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(content).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn record(id: u8, to: u8, text: u8) -> Record {
        Record {
            kind: MetricType::Works,
            id: id.to_string(),
            from: "2024-01-01".parse().unwrap(),
            to: kernel::Day::from_number(20_000 + i64::from(to)).unwrap().into(),
            body: json!({ "text": text }),
        }
    }

    #[test]
    fn the_record_that_ends_latest_stays() {
        let mut tally = Tally::default();
        let all = [record(1, 5, 1), record(1, 9, 0), record(1, 9, 0), record(2, 1, 1), record(2, 1, 1)];
        let kept = join(all.to_vec(), &mut tally);
        assert_eq!(kept, [record(1, 9, 0), record(2, 1, 1)]);
        assert_eq!((tally.kept, tally.duplicates, tally.conflicts), (2, 3, 1));
    }

    proptest! {
        #[test]
        fn the_order_of_records_means_nothing(
            all in proptest::collection::vec((0..4_u8, 0..3_u8, 0..3_u8), 0..20),
            turn in 0..20_usize,
        ) {
            let mut records: Vec<Record> = all.into_iter().map(|(id, to, text)| record(id, to, text)).collect();
            let (mut first, mut second) = (Tally::default(), Tally::default());
            let expected = join(records.clone(), &mut first);
            let middle = turn % records.len().max(1);
            records.rotate_left(middle);
            prop_assert_eq!(join(records, &mut second), expected);
            prop_assert_eq!(first, second);
        }
    }
}
