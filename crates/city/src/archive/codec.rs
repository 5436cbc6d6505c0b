//! [`Hours`] as bytes: about 110 of them for a day of an arc, 30 for a day of a counter.
//!
//! After a byte with the version, `varint` being LEB128 and `zigzag` a signed number folded into one:
//!
//! 1. varint: the mask of the slots that have a reading;
//! 2. varint: which of these have no flow; varint: which have no occupancy (usually 0 both);
//! 3. the flows: one byte, the power of ten that divides them all (0 to 3), then of each divided flow the zigzag of its
//!    difference from the one before;
//! 4. the occupancies, in the same way;
//! 5. the states: runs, one byte each, length × 8 + state.

use store::DbError;

use crate::hours::{Hours, Reading, SLOTS, State};

const VERSION: u8 = 1;
/// Flows and occupancies often have fewer decimals than there is room for.
const MAX_POWER: u8 = 3;

/// Appends a day's readings.
pub(super) fn encode(hours: &Hours, out: &mut Vec<u8>) {
    let mask = |of: fn(&Reading) -> bool| {
        hours.iter().filter(|(_, reading)| of(reading)).fold(0_u32, |mask, (slot, _)| mask | 1 << slot)
    };
    out.push(VERSION);
    put_varint(out, mask(|_| true).into());
    put_varint(out, mask(|reading| reading.flow.is_none()).into());
    put_varint(out, mask(|reading| reading.occupancy.is_none()).into());
    put_numbers(out, &hours.iter().filter_map(|(_, reading)| reading.flow).collect::<Vec<_>>());
    put_numbers(out, &hours.iter().filter_map(|(_, reading)| reading.occupancy).collect::<Vec<_>>());
    put_states(out, hours.iter().map(|(_, reading)| reading.state));
}

/// Reads a day's readings, all the bytes there are.
///
/// # Errors
///
/// [`DbError::Decode`] when the bytes are not those of [`encode`].
pub(super) fn decode(bytes: &[u8]) -> Result<Hours, DbError> {
    let mut bytes = bytes;
    read(&mut bytes)
        .filter(|_| bytes.is_empty())
        .ok_or_else(|| DbError::Decode("the stored hours of a sensor are damaged".into()))
}

fn read(bytes: &mut &[u8]) -> Option<Hours> {
    if take_byte(bytes)? != VERSION {
        return None;
    }
    let present = take_mask(bytes)?;
    let (flowless, stopless) = (take_mask(bytes)?, take_mask(bytes)?);
    if (flowless | stopless) & !present != 0 {
        return None;
    }
    let flows = take_numbers(bytes, present & !flowless)?;
    let occupancies = take_numbers(bytes, present & !stopless)?;
    let states = take_states(bytes, present)?;
    let mut hours = Hours::default();
    for slot in slots(present) {
        let (flow, occupancy, state) = (flows[slot], occupancies[slot], states[slot]);
        hours.set(slot, Reading { flow, occupancy, state });
    }
    Some(hours)
}

fn slots(mask: u32) -> impl Iterator<Item = usize> {
    (0..SLOTS).filter(move |slot| mask >> slot & 1 == 1)
}

/// Appends an unsigned number, seven bits a byte, the lowest first.
pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while let rest @ 1.. = number >> 7 {
        out.push((number & 0x7f) as u8 | 0x80);
        number = rest;
    }
    out.push((number & 0x7f) as u8);
}

/// Takes an unsigned number off the front.
pub(super) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = take_byte(bytes)?;
        let part = u64::from(byte & 0x7f);
        if part << shift >> shift != part {
            return None;
        }
        number |= part << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

fn take_mask(bytes: &mut &[u8]) -> Option<u32> {
    u32::try_from(take_varint(bytes)?).ok().filter(|mask| mask >> SLOTS == 0)
}

fn put_numbers(out: &mut Vec<u8>, numbers: &[i32]) {
    let divides = |power: &u8| numbers.iter().all(|number| number % 10_i32.pow((*power).into()) == 0);
    let power = (0..=MAX_POWER).rev().find(divides).unwrap_or(0);
    out.push(power);
    let mut before = 0;
    for number in numbers {
        let number = i64::from(number / 10_i32.pow(power.into()));
        put_varint(out, zigzag(number - before));
        before = number;
    }
}

