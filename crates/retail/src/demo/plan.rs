//! Everything the demonstration data consists of, made up from the day it is loaded on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kernel::{
    Currency, Day, Line, Money, PlaceId, ProductId, Quantity, ReplenishmentId, SaleId, ShopId, Text,
    Timestamp,
};
use uuid::Uuid;

use super::catalogue::{CATEGORIES, FAMILY_NAMES, GIVEN_ASCII, GIVEN_NAMES, SHOPS};
use super::random::Random;
use crate::client;
use crate::product;
use crate::replenishment::{Replenishment, State};
use crate::sale::{Sale, SaleLine};
use crate::shop::{self, Position};
use crate::stock::{DEFAULT_THRESHOLDS, Slot, Thresholds};

/// How many days of sales lie before the day of loading.
pub(super) const DAYS: i32 = 60;
/// Sales of a mean shop on a mean day.
const SALES_PER_DAY: u64 = 85;
/// How busy Monday to Sunday are, in percent of the mean day.
const WEEKDAYS: [u64; 7] = [80, 85, 100, 90, 115, 160, 70];
/// How busy the hours from nine in the morning on are.
const HOURS: [u64; 11] = [4, 6, 8, 12, 9, 7, 7, 9, 13, 14, 8];
const FIRST_HOUR: i64 = 9;
/// How often a sale has one, two … lines, in percent.
const LINES: [u64; 4] = [55, 28, 12, 5];
/// How often a line is of one, two, three units, in percent.
const UNITS: [u64; 3] = [80, 15, 5];
/// At the logistics centre, which serves all shops (units).
const CENTRE_THRESHOLDS: Thresholds = Thresholds { low: 50, reorder: 200, overstock: 5_000 };
/// The seed of all random choices.
const SEED: u64 = 0x4841_4c4c_4553;

/// The stock of a place before anything moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) slot: Slot,
    pub(super) units: i64,
    pub(super) thresholds: Thresholds,
}

/// The whole data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// The day of loading, on which nothing has been sold yet.
    pub(super) day: Day,
    /// The products, in the order of their ids.
    pub(super) products: Vec<product::Details>,
    /// The shops, in the order of their ids.
    pub(super) shops: Vec<shop::Details>,
    /// The clients, in the order of their ids.
    pub(super) clients: Vec<client::Details>,
    pub(super) openings: Vec<Opening>,
    pub(super) requests: Vec<Replenishment>,
    /// The sales of each day, the oldest first.
    pub(super) days: Vec<Vec<Sale>>,
}

impl Plan {
    /// Makes it all up.
    pub(super) fn new(day: Day, currency: Currency) -> Self {
        let products = products(currency);
        let prices: Vec<Money> = products.iter().map(|product| product.price).collect();
        let days = (1..=DAYS).rev().map(|ago| sales(day.plus(-ago), &prices)).collect::<Vec<_>>();
        let mut closing = closing_stock(products.len());
        let requests = requests(day, &mut closing);
        let openings = openings(closing, &requests, &days);
        Self { day, products, shops: shops(), clients: clients(), openings, requests, days }
    }

    /// How many sales there are.
    pub(super) fn sales(&self) -> usize {
        self.days.iter().map(Vec::len).sum()
    }
}

/// The ids of the shops.
fn shop_ids() -> impl Iterator<Item = ShopId> {
    (1..).map(ShopId).take(SHOPS.len())
}

/// The ids of so many products.
fn product_ids(count: usize) -> impl Iterator<Item = ProductId> {
    (1..).map(ProductId).take(count)
}

// A text that its type refuses would be left out with what it belongs to; a test holds that there is none.

fn products(currency: Currency) -> Vec<product::Details> {
    let all = CATEGORIES.iter().flat_map(|(category, products)| products.iter().map(move |p| (*category, p)));
    (1..)
        .zip(all)
        .filter_map(|(number, (category, (name, price_minor)))| {
            Some(product::Details {
                name: name.parse().ok()?,
                description: format!("Donnée de démonstration, produit inventé : {name}.").parse().ok()?,
                category: category.parse().ok()?,
                price: Money::from_minor(*price_minor, currency),
                ean13: Some(ean13(number).parse().ok()?),
            })
        })
        .collect()
}

