//! What people read in the log while offers run out, come back, are paused, deleted or moved.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Mutex;

use kernel::{PlaceId, ProductId, Quantity, Timestamp};
use store::testing::Scratch;
use store::{DbError, Failure, Tx};

use super::page;
use crate::inventory::commands::{begin_recheck, recheck, reevaluate, set_inventory, take};
use crate::inventory::{ProductLevel, ProductStock, Units};
use crate::names::OfferId;
use crate::offer::commands::{Put, create, delete, expire_due, put_all, replace};
use crate::offer::details::tests::details;
use crate::offer::{Details, Offer, OfferError, Status, invariants, queries};
use crate::pivot::notices::lines;

/// The stores' stock, as a test says it is.
#[derive(Default)]
struct Shelf(Mutex<Vec<ProductLevel>>);

impl ProductStock for Shelf {
    fn levels(&self, _: &mut Tx<'_>, products: &[ProductId]) -> Result<Vec<ProductLevel>, DbError> {
        let levels = self.0.lock().unwrap();
        Ok(levels.iter().filter(|level| products.contains(&level.product)).copied().collect())
    }
}

impl Shelf {
    fn put(&self, product: i64, available: i64) {
        let product = ProductId(product);
        let mut levels = self.0.lock().unwrap();
        levels.retain(|level| level.product != product);
        levels.push(ProductLevel {
            product,
            place: PlaceId::CENTRE,
            available,
            active_place: true,
            active_product: true,
        });
    }
}

struct World {
    scratch: Scratch,
    shelf: Shelf,
    read: usize,
}

fn id(text: &str) -> OfferId {
    text.parse().unwrap()
}

impl World {
    fn new() -> Self {
        let start = "2026-03-01T12:00:00Z".parse().unwrap();
        let scratch = Scratch::new(&[crate::SCHEMA], start).unwrap();
        Self { scratch, shelf: Shelf::default(), read: 0 }
    }

    /// Three offers of electronics, and one of fashion.
    fn seeded() -> Self {
        let mut world = Self::new();
        world.add("OFF001", &details("Premium Laptop Deal", "electronics", 95, 50));
        world.add("OFF002", &details("Fashion Flash Sale", "fashion", 88, 200));
        world.add("OFF004", &details("Smart Home Bundle", "electronics", 82, 30));
        world.add("OFF005", &details("Headphones", "electronics", 60, 40));
        assert_eq!(world.lines(), [""; 0]);
        world
    }

    fn add(&mut self, text: &str, details: &Details) -> Offer {
        self.scratch.run(|tx, now| create(tx, now, &self.shelf, Some(id(text)), details)).unwrap()
    }

    fn set(&mut self, text: &str, units: i64) -> Offer {
        let own = Units::new(units).unwrap();
        self.scratch.run(|tx, now| set_inventory(tx, now, &self.shelf, &id(text), own)).unwrap()
    }

    fn edit(&mut self, text: &str, change: impl FnOnce(&mut Details)) {
        let offer = self.offer(text).unwrap();
        let mut details = Details {
            name: offer.name,
            category: offer.category,
            discount_type: offer.discount_type,
            discount_value: offer.discount_value,
            priority: offer.priority,
            inventory: offer.inventory_own,
            expires_at: offer.expires_at,
            min_purchase: offer.min_purchase,
            max_discount: offer.max_discount,
            target_segments: offer.target_segments,
            margin_percent: offer.margin_percent,
            product: offer.product,
            status: None,
        };
        change(&mut details);
        self.scratch.run(|tx, now| replace(tx, now, &self.shelf, &id(text), &details)).unwrap();
    }

    fn delete(&mut self, text: &str) {
        self.scratch.run(|tx, now| delete(tx, now, &self.shelf, &id(text))).unwrap();
    }

    fn take(&mut self, wishes: &[(&str, i64)]) -> Vec<Result<i64, OfferError>> {
        let wishes: Vec<_> =
            wishes.iter().map(|(text, units)| (id(text), Quantity::new(*units).unwrap())).collect();
        let taken: Result<_, Failure<DbError>> =
            self.scratch.run(|tx, now| Ok(take(tx, now, &self.shelf, &wishes)?));
        taken.unwrap().into_iter().map(|taken| taken.map(Units::get)).collect()
    }

