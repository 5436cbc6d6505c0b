//! What a chain should do, in the simplest words: units in places, and money.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::{Strategy, prop_oneof};

/// Products that there are; the next number is one that nobody knows.
pub(crate) const PRODUCTS: i64 = 3;
/// Units of each product at the centre to begin with.
pub(crate) const INITIAL: i64 = 20;
/// What each product costs, in cents.
pub(crate) const PRICE: i64 = 1000;
/// What the payment simulator refuses to go beyond, in cents.
pub(crate) const LIMIT: i64 = 8 * PRICE;

/// Units by product.
pub(crate) type Lines = BTreeMap<i64, i64>;

/// What is there and what is promised, by place and product.
pub(crate) type Levels = BTreeMap<(i64, i64), (i64, i64)>;

/// Something that is asked of the chain. `which` counts the orders, reservations and requests made so far.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Deliver { product: i64, units: i64 },
    Sell { shop: i64, lines: Lines },
    Order { place: i64, lines: Lines },
    OrderAgain { which: usize },
    Cancel { which: usize },
    Reserve { place: i64, lines: Lines, seconds: i64 },
    Release { which: usize },
    Expire,
    Wait { seconds: i64 },
    Request { shop: i64, product: i64, units: i64 },
    Validate { which: usize },
    Reject { which: usize },
    Count { which: usize, units: i64 },
}

/// Any sequence of so many commands.
pub(crate) fn commands(
    length: impl Into<proptest::collection::SizeRange>,
) -> impl Strategy<Value = Vec<Command>> {
    vec(command(), length)
}

