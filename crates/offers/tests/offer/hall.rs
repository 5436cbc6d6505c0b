//! The offers stall under test, next to a toy of the stores stall: a table of stock that sales lessen.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Currency, PlaceId, ProductId, SystemClock, SystemIds};
use offers::inventory::{ProductLevel, ProductStock};
use offers::names::OfferId;
use offers::offer::{
    Amount, Details, DiscountType, Offer, OfferError, Priority, commands, invariants, queries,
};
use offers::pivot;
use serde_json::json;
use store::{
    Call, CallError, DbError, Durability, Engine, Failure, Lane, Migration, Options, Schema, Store,
    StoredEvent, Tx, Unavailable, params,
};
use telemetry::Metrics;
use web::testing::TestApp;

/// The lane of the toy.
const SHELVES: Lane = Lane("shelves");

const SHELF: Schema = Schema {
    stall: "shelf",
    migrations: &[Migration {
        version: 1,
        name: "a toy of the stores",
        sql: "CREATE TABLE shelf (spot BIGINT NOT NULL, product BIGINT NOT NULL, available BIGINT NOT NULL,
                  open BOOLEAN NOT NULL, sold BOOLEAN NOT NULL, PRIMARY KEY (spot, product))",
    }],
};

/// What the toy has, asked in the transaction of whoever asks.
pub(crate) struct Shelf;

impl ProductStock for Shelf {
    fn levels(&self, tx: &mut Tx<'_>, products: &[ProductId]) -> Result<Vec<ProductLevel>, DbError> {
        tx.query_each(
            "SELECT spot, available, open, sold FROM shelf WHERE product = $1 ORDER BY spot",
            products.iter().map(|product| params![*product]),
            |index, row| {
                Ok(ProductLevel {
                    product: products[index],
                    place: row.get(0)?,
                    available: row.get(1)?,
                    active_place: row.get(2)?,
                    active_product: row.get(3)?,
                })
            },
        )
    }
}

/// An engine, and what keeps it alive.
pub(crate) struct Ground {
    engine: Engine,
    _folder: Option<testkit::TempDir>,
}

pub(crate) fn sqlite() -> Ground {
    let folder = testkit::TempDir::new().unwrap();
    let engine = Engine::Sqlite { folder: folder.path().to_owned(), durability: Durability::Relaxed };
    Ground { engine, _folder: Some(folder) }
}

pub(crate) fn postgres() -> Ground {
    Ground { engine: Engine::Postgres { url: testkit::fresh_database() }, _folder: None }
}

impl Ground {
    /// A process on the data.
    pub(crate) fn open(&self) -> Store {
        self.open_at(Arc::new(SystemClock))
    }

    /// A process with a clock of its own.
    pub(crate) fn open_at(&self, clock: Arc<dyn Clock>) -> Store {
        let options = Options::new(self.engine.clone(), vec![offers::SCHEMA, SHELF]);
        Store::open(Options { clock, ..options }).unwrap()
    }

    /// Another process on the same data: another store on PostgreSQL, the same one on SQLite, which has one process.
    pub(crate) fn second(&self, first: &Store) -> Store {
        match self.engine {
            Engine::Postgres { .. } => self.open(),
            Engine::Sqlite { .. } => first.clone(),
        }
    }
}

/// Makes one test per engine out of a function over a [`Ground`].
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::hall::sqlite()).await; })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::hall::postgres()).await; })*
        }
    };
}

pub(crate) fn id(text: &str) -> OfferId {
    text.parse().unwrap()
}

/// Ten percent off, for everybody, without an end.
pub(crate) fn details(category: &str, priority: i64, units: i64) -> Details {
    Details {
        name: "Offre".parse().unwrap(),
        category: category.parse().unwrap(),
        discount_type: DiscountType::Percentage,
        discount_value: Amount::whole(10),
        priority: Priority::new(priority).unwrap(),
        inventory: offers::inventory::Units::new(units).unwrap(),
        expires_at: None,
        min_purchase: None,
        max_discount: None,
        target_segments: Vec::new(),
        margin_percent: None,
        product: None,
        status: None,
    }
}

/// Runs a command of the stall that only the database can refuse.
pub(crate) async fn run<T: Send + 'static>(
    store: &Store,
    f: impl Fn(&mut Tx<'_>, kernel::Timestamp) -> Result<T, DbError> + Send + 'static,
) -> T {
    let done: Result<T, CallError<DbError>> =
        store.run(Call::new("test", offers::OFFERS), move |tx, now| Ok(f(tx, now)?)).await;
    done.unwrap()
}

