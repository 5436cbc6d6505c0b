//! Recording sales.

use std::collections::{BTreeSet, HashMap};

use axum::http::StatusCode;
use kernel::{PlaceId, ProductId, Timestamp};
use store::idempotency::{self, Claim, Key};
use store::{DbError, Lane, Locks, Slice, Tx, params};
use web::Reply;

use super::{NewSale, Sale, SaleError};
use crate::SOURCE;
use crate::stock::commands::{declare, move_units};
use crate::stock::queries::{levels, offered, places};
use crate::stock::{Level, Movement, Offered, Shortage, Slot, Unusable};

/// The event that tells of a sale at a till.
pub const SALE_RECORDED: &str = "halles.sale.recorded";

/// A sale to be recorded, under its request's idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The sale.
    pub sale: NewSale,
    /// The request's key.
    pub key: Option<Key>,
}

/// How recording ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// The units are out of the shop; this is what to answer.
    Done(Sale),
    /// Nothing is stored, and the key may be used again.
    Refused(SaleError),
    /// What the key's row says.
    Before(Claim),
}

impl Slice for Record {
    type Item = Self;
    type Output = Recorded;
    const NAME: &'static str = "retail.sale.record";
    const LANE: Lane = crate::STOCK;

    fn locks(item: &Self, locks: &mut Locks) {
        for slot in item.slots() {
            declare(locks, slot);
        }
        if let Some(key) = &item.key {
            key.declare(locks);
        }
    }

    fn run(tx: &mut Tx<'_>, now: Timestamp, items: &[&Self]) -> Result<Vec<Recorded>, DbError> {
        let claims = claims(tx, now, items)?;
        let ground = Ground::read(tx, items)?;
        let mut left = ground.levels.clone();
        let outputs: Vec<Recorded> = items
            .iter()
            .zip(claims)
            .map(|(item, claim)| match claim {
                Claim::New => {
                    ground.decide(&mut left, &item.sale, now).map_or_else(Recorded::Refused, Recorded::Done)
                }
                Claim::Replay(_) | Claim::Running | Claim::Reused => Recorded::Before(claim),
            })
            .collect();
        write(tx, ground.levels, &outputs)?;
        settle_keys(tx, items, &outputs)?;
        Ok(outputs)
    }
}

impl Record {
    fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let place = PlaceId::from(self.sale.shop);
        self.sale.lines.iter().map(move |line| (place, line.product))
    }
}

/// What is answered to a sale that was recorded.
pub fn recorded_reply(sale: &Sale) -> Reply {
    Reply::json(StatusCode::CREATED, sale)
}

fn claims(tx: &mut Tx<'_>, now: Timestamp, items: &[&Record]) -> Result<Vec<Claim>, DbError> {
    let keys: Vec<&Key> = items.iter().filter_map(|item| item.key.as_ref()).collect();
    let mut claims = idempotency::claim_each(tx, now, &keys)?.into_iter();
    let claim = |item: &&Record| item.key.as_ref().and_then(|_| claims.next()).unwrap_or(Claim::New);
    Ok(items.iter().map(claim).collect())
}

/// What the slice's sales stand on, as read under their locks.
struct Ground {
    levels: HashMap<Slot, Level>,
    offered: HashMap<ProductId, Offered>,
    shops: HashMap<PlaceId, bool>,
}

impl Ground {
    fn read(tx: &mut Tx<'_>, items: &[&Record]) -> Result<Self, DbError> {
        let slots: BTreeSet<Slot> = items.iter().flat_map(|item| item.slots()).collect();
        let shops: BTreeSet<PlaceId> = items.iter().map(|item| item.sale.shop.into()).collect();
        let products: BTreeSet<ProductId> = slots.iter().map(|(_, product)| *product).collect();
        Ok(Self {
            levels: levels(tx, &Vec::from_iter(slots))?,
            offered: offered(tx, &Vec::from_iter(products))?,
            shops: places(tx, &Vec::from_iter(shops))?,
        })
    }

