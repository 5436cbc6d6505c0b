//! Random sequences of everything that moves units, against a model that is small enough to be seen to be right.

use std::collections::{BTreeMap, HashMap};

use kernel::Timestamp;
use kernel::{
    Currency, IdSource, Line, PlaceId, ProductId, Quantity, ReplenishmentId, SaleId, ShopId, SystemIds,
};
use proptest::prelude::*;
use retail::replenishment::commands::{self as replenishment, Count};
use retail::replenishment::{NewReplenishment, ReplenishmentError, State as Step};
use retail::sale::commands::{Record, Recorded};
use retail::sale::{NewLine, NewSale, SaleError};
use retail::stock::Wanted;
use retail::stock::commands as stock;
use retail::stock::reservation::commands::{Reserved, expire, release, reserve};
use retail::stock::reservation::{NewReservation, ReservationError, State, queries};
use store::testing::Scratch;
use store::{Failure, params};

/// Units by product.
type Lines = BTreeMap<i64, i64>;

#[derive(Debug, Clone)]
enum Action {
    Receive { product: i64, units: i64 },
    Sell { shop: i64, lines: Lines },
    Reserve { reference: usize, place: i64, lines: Lines, seconds: i64 },
    Release { reference: usize },
    Wait { seconds: i64 },
    Request { shop: i64, product: i64, units: i64 },
    Validate { request: usize },
    Reject { request: usize },
    Count { request: usize, units: Option<i64> },
}

/// How an action ended, as far as a caller can tell.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Done,
    Before(State),
    Ended(State),
    Short,
    Taken,
    Unknown,
    WrongStep(Step),
    Missing,
}

/// What the world should look like.
#[derive(Default)]
struct Model {
    now: i64,
    levels: HashMap<(i64, i64), (i64, i64)>,
    reservations: HashMap<usize, Promise>,
    requests: Vec<(i64, i64, i64, Step)>,
}

#[derive(Clone)]
struct Promise {
    place: i64,
    lines: Lines,
    seconds: i64,
    until: i64,
    state: State,
}

impl Model {
    fn available(&self, place: i64, product: i64) -> i64 {
        let (on_hand, reserved) = self.levels.get(&(place, product)).copied().unwrap_or_default();
        on_hand - reserved
    }

    fn covers(&self, place: i64, lines: &Lines) -> bool {
        lines.iter().all(|(product, units)| self.available(place, *product) >= *units)
    }

    fn bring(&mut self, place: i64, product: i64, units: i64) {
        self.levels.entry((place, product)).or_default().0 += units;
    }

    fn promise(&mut self, place: i64, lines: &Lines, sign: i64) {
        for (product, units) in lines {
            self.levels.entry((place, *product)).or_default().1 += sign * units;
        }
    }

    fn end(&mut self, reference: usize, state: State) {
        if let Some(mut promise) = self.reservations.remove(&reference) {
            self.promise(promise.place, &promise.lines.clone(), -1);
            promise.state = state;
            self.reservations.insert(reference, promise);
        }
    }

    /// Ends a reservation whose time has run out, as whoever looks at it does.
    fn lapse(&mut self, reference: usize) {
        let due = |promise: &Promise| promise.state == State::Active && promise.until <= self.now;
        if self.reservations.get(&reference).is_some_and(due) {
            self.end(reference, State::Expired);
        }
    }

    fn act(&mut self, action: &Action) -> Told {
        match action {
            Action::Receive { product, units } => {
                self.bring(0, *product, *units);
                Told::Done
            }
            Action::Sell { shop, lines } => {
                if !self.covers(*shop, lines) {
                    return Told::Short;
                }
                for (product, units) in lines {
                    self.bring(*shop, *product, -units);
                }
                Told::Done
            }
            Action::Reserve { reference, place, lines, seconds } => {
                self.reserve(*reference, *place, lines, *seconds)
            }
            Action::Release { reference } => {
                self.lapse(*reference);
                match self.reservations.get(reference).map(|promise| promise.state) {
                    None => Told::Unknown,
                    Some(State::Active) => {
                        self.end(*reference, State::Released);
                        Told::Ended(State::Released)
                    }
                    Some(ended) => Told::Ended(ended),
                }
            }
            Action::Wait { seconds } => {
                self.now += seconds;
                for reference in self.reservations.keys().copied().collect::<Vec<_>>() {
                    self.lapse(reference);
                }
                Told::Done
            }
            Action::Request { shop, product, units } => {
                self.requests.push((*shop, *product, *units, Step::Pending));
                Told::Done
            }
            Action::Validate { request } => self.step(*request, Step::Validated, None),
            Action::Reject { request } => self.step(*request, Step::Rejected, None),
            Action::Count { request, units } => self.step(*request, Step::Received, *units),
        }
    }