fn command() -> impl Strategy<Value = Command> {
    let lines = || btree_map(1..=PRODUCTS, 1..=5_i64, 1..=2);
    // Now and then a product that nobody knows.
    let asked = || prop_oneof![9 => lines(), 1 => btree_map(1..=PRODUCTS + 1, 1..=30_i64, 1..=3)];
    let which = || 0..8_usize;
    prop_oneof![
        1 => (1..=PRODUCTS + 1, 1..=8_i64).prop_map(|(product, units)| Command::Deliver { product, units }),
        3 => (1..=2_i64, asked()).prop_map(|(shop, lines)| Command::Sell { shop, lines }),
        5 => (prop_oneof![3 => 0..=0_i64, 1 => 1..=3_i64], asked())
            .prop_map(|(place, lines)| Command::Order { place, lines }),
        1 => which().prop_map(|which| Command::OrderAgain { which }),
        2 => which().prop_map(|which| Command::Cancel { which }),
        3 => (0..=2_i64, asked(), 1..=60_i64)
            .prop_map(|(place, lines, seconds)| Command::Reserve { place, lines, seconds }),
        1 => which().prop_map(|which| Command::Release { which }),
        1 => proptest::strategy::Just(Command::Expire),
        2 => (1..=40_i64).prop_map(|seconds| Command::Wait { seconds }),
        3 => (1..=2_i64, 1..=PRODUCTS + 1, 1..=8_i64)
            .prop_map(|(shop, product, units)| Command::Request { shop, product, units }),
        4 => which().prop_map(|which| Command::Validate { which }),
        1 => which().prop_map(|which| Command::Reject { which }),
        3 => (which(), 0..=10_i64).prop_map(|(which, units)| Command::Count { which, units }),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Pending,
    Validated,
    Over,
}

#[derive(Debug)]
struct Order {
    place: i64,
    lines: Lines,
    confirmed: bool,
    status: u16,
}

#[derive(Debug)]
struct Reservation {
    place: i64,
    lines: Lines,
    until: i64,
    active: bool,
}

#[derive(Debug)]
struct Request {
    shop: i64,
    product: i64,
    units: i64,
    step: Step,
}

/// The chain as it should be.
#[derive(Debug)]
pub(crate) struct Model {
    levels: Levels,
    /// Cents taken by orders and not given back.
    pub(crate) kept: i64,
    /// Cents taken at tills.
    pub(crate) sold: i64,
    now: i64,
    orders: Vec<Order>,
    reservations: Vec<Reservation>,
    requests: Vec<Request>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            levels: (1..=PRODUCTS).map(|product| ((0, product), (INITIAL, 0))).collect(),
            kept: 0,
            sold: 0,
            now: 0,
            orders: Vec::new(),
            reservations: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// The levels that are not nothing.
    pub(crate) fn levels(&self) -> Levels {
        self.levels
            .iter()
            .filter(|(_, level)| **level != (0, 0))
            .map(|(slot, level)| (*slot, *level))
            .collect()
    }

    /// Does it; returns the status that it should be answered with, `None` when nobody is asked anything.
    pub(crate) fn apply(&mut self, command: &Command) -> Option<u16> {
        match command {
            Command::Deliver { product, units } => Some(self.deliver(*product, *units)),
            Command::Sell { shop, lines } => Some(self.sell(*shop, lines)),
            Command::Order { place, lines } => Some(self.order(*place, lines)),
            Command::OrderAgain { which } => self.orders.get(*which).map(|order| order.status),
            Command::Cancel { which } => self.cancel(*which),
            Command::Reserve { place, lines, seconds } => Some(self.reserve(*place, lines, *seconds)),
            Command::Release { which } => self.release(*which),
            Command::Expire => {
                self.expire();
                None
            }
            Command::Wait { seconds } => {
                self.now += seconds;
                None
            }
            Command::Request { shop, product, units } => Some(self.request(*shop, *product, *units)),
            Command::Validate { which } => self.validate(*which),
            Command::Reject { which } => self.reject(*which),
            Command::Count { which, units } => self.count(*which, *units),
        }
    }

    fn deliver(&mut self, product: i64, units: i64) -> u16 {
        if product > PRODUCTS {
            return 404;
        }
        self.bring(0, product, units);
        201
    }

    fn sell(&mut self, shop: i64, lines: &Lines) -> u16 {
        if let Some(status) = self.refuses(shop, lines) {
            return status;
        }
        for (product, units) in lines {
            self.bring(shop, *product, -units);
        }
        self.sold += cost(lines);
        201
    }

    fn order(&mut self, place: i64, lines: &Lines) -> u16 {
        let status = match self.refuses(place, lines) {
            Some(404) => return 404,
            Some(refusal) => refusal,
            None if cost(lines) > LIMIT => 402,
            None => 201,
        };
        let confirmed = status == 201;
        if confirmed {
            for (product, units) in lines {
                self.bring(place, *product, -units);
            }
            self.kept += cost(lines);
        }
        self.orders.push(Order { place, lines: lines.clone(), confirmed, status });
        status
    }

    fn cancel(&mut self, which: usize) -> Option<u16> {
        let order = self.orders.get_mut(which)?;
        if !std::mem::take(&mut order.confirmed) {
            return Some(409);
        }
        let (place, lines) = (order.place, order.lines.clone());
        for (product, units) in &lines {
            self.bring(place, *product, *units);
        }
        self.kept -= cost(&lines);
        Some(200)
    }

    fn reserve(&mut self, place: i64, lines: &Lines, seconds: i64) -> u16 {
        if let Some(status) = self.refuses(place, lines) {
            return status;
        }
        self.promise(place, lines, 1);
        let until = self.now + seconds;
        self.reservations.push(Reservation { place, lines: lines.clone(), until, active: true });
        201
    }

    fn release(&mut self, which: usize) -> Option<u16> {
        let reservation = self.reservations.get_mut(which)?;
        if std::mem::take(&mut reservation.active) {
            let (place, lines) = (reservation.place, reservation.lines.clone());
            self.promise(place, &lines, -1);
        }
        Some(200)
    }

    fn expire(&mut self) {
        for which in 0..self.reservations.len() {
            if self.reservations[which].until <= self.now {
                self.release(which);
            }
        }
    }

    fn request(&mut self, shop: i64, product: i64, units: i64) -> u16 {
        if product > PRODUCTS {
            return 404;
        }
        self.requests.push(Request { shop, product, units, step: Step::Pending });
        201
    }

    fn validate(&mut self, which: usize) -> Option<u16> {
        let Request { shop, product, units, step } = *self.requests.get(which)?;
        if step != Step::Pending || self.available(0, product) < units {
            return Some(409);
        }
        self.bring(0, product, -units);
        self.bring(shop, product, units);
        self.requests[which].step = Step::Validated;
        Some(200)
    }

    fn reject(&mut self, which: usize) -> Option<u16> {
        let request = self.requests.get_mut(which)?;
        if request.step != Step::Pending {
            return Some(409);
        }
        request.step = Step::Over;
        Some(200)
    }

    fn count(&mut self, which: usize, arrived: i64) -> Option<u16> {
        let Request { shop, product, units, step } = *self.requests.get(which)?;
        let difference = arrived - units;
        if step != Step::Validated || self.available(shop, product) + difference < 0 {
            return Some(409);
        }
        self.bring(shop, product, difference);
        self.requests[which].step = Step::Over;
        Some(200)
    }

    /// Why units cannot be taken from a place.
    fn refuses(&self, place: i64, lines: &Lines) -> Option<u16> {
        if place > 2 || lines.keys().any(|product| *product > PRODUCTS) {
            return Some(404);
        }
        lines.iter().any(|(product, units)| self.available(place, *product) < *units).then_some(409)
    }

    fn available(&self, place: i64, product: i64) -> i64 {
        self.levels.get(&(place, product)).map_or(0, |(there, promised)| there - promised)
    }

    fn bring(&mut self, place: i64, product: i64, units: i64) {
        self.levels.entry((place, product)).or_default().0 += units;
    }

    fn promise(&mut self, place: i64, lines: &Lines, sign: i64) {
        for (product, units) in lines {
            self.levels.entry((place, *product)).or_default().1 += sign * units;
        }
    }
}

fn cost(lines: &Lines) -> i64 {
    lines.values().sum::<i64>() * PRICE
}
