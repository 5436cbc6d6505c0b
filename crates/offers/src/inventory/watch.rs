//! Follows what the stores sell and receive: offers tied to a product are looked at again after every change of its
//! stock, its sale, or a shop.
//!
//! It reads the log with a durable cursor, so that no change is missed whatever stops, and is woken by the commit.

use std::sync::Arc;
use std::time::Duration;

use kernel::{ProductId, Timestamp};
use serde::Deserialize;
use store::{Call, CallError, Consumer, DbError, Events, Failure, Store, StoredEvent, Tx, Unavailable};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{ProductStock, commands};
use crate::OFFERS;
use crate::work::Streak;

/// Units of products have moved: the new levels, by place and product.
pub const STOCK_CHANGED: &str = "halles.stock.changed";
/// A shop has changed: it may have closed or opened.
pub const SHOP_CHANGED: &str = "halles.shop.changed";
/// A product has changed: it may be sold again.
pub const PRODUCT_CHANGED: &str = "halles.product.changed";
/// A product is no longer sold.
pub const PRODUCT_DEACTIVATED: &str = "halles.product.deactivated";

/// The events that may change what the stores have of a product. A new product or shop has nothing yet.
pub const KINDS: &[&str] = &[STOCK_CHANGED, SHOP_CHANGED, PRODUCT_CHANGED, PRODUCT_DEACTIVATED];

/// How long the cursor may stay behind when nothing happens that it waits for.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How many products one command looks at again.
const AT_ONCE: i64 = 200;

/// What has to be looked at again after some events.
#[derive(Debug, Default, PartialEq, Eq)]
struct Concerned {
    /// These products.
    products: Vec<ProductId>,
    /// All products: a shop has changed, and only the stores know what it holds.
    all: bool,
}

#[derive(Deserialize)]
struct StockChanged {
    niveaux: Vec<Level>,
}

#[derive(Deserialize)]
struct Level {
    produit_id: ProductId,
}

impl Concerned {
    fn by(events: &[StoredEvent]) -> Self {
        let mut concerned = Self::default();
        for event in events {
            if let Err(error) = concerned.add(event) {
                // It can never be read, and must not keep those after it from being read.
                tracing::error!(
                    position = event.position,
                    kind = event.kind,
                    error,
                    "an event is passed over"
                );
            }
        }
        concerned.products.sort_unstable();
        concerned.products.dedup();
        concerned
    }

    fn add(&mut self, event: &StoredEvent) -> Result<(), String> {
        match event.kind.as_str() {
            STOCK_CHANGED => {
                let changed: StockChanged =
                    serde_json::from_str(&event.data).map_err(|error| error.to_string())?;
                self.products.extend(changed.niveaux.into_iter().map(|level| level.produit_id));
            }
            PRODUCT_CHANGED | PRODUCT_DEACTIVATED => self.products.push(event.subject.parse()?),
            SHOP_CHANGED => self.all = true,
            _ => {}
        }
        Ok(())
    }
}

/// Follows the stores' stock; one per process, any number of processes.
pub struct Watch {
    store: Store,
    stock: Arc<dyn ProductStock>,
}

impl Watch {
    /// A watch over a store.
    pub fn new(store: Store, stock: Arc<dyn ProductStock>) -> Self {
        Self { store, stock }
    }

    /// Follows until `stop`.
    pub async fn work(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        self.store.opened().await;
        let mut news = self.store.tail();
        let mut caught_up = None;
        let mut streak = Streak::new("following the stores' stock");
        loop {
            let head = self.store.head();
            if caught_up != Some(head) && streak.note(self.catch_up().await).is_some() {
                caught_up = Some(head);
            }
            tokio::select! {
                () = &mut stop => return,
                () = something(&mut news) => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Takes in everything that has happened so far.
    pub async fn catch_up(&self) -> Result<(), Unavailable> {
        let stock = Arc::clone(&self.stock);
        let consumer = Consumer {
            name: "offers.stock",
            lane: OFFERS,
            kinds: KINDS,
            effect: move |tx: &mut Tx<'_>, now: Timestamp, events: &[StoredEvent]| {
                take_in(tx, now, &*stock, events)
            },
        };
        while consumer.step(&self.store).await? > 0 {}
        while self.is_recheck_due().await? && self.recheck().await? {}
        Ok(())
    }

    async fn is_recheck_due(&self) -> Result<bool, Unavailable> {
        self.store.read(|tx| Ok::<_, Unavailable>(commands::recheck_due(tx)?.is_some())).await
    }

    async fn recheck(&self) -> Result<bool, Unavailable> {
        let stock = Arc::clone(&self.stock);
        let call = Call::new("offers.inventory.recheck", OFFERS);
        let done: Result<bool, CallError<std::convert::Infallible>> = self
            .store
            .run(call, move |tx, now| commands::recheck(tx, now, &*stock, AT_ONCE).map_err(Failure::Db))
            .await;
        match done {
            Ok(more) => Ok(more),
            Err(CallError::Unavailable(error)) => Err(error),
            Err(CallError::Refused(never)) => match never {},
        }
    }
}

fn take_in(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    events: &[StoredEvent],
) -> Result<(), DbError> {
    let Concerned { products, all } = Concerned::by(events);
    if all {
        commands::begin_recheck(tx)?;
    }
    commands::reevaluate(tx, now, stock, &products)
}

/// Waits until something may have happened that concerns offers.
async fn something(news: &mut Receiver<Events>) {
    loop {
        match news.recv().await {
            Ok(events) if events.iter().any(|event| KINDS.contains(&event.kind.as_str())) => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, subject: &str, data: &str) -> StoredEvent {
        StoredEvent {
            position: 1,
            kind: kind.to_owned(),
            source: "/retail".to_owned(),
            subject: subject.to_owned(),
            time: Timestamp::default(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn events_name_their_products() {
        let levels = r#"{"niveaux":[{"emplacement_id":0,"produit_id":7,"en_main":1,"reserve":0,"disponible":1},{"produit_id":3}]}"#;
        let concerned = Concerned::by(&[
            event(STOCK_CHANGED, "stock", levels),
            event(PRODUCT_DEACTIVATED, "3", "{}"),
            event(PRODUCT_CHANGED, "9", "{}"),
            event(STOCK_CHANGED, "stock", "not what it should be"),
            event("halles.order.confirmed", "4", "{}"),
        ]);
        assert_eq!(concerned, Concerned { products: [3, 7, 9].map(ProductId).to_vec(), all: false });
        assert_eq!(
            Concerned::by(&[event(SHOP_CHANGED, "1", "{}")]),
            Concerned { products: vec![], all: true }
        );
    }
}