pub(crate) async fn add(store: &Store, text: &str, details: Details) -> Offer {
    let offer = id(text);
    let call = Call::new("test.create", offers::OFFERS);
    let added: Result<Offer, CallError<OfferError>> = store
        .run(call, move |tx, now| commands::create(tx, now, &Shelf, Some(offer.clone()), &details))
        .await;
    added.unwrap()
}

pub(crate) async fn offer(store: &Store, text: &str) -> Offer {
    let offer = id(text);
    store.read(move |tx| Ok::<_, Unavailable>(queries::offer(tx, &offer)?)).await.unwrap().unwrap()
}

/// Own count and effective inventory.
pub(crate) async fn left(store: &Store, text: &str) -> (i64, i64) {
    let offer = offer(store, text).await;
    (offer.inventory_own.get(), offer.inventory.get())
}

/// The pivots in force, such as `A->B`.
pub(crate) async fn pivots(store: &Store) -> Vec<String> {
    let pivots = store.scan(|tx| Ok::<_, Unavailable>(pivot::queries::page(tx, None, 1000)?)).await.unwrap();
    let to = |to: Option<OfferId>| to.map_or("?".to_owned(), |to| to.to_string());
    pivots.into_iter().map(|pivot| format!("{}->{}", pivot.from, to(pivot.to))).collect()
}

/// Nothing that the product's own check complains of.
pub(crate) async fn assert_sound(store: &Store) {
    let violations = store.scan(|tx| Ok::<_, Unavailable>(invariants::check(tx)?)).await.unwrap();
    assert!(violations.is_empty(), "{violations:?}");
}

/// All events so far.
pub(crate) async fn events(store: &Store) -> Vec<StoredEvent> {
    store.scan(|tx| Ok::<_, Unavailable>(store::log::after(tx, 0, None, 100_000)?)).await.unwrap()
}

/// How many events of a kind there are.
pub(crate) async fn told(store: &Store, kind: &str) -> usize {
    events(store).await.iter().filter(|event| event.kind == kind).count()
}

/// Changes the toy's stock of a product in a place by so many units, never below zero, as a sale or a receipt does.
pub(crate) async fn move_units(store: &Store, place: i64, product: i64, units: i64) {
    let (place, product) = (PlaceId(place), ProductId(product));
    let call = Call::new("test.sale", SHELVES).lock("shelf", (place, product));
    let moved: Result<(), CallError<DbError>> = store
        .run(call, move |tx, _| {
            tx.execute(
                "INSERT INTO shelf (spot, product, available, open, sold) VALUES ($1, $2, 0, $3, $3)
                 ON CONFLICT DO NOTHING",
                &params![place, product, true],
            )?;
            let left: Option<i64> = tx.query_opt(
                "UPDATE shelf SET available = available + $3 WHERE spot = $1 AND product = $2 AND available + $3 >= 0
                 RETURNING available",
                &params![place, product, units],
                |row| row.get(0),
            )?;
            let Some(left) = left else { return Ok::<_, Failure<DbError>>(()) };
            let level = json!({"emplacement_id": place, "produit_id": product, "en_main": left, "reserve": 0, "disponible": left});
            tx.emit("halles.stock.changed", "/retail", "stock", &json!({"niveaux": [level]}));
            Ok(())
        })
        .await;
    moved.unwrap();
}

/// Closes a place of the toy, or takes a product out of sale: whatever `sql` does to the rows, told by an event.
pub(crate) async fn edit_shelf(store: &Store, sql: &'static str, kind: &'static str, subject: &'static str) {
    let done: Result<(), CallError<DbError>> = store
        .run(Call::new("test.shelf", SHELVES).lock_whole("shelf"), move |tx, _| {
            tx.execute(sql, &params![false])?;
            tx.emit(kind, "/retail", subject, &json!({"id": 1, "actif": false}));
            Ok::<_, Failure<DbError>>(())
        })
        .await;
    done.unwrap();
}

/// The API over a store, without a socket.
pub(crate) fn app(store: &Store) -> TestApp {
    let metrics = Metrics::new();
    let ground = offers::Ground {
        store: store.clone(),
        ids: Arc::new(SystemIds),
        stock: Arc::new(Shelf),
        metrics: metrics.clone(),
        drain: web::Drain::default(),
    };
    let routes = offers::Offers::new(ground, offers::Settings::new(Currency::EUR)).routes();
    let api = web::Api::new("test", "0", "").stall(routes);
    TestApp::new(api.build(&web::Settings::default(), &metrics).unwrap())
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "still not so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
