//! One hour's numbers as they are written, in exports and in the API alike.

use super::Reason;
use super::number::fixed;
use crate::hours::{FLOW_UNITS, OCCUPANCY_UNITS, Reading, State};

/// Decimals of the units of flows and occupancies.
const FLOW_PLACES: i32 = FLOW_UNITS.ilog10().cast_signed();
const OCCUPANCY_PLACES: i32 = OCCUPANCY_UNITS.ilog10().cast_signed();

/// Reads an hour's flow, occupancy and state.
pub(super) fn reading(
    flow: &[u8],
    occupancy: &[u8],
    state: &[u8],
    needs_flow: bool,
) -> Result<Reading, Reason> {
    let flow = fixed(flow, FLOW_PLACES).map_err(|_| Reason::BadNumber)?;
    let occupancy = fixed(occupancy, OCCUPANCY_PLACES).map_err(|_| Reason::BadNumber)?;
    if needs_flow && flow.is_none() {
        return Err(Reason::MissingNumber);
    }
    Ok(Reading { flow, occupancy, state: told(state) })
}

fn told(state: &[u8]) -> State {
    const STATES: [(&str, State); 4] = [
        ("Fluide", State::Free),
        ("Pré-saturé", State::Dense),
        ("Saturé", State::Saturated),
        ("Bloqué", State::Blocked),
    ];
    let state = state.trim_ascii();
    let known = STATES.iter().find(|(name, _)| name.as_bytes() == state);
    known.map_or(State::Unknown, |(_, known)| *known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_flow_and_a_missing_occupancy_are_kept_apart() {
        let read = |flow: &str, occupancy: &str, state: &str| {
            reading(flow.as_bytes(), occupancy.as_bytes(), state.as_bytes(), false)
        };
        let of = |flow, occupancy, state| Ok(Reading { flow, occupancy, state });
        assert_eq!(read("7.5", "", "Fluide"), of(Some(7_500), None, State::Free));
        assert_eq!(read("", "99.99", " Bloqué"), of(None, Some(9_999_000), State::Blocked));
        assert_eq!(read("", "", "Inconnu"), of(None, None, State::Unknown));
        assert_eq!(read("x", "", ""), Err(Reason::BadNumber));
        assert_eq!(read("", "1e9", ""), Err(Reason::BadNumber));
    }

    #[test]
    fn a_count_without_a_number_is_none() {
        assert_eq!(reading(b"", b"", b"", true), Err(Reason::MissingNumber));
    }
}