fn shops() -> Vec<shop::Details> {
    SHOPS
        .iter()
        .filter_map(|(name, district, address, latitude, longitude, _)| {
            Some(shop::Details {
                name: name.parse().ok()?,
                district: district.parse().ok()?,
                address: Some(address.parse().ok()?),
                position: Position::parse(Some(*latitude), Some(*longitude)).ok()?,
                active: true,
            })
        })
        .collect()
}

/// A number of the range 200 to 299, which GS1 leaves to each shop for itself (General Specifications, 1.4.1), with
/// its check digit (7.9).
fn ean13(number: i64) -> String {
    let head = format!("2990000{number:05}");
    let weighted = head.bytes().zip([1_u32, 3].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{head}{}", (10 - sum % 10) % 10)
}

fn clients() -> Vec<client::Details> {
    let names = FAMILY_NAMES.iter().flat_map(|family| {
        GIVEN_NAMES.iter().zip(GIVEN_ASCII).map(move |(given, ascii)| (family, given, ascii))
    });
    names
        .zip(1..)
        .filter_map(|((family, given, ascii), number)| {
            // The top-level domain `example` is nobody's (RFC 2606), numbers that begin so are kept for fiction
            // (ARCEP, decision 2018-0881).
            let email = format!("{ascii}.{}@clients.example", family.to_lowercase());
            let phone = format!("06 39 98 {:02} {:02}", number / 100, number % 100);
            let address = format!("{number} rue de la Démonstration, 750{:02} Paris", number % 20 + 1);
            Some(client::Details {
                name: format!("{given} {family}").parse().ok()?,
                email: email.parse().ok()?,
                phone: Some(phone.parse().ok()?),
                address: Some(address.parse().ok()?),
            })
        })
        .collect()
}

/// How often each product is bought: few sell a lot, many a little, in an order that is not the catalogue's.
fn popularity(count: usize) -> Vec<u64> {
    let mut random = Random::new(SEED ^ 1);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let other = usize::try_from(random.below(last as u64 + 1)).unwrap_or(0);
        order.swap(last, other);
    }
    let mut weights = vec![0; count];
    for (rank, product) in order.into_iter().enumerate() {
        weights[product] = 20_000 / (rank as u64 + 8);
    }
    weights
}

/// All sales of a day, in the order of their time.
fn sales(day: Day, prices: &[Money]) -> Vec<Sale> {
    let weights = popularity(prices.len());
    let mut random = Random::new(SEED ^ (day.number().unsigned_abs() << 8));
    let weekday = WEEKDAYS.get(usize::from(day.weekday().unsigned_abs()) - 1).copied().unwrap_or(100);
    let mut sales = Vec::new();
    for (shop, (.., busy)) in shop_ids().zip(SHOPS) {
        let noise = 90 + random.below(21);
        let count = SALES_PER_DAY * weekday * busy * noise / 1_000_000;
        sales.extend((0..count).filter_map(|_| sale(&mut random, day, shop, prices, &weights)));
    }
    sales.sort_by_key(|sale| sale.at);
    sales
}

fn sale(random: &mut Random, day: Day, shop: ShopId, prices: &[Money], weights: &[u64]) -> Option<Sale> {
    let hour = FIRST_HOUR + i64::try_from(random.pick(&HOURS)).ok()?;
    let second = random.between(0, 3599);
    let at = Timestamp::from_micros(
        day.start().plus_seconds(hour * 3600 + second).micros() + random.between(0, 999_999),
    );
    let bought: BTreeSet<usize> = (0..=random.pick(&LINES)).map(|_| random.pick(weights)).collect();
    let mut total = Money::from_minor(0, prices.first()?.currency());
    let mut lines = Vec::with_capacity(bought.len());
    for index in bought {
        let product = product_ids(prices.len()).nth(index)?;
        let quantity = Quantity::new(i64::try_from(random.pick(&UNITS)).ok()? + 1).ok()?;
        let unit_price = *prices.get(index)?;
        total = total.plus(unit_price.times(quantity.get()).ok()?).ok()?;
        lines.push(SaleLine { product, quantity, unit_price });
    }
    let cashier = format!("Caisse {}", random.between(1, 4)).parse().ok();
    Some(Sale { id: SaleId(id(random, at)), shop, lines, total, at, cashier })
}