    fn sold(&mut self, product: i64, available: i64) {
        self.shelf.put(product, available);
        let done: Result<(), Failure<DbError>> =
            self.scratch.run(|tx, now| Ok(reevaluate(tx, now, &self.shelf, &[ProductId(product)])?));
        done.unwrap();
    }

    fn sweep(&mut self) -> usize {
        let swept: Result<usize, Failure<DbError>> =
            self.scratch.run(|tx, now| Ok(expire_due(tx, now, &self.shelf, 100)?));
        swept.unwrap()
    }

    fn offer(&mut self, text: &str) -> Option<Offer> {
        self.scratch.read(|tx| queries::offer(tx, &id(text))).unwrap()
    }

    fn left(&mut self, text: &str) -> (i64, i64) {
        self.offer(text).map(|offer| (offer.inventory_own.get(), offer.inventory.get())).unwrap()
    }

    /// The pivots in force, such as `OFF001->OFF004`; after a check that nothing is as it must not be.
    fn pivots(&mut self) -> Vec<String> {
        let violations = self.scratch.read(invariants::check).unwrap();
        assert_eq!(violations, []);
        let pivots = self.scratch.read(|tx| page(tx, None, 1000)).unwrap();
        let to = |to: Option<OfferId>| to.map_or("?".to_owned(), |to| to.to_string());
        pivots.into_iter().map(|pivot| format!("{}->{}", pivot.from, to(pivot.to))).collect()
    }

    /// The kinds of the events since the last look, without what all have in common.
    fn kinds(&mut self) -> Vec<String> {
        let events = self.scratch.events().unwrap().split_off(self.read);
        self.read += events.len();
        events.into_iter().map(|event| event.kind.replace("halles.offer.", "")).collect()
    }

    /// The lines in the log since the last look.
    fn lines(&mut self) -> Vec<String> {
        let events = self.scratch.events().unwrap().split_off(self.read);
        self.read += events.len();
        lines(&events)
    }
}

#[test]
fn the_manual_s_stock_out() {
    let mut world = World::seeded();
    let offer = world.set("OFF001", 0);
    assert_eq!((offer.inventory_own, offer.inventory), (Units::ZERO, Units::ZERO));
    assert_eq!(world.lines(), ["STOCKOUT DETECTED: OFF001 (electronics)", "PIVOT TO: OFF004 (Priority: 82)"]);
    assert_eq!(world.pivots(), ["OFF001->OFF004"]);
    world.set("OFF001", 0);
    assert_eq!(world.kinds(), [""; 0], "what changes nothing is not told");
    world.set("OFF001", 50);
    assert_eq!(world.kinds(), ["stock", "restocked", "unpivoted"]);
    assert_eq!(world.pivots(), [""; 0]);
    world.set("OFF002", 0);
    assert_eq!(
        world.lines(),
        ["STOCKOUT DETECTED: OFF002 (fashion)", "NO PIVOT AVAILABLE for category fashion"]
    );
}

#[test]
fn a_redemption_and_a_sale_empty_an_offer_as_well() {
    let mut world = World::seeded();
    world.set("OFF001", 1);
    assert_eq!(world.lines(), ["LOW INVENTORY ALERT: OFF001 - 1 units remaining"]);
    assert_eq!(world.take(&[("OFF001", 1)]), [Ok(0)]);
    let emptied = ["STOCKOUT DETECTED: OFF001 (electronics)", "PIVOT TO: OFF004 (Priority: 82)"];
    assert_eq!(world.lines(), emptied);

    world.shelf.put(7, 12);
    world.edit("OFF001", |details| (details.product, details.inventory) = (Some(ProductId(7)), Units::MAX));
    assert_eq!(world.left("OFF001"), (1_000_000_000, 12));
    assert_eq!(world.lines(), [""; 0]);
    world.sold(7, 0);
    assert_eq!(world.lines(), emptied);
    assert_eq!(world.left("OFF001"), (1_000_000_000, 0));
    world.sold(7, 4);
    assert_eq!(world.kinds(), ["stock", "restocked", "low", "unpivoted"]);
    world.shelf.0.lock().unwrap()[0].active_product = false;
    world
        .scratch
        .run::<_, DbError>(|tx, now| Ok(reevaluate(tx, now, &world.shelf, &[ProductId(7)])?))
        .unwrap();
    assert_eq!(world.lines(), emptied, "a product that is no longer sold is as good as none");
}

