//! The chain's shops.

pub mod api;
pub mod commands;
pub mod queries;

use kernel::{Line, ShopId};
use serde::Serialize;
use utoipa::ToSchema;

/// A shop.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Magasin)]
pub struct Shop {
    /// Its id.
    pub id: ShopId,
    /// Its name.
    #[serde(rename = "nom")]
    pub name: Line,
    /// The part of the city it is in.
    #[serde(rename = "quartier")]
    pub district: Line,
    /// Its postal address.
    #[serde(rename = "adresse", skip_serializing_if = "Option::is_none")]
    pub address: Option<Line>,
    /// Degrees north, WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees east, WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// Whether it is open to sales and orders.
    #[serde(rename = "actif")]
    pub active: bool,
}

/// What is said of a shop by whoever enters it.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// Its name.
    pub name: Line,
    /// The part of the city it is in.
    pub district: Line,
    /// Its postal address.
    pub address: Option<Line>,
    /// Where it is, if known.
    pub position: Option<Position>,
    /// Whether it is open to sales and orders.
    pub active: bool,
}

impl Details {
    pub(crate) fn into_shop(self, id: ShopId) -> Shop {
        let Self { name, district, address, position, active } = self;
        let (latitude, longitude) = (position.map(|at| at.latitude), position.map(|at| at.longitude));
        Shop { id, name, district, address, latitude, longitude, active }
    }
}

/// A place on earth, in degrees of WGS 84.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    latitude: f64,
    longitude: f64,
}

/// Why two numbers are not a place on earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// One of the two is missing.
    #[error("latitude and longitude come together or not at all")]
    Half,
    /// Not between −90 and 90, or not between −180 and 180.
    #[error("latitude is within -90 to 90 and longitude within -180 to 180")]
    OutOfRange,
}

impl Position {
    /// A place from two numbers, none from none.
    pub fn parse(latitude: Option<f64>, longitude: Option<f64>) -> Result<Option<Self>, PositionError> {
        match (latitude, longitude) {
            (None, None) => Ok(None),
            (Some(latitude), Some(longitude)) => {
                let fits = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
                if fits { Ok(Some(Self { latitude, longitude })) } else { Err(PositionError::OutOfRange) }
            }
            (Some(_), None) | (None, Some(_)) => Err(PositionError::Half),
        }
    }
}

/// Why a shop cannot be worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShopError {
    /// No such shop.
    #[error("there is no shop {0}")]
    Unknown(ShopId),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_whole_and_on_earth() {
        assert_eq!(Position::parse(None, None), Ok(None));
        assert!(matches!(Position::parse(Some(48.85), Some(2.35)), Ok(Some(_))));
        assert_eq!(Position::parse(Some(48.85), None), Err(PositionError::Half));
        for (latitude, longitude) in [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0)] {
            assert_eq!(Position::parse(Some(latitude), Some(longitude)), Err(PositionError::OutOfRange));
        }
    }
}
