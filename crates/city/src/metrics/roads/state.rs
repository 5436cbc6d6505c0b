//! How a road is, by the share of time that something stands or drives on its sensor.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::hours::OCCUPANCY_UNITS;
use crate::metrics::number::ratio;

/// The state of an arc in an hour, best first.
///
/// From its occupancy by the thresholds with which the city itself fills `Etat trafic` (Ville de Paris, *Comptage routier:
/// données trafic issues des capteurs permanents*): below 15 %, 30 %, 50 %, and from there on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = CityTrafficState)]
pub enum TrafficState {
    /// Below 15 %.
    #[serde(rename = "Fluide")]
    Free,
    /// From 15 % to below 30 %.
    #[serde(rename = "Pré-saturé")]
    Dense,
    /// From 30 % to below 50 %.
    #[serde(rename = "Saturé")]
    Saturated,
    /// From 50 % on.
    #[serde(rename = "Bloqué")]
    Blocked,
    /// Without an occupancy.
    #[serde(rename = "Inconnu")]
    Unknown,
}

impl TrafficState {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Free, Self::Dense, Self::Saturated, Self::Blocked, Self::Unknown];

    /// The state at an occupancy in [`OCCUPANCY_UNITS`].
    pub fn of(occupancy: Option<i32>) -> Self {
        match occupancy.map(i64::from) {
            None => Self::Unknown,
            Some(occupancy) if occupancy < 15 * OCCUPANCY_UNITS => Self::Free,
            Some(occupancy) if occupancy < 30 * OCCUPANCY_UNITS => Self::Dense,
            Some(occupancy) if occupancy < 50 * OCCUPANCY_UNITS => Self::Saturated,
            Some(_) => Self::Blocked,
        }
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "Fluide",
            Self::Dense => "Pré-saturé",
            Self::Saturated => "Saturé",
            Self::Blocked => "Bloqué",
            Self::Unknown => "Inconnu",
        }
    }
}

/// Hours in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityStateHours)]
pub struct StateHours {
    /// Below 15 % of occupancy.
    #[serde(rename = "Fluide")]
    pub free: u32,
    /// From 15 %.
    #[serde(rename = "Pré-saturé")]
    pub dense: u32,
    /// From 30 %.
    #[serde(rename = "Saturé")]
    pub saturated: u32,
    /// From 50 %.
    #[serde(rename = "Bloqué")]
    pub blocked: u32,
    /// Without an occupancy.
    #[serde(rename = "Inconnu")]
    pub unknown: u32,
}

impl StateHours {
    /// Hours in one state.
    pub fn get(&self, state: TrafficState) -> u32 {
        match state {
            TrafficState::Free => self.free,
            TrafficState::Dense => self.dense,
            TrafficState::Saturated => self.saturated,
            TrafficState::Blocked => self.blocked,
            TrafficState::Unknown => self.unknown,
        }
    }

    pub(super) fn count(&mut self, state: TrafficState, hours: u32) {
        let counted = match state {
            TrafficState::Free => &mut self.free,
            TrafficState::Dense => &mut self.dense,
            TrafficState::Saturated => &mut self.saturated,
            TrafficState::Blocked => &mut self.blocked,
            TrafficState::Unknown => &mut self.unknown,
        };
        *counted += hours;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for state in TrafficState::ALL {
            self.count(state, other.get(state));
        }
    }

    /// The state of most hours; of equals the worse. Hours without an occupancy decide only when there are no others.
    pub(super) fn dominant(&self) -> TrafficState {
        let known = TrafficState::ALL.into_iter().filter(|state| *state != TrafficState::Unknown);
        let most = known.max_by_key(|state| self.get(*state)).filter(|state| self.get(*state) > 0);
        most.unwrap_or(TrafficState::Unknown)
    }

    pub(super) fn shares(&self) -> StateShares {
        let all: u32 = TrafficState::ALL.into_iter().map(|state| self.get(state)).sum();
        let share = |hours: u32| if all == 0 { 0.0 } else { ratio(100 * i64::from(hours), i64::from(all)) };
        StateShares {
            free: share(self.free),
            dense: share(self.dense),
            saturated: share(self.saturated),
            blocked: share(self.blocked),
            unknown: share(self.unknown),
        }
    }
}

/// Share of hours in each state, in percent of the hours present.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityStateShares)]
pub struct StateShares {
    /// Below 15 % of occupancy.
    #[serde(rename = "Fluide")]
    #[schema(example = 50.0)]
    pub free: f64,
    /// From 15 %.
    #[serde(rename = "Pré-saturé")]
    #[schema(example = 25.0)]
    pub dense: f64,
    /// From 30 %.
    #[serde(rename = "Saturé")]
    #[schema(example = 12.5)]
    pub saturated: f64,
    /// From 50 %.
    #[serde(rename = "Bloqué")]
    #[schema(example = 8.25)]
    pub blocked: f64,
    /// Without an occupancy.
    #[serde(rename = "Inconnu")]
    #[schema(example = 4.25)]
    pub unknown: f64,
}
