use kernel::{Day, Timestamp};
use store::testing::Scratch;
use store::{DbError, Failure, Tx};

use crate::SCHEMA;
use crate::fetch::commands::{HELD_SECONDS, Outcome, claim, end_claims, remembered, renew, settle};
use crate::fetch::{Known, Portal, public_name};

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
    let soon =
        run(&mut scratch, move |tx, now| claim(tx, now.plus_seconds(HELD_SECONDS), SOURCE, Some(seen)));
    assert!(!soon, "whoever looks while it is being asked leaves it");
    run(&mut scratch, |tx, now| renew(tx, now.plus_seconds(30), SOURCE));
    let seen = run(&mut scratch, |tx, _| remembered(tx, SOURCE)).unwrap().asked_at;
    let soon =
        run(&mut scratch, move |tx, now| claim(tx, now.plus_seconds(30 + HELD_SECONDS), SOURCE, Some(seen)));
    assert!(!soon, "and as long as it is");
    let later = move |now: Timestamp| now.plus_seconds(30 + HELD_SECONDS + 1);
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
fn the_only_process_need_not_wait_for_one_that_was_cut_off() {
    let mut scratch = Scratch::new(&[SCHEMA], Timestamp::from_micros(1_000_000)).unwrap();
    assert!(run(&mut scratch, |tx, now| claim(tx, now, SOURCE, None)));
    let seen = run(&mut scratch, |tx, _| remembered(tx, SOURCE)).unwrap().asked_at;
    run(&mut scratch, end_claims);
    assert!(run(&mut scratch, move |tx, now| claim(tx, now, SOURCE, Some(seen))));
}

#[test]
fn more_days_are_another_file() {
    let portal = |address: &str| Portal { address: address.to_owned(), key: None };
    assert_ne!(portal(SOURCE).name(8), portal(SOURCE).name(60));
    let whole = portal("https://portal.example/export");
    assert_eq!(whole.name(8), whole.name(60));
    assert_eq!(
        public_name("https://me:secret@portal.example/timeline/Paris?key=SECRET#top"),
        "https://portal.example/timeline/Paris"
    );
}

#[test]
fn an_address_names_the_first_day_wanted() {
    let portal = Portal { address: SOURCE.to_owned(), key: None };
    let today: Day = "2026-03-01".parse().unwrap();
    assert_eq!(portal.address_on(today, 8), "https://portal.example/export?since=2026-02-21");
}
