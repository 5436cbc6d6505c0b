//! The first commit: the order exists, its stock is promised, its payment is intended.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use kernel::{ClientId, Currency, Money, OrderId, PaymentId, PlaceId, ProductId, Quantity, Timestamp};
use store::idempotency::{self, Answer, Claim, Key};
use store::{DbError, Lane, Locks, Slice, Tx, params};
use uuid::Uuid;

use super::super::{Order, OrderLine, State, Step};
use super::{NewStep, ORDER_CANCELLED, ORDER_RESERVED, step, tell, write_steps};
use crate::order::api::short_answer;
use crate::stock::commands::{declare, move_units};
use crate::stock::{Level, Movement, Shortage, Slot};

/// An order to be placed. Ids are drawn by the caller.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its id.
    pub id: OrderId,
    /// The id of its payment.
    pub payment_id: PaymentId,
    /// Whose it is.
    pub client: Option<ClientId>,
    /// Where its stock comes from.
    pub place: PlaceId,
    /// Its lines, sorted by product, each product once.
    pub lines: Vec<(ProductId, Quantity)>,
    /// The client's basket is being checked out: it must still hold exactly these lines.
    pub from_basket: bool,
    /// The chain's currency.
    pub currency: Currency,
    /// How long the stock is promised, in seconds.
    pub reservation_seconds: i64,
    /// The payment provider's name.
    pub provider: &'static str,
    /// Which process drives the saga, and for how many seconds it may before another takes over.
    pub lease: (Uuid, i64),
    /// The request's idempotency key.
    pub key: Option<Key>,
}

/// How placing ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// The stock is promised; the payment is next.
    Reserved(Order),
    /// Not enough stock: the order is stored as `ANNULEE`.
    Short {
        /// The order.
        order: Order,
        /// The products of which there is not enough.
        shortages: Vec<Shortage>,
    },
    /// Not an order at all: nothing is stored.
    Refused(PlaceRefusal),
    /// The request was answered before.
    Replay(Answer),
    /// The first request with this key is still running.
    KeyRunning,
    /// The key belongs to another request.
    KeyReused,
}

/// Why there is no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceRefusal {
    /// No such product.
    #[error("there is no product {0}")]
    UnknownProduct(ProductId),
    /// The product is not sold any more.
    #[error("product {0} is not sold any more")]
    InactiveProduct(ProductId),
    /// No such client.
    #[error("there is no client {0}")]
    UnknownClient(ClientId),
    /// No such place.
    #[error("there is no place {0}")]
    UnknownPlace(PlaceId),
    /// The shop is closed.
    #[error("shop {0} is closed")]
    InactivePlace(PlaceId),
    /// The amount cannot be held.
    #[error("the total is too large")]
    TotalTooLarge,
    /// There is nothing in the basket.
    #[error("the basket is empty")]
    BasketEmpty,
    /// The basket is not what it was when it was read.
    #[error("the basket has changed")]
    BasketChanged,
    /// The basket is being checked out by another order.
    #[error("the basket is being checked out already")]
    BasketBusy,
}

/// The slice of orders to be placed.
pub enum Place {}

impl Slice for Place {
    type Item = NewOrder;
    type Output = Placed;
    const NAME: &'static str = "retail.order.place";
    const LANE: Lane = crate::STOCK;

    fn locks(order: &NewOrder, locks: &mut Locks) {
        for (product, _) in &order.lines {
            declare(locks, (order.place, *product));
        }
        if let (true, Some(client)) = (order.from_basket, order.client) {
            locks.key("basket", client);
        }
        if let Some(key) = &order.key {
            key.declare(locks);
        }
    }

    fn run(tx: &mut Tx<'_>, now: Timestamp, items: &[&NewOrder]) -> Result<Vec<Placed>, DbError> {
        let claims = claims(tx, now, items)?;
        let mut ground = Ground::read(tx, items)?;
        let mut outputs = Vec::with_capacity(items.len());
        for (item, claim) in items.iter().zip(claims) {
            let output = match claim {
                Claim::Replay(answer) => Placed::Replay(answer),
                Claim::Running => Placed::KeyRunning,
                Claim::Reused => Placed::KeyReused,
                Claim::New => ground.decide(item, now),
            };
            outputs.push(output);
        }
        write(tx, now, &mut ground.levels, items, &outputs)?;
        Ok(outputs)
    }
}