    /// Decides one sale, and takes its units out of what is left for those that follow.
    fn decide(
        &self,
        left: &mut HashMap<Slot, Level>,
        new: &NewSale,
        now: Timestamp,
    ) -> Result<Sale, SaleError> {
        self.check_parties(new)?;
        let sale = new.priced(now, &self.offered)?;
        let short: Vec<Shortage> = slots(&sale)
            .filter_map(|(slot, asked)| {
                let available = left.get(&slot).copied().unwrap_or_default().available();
                (asked > available).then_some(Shortage { product: slot.1, asked, available })
            })
            .collect();
        if !short.is_empty() {
            return Err(SaleError::Short(short));
        }
        for (slot, units) in slots(&sale) {
            left.entry(slot).or_default().on_hand -= units;
        }
        Ok(sale)
    }

    fn check_parties(&self, new: &NewSale) -> Result<(), Unusable> {
        let place = PlaceId::from(new.shop);
        let open = self.shops.get(&place).ok_or(Unusable::UnknownPlace(place))?;
        let products = || new.lines.iter().map(|line| line.product);
        if let Some(unknown) = products().find(|product| !self.offered.contains_key(product)) {
            return Err(Unusable::UnknownProduct(unknown));
        }
        if !open {
            return Err(Unusable::InactivePlace(place));
        }
        let sold = |product: &ProductId| self.offered.get(product).is_some_and(|offered| offered.active);
        match products().find(|product| !sold(product)) {
            Some(inactive) => Err(Unusable::InactiveProduct(inactive)),
            None => Ok(()),
        }
    }
}

/// The stock a sale draws on, with the units.
fn slots(sale: &Sale) -> impl Iterator<Item = (Slot, i64)> + '_ {
    let place = PlaceId::from(sale.shop);
    sale.lines.iter().map(move |line| ((place, line.product), line.quantity.get()))
}

fn write(tx: &mut Tx<'_>, mut levels: HashMap<Slot, Level>, outputs: &[Recorded]) -> Result<(), DbError> {
    let sales: Vec<&Sale> = outputs
        .iter()
        .filter_map(|output| match output {
            Recorded::Done(sale) => Some(sale),
            Recorded::Refused(_) | Recorded::Before(_) => None,
        })
        .collect();
    insert(tx, &sales)?;
    let movements: Vec<Movement> = sales
        .iter()
        .flat_map(|sale| slots(sale))
        .map(|(slot, units)| Movement::bring(slot, -units))
        .collect();
    move_units(tx, &mut levels, &movements)?;
    for sale in sales {
        tx.emit(SALE_RECORDED, SOURCE, sale.id.to_string(), sale);
    }
    Ok(())
}

/// Writes the rows of some sales.
pub(crate) fn insert(tx: &mut Tx<'_>, sales: &[&Sale]) -> Result<(), DbError> {
    tx.execute_each(
        "INSERT INTO sale (id, shop_id, total_minor, cashier, at, day) VALUES ($1, $2, $3, $4, $5, $6)",
        sales.iter().map(|sale| {
            params![sale.id, sale.shop, sale.total.minor(), &sale.cashier, sale.at, sale.at.paris_day()]
        }),
    )?;
    tx.execute_each(
        "INSERT INTO sale_line (sale_id, product_id, quantity, unit_price_minor, shop_id, day)
         VALUES ($1, $2, $3, $4, $5, $6)",
        sales.iter().flat_map(|sale| {
            let (id, shop, day) = (sale.id, sale.shop, sale.at.paris_day());
            sale.lines
                .iter()
                .map(move |line| params![id, line.product, line.quantity, line.unit_price.minor(), shop, day])
        }),
    )
}

/// Keeps the answers of what was done, and gives back the keys of what was refused.
fn settle_keys(tx: &mut Tx<'_>, items: &[&Record], outputs: &[Recorded]) -> Result<(), DbError> {
    for (item, output) in items.iter().zip(outputs) {
        match (&item.key, output) {
            (Some(key), Recorded::Done(sale)) => {
                idempotency::complete(tx, key, recorded_reply(sale).answer())?;
            }
            (Some(key), Recorded::Refused(_)) => idempotency::release(tx, key)?,
            (Some(_), Recorded::Before(_)) | (None, _) => {}
        }
    }
    Ok(())
}