    fn reserve(&mut self, reference: usize, place: i64, lines: &Lines, seconds: i64) -> Told {
        if let Some(known) = self.reservations.get(&reference) {
            if (known.place, &known.lines, known.seconds) != (place, lines, seconds) {
                return Told::Taken;
            }
            self.lapse(reference);
            return Told::Before(self.reservations[&reference].state);
        }
        if !self.covers(place, lines) {
            return Told::Short;
        }
        self.promise(place, lines, 1);
        let until = self.now + seconds;
        let promise = Promise { place, lines: lines.clone(), seconds, until, state: State::Active };
        self.reservations.insert(reference, promise);
        Told::Done
    }

    fn step(&mut self, request: usize, next: Step, counted: Option<i64>) -> Told {
        let Some((shop, product, units, present)) = self.requests.get(request).copied() else {
            return Told::Unknown;
        };
        if next.before() != Some(present) {
            return Told::WrongStep(present);
        }
        match next {
            Step::Validated => {
                if self.available(0, product) < units {
                    return Told::Short;
                }
                self.bring(0, product, -units);
                self.bring(shop, product, units);
            }
            Step::Received => {
                let delta = counted.unwrap_or(units) - units;
                if self.available(shop, product) + delta < 0 {
                    return Told::Missing;
                }
                self.bring(shop, product, delta);
            }
            Step::Pending | Step::Rejected => {}
        }
        self.requests[request].3 = next;
        Told::Done
    }
}

/// The real thing.
struct Real {
    scratch: Scratch,
    requests: Vec<ReplenishmentId>,
}

impl Real {
    fn new() -> Self {
        let mut scratch = Scratch::new(&[retail::SCHEMA], Timestamp::from_micros(0)).expect("a database");
        let furnished = scratch.run(|tx, now| {
            tx.execute_each(
                "INSERT INTO product (id, name, name_key, description, category, price_minor, active, created_at, updated_at)
                 VALUES ($1, 'P', 'p', '', 'test', 100, $2, $3, $3)",
                (1..=3_i64).map(|id| params![id, true, now]),
            )?;
            tx.execute_each(
                "INSERT INTO shop (id, name, district, active) VALUES ($1, 'S', 'Paris', $2)",
                (1..=2_i64).map(|id| params![id, true]),
            )?;
            Ok::<_, Failure<ReservationError>>(())
        });
        furnished.expect("a furnished chain");
        Self { scratch, requests: Vec::new() }
    }

    fn act(&mut self, action: &Action) -> Told {
        match action {
            Action::Receive { product, units } => {
                let id = SystemIds.next(self.scratch.now());
                let received = self
                    .scratch
                    .run(|tx, now| stock::receive(tx, now, id, ProductId(*product), quantity(*units)));
                received.expect("a receipt");
                Told::Done
            }
            Action::Sell { shop, lines } => self.sell(*shop, lines),
            Action::Reserve { reference, place, lines, seconds } => {
                let lines = wanted(lines);
                let new = NewReservation {
                    reference: named(*reference),
                    place: PlaceId(*place),
                    lines,
                    seconds: *seconds,
                };
                match self.scratch.run(|tx, now| reserve(tx, now, &new)) {
                    Ok(Reserved::New(_)) => Told::Done,
                    Ok(Reserved::Before(reservation)) => Told::Before(reservation.state),
                    Err(failure) => refused(&failure),
                }
            }
            Action::Release { reference } => {
                match self.scratch.run(|tx, now| release(tx, now, &named(*reference))) {
                    Ok(reservation) => Told::Ended(reservation.state),
                    Err(failure) => refused(&failure),
                }
            }
            Action::Wait { seconds } => {
                self.scratch.advance_seconds(*seconds);
                let now = self.scratch.now();
                let due = self.scratch.read(|tx| queries::due(tx, now, 100)).expect("what is due");
                let ended =
                    self.scratch.run(|tx, now| Ok::<_, Failure<ReservationError>>(expire(tx, now, &due)?));
                assert_eq!(ended.expect("a sweep").len(), due.len());
                Told::Done
            }
            Action::Request { shop, product, units } => {
                let new = NewReplenishment {
                    id: ReplenishmentId(SystemIds.next(self.scratch.now())),
                    shop: ShopId(*shop),
                    product: ProductId(*product),
                    quantity: quantity(*units),
                    by: None,
                };
                self.scratch.run(|tx, now| replenishment::request(tx, now, &new)).expect("a request");
                self.requests.push(new.id);
                Told::Done
            }
            Action::Validate { request } => self.step(*request, |scratch, id| {
                scratch.run(|tx, now| replenishment::validate(tx, now, id, None))
            }),
            Action::Reject { request } => {
                let reason = "non".parse().expect("a text");
                self.step(*request, |scratch, id| {
                    scratch.run(|tx, now| replenishment::reject(tx, now, id, &reason, None))
                })
            }
            Action::Count { request, units } => {
                let correction_id = SystemIds.next(self.scratch.now());
                let count = Count { units: *units, by: None, correction_id };
                self.step(*request, |scratch, id| {
                    scratch.run(|tx, now| replenishment::receive(tx, now, id, &count))
                })
            }
        }
    }