fn claims(tx: &mut Tx<'_>, now: Timestamp, items: &[&NewOrder]) -> Result<Vec<Claim>, DbError> {
    let keys: Vec<&Key> = items.iter().filter_map(|item| item.key.as_ref()).collect();
    let mut claims = idempotency::claim_each(tx, now, &keys)?.into_iter();
    Ok(items
        .iter()
        .map(|item| if item.key.is_some() { claims.next().unwrap_or(Claim::New) } else { Claim::New })
        .collect())
}

/// What the slice's orders stand on, as read under their locks and as changed by the orders before.
struct Ground {
    products: HashMap<ProductId, Offered>,
    levels: HashMap<Slot, Level>,
    /// Units that the slice's own orders have been promised so far.
    promised: HashMap<Slot, i64>,
    clients: HashSet<ClientId>,
    shops: HashMap<PlaceId, bool>,
    baskets: HashMap<ClientId, Basket>,
}

struct Offered {
    active: bool,
    price_minor: i64,
}

#[derive(Default)]
struct Basket {
    lines: Vec<(ProductId, Quantity)>,
    busy: bool,
}

impl Ground {
    fn read(tx: &mut Tx<'_>, items: &[&NewOrder]) -> Result<Self, DbError> {
        let mut slots: Vec<Slot> = items
            .iter()
            .flat_map(|item| item.lines.iter().map(|(product, _)| (item.place, *product)))
            .collect();
        slots.sort_unstable();
        slots.dedup();
        let rows = tx.query_each(
            "SELECT p.active, p.price_minor, s.on_hand, s.reserved
             FROM product p LEFT JOIN stock_level s ON s.product_id = p.id AND s.place_id = $1 WHERE p.id = $2",
            slots.iter().map(|(place, product)| params![place, product]),
            |index, row| {
                let level = row.get_opt(2)?.zip(row.get_opt(3)?).map(|(on_hand, reserved)| Level { on_hand, reserved });
                Ok((slots[index], Offered { active: row.get(0)?, price_minor: row.get(1)? }, level))
            },
        )?;
        let mut products = HashMap::with_capacity(rows.len());
        let mut levels = HashMap::with_capacity(rows.len());
        for (slot, offered, level) in rows {
            products.insert(slot.1, offered);
            levels.extend(level.map(|level| (slot, level)));
        }
        let clients: HashSet<ClientId> = items.iter().filter_map(|item| item.client).collect();
        let shops: HashSet<PlaceId> =
            items.iter().map(|item| item.place).filter(|place| *place != PlaceId::CENTRE).collect();
        let baskets: BTreeSet<ClientId> =
            items.iter().filter(|item| item.from_basket).filter_map(|item| item.client).collect();
        let baskets: Vec<ClientId> = baskets.into_iter().collect();
        Ok(Self {
            products,
            levels,
            promised: HashMap::new(),
            clients: tx
                .query_each(
                    "SELECT id FROM client WHERE id = $1 AND anonymised_at IS NULL",
                    clients.iter().map(|id| params![id]),
                    |_, row| row.get(0),
                )?
                .into_iter()
                .collect(),
            shops: tx
                .query_each(
                    "SELECT id, active FROM shop WHERE id = $1",
                    shops.iter().map(|id| params![id]),
                    |_, row| Ok((row.get(0)?, row.get(1)?)),
                )?
                .into_iter()
                .collect(),
            baskets: read_baskets(tx, &baskets)?,
        })
    }

    /// Decides one order, and counts what it takes for those that follow.
    fn decide(&mut self, item: &NewOrder, now: Timestamp) -> Placed {
        let order = match self.price(item, now) {
            Ok(order) => order,
            Err(refusal) => return Placed::Refused(refusal),
        };
        let shortages: Vec<Shortage> = order
            .slots()
            .filter_map(|(slot, asked)| {
                let available = self.available(slot);
                (asked > available).then_some(Shortage { product: slot.1, asked, available })
            })
            .collect();
        if !shortages.is_empty() {
            return Placed::Short { order: cancelled(order, now), shortages };
        }
        for (slot, units) in order.slots() {
            *self.promised.entry(slot).or_default() += units;
        }
        if let Some(basket) =
            item.client.filter(|_| item.from_basket).and_then(|client| self.baskets.get_mut(&client))
        {
            basket.busy = true;
        }
        Placed::Reserved(order)
    }

