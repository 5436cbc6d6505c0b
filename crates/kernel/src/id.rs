//! Typed identifiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

macro_rules! integer_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = i64, example = 1)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self).map_err(|_| "an id of this kind is a whole number")
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = Uuid, example = "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04")]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self).map_err(|_| "an id of this kind is a UUID")
            }
        }
    };
}

integer_id! {
    /// A product of the catalogue; one id space for the whole platform.
    ProductId
}
integer_id! {
    /// A shop of the chain.
    ShopId
}
integer_id! {
    /// A place that holds stock: a shop (its own id) or the logistics centre ([`PlaceId::CENTRE`]).
    PlaceId
}
integer_id! {
    /// A client of the chain.
    ClientId
}
uuid_id! {
    /// An order.
    OrderId
}
uuid_id! {
    /// A payment.
    PaymentId
}
uuid_id! {
    /// A sale at a till.
    SaleId
}
uuid_id! {
    /// A replenishment request.
    ReplenishmentId
}

impl PlaceId {
    /// The one logistics centre.
    pub const CENTRE: Self = Self(0);
}

impl From<ShopId> for PlaceId {
    fn from(shop: ShopId) -> Self {
        Self(shop.0)
    }
}

/// Where new UUIDs come from: the time is given, the randomness is the source's.
pub trait IdSource: Send + Sync + 'static {
    /// A new UUID of version 7 (RFC 9562) for the given instant.
    fn next(&self, now: Timestamp) -> Uuid;
}

/// UUIDs from the machine's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl IdSource for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws random ids")]
    fn next(&self, now: Timestamp) -> Uuid {
        let micros = u64::try_from(now.micros()).unwrap_or(0);
        let nanos = u32::try_from(micros % 1_000_000 * 1000).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, micros / 1_000_000, nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_differ() {
        let first = SystemIds.next(Timestamp::from_micros(1_000_000));
        let second = SystemIds.next(Timestamp::from_micros(2_000_000));
        assert!(first < second);
        assert_eq!(first.get_version_num(), 7);
        assert_ne!(first, SystemIds.next(Timestamp::from_micros(1_000_000)));
    }

    #[test]
    fn ids_parse_only_their_own_kind() {
        assert_eq!("12".parse(), Ok(ProductId(12)));
        assert!("1.5".parse::<ProductId>().is_err());
        assert!("12".parse::<OrderId>().is_err());
    }
}