#[test]
fn a_low_stock_is_told_once_until_there_is_more_again() {
    let mut world = World::seeded();
    let mut told = |units| {
        world.set("OFF001", units);
        world.lines().into_iter().filter(|line| line.starts_with("LOW")).collect::<Vec<_>>()
    };
    assert_eq!(told(6), [""; 0]);
    assert_eq!(told(5), ["LOW INVENTORY ALERT: OFF001 - 5 units remaining"]);
    for units in [4, 0, 3, 5] {
        assert_eq!(told(units), [""; 0], "{units}");
    }
    assert_eq!(told(6), [""; 0]);
    assert_eq!(told(2), ["LOW INVENTORY ALERT: OFF001 - 2 units remaining"]);
}

#[test]
fn a_pivot_is_passed_on_and_never_stacked() {
    let mut world = World::seeded();
    world.set("OFF001", 0);
    world.set("OFF004", 0);
    assert_eq!(world.pivots(), ["OFF001->OFF005", "OFF004->OFF005"]);
    assert_eq!(
        world.kinds(),
        ["stock", "stockout", "pivoted", "stock", "stockout", "unpivoted", "pivoted", "pivoted"]
    );
    world.set("OFF005", 0);
    assert_eq!(world.pivots(), ["OFF001->?", "OFF004->?", "OFF005->?"]);
    assert_eq!(
        world.lines(),
        ["STOCKOUT DETECTED: OFF005 (electronics)"]
            .into_iter()
            .chain(["NO PIVOT AVAILABLE for category electronics"; 3])
            .collect::<Vec<_>>()
    );
    // The first that comes back takes the traffic of the others; one that comes back later does not take it over.
    world.set("OFF005", 9);
    assert_eq!(world.pivots(), ["OFF001->OFF005", "OFF004->OFF005"]);
    world.set("OFF004", 9);
    assert_eq!(world.pivots(), ["OFF001->OFF005"]);
    assert_eq!(world.lines(), ["PIVOT TO: OFF005 (Priority: 60)"; 2]);
}

#[test]
fn a_target_that_may_no_longer_be_shown_loses_the_traffic() {
    type Deed = fn(&mut World);
    let deeds: [(&str, Deed); 4] = [
        ("paused", |world| world.edit("OFF004", |details| details.status = Some(Status::Paused))),
        ("deleted", |world| world.delete("OFF004")),
        ("moved", |world| world.edit("OFF004", |details| details.category = "fashion".parse().unwrap())),
        ("over", |world| {
            let end = world.scratch.now().plus_seconds(60);
            world.edit("OFF004", |details| details.expires_at = Some(end));
            assert_eq!(world.sweep(), 0);
            world.scratch.advance_seconds(60);
            assert_eq!(world.sweep(), 1);
            assert_eq!(world.offer("OFF004").unwrap().status, Status::Expired);
        }),
    ];
    for (name, deed) in deeds {
        let mut world = World::seeded();
        world.set("OFF001", 0);
        deed(&mut world);
        assert_eq!(world.pivots(), ["OFF001->OFF005"], "{name}");
    }
}

#[test]
fn an_offer_that_is_itself_taken_out_sends_no_traffic() {
    let mut world = World::seeded();
    world.set("OFF001", 0);
    world.edit("OFF001", |details| details.status = Some(Status::Paused));
    assert_eq!(world.pivots(), [""; 0]);
    world.edit("OFF001", |details| details.status = Some(Status::Active));
    assert_eq!(world.pivots(), ["OFF001->OFF004"], "it is still out of stock");
    world.kinds();
    world.edit("OFF001", |details| details.category = "fashion".parse().unwrap());
    assert_eq!(world.pivots(), ["OFF001->OFF002"]);
    assert_eq!(world.kinds(), ["changed", "unpivoted", "pivoted"]);
    world.delete("OFF001");
    assert_eq!(world.pivots(), [""; 0]);
    assert_eq!(world.kinds(), ["deleted", "unpivoted"]);
}