    fn available(&self, slot: Slot) -> i64 {
        let level = self.levels.get(&slot).copied().unwrap_or_default();
        level.available() - self.promised.get(&slot).copied().unwrap_or(0)
    }

    /// The order at the catalogue's prices, in the state it has when its stock is there.
    fn price(&self, item: &NewOrder, now: Timestamp) -> Result<Order, PlaceRefusal> {
        self.check_parties(item)?;
        let mut lines = Vec::with_capacity(item.lines.len());
        let mut total = Money::from_minor(0, item.currency);
        for (product, quantity) in &item.lines {
            let offered = self.products.get(product).ok_or(PlaceRefusal::UnknownProduct(*product))?;
            if !offered.active {
                return Err(PlaceRefusal::InactiveProduct(*product));
            }
            let unit_price = Money::from_minor(offered.price_minor, item.currency);
            total = unit_price
                .times(quantity.get())
                .and_then(|amount| total.plus(amount))
                .map_err(|_| PlaceRefusal::TotalTooLarge)?;
            lines.push(OrderLine { product: *product, quantity: quantity.get(), unit_price });
        }
        Ok(Order {
            id: item.id,
            client_id: item.client,
            place: item.place,
            lines,
            total,
            state: State::StockReserved,
            cancellation: None,
            history: [State::Created, State::StockVerified, State::StockReserved]
                .map(|state| step(state, now))
                .into(),
            payment_id: Some(item.payment_id),
            from_basket: item.from_basket,
            expires_at: now.plus_seconds(item.reservation_seconds),
            payment_reference: None,
            provider: Some(item.provider.to_owned()),
        })
    }

    fn check_parties(&self, item: &NewOrder) -> Result<(), PlaceRefusal> {
        if let Some(client) = item.client
            && !self.clients.contains(&client)
        {
            return Err(PlaceRefusal::UnknownClient(client));
        }
        if item.place != PlaceId::CENTRE {
            match self.shops.get(&item.place) {
                None => return Err(PlaceRefusal::UnknownPlace(item.place)),
                Some(false) => return Err(PlaceRefusal::InactivePlace(item.place)),
                Some(true) => {}
            }
        }
        if let Some(client) = item.client.filter(|_| item.from_basket) {
            match self.baskets.get(&client) {
                _ if item.lines.is_empty() => return Err(PlaceRefusal::BasketEmpty),
                Some(basket) if basket.busy => return Err(PlaceRefusal::BasketBusy),
                Some(basket) if basket.lines == item.lines => {}
                Some(_) | None => return Err(PlaceRefusal::BasketChanged),
            }
        }
        Ok(())
    }
}

fn read_baskets(tx: &mut Tx<'_>, clients: &[ClientId]) -> Result<HashMap<ClientId, Basket>, DbError> {
    let mut baskets: HashMap<ClientId, Basket> = HashMap::new();
    let lines = tx.query_each(
        "SELECT product_id, quantity FROM basket_line WHERE client_id = $1 ORDER BY product_id",
        clients.iter().map(|client| params![client]),
        |index, row| Ok((clients[index], (row.get(0)?, row.get(1)?))),
    )?;
    for (client, line) in lines {
        baskets.entry(client).or_default().lines.push(line);
    }
    let busy = tx.query_each(
        "SELECT id FROM orders WHERE client_id = $1 AND from_basket AND lease_until IS NOT NULL AND NOT cancelling",
        clients.iter().map(|client| params![client]),
        |index, _| Ok(clients[index]),
    )?;
    for client in busy {
        baskets.entry(client).or_default().busy = true;
    }
    Ok(baskets)
}

/// The same order as it is stored when its stock is not there.
fn cancelled(mut order: Order, now: Timestamp) -> Order {
    order.state = State::Cancelled;
    order.payment_id = None;
    order.history = vec![
        step(State::Created, now),
        Step { state: State::Cancelled, at: now, detail: Some("stock insuffisant".into()) },
    ];
    order
}