/// The numbers of the slots of a mask.
fn take_numbers(bytes: &mut &[u8], mask: u32) -> Option<[Option<i32>; SLOTS]> {
    let power = take_byte(bytes).filter(|power| *power <= MAX_POWER)?;
    let mut numbers = [None; SLOTS];
    let mut before = 0_i64;
    for slot in slots(mask) {
        before = before.checked_add(unzigzag(take_varint(bytes)?))?;
        numbers[slot] = Some(i32::try_from(before.checked_mul(10_i64.pow(power.into()))?).ok()?);
    }
    Some(numbers)
}

const fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

const fn unzigzag(folded: u64) -> i64 {
    (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed()
}

fn put_states(out: &mut Vec<u8>, states: impl Iterator<Item = State>) {
    let mut run: Option<(State, u8)> = None;
    for state in states {
        run = match run {
            Some((same, length)) if same == state => Some((same, length + 1)),
            Some((other, length)) => {
                out.push(length << 3 | other as u8);
                Some((state, 1))
            }
            None => Some((state, 1)),
        };
    }
    out.extend(run.map(|(state, length)| length << 3 | state as u8));
}

/// The states of the slots of a mask.
fn take_states(bytes: &mut &[u8], mask: u32) -> Option<[State; SLOTS]> {
    const STATES: [State; 5] = [State::Unknown, State::Free, State::Dense, State::Saturated, State::Blocked];
    let mut states = [State::Unknown; SLOTS];
    let mut slots = slots(mask).peekable();
    while slots.peek().is_some() {
        let run = take_byte(bytes)?;
        let (length, state) = (run >> 3, STATES.get(usize::from(run & 7))?);
        if length == 0 {
            return None;
        }
        for _ in 0..length {
            states[slots.next()?] = *state;
        }
    }
    Some(states)
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn reading() -> impl Strategy<Value = Reading> {
        let state = prop_oneof![
            Just(State::Unknown),
            Just(State::Free),
            Just(State::Dense),
            Just(State::Saturated),
            Just(State::Blocked)
        ];
        let number = prop_oneof![any::<i32>(), (-5_000..5_000).prop_map(|whole| whole * 1_000), Just(0)];
        (proptest::option::weighted(0.9, number.clone()), proptest::option::weighted(0.9, number), state)
            .prop_map(|(flow, occupancy, state)| Reading { flow, occupancy, state })
    }

    /// Any day, the empty one included.
    pub(crate) fn hours() -> impl Strategy<Value = Hours> {
        proptest::collection::vec(proptest::option::weighted(0.9, reading()), SLOTS).prop_map(|readings| {
            let mut hours = Hours::default();
            for (slot, reading) in readings.into_iter().enumerate() {
                if let Some(reading) = reading {
                    hours.set(slot, reading);
                }
            }
            hours
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(hours in hours()) {
            let mut bytes = Vec::new();
            encode(&hours, &mut bytes);
            prop_assert_eq!(decode(&bytes).unwrap(), hours);
        }

        #[test]
        fn bytes_that_are_cut_or_lengthened_are_refused(hours in hours(), cut in any::<prop::sample::Index>()) {
            let mut bytes = Vec::new();
            encode(&hours, &mut bytes);
            prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err());
            bytes.push(0);
            prop_assert!(decode(&bytes).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode(&bytes);
            let _ = decode(&[&[VERSION], &bytes[..]].concat());
        }
    }

    #[test]
    fn a_usual_day_is_small() {
        let mut hours = Hours::default();
        for slot in 0..24_i32 {
            let reading = Reading {
                flow: Some(1_000 * (400 + 37 * slot % 90)),
                occupancy: Some(1_234_567 + 54_321 * slot),
                state: if slot < 7 { State::Free } else { State::Dense },
            };
            hours.set(slot.cast_unsigned() as usize, reading);
        }
        let mut bytes = Vec::new();
        encode(&hours, &mut bytes);
        assert!(bytes.len() < 125, "{}", bytes.len());
    }

    #[test]
    fn other_versions_are_refused() {
        let mut bytes = Vec::new();
        encode(&Hours::default(), &mut bytes);
        bytes[0] = 2;
        assert!(matches!(decode(&bytes), Err(DbError::Decode(_))));
    }
}
