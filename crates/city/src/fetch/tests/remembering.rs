use kernel::{Day, Timestamp};
use store::testing::Scratch;
use store::{DbError, Failure, Tx};

use crate::SCHEMA;
use crate::fetch::commands::{Outcome, claim, remembered, settle};
use crate::fetch::{Known, Portal};

const SOURCE: &str = "https://portal.example/export?since={du}";

fn run<T: Send + 'static>(
    scratch: &mut Scratch,
    f: impl Fn(&mut Tx<'_>, Timestamp) -> Result<T, DbError>,
) -> T {
    scratch.run(|tx, now| f(tx, now).map_err(Failure::<std::convert::Infallible>::Db)).unwrap()
}

#[test]
fn a_portal_is_asked_by_one_process_at_a_time() {
    let mut scratch = Scratch::new(&[SCHEMA], Timestamp::from_micros(1_000_000)).unwrap();
    assert_eq!(run(&mut scratch, |tx, _| remembered(tx, SOURCE)), None);
    assert!(run(&mut scratch, |tx, now| claim(tx, now, SOURCE, None)));
    assert!(!run(&mut scratch, |tx, now| claim(tx, now, SOURCE, None)), "somebody was there first");
    let seen = run(&mut scratch, |tx, _| remembered(tx, SOURCE)).unwrap().asked_at;
    let later = move |now: Timestamp| now.plus_seconds(60);
    assert!(run(&mut scratch, move |tx, now| claim(tx, later(now), SOURCE, Some(seen))));
    assert!(
        !run(&mut scratch, move |tx, now| claim(tx, later(now), SOURCE, Some(seen))),
        "it was asked since"
    );
}

#[test]
fn a_failure_forgets_nothing_that_was_known() {
    let mut scratch = Scratch::new(&[SCHEMA], Timestamp::from_micros(1_000_000)).unwrap();
    run(&mut scratch, |tx, now| claim(tx, now, SOURCE, None));
    let known = Known { etag: Some("\"v1\"".to_owned()), last_modified: None };
    let told = known.clone();
    run(&mut scratch, move |tx, now| settle(tx, now, SOURCE, Outcome::Imported, Some(&told)));
    for outcome in [Outcome::Failed, Outcome::Unchanged] {
        run(&mut scratch, move |tx, now| settle(tx, now, SOURCE, outcome, None));
        assert_eq!(run(&mut scratch, |tx, _| remembered(tx, SOURCE)).unwrap().known, known);
    }
}

#[test]
fn an_address_names_the_first_day_wanted() {
    let portal = Portal { address: SOURCE.to_owned(), key: None };
    let today: Day = "2026-03-01".parse().unwrap();
    assert_eq!(portal.address_on(today, 8), "https://portal.example/export?since=2026-02-21");
}
