//! The steps of an import on a database in memory, with a crash between any two of them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use kernel::{Currency, ProductId, Timestamp};
use store::idempotency::{self, Answer, Claim, Key};
use store::testing::Scratch;
use store::{DbError, Failure, Tx, params};
use uuid::Uuid;

use super::commands::{self, Applied, CHUNK, Kind, Lost, Run};
use super::{IMPORT_FINISHED, LineError, ProductLine, StockLine, parse_products, parse_stock, resume};
use crate::product::commands::create;
use crate::product::{Details, ProductError};

const PRODUCTS: Run = Run { id: Uuid::from_u128(1), kind: Kind::Products };
const STOCK: Run = Run { id: Uuid::from_u128(2), kind: Kind::Stock };

fn scratch() -> Scratch {
    Scratch::new(&[crate::SCHEMA], Timestamp::from_micros(1_000_000)).unwrap()
}

fn products(text: &str) -> Vec<ProductLine> {
    parse_products(text.as_bytes(), Currency::EUR, |_| {}).unwrap()
}

fn stock(text: &str) -> Vec<StockLine> {
    parse_stock(text.as_bytes(), |_| {}).unwrap()
}

/// Runs a step that never refuses.
fn step<T>(scratch: &mut Scratch, f: impl FnOnce(&mut Tx<'_>, Timestamp) -> Result<T, DbError>) -> T {
    scratch.run(|tx, now| f(tx, now).map_err(Failure::<Lost>::Db)).unwrap()
}

fn begin(scratch: &mut Scratch, run: Run, lines: usize, key: Option<&Key>) -> Claim {
    step(scratch, |tx, now| commands::begin(tx, now, run, lines, key))
}

fn staged(scratch: &mut Scratch, lines: &[ProductLine]) -> Vec<LineError> {
    scratch.run(|tx, now| commands::stage_products(tx, now, PRODUCTS.id, lines)).unwrap()
}

fn apply(scratch: &mut Scratch, run: Run) -> Applied {
    step(scratch, |tx, now| commands::apply(tx, now, run))
}

fn count(scratch: &mut Scratch, sql: &'static str) -> i64 {
    scratch.read(|tx| tx.query_one(sql, &[], |row| row.get::<i64>(0))).unwrap()
}

fn told(errors: &[LineError]) -> Vec<String> {
    errors.iter().map(|LineError { line, column, message }| format!("{line} {column}: {message}")).collect()
}

fn key() -> Key {
    Key { caller: "c".into(), key: "k".into(), route: "POST /produits/import".into(), body_hash: [7; 32] }
}

/// One product per line, `first` to `last`.
fn many(first: usize, last: usize) -> Vec<ProductLine> {
    let mut text = String::from("nom;categorie;prix\n");
    for number in first..=last {
        writeln!(text, "Produit {number};Maison;{number}").unwrap();
    }
    products(&text)
}

#[test]
fn nothing_is_seen_before_the_decision_and_all_of_it_after() {
    let mut scratch = scratch();
    let lines = many(1, CHUNK + 1);
    assert_eq!(begin(&mut scratch, PRODUCTS, lines.len(), None), Claim::New);
    for chunk in lines.chunks(CHUNK) {
        assert_eq!(staged(&mut scratch, chunk), []);
    }
    assert_eq!(count(&mut scratch, "SELECT COUNT(*) FROM product"), 0);
    assert_eq!(apply(&mut scratch, PRODUCTS).lines, 0, "nothing is decided yet");
    scratch.run(|tx, now| commands::publish(tx, now, PRODUCTS.id)).unwrap();

    assert_eq!(apply(&mut scratch, PRODUCTS), Applied { lines: CHUNK, finished: false });
    assert_eq!(apply(&mut scratch, PRODUCTS), Applied { lines: CHUNK + 1, finished: true });
    assert_eq!(
        apply(&mut scratch, PRODUCTS),
        Applied { lines: 0, finished: true },
        "a second worker finds nothing"
    );
    assert_eq!(count(&mut scratch, "SELECT MAX(id) FROM product"), 251);
    assert_eq!(count(&mut scratch, "SELECT COUNT(*) FROM import_line"), 0);
    assert_eq!(count(&mut scratch, "SELECT COUNT(*) FROM import_run"), 0);
    let events = scratch.events().unwrap();
    assert_eq!((events.len(), events[251].kind.as_str()), (252, IMPORT_FINISHED));
}

#[test]
fn an_import_that_died_before_the_decision_leaves_nothing() {
    let mut scratch = scratch();
    let lines = many(1, CHUNK + 1);
    assert_eq!(begin(&mut scratch, PRODUCTS, lines.len(), Some(&key())), Claim::New);
    assert_eq!(staged(&mut scratch, &lines), []);
    let claim = step(&mut scratch, |tx, now| idempotency::claim(tx, now, &key()));
    assert_eq!(claim, Claim::Running);

    let unfinished = |scratch: &mut Scratch, all| {
        let now = scratch.now();
        scratch.read(|tx| commands::unfinished(tx, now, all)).unwrap()
    };
    assert_eq!(unfinished(&mut scratch, false), [], "its lease has not run out");
    assert_eq!(unfinished(&mut scratch, true), [(PRODUCTS, false)]);
    scratch.advance_seconds(31);
    assert_eq!(unfinished(&mut scratch, false), [(PRODUCTS, false)]);

    assert!(!step(&mut scratch, |tx, now| commands::abandon(tx, now, PRODUCTS.id)));
    let late = scratch.run(|tx, now| commands::publish(tx, now, PRODUCTS.id));
    assert_eq!(late, Err(Failure::Refused(Lost)), "given up is given up");
    assert!(step(&mut scratch, |tx, now| commands::abandon(tx, now, PRODUCTS.id)));
    assert_eq!(count(&mut scratch, "SELECT COUNT(*) FROM import_line"), 0);
    assert_eq!(begin(&mut scratch, PRODUCTS, lines.len(), Some(&key())), Claim::New, "the key is free again");
    assert_eq!(scratch.events().unwrap(), []);
}

#[test]
fn a_published_import_is_never_abandoned_and_completes_its_key() {
    let mut scratch = scratch();
    begin(&mut scratch, PRODUCTS, 1, Some(&key()));
    staged(&mut scratch, &many(1, 1));
    scratch.run(|tx, now| commands::publish(tx, now, PRODUCTS.id)).unwrap();
    assert!(step(&mut scratch, |tx, now| commands::abandon(tx, now, PRODUCTS.id)));
    assert_eq!(apply(&mut scratch, PRODUCTS), Applied { lines: 1, finished: true });
    let body = r#"{"importes":1,"lignes_lues":1,"erreurs":[]}"#.to_owned();
    assert_eq!(
        step(&mut scratch, |tx, now| idempotency::claim(tx, now, &key())),
        Claim::Replay(Answer { status: 200, body, location: None })
    );
}

#[test]
fn lines_replace_products_and_wait_for_nobody_elses_number() {
    let mut scratch = scratch();
    for (name, ean13) in [("A", Some("3017620422003")), ("B", None)] {
        let details =
            Details { ean13: ean13.map(|text| text.parse().unwrap()), ..many(1, 1)[0].details.clone() };
        let details = Details { name: name.parse().unwrap(), ..details };
        scratch.run(|tx, now| create(tx, now, &details, true)).unwrap();
    }
    let lines = products(
        "id;nom;categorie;prix;ean13\n1;A2;Maison;5;3017620422003\n2;B2;Maison;6;4006381333931\n;C;Maison;7;5901234123457\n",
    );
    begin(&mut scratch, PRODUCTS, 3, None);
    assert_eq!(staged(&mut scratch, &lines), []);
    // Announced numbers are taken, for the API and for another import.
    let rival = Details { ean13: Some("5901234123457".parse().unwrap()), ..lines[0].details.clone() };
    let refused = scratch.run(|tx, now| create(tx, now, &rival, true));
    assert!(matches!(refused, Err(Failure::Refused(ProductError::Ean13Announced(_)))), "{refused:?}");

    scratch.run(|tx, now| commands::publish(tx, now, PRODUCTS.id)).unwrap();
    apply(&mut scratch, PRODUCTS);
    let names = scratch.read(|tx| {
        tx.query("SELECT id, name FROM product ORDER BY id", &[], |row| {
            Ok((row.get::<ProductId>(0)?.0, row.get::<String>(1)?))
        })
    });
    assert_eq!(names.unwrap(), [(1, "A2".to_owned()), (2, "B2".to_owned()), (3, "C".to_owned())]);
}

#[test]
fn what_is_stored_already_is_told_by_line() {
    let mut scratch = scratch();
    let details = Details { ean13: Some("3017620422003".parse().unwrap()), ..many(1, 1)[0].details.clone() };
    scratch.run(|tx, now| create(tx, now, &details, true)).unwrap();
    let lines =
        products("id;nom;categorie;prix;ean13\n9;A;M;5;\n;B;M;6;3017620422003\n;C;M;7;4006381333931\n");
    begin(&mut scratch, PRODUCTS, 3, None);
    assert_eq!(
        told(&staged(&mut scratch, &lines)),
        ["2 id: there is no product 9", "3 ean13: product 1 has it"]
    );
}

#[test]
fn opening_stock_is_where_it_starts_from() {
    let mut scratch = scratch();
    scratch.run(|tx, now| create(tx, now, &many(1, 1)[0].details, true)).unwrap();
    scratch.run(|tx, _| Ok::<_, Failure<Lost>>(shop(tx)?)).unwrap();
    let lines = stock("emplacement_id;produit_id;quantite;seuil_rupture\n0;1;500;\n1;1;0;2\n");
    begin(&mut scratch, STOCK, 2, None);
    let errors = scratch.run(|tx, now| commands::stage_stock(tx, now, STOCK.id, &lines)).unwrap();
    assert_eq!(errors, []);
    scratch.run(|tx, now| commands::publish(tx, now, STOCK.id)).unwrap();
    assert!(apply(&mut scratch, STOCK).finished);
    let levels = scratch.read(|tx| {
        tx.query("SELECT place_id, initial, on_hand, low FROM stock_level ORDER BY place_id", &[], |row| {
            Ok([row.get::<i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        })
    });
    assert_eq!(levels.unwrap(), [[0, 500, 500, 5], [1, 0, 0, 2]]);

    let again = Run { id: Uuid::from_u128(3), kind: Kind::Stock };
    begin(&mut scratch, again, 4, None);
    let lines =
        stock("emplacement_id;produit_id;ean13;quantite\n0;1;;5\n7;1;;5\n0;8;;5\n0;;3017620422003;5\n");
    let errors = scratch.run(|tx, now| commands::stage_stock(tx, now, again.id, &lines)).unwrap();
    assert_eq!(
        told(&errors),
        [
            "2 : this place has had stock of this product already",
            "3 emplacement_id: there is no shop 7; 0 is the logistics centre",
            "4 produit_id: there is no product 8",
            "5 ean13: no product has 3017620422003",
        ]
    );
}

fn shop(tx: &mut Tx<'_>) -> Result<u64, DbError> {
    tx.execute("INSERT INTO shop (id, name, district, active) VALUES (1, 'm', 'q', $1)", &params![true])
}

#[test]
fn a_slot_is_opened_once_however_it_is_named() {
    let mut scratch = scratch();
    let details = Details { ean13: Some("3017620422003".parse().unwrap()), ..many(1, 1)[0].details.clone() };
    scratch.run(|tx, now| create(tx, now, &details, true)).unwrap();
    begin(&mut scratch, STOCK, 2, None);
    let lines = stock("emplacement_id;produit_id;ean13;quantite\n0;1;;5\n0;;3017620422003;5\n");
    let stage = |scratch: &mut Scratch, lines: &[StockLine]| {
        told(&scratch.run(|tx, now| commands::stage_stock(tx, now, STOCK.id, lines)).unwrap())
    };
    assert_eq!(stage(&mut scratch, &lines), ["3 : the same as on line 2"]);
    // The same in two chunks.
    assert_eq!(stage(&mut scratch, &lines[..1]), [""; 0]);
    assert_eq!(stage(&mut scratch, &lines[1..]), ["3 : the stock of an earlier line, or of another import"]);
}

/// Two imports that a process died with, one before its decision and one after, each with its key.
async fn crashed(store: &store::Store) {
    let left: Result<(), store::CallError<Lost>> = store
        .run(store::Call::new("test.crash", crate::CATALOGUE), |tx, now| {
            for (number, published) in [(1_u128, false), (2, true)] {
                let run = Run { id: Uuid::from_u128(number), kind: Kind::Products };
                commands::begin(tx, now, run, 1, Some(&Key { key: number.to_string(), ..key() }))?;
                let lines = products(&format!("nom;categorie;prix\nProduit {number};Maison;1\n"));
                assert_eq!(commands::stage_products(tx, now, run.id, &lines)?, []);
                if published {
                    commands::publish(tx, now, run.id)?;
                }
            }
            Ok(())
        })
        .await;
    left.unwrap();
}

#[tokio::test]
async fn what_a_crash_left_is_finished_or_cleared_away() {
    let folder = testkit::TempDir::new().unwrap();
    let engine =
        store::Engine::Sqlite { folder: folder.path().to_owned(), durability: store::Durability::Relaxed };
    let store = store::Store::open(store::Options::new(engine, vec![crate::SCHEMA])).unwrap();
    crashed(&store).await;
    assert_eq!(resume(&store, false).await, Ok(0), "somebody may still be at work");
    assert_eq!(resume(&store, true).await, Ok(2));
    assert_eq!(resume(&store, true).await, Ok(0));
    let left = store.read(|tx| {
        tx.query_one(
            "SELECT (SELECT MAX(name) FROM product), (SELECT COUNT(*) FROM product) + (SELECT COUNT(*) FROM import_line),
                    (SELECT MAX(idempotency_key) FROM idempotency), (SELECT COUNT(*) FROM idempotency)",
            &[],
            |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?, row.get::<String>(2)?, row.get::<i64>(3)?)),
        )
        .map_err(store::Unavailable::from)
    });
    assert_eq!(left.await, Ok(("Produit 2".to_owned(), 1, "2".to_owned(), 1)));
}
