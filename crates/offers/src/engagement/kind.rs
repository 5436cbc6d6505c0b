//! The five things a person can do with an offer, and what each is worth.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody did with an offer. On the wire and in the log in capitals, as given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventType {
    /// The offer was shown and seen.
    View,
    /// It was opened.
    Click,
    /// It was put into a basket.
    AddToCart,
    /// It was used; takes one unit of its inventory.
    Redemption,
    /// It was waved away.
    Dismiss,
}

impl EventType {
    /// Every type, in the order of their [`EventType::index`].
    pub const ALL: [Self; 5] = [Self::View, Self::Click, Self::AddToCart, Self::Redemption, Self::Dismiss];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "VIEW",
            Self::Click => "CLICK",
            Self::AddToCart => "ADD_TO_CART",
            Self::Redemption => "REDEMPTION",
            Self::Dismiss => "DISMISS",
        }
    }

    /// Its place in [`EventType::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Points added to the person's affinity to the offer's category: a redemption counts five times a click.
    pub const fn affinity_points(self) -> f64 {
        match self {
            Self::View => 0.5,
            Self::Click => 1.0,
            Self::AddToCart => 3.0,
            Self::Redemption => 5.0,
            Self::Dismiss => -2.0,
        }
    }

    /// Half points towards what is trending: twice the affinity points, and nothing for a dismissal, which is no
    /// interest but no debt either.
    pub const fn half_points(self) -> u32 {
        match self {
            Self::View => 1,
            Self::Click => 2,
            Self::AddToCart => 6,
            Self::Redemption => 10,
            Self::Dismiss => 0,
        }
    }
}

/// Not one of the five.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be VIEW, CLICK, ADD_TO_CART, REDEMPTION or DISMISS")]
pub struct UnknownEventType;

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, UnknownEventType> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(UnknownEventType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_wire_case_as_given() {
        for (place, kind) in EventType::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), place);
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).ok(), Some(format!("{:?}", kind.name())));
        }
        for bad in ["view", "Click", "ADD-TO-CART", "", " VIEW"] {
            assert_eq!(bad.parse::<EventType>(), Err(UnknownEventType), "{bad}");
        }
    }
}