/// A UUID of version 7 (RFC 9562, 5.7) for an instant, from this source.
fn id(random: &mut Random, at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.micros() / 1000).unwrap_or(0);
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&random.bits().to_be_bytes());
    bytes[8..].copy_from_slice(&random.bits().to_be_bytes()[..2]);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// What is to be left in every place: some products out of stock, some to be reordered, some too many.
fn closing_stock(products: usize) -> BTreeMap<Slot, i64> {
    let mut random = Random::new(SEED ^ 2);
    let mut closing = BTreeMap::new();
    for product in product_ids(products) {
        closing.insert((PlaceId::CENTRE, product), centre_stock(&mut random, product));
        for shop in shop_ids() {
            let units = match random.pick(&[6, 14, 70, 10]) {
                0 => random.between(0, 5),
                1 => random.between(6, 20),
                2 => random.between(21, 95),
                _ => random.between(100, 180),
            };
            closing.insert((shop.into(), product), units);
        }
    }
    closing
}

/// What the centre has left of a product. The manual's calls are made again and again: the first product never runs
/// out, of the second there are always fewer than 999, of the fourth always ten.
fn centre_stock(random: &mut Random, product: ProductId) -> i64 {
    let usual = match random.pick(&[4, 8, 88]) {
        0 => random.between(0, 50),
        1 => random.between(51, 200),
        _ => random.between(201, 2_500),
    };
    match product.0 {
        1 => 100_000,
        2 => 990,
        4 => 4_000,
        _ => usual,
    }
}

/// How many requests there are in each state.
const REQUESTS: [(State, usize); 4] =
    [(State::Received, 12), (State::Rejected, 3), (State::Validated, 4), (State::Pending, 6)];

/// The replenishment requests, the oldest first. What was sent is left over in its shop, so that it cannot have been
/// sold before it arrived.
fn requests(day: Day, closing: &mut BTreeMap<Slot, i64>) -> Vec<Replenishment> {
    let mut random = Random::new(SEED ^ 3);
    let shelves: Vec<Slot> =
        closing.iter().filter(|(slot, _)| slot.0 != PlaceId::CENTRE).map(|(slot, _)| *slot).collect();
    let mut taken = BTreeSet::new();
    let mut requests = Vec::new();
    for (state, count) in REQUESTS {
        for number in 0..count {
            let slot = loop {
                let index = usize::try_from(random.below(shelves.len() as u64)).unwrap_or(0);
                let low = closing.get(&shelves[index]).is_some_and(|units| *units <= 20);
                // Whoever still waits is short of the product.
                if (low || state != State::Pending) && taken.insert(shelves[index]) {
                    break shelves[index];
                }
            };
            let request = request(&mut random, day, slot, state, number);
            for (slot, units) in request.iter().flat_map(transfers).filter(|(_, units)| *units > 0) {
                let left = closing.entry(slot).or_default();
                *left = (*left).max(units + 10);
            }
            requests.extend(request);
        }
    }
    requests.sort_by_key(|request| request.id);
    requests
}

fn request(random: &mut Random, day: Day, slot: Slot, state: State, number: usize) -> Option<Replenishment> {
    let age = match state {
        State::Received | State::Rejected => random.between(5, i64::from(DAYS) - 1),
        State::Validated => random.between(2, 3),
        State::Pending => 1,
    };
    let asked = day.plus(-i32::try_from(age).unwrap_or(1)).start().plus_seconds(random.between(8, 18) * 3600);
    let decided = (state != State::Pending).then(|| asked.plus_seconds(random.between(1, 8) * 3600));
    let received = (state == State::Received).then(|| asked.plus_seconds(random.between(24, 60) * 3600));
    let quantity = Quantity::new(random.between(2, 4) * 10).ok()?;
    // One delivery in six is a unit or two short.
    let missing = if number % 6 == 3 { random.between(1, 2) } else { 0 };
    let person = |name: &str| name.parse::<Line>().ok();
    Some(Replenishment {
        id: ReplenishmentId(id(random, asked)),
        shop: ShopId(slot.0.0),
        product: slot.1,
        quantity,
        received_quantity: received.map(|_| quantity.get() - missing),
        state,
        reason: (state == State::Rejected)
            .then(|| "déjà livré cette semaine".parse::<Text>().unwrap_or_default()),
        requested_by: person("Responsable de magasin (démo)"),
        requested_at: asked,
        decided_by: decided.and_then(|_| person("Logistique (démo)")),
        decided_at: decided,
        received_by: received.and_then(|_| person("Réserve (démo)")),
        received_at: received,
    })
}