#[test]
fn an_offer_that_never_was_in_stock_has_not_run_out() {
    let mut world = World::seeded();
    world.add("NEW", &details("Not yet", "electronics", 99, 0));
    assert_eq!(world.pivots(), [""; 0]);
    assert_eq!(world.kinds(), ["created"]);
    world.set("NEW", 10);
    assert_eq!(world.kinds(), ["stock", "restocked"]);
    world.set("NEW", 0);
    assert_eq!(world.pivots(), ["NEW->OFF001"], "the highest priority of the category");
}

#[test]
fn of_equal_priorities_the_smaller_id_is_the_target() {
    let mut world = World::new();
    for name in ["C", "B", "A"] {
        world.add(name, &details(name, "food", 50, 10));
    }
    world.set("B", 0);
    assert_eq!(world.pivots(), ["B->A"]);
}

#[test]
fn units_are_taken_one_wish_after_the_other() {
    let mut world = World::seeded();
    world.set("OFF001", 3);
    world.delete("OFF005");
    world.shelf.put(7, 2);
    world.edit("OFF004", |details| details.product = Some(ProductId(7)));
    world.kinds();
    let out = |offer: &str, asked, left| Err(OfferError::OutOfStock { offer: id(offer), asked, left });
    let taken = world.take(&[
        ("OFF001", 2),
        ("OFF004", 3),
        ("OFF001", 2),
        ("OFF001", 1),
        ("OFF005", 1),
        ("X", 1),
        ("OFF001", 1),
    ]);
    assert_eq!(
        taken,
        [
            Ok(1),
            out("OFF004", 3, 2),
            out("OFF001", 2, 1),
            Ok(0),
            Err(OfferError::Unknown(id("OFF005"))),
            Err(OfferError::Unknown(id("X"))),
            out("OFF001", 1, 0),
        ]
    );
    assert_eq!([world.left("OFF001"), world.left("OFF004")], [(0, 0), (30, 2)]);
    assert_eq!(world.kinds(), ["stock", "stockout", "pivoted"]);
    // The stores sold the last ones, and nobody has told us yet: the redemption is refused all the same, and tells.
    world.shelf.put(7, 0);
    assert_eq!(world.take(&[("OFF004", 1)]), [out("OFF004", 1, 0)]);
    assert_eq!(world.kinds(), ["stock", "stockout", "unpivoted", "no_pivot", "no_pivot"]);
    assert_eq!(world.take(&[]), []);
}

#[test]
fn after_a_shop_has_changed_all_products_are_looked_at_bit_by_bit() {
    let mut world = World::new();
    for product in 1..=7 {
        world.shelf.put(product, 10);
        let details = Details { product: Some(ProductId(product)), ..details("a", "food", 50, 20) };
        world.add(&format!("OFF00{product}"), &details);
        world.shelf.put(product, 0);
    }
    world.kinds();
    let look = |world: &mut World| {
        let looked: Result<bool, Failure<DbError>> =
            world.scratch.run(|tx, now| Ok(recheck(tx, now, &world.shelf, 3)?));
        let stocks = world.kinds().iter().filter(|kind| *kind == "stock").count();
        (looked.unwrap(), stocks)
    };
    assert_eq!(look(&mut world), (false, 0), "it is not due");
    world.scratch.run::<_, DbError>(|tx, _| Ok(begin_recheck(tx)?)).unwrap();
    assert_eq!(look(&mut world), (true, 3));
    assert_eq!(look(&mut world), (true, 3));
    assert_eq!(look(&mut world), (true, 1));
    assert_eq!(look(&mut world), (false, 0));
    assert_eq!(look(&mut world), (false, 0));
}

