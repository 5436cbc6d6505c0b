//! Demonstration data: five offers, tied to products of the demonstration catalogue, and three people.
//!
//! It is small enough for one command, so that it is there as a whole or not at all. An offers table in which anything
//! has ever been is left alone: nothing is ever taken out of it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use kernel::{ProductId, Timestamp};
use store::{Call, CallError, DbError, Failure, Store, Tx, Unavailable};

use crate::OFFERS;
use crate::import::{UserRecord, tell_users};
use crate::inventory::{ProductStock, Units};
use crate::names::OfferId;
use crate::offer::commands::put_all;
use crate::offer::{self, Amount, Details, DiscountType, Priority};

/// How a load ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// All of it is there now.
    Now,
    /// There are offers already, of an earlier load or others.
    Before,
}

/// Id, name, category, discount, priority, own count, and the product whose stock bounds that.
type OfferRow = (&'static str, &'static str, &'static str, DiscountType, i32, i64, i64, i64);

/// The offers. Their products are others than 1, 2 and 4, on which the manual's orders rest, and of each the stores have
/// more than the offer: a docking station, a T-shirt, pasta, a connected lamp, dumbbells.
const OFFER_ROWS: [OfferRow; 5] = [
    ("OFF001", "Premium Laptop Deal", "electronics", DiscountType::Percentage, 25, 95, 50, 25),
    ("OFF002", "Fashion Flash Sale", "fashion", DiscountType::Percentage, 40, 88, 200, 26),
    ("OFF003", "Grocery Essentials", "food", DiscountType::FixedAmount, 15, 70, 500, 58),
    ("OFF004", "Smart Home Bundle", "electronics", DiscountType::Percentage, 30, 82, 30, 13),
    ("OFF005", "Fitness Gear Sale", "sports", DiscountType::Percentage, 35, 75, 120, 77),
];

/// The people: id, segment, what they like, and by how many points. That many that their relevance outweighs whatever a
/// learner that knows nothing yet may draw (25 points of the score at most), for more than a week.
const USER_ROWS: [(&str, &str, &str, f64); 3] = [
    ("USER001", "premium", "electronics", 30.0),
    ("USER002", "standard", "fashion", 30.0),
    ("USER003", "new_user", "food", 30.0),
];

/// Loads the demonstration data, unless there are offers.
pub async fn load(store: &Store, stock: Arc<dyn ProductStock>) -> Result<Loaded, Unavailable> {
    let call = Call::new("offers.demo.load", OFFERS).lock("offers.demo", 1);
    let loaded = store.run(call, move |tx, now| open(tx, now, &*stock).map_err(Failure::<Infallible>::Db));
    loaded.await.map_err(|error| match error {
        CallError::Unavailable(error) => error,
        CallError::Refused(never) => match never {},
    })
}

fn open(tx: &mut Tx<'_>, now: Timestamp, stock: &dyn ProductStock) -> Result<Loaded, DbError> {
    if offer::queries::is_any(tx)? {
        return Ok(Loaded::Before);
    }
    put_all(tx, now, stock, &demo_offers())?;
    tell_users(tx, &demo_users(), false);
    Ok(Loaded::Now)
}

// A text that its type refuses would be left out with what it belongs to; a test holds that there is none.

fn demo_offers() -> Vec<(OfferId, Details)> {
    let offers = OFFER_ROWS.iter().filter_map(
        |(id, name, category, discount_type, value, priority, units, product)| {
            let details = Details {
                name: name.parse().ok()?,
                category: category.parse().ok()?,
                discount_type: *discount_type,
                discount_value: Amount::whole(*value),
                priority: Priority::new(*priority).ok()?,
                inventory: Units::new(*units).ok()?,
                expires_at: None,
                min_purchase: None,
                max_discount: None,
                target_segments: Vec::new(),
                margin_percent: None,
                product: Some(ProductId(*product)),
                status: None,
            };
            Some((id.parse().ok()?, details))
        },
    );
    offers.collect()
}

fn demo_users() -> Vec<UserRecord> {
    let users = USER_ROWS.iter().filter_map(|(id, segment, category, points)| {
        let affinities = BTreeMap::from([(category.parse().ok()?, *points)]);
        Some(UserRecord { user_id: id.parse().ok()?, segment: segment.parse().ok()?, affinities })
    });
    users.collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use kernel::{Currency, PlaceId};
    use store::testing::Scratch;

    use super::*;
    use crate::SCHEMA;
    use crate::inventory::ProductLevel;
    use crate::learn::PolicyName;
    use crate::offer::queries;
    use crate::rank::{Index, Request, Settings, Work};
    use crate::testing::World;
    use crate::user::{USER_IMPORTED, relevance};

    /// A thousand of everything, at the logistics centre.
    struct Plenty;

    impl ProductStock for Plenty {
        fn levels(&self, _: &mut Tx<'_>, products: &[ProductId]) -> Result<Vec<ProductLevel>, DbError> {
            let level = |product: &ProductId| ProductLevel {
                product: *product,
                place: PlaceId::CENTRE,
                available: 1000,
                active_place: true,
                active_product: true,
            };
            Ok(products.iter().map(level).collect())
        }
    }

    fn load(scratch: &mut Scratch) -> Loaded {
        scratch.run(|tx, now| open(tx, now, &Plenty).map_err(Failure::<Infallible>::Db)).unwrap()
    }

    #[test]
    fn it_is_loaded_once_and_only_where_there_are_no_offers() {
        let mut scratch = Scratch::new(&[SCHEMA], Timestamp::from_micros(1_000_000)).unwrap();
        assert_eq!(load(&mut scratch), Loaded::Now);
        let events: Vec<String> = scratch.events().unwrap().into_iter().map(|event| event.kind).collect();
        assert_eq!(events, [["halles.offer.created"; 5].as_slice(), &[USER_IMPORTED]].concat());
        assert_eq!(load(&mut scratch), Loaded::Before);
        assert_eq!(scratch.events().unwrap().len(), events.len(), "the second load does nothing");
    }

    #[test]
    fn the_offers_are_those_of_the_manual() {
        let mut scratch = Scratch::new(&[SCHEMA], Timestamp::from_micros(1_000_000)).unwrap();
        load(&mut scratch);
        let offers = scratch.read(|tx| queries::page(tx, &queries::Filter::default(), 10)).unwrap();
        let counts: Vec<(&str, i64)> =
            offers.iter().map(|offer| (offer.id.as_str(), offer.inventory.get())).collect();
        assert_eq!(
            counts,
            [("OFF001", 50), ("OFF002", 200), ("OFF003", 500), ("OFF004", 30), ("OFF005", 120)]
        );
        assert!(
            offers.iter().all(|offer| offer.is_eligible(Timestamp::default()) && offer.expires_at.is_none())
        );
        assert!(demo_offers().iter().all(|(_, details)| details.faults(Currency::EUR).is_empty()));
        assert_eq!(demo_users().len(), USER_ROWS.len());
    }

    /// The score without what is believed, by the formula of the guide: relevance, inventory, priority.
    fn base(offer: &OfferRow, points: f64) -> f64 {
        let (.., priority, units, _) = offer;
        let units = f64::from(u32::try_from(*units).expect("a small number"));
        let priority = f64::from(u8::try_from(*priority).expect("at most 100"));
        0.35 * relevance(points, 0.0) + 0.10 * (100.0 * units / (units + 20.0)) + 0.20 * priority
    }

    #[test]
    fn each_person_sees_what_they_like_first_whatever_is_believed() {
        for (user, _, liked, points) in USER_ROWS {
            // Points halve in thirty days: four fifths are left after nine.
            for points in [points, points * 0.8] {
                let of = |like: bool, points: f64| {
                    OFFER_ROWS
                        .iter()
                        .filter(move |offer| (offer.2 == liked) == like)
                        .map(move |offer| base(offer, points))
                };
                let worst_liked = of(true, points).fold(0.0, f64::max);
                let best_other = of(false, 0.0).fold(0.0, f64::max) + 0.25 * 100.0;
                assert!(worst_liked > best_other, "{user}: {worst_liked} against {best_other}");
            }
        }
    }

    #[tokio::test]
    async fn on_fresh_data_each_person_always_sees_what_they_like_first() -> anyhow::Result<()> {
        let world = World::sqlite()?;
        super::load(&world.store, Arc::new(Plenty)).await?;
        let others =
            [PolicyName::Static, PolicyName::Ucb1, PolicyName::PlainThompson].map(|policy| (policy, 10));
        for (policy, rounds) in [(PolicyName::default(), 100)].into_iter().chain(others) {
            let index = Arc::new(Index::new(&Settings { policy, seed: Some(7), ..Settings::default() }));
            index.open(&world.store, Arc::new(Plenty)).await?;
            for (user_id, _, liked, _) in USER_ROWS {
                for round in 0..rounds {
                    // All hands are dealt anew, and asked a hundred times.
                    index.refresh(world.store.now(), Work::ALL);
                    for _ in 0..100 {
                        let now = world.store.now().plus_seconds(round);
                        let answer = index.recommend(&Request { user_id, limit: 3, segment: None, now });
                        let shown: Vec<&str> = answer.offers.iter().map(|offer| &*offer.category).collect();
                        assert_eq!(
                            (shown.first(), shown.len()),
                            (Some(&liked), 3),
                            "{policy} {user_id}: {shown:?}"
                        );
                        let alike = |category| shown.iter().filter(|other| *other == category).count();
                        assert!(shown.iter().all(|category| alike(category) <= 2), "{shown:?}");
                    }
                }
            }
        }
        Ok(())
    }
}