/// What each place held before anything moved: what is left, plus what went, less what came.
fn openings(closing: BTreeMap<Slot, i64>, requests: &[Replenishment], days: &[Vec<Sale>]) -> Vec<Opening> {
    let mut moved: HashMap<Slot, i64> = HashMap::new();
    for (slot, units) in requests.iter().flat_map(transfers) {
        *moved.entry(slot).or_default() += units;
    }
    for (slot, units) in days.iter().flatten().flat_map(sold) {
        *moved.entry(slot).or_default() -= units;
    }
    closing
        .into_iter()
        .map(|(slot, left)| Opening {
            slot,
            units: left - moved.get(&slot).copied().unwrap_or(0),
            thresholds: if slot.0 == PlaceId::CENTRE { CENTRE_THRESHOLDS } else { DEFAULT_THRESHOLDS },
        })
        .collect()
}

/// What a request moved: out of the centre, and into the shop what arrived there.
pub(super) fn transfers(request: &Replenishment) -> Vec<(Slot, i64)> {
    let sent = match request.state {
        State::Pending | State::Rejected => return Vec::new(),
        State::Validated | State::Received => request.quantity.get(),
    };
    let arrived = request.received_quantity.unwrap_or(sent);
    vec![(request.source(), -sent), (request.destination(), arrived)]
}

/// The units that a sale took from its shop.
pub(super) fn sold(sale: &Sale) -> impl Iterator<Item = (Slot, i64)> + '_ {
    let place = PlaceId::from(sale.shop);
    sale.lines.iter().map(move |line| ((place, line.product), line.quantity.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> anyhow::Result<Plan> {
        let day = "2026-03-31".parse().map_err(anyhow::Error::msg)?;
        Ok(Plan::new(day, Currency::EUR))
    }

    #[test]
    fn the_same_day_makes_the_same_data() -> anyhow::Result<()> {
        assert_eq!(plan()?, plan()?);
        Ok(())
    }

    #[test]
    fn the_data_is_of_the_size_and_shape_that_was_promised() -> anyhow::Result<()> {
        let plan = plan()?;
        assert_eq!((plan.products.len(), plan.shops.len(), plan.clients.len()), (200, 6, 40));
        assert_eq!(plan.days.len(), 60);
        assert!((28_000..34_000).contains(&plan.sales()), "{} sales", plan.sales());
        let of_weekday = |weekday| {
            plan.days.iter().flatten().filter(|sale| sale.at.paris_day().weekday() == weekday).count()
        };
        assert!(of_weekday(6) > of_weekday(1) * 3 / 2, "Saturdays are busier than Mondays");
        for (state, count) in REQUESTS {
            assert_eq!(plan.requests.iter().filter(|request| request.state == state).count(), count);
        }
        Ok(())
    }

    #[test]
    fn no_stock_is_negative_at_any_time() -> anyhow::Result<()> {
        let plan = plan()?;
        let mut levels: HashMap<Slot, i64> = plan.openings.iter().map(|o| (o.slot, o.units)).collect();
        assert!(levels.values().all(|units| *units >= 0));
        for (slot, units) in plan.requests.iter().flat_map(transfers) {
            *levels.entry(slot).or_default() += units;
        }
        for (slot, units) in plan.days.iter().flatten().flat_map(sold) {
            let level = levels.entry(slot).or_default();
            *level -= units;
            assert!(*level >= 0);
        }
        let centre = |product| levels[&(PlaceId::CENTRE, ProductId(product))];
        assert!(centre(1) >= 990 && (10..999).contains(&centre(2)) && centre(4) >= 10);
        Ok(())
    }
}