/// Writes what the slice's decisions come to.
fn write(
    tx: &mut Tx<'_>,
    now: Timestamp,
    levels: &mut HashMap<Slot, Level>,
    items: &[&NewOrder],
    outputs: &[Placed],
) -> Result<(), DbError> {
    let (mut stored, mut movements) = (Vec::with_capacity(items.len()), Vec::new());
    for (item, output) in items.iter().zip(outputs) {
        match output {
            Placed::Reserved(order) => {
                stored.push((*item, order));
                movements.extend(order.slots().map(|(slot, units)| Movement::reserve(slot, units)));
            }
            Placed::Short { order, .. } => stored.push((*item, order)),
            Placed::Refused(_) | Placed::Replay(_) | Placed::KeyRunning | Placed::KeyReused => {}
        }
    }
    insert_orders(tx, now, &stored)?;
    move_units(tx, levels, &movements)?;
    for (item, output) in items.iter().zip(outputs) {
        conclude(tx, item, output)?;
    }
    Ok(())
}

/// An order's event, and what becomes of its idempotency key when the saga ends here.
fn conclude(tx: &mut Tx<'_>, item: &NewOrder, output: &Placed) -> Result<(), DbError> {
    match (output, &item.key) {
        (Placed::Reserved(order), _) => tell(tx, ORDER_RESERVED, order, order.history.len()),
        (Placed::Short { order, shortages }, key) => {
            tell(tx, ORDER_CANCELLED, order, order.history.len());
            if let Some(key) = key {
                idempotency::complete(tx, key, &short_answer(order, shortages))?;
            }
        }
        (Placed::Refused(_), Some(key)) => idempotency::release(tx, key)?,
        (Placed::Refused(_) | Placed::Replay(_) | Placed::KeyRunning | Placed::KeyReused, _) => {}
    }
    Ok(())
}

fn insert_orders(tx: &mut Tx<'_>, now: Timestamp, stored: &[(&NewOrder, &Order)]) -> Result<(), DbError> {
    tx.execute_each(
        "INSERT INTO orders (id, client_id, place_id, total_minor, state, cancelling, from_basket, payment_id, expires_at,
                             lease_owner, lease_until, key_caller, key_name, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        stored.iter().map(|(item, order)| {
            let (owner, seconds) = item.lease;
            let lease_until = (!order.is_settled()).then(|| now.plus_seconds(seconds));
            let key = item.key.as_ref();
            params![
                order.id,
                order.client_id,
                order.place,
                order.total.minor(),
                order.state.name(),
                false,
                order.from_basket,
                order.payment_id,
                order.expires_at,
                owner,
                lease_until,
                key.map(|key| key.caller.as_str()),
                key.map(|key| key.key.as_str()),
                now
            ]
        }),
    )?;
    tx.execute_each(
        "INSERT INTO order_line (order_id, product_id, quantity, unit_price_minor) VALUES ($1, $2, $3, $4)",
        stored.iter().flat_map(|(_, order)| {
            order
                .lines
                .iter()
                .map(|line| params![order.id, line.product, line.quantity, line.unit_price.minor()])
        }),
    )?;
    let steps: Vec<NewStep<'_>> = stored
        .iter()
        .flat_map(|(_, order)| order.history.iter().map(|step| (order.id, step.state.step(), step)))
        .collect();
    write_steps(tx, &steps)?;
    tx.execute_each(
        "INSERT INTO payment (id, order_id, amount_minor, state, provider, created_at, updated_at)
         VALUES ($1, $2, $3, 'EN_COURS', $4, $5, $5)",
        stored.iter().filter_map(|(item, order)| {
            order
                .payment_id
                .map(|payment| params![payment, order.id, order.total.minor(), item.provider, now])
        }),
    )
}

/// The distinct products of some lines with their units added up, or the product that came twice.
pub(crate) fn distinct(lines: &[(ProductId, Quantity)]) -> Result<Vec<(ProductId, Quantity)>, ProductId> {
    let mut sorted = BTreeMap::new();
    for (product, quantity) in lines {
        if sorted.insert(*product, *quantity).is_some() {
            return Err(*product);
        }
    }
    Ok(sorted.into_iter().collect())
}