    fn sell(&mut self, shop: i64, lines: &Lines) -> Told {
        let lines = wanted(lines).into_iter().map(|line| NewLine {
            product: line.product,
            quantity: line.quantity,
            unit_price_minor: None,
        });
        let sale = NewSale {
            id: SaleId(SystemIds.next(self.scratch.now())),
            shop: ShopId(shop),
            lines: lines.collect(),
            cashier: None,
            currency: Currency::EUR,
        };
        let mut told = self.scratch.slice::<Record>(&[Record { sale, key: None }]).expect("an answer");
        match told.pop() {
            Some(Recorded::Done(_)) => Told::Done,
            Some(Recorded::Refused(SaleError::Short(_))) => Told::Short,
            other => panic!("{other:?}"),
        }
    }

    fn step<T>(
        &mut self,
        request: usize,
        take: impl FnOnce(&mut Scratch, ReplenishmentId) -> Result<T, Failure<ReplenishmentError>>,
    ) -> Told {
        let Some(id) = self.requests.get(request).copied() else { return Told::Unknown };
        match take(&mut self.scratch, id) {
            Ok(_) => Told::Done,
            Err(Failure::Refused(ReplenishmentError::State { present, .. })) => Told::WrongStep(present),
            Err(Failure::Refused(ReplenishmentError::Short(_))) => Told::Short,
            Err(Failure::Refused(ReplenishmentError::Missing { .. })) => Told::Missing,
            Err(failure) => panic!("{failure:?}"),
        }
    }

    fn levels(&mut self) -> HashMap<(i64, i64), (i64, i64)> {
        let rows = self.scratch.read(|tx| {
            tx.query("SELECT place_id, product_id, on_hand, reserved FROM stock_level", &[], |row| {
                Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?)))
            })
        });
        rows.expect("the levels").into_iter().collect()
    }
}

fn refused(failure: &Failure<ReservationError>) -> Told {
    match failure {
        Failure::Refused(ReservationError::Short(_)) => Told::Short,
        Failure::Refused(ReservationError::Taken(_)) => Told::Taken,
        Failure::Refused(ReservationError::Unknown(_)) => Told::Unknown,
        Failure::Refused(ReservationError::Unusable(_)) | Failure::Db(_) => panic!("{failure:?}"),
    }
}

fn named(reference: usize) -> Line {
    format!("r{reference}").parse().expect("a line")
}

fn quantity(units: i64) -> Quantity {
    Quantity::new(units).expect("a quantity")
}

fn wanted(lines: &Lines) -> Vec<Wanted> {
    lines
        .iter()
        .map(|(product, units)| Wanted { product: ProductId(*product), quantity: quantity(*units) })
        .collect()
}

fn action() -> impl Strategy<Value = Action> {
    let lines = || prop::collection::btree_map(1..=3_i64, 1..=8_i64, 1..=3);
    prop_oneof![
        2 => (1..=3_i64, 1..=30_i64).prop_map(|(product, units)| Action::Receive { product, units }),
        3 => (1..=2_i64, lines()).prop_map(|(shop, lines)| Action::Sell { shop, lines }),
        4 => (0..4_usize, 0..=2_i64, lines(), 1..=3_i64).prop_map(|(reference, place, lines, tens)| {
            Action::Reserve { reference, place, lines, seconds: 10 * tens }
        }),
        3 => (0..4_usize).prop_map(|reference| Action::Release { reference }),
        2 => (1..=15_i64).prop_map(|seconds| Action::Wait { seconds }),
        3 => (1..=2_i64, 1..=3_i64, 1..=20_i64)
            .prop_map(|(shop, product, units)| Action::Request { shop, product, units }),
        4 => (0..6_usize).prop_map(|request| Action::Validate { request }),
        1 => (0..6_usize).prop_map(|request| Action::Reject { request }),
        3 => (0..6_usize, prop::option::of(0..=25_i64))
            .prop_map(|(request, units)| Action::Count { request, units }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn units_move_as_the_model_says(actions in prop::collection::vec(action(), 1..60)) {
        let mut model = Model::default();
        let mut real = Real::new();
        for action in &actions {
            prop_assert_eq!(real.act(action), model.act(action), "{:?}", action);
            let mut levels = real.levels();
            for slot in model.levels.keys() {
                levels.entry(*slot).or_default();
            }
            for (slot, level) in levels {
                let expected = model.levels.get(&slot).copied().unwrap_or_default();
                prop_assert_eq!(level, expected, "{:?} after {:?}", slot, action);
                prop_assert!(level.0 >= level.1 && level.1 >= 0);
            }
        }
        prop_assert_eq!(real.scratch.read(retail::invariants::check).expect("a check"), []);
    }
}