#[test]
fn ids_are_given_and_never_given_again() {
    let mut world = World::new();
    let mut number = || {
        let created =
            world.scratch.run(|tx, now| create(tx, now, &world.shelf, None, &details("a", "food", 1, 1)));
        created.unwrap().id.to_string()
    };
    assert_eq!([number(), number()], ["OFF001", "OFF002"]);
    world.add("OFF1000", &details("a", "food", 1, 1));
    world.add("OFFER", &details("a", "food", 1, 1));
    world.delete("OFF1000");
    assert_eq!(world.offer("OFF1000"), None);
    let next = world.scratch.run(|tx, now| create(tx, now, &world.shelf, None, &details("a", "food", 1, 1)));
    assert_eq!(next.unwrap().id.as_str(), "OFF1001");
    for taken in ["OFF1000", "OFFER"] {
        let refused = world
            .scratch
            .run(|tx, now| create(tx, now, &world.shelf, Some(id(taken)), &details("a", "food", 1, 1)));
        assert_eq!(refused, Err(Failure::Refused(OfferError::IdTaken(id(taken)))));
    }
    let unknown = world.scratch.run(|tx, now| delete(tx, now, &world.shelf, &id("OFF1000")));
    assert_eq!(unknown, Err(Failure::Refused(OfferError::Unknown(id("OFF1000")))));
}

#[test]
fn many_offers_are_put_in_at_once() {
    let mut world = World::seeded();
    world.delete("OFF005");
    world.kinds();
    let offers = [
        (id("NEW"), details("first", "food", 1, 10)),
        (id("OFF001"), details("Premium Laptop Deal", "electronics", 95, 0)),
        (id("OFF005"), details("back", "food", 1, 10)),
        (id("NEW"), details("second", "food", 1, 10)),
        (id("OFF002"), details("Fashion Flash Sale", "fashion", 88, 200)),
    ];
    let put: Result<_, Failure<DbError>> =
        world.scratch.run(|tx, now| Ok(put_all(tx, now, &world.shelf, &offers)?));
    let put: Vec<String> = put
        .unwrap()
        .into_iter()
        .map(|put| match put {
            Put::Created(offer) => format!("created {}", offer.name),
            Put::Replaced(offer) => format!("replaced {}", offer.name),
            Put::Refused(error) => error.to_string(),
        })
        .collect();
    assert_eq!(
        put,
        [
            "created second",
            "replaced Premium Laptop Deal",
            "the id OFF005 is taken",
            "created second",
            "replaced Fashion Flash Sale"
        ]
    );
    assert_eq!(world.kinds(), ["changed", "created", "stockout", "pivoted"]);
    assert_eq!(world.pivots(), ["OFF001->OFF004"]);
}

#[test]
fn the_check_finds_what_is_wrong() {
    let mut world = World::seeded();
    world.set("OFF001", 0);
    world.set("OFF002", 0);
    world
        .scratch
        .run::<_, DbError>(|tx, _| {
            tx.execute(
                "UPDATE offer SET inventory_own = 9, inventory_effective = 9 WHERE id = 'OFF001'",
                &[],
            )?;
            tx.execute("DELETE FROM offer_pivot WHERE from_offer = 'OFF002'", &[])?;
            Ok(())
        })
        .unwrap();
    let violations = world.scratch.read(invariants::check).unwrap();
    let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(told.len() == 2 && told[0].starts_with("pivot ends: offer OFF001: "), "{told:?}");
    assert!(told[1].starts_with("pivot missing: offer OFF002"), "{told:?}");
}

#[test]
fn what_is_written_is_read_back() {
    let mut world = World::new();
    let full = Details {
        expires_at: Some("2030-01-01T00:00:00Z".parse::<Timestamp>().unwrap()),
        min_purchase: Some("49.99".parse().unwrap()),
        max_discount: Some("100".parse().unwrap()),
        target_segments: vec!["premium".parse().unwrap()],
        margin_percent: Some("12.5".parse().unwrap()),
        product: Some(ProductId(7)),
        status: Some(Status::Paused),
        ..details("tout", "électronique", 1, 10)
    };
    world.shelf.put(7, 3);
    let made = world.add("A", &full);
    assert_eq!(world.offer("A"), Some(made.clone()));
    let told = world.scratch.events().unwrap();
    assert_eq!(serde_json::from_str::<Offer>(&told[0].data).unwrap(), made);
    assert_eq!((made.inventory.get(), made.inventory_own.get()), (3, 10));
}
