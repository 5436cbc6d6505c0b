//! Promising units and taking promises back. Whoever calls has declared the reservation's keys
//! ([`Reservation::lock`]).

use std::collections::HashMap;
use std::convert::Infallible;

use kernel::{Line, Timestamp};
use store::{Call, CallError, DbError, Failure, Store, Tx, Unavailable, params};

use super::super::commands::move_units;
use super::super::{Movement, Slot, queries as stock_queries};
use super::{NewReservation, Reservation, ReservationError, State, queries};
use crate::{SOURCE, STOCK};

/// The event that tells of promised units.
pub const RESERVATION_CREATED: &str = "halles.reservation.created";
/// The event that tells of a promise given back.
pub const RESERVATION_RELEASED: &str = "halles.reservation.released";
/// The event that tells of a promise whose time ran out.
pub const RESERVATION_EXPIRED: &str = "halles.reservation.expired";

/// What became of a call to reserve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// The units are promised now.
    New(Reservation),
    /// The same call was made before; the reservation as it is now.
    Before(Reservation),
}

/// Promises all units of a reservation, or none. The same call again changes nothing.
pub fn reserve(
    tx: &mut Tx<'_>,
    now: Timestamp,
    new: &NewReservation,
) -> Result<Reserved, Failure<ReservationError>> {
    if let Some(stored) = queries::find(tx, &new.reference)? {
        if !new.made(&stored) {
            return Err(Failure::Refused(ReservationError::Taken(new.reference.clone())));
        }
        return Ok(Reserved::Before(lapse(tx, now, stored)?));
    }
    let asked = queries::verify(tx, new.place, &new.lines).map_err(unusable)?;
    let short: Vec<_> = asked.into_iter().filter(|line| line.asked > line.available).collect();
    if !short.is_empty() {
        return Err(Failure::Refused(ReservationError::Short(short)));
    }
    let reservation = Reservation {
        reference: new.reference.clone(),
        place: new.place,
        state: State::Active,
        lines: new.lines.clone(),
        created_at: now,
        expires_at: now.plus_seconds(new.seconds),
    };
    insert(tx, &reservation)?;
    let movements: Vec<Movement> =
        reservation.slots().map(|(slot, units)| Movement::reserve(slot, units)).collect();
    moved(tx, &movements)?;
    tx.emit(RESERVATION_CREATED, SOURCE, reservation.reference.to_string(), &reservation);
    Ok(Reserved::New(reservation))
}

/// Gives a reservation's units back, once: one that has ended is returned as it is, and one whose time has run
/// out ends as expired.
pub fn release(
    tx: &mut Tx<'_>,
    now: Timestamp,
    reference: &Line,
) -> Result<Reservation, Failure<ReservationError>> {
    let stored = queries::find(tx, reference)?
        .ok_or_else(|| Failure::Refused(ReservationError::Unknown(reference.clone())))?;
    let stored = lapse(tx, now, stored)?;
    if stored.state != State::Active {
        return Ok(stored);
    }
    Ok(end(tx, vec![stored], State::Released)?.pop().ok_or_else(gone)?)
}

/// Takes back the units of those of some reservations that are still active and whose time has run out;
/// returns their references.
///
/// The caller has declared the keys of all of them, as it read them by [`queries::due`].
pub fn expire(tx: &mut Tx<'_>, now: Timestamp, candidates: &[Reservation]) -> Result<Vec<Line>, DbError> {
    let mut due = queries::still_active(tx, candidates)?;
    due.retain(|reservation| reservation.is_due(now));
    let ended = end(tx, due, State::Expired)?;
    Ok(ended.into_iter().map(|reservation| reservation.reference).collect())
}

/// Ends every reservation whose time has run out, at most `at_once` per command. For the worker, which comes again: it
/// stops early when another process is at the same work.
pub async fn expire_due(store: &Store, at_once: i64) -> Result<(), Unavailable> {
    loop {
        let now = store.now();
        let due = store.read(move |tx| Ok::<_, Unavailable>(queries::due(tx, now, at_once)?)).await?;
        if due.is_empty() || expire_all(store, due).await? == 0 {
            return Ok(());
        }
    }
}

/// Ends those of some reservations that are still due, as one command; returns how many.
async fn expire_all(store: &Store, due: Vec<Reservation>) -> Result<usize, Unavailable> {
    let call = Call::new("retail.reservation.expire", STOCK);
    let call = due.iter().fold(call, |call, reservation| reservation.lock(call));
    let done =
        store.run(call, move |tx, now| Ok::<_, Failure<Infallible>>(expire(tx, now, &due)?.len())).await;
    done.map_err(|error| match error {
        CallError::Unavailable(error) => error,
        CallError::Refused(never) => match never {},
    })
}

/// The same reservation, ended if its time has run out.
fn lapse(tx: &mut Tx<'_>, now: Timestamp, reservation: Reservation) -> Result<Reservation, DbError> {
    if !reservation.is_due(now) {
        return Ok(reservation);
    }
    end(tx, vec![reservation], State::Expired)?.pop().ok_or_else(gone)
}

/// Ends active reservations and gives their units back.
fn end(
    tx: &mut Tx<'_>,
    mut reservations: Vec<Reservation>,
    state: State,
) -> Result<Vec<Reservation>, DbError> {
    tx.execute_each_once(
        "UPDATE reservation SET state = $2 WHERE reference = $1 AND state = 'ACTIVE'",
        reservations.iter().map(|reservation| params![&reservation.reference, state.name()]),
    )?;
    let movements: Vec<Movement> = reservations
        .iter()
        .flat_map(Reservation::slots)
        .map(|(slot, units)| Movement::release(slot, units))
        .collect();
    moved(tx, &movements)?;
    let kind = if state == State::Expired { RESERVATION_EXPIRED } else { RESERVATION_RELEASED };
    for reservation in &mut reservations {
        reservation.state = state;
        tx.emit(kind, SOURCE, reservation.reference.to_string(), reservation);
    }
    Ok(reservations)
}

/// Reads the levels that some movements change, and moves.
fn moved(tx: &mut Tx<'_>, movements: &[Movement]) -> Result<(), DbError> {
    let mut slots: Vec<Slot> = movements.iter().map(|movement| movement.slot).collect();
    slots.sort_unstable();
    slots.dedup();
    let mut levels: HashMap<_, _> = stock_queries::levels(tx, &slots)?;
    move_units(tx, &mut levels, movements)
}

fn insert(tx: &mut Tx<'_>, reservation: &Reservation) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO reservation (reference, place_id, state, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5)",
        &params![
            &reservation.reference,
            reservation.place,
            reservation.state.name(),
            reservation.expires_at,
            reservation.created_at
        ],
    )?;
    tx.execute_each(
        "INSERT INTO reservation_line (reference, product_id, quantity) VALUES ($1, $2, $3)",
        reservation.lines.iter().map(|line| params![&reservation.reference, line.product, line.quantity]),
    )
}

fn gone() -> DbError {
    DbError::Decode("a reservation that was read is gone".into())
}

fn unusable(failure: Failure<super::super::Unusable>) -> Failure<ReservationError> {
    match failure {
        Failure::Refused(unusable) => Failure::Refused(unusable.into()),
        Failure::Db(error) => Failure::Db(error),
    }
}
