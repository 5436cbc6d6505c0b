//! Reading reservations, and what could be reserved.

use std::collections::HashMap;

use kernel::{Line, PlaceId, Timestamp};
use store::{DbError, Failure, RowRef, Tx, params};

use super::super::{Shortage, Slot, Unusable, Wanted, queries};
use super::{Reservation, State};

/// What is asked for and what is available, line by line. Unknown places and products refuse, as do closed
/// shops and products that are not sold any more.
pub fn verify(tx: &mut Tx<'_>, place: PlaceId, lines: &[Wanted]) -> Result<Vec<Shortage>, Failure<Unusable>> {
    let products: Vec<_> = lines.iter().map(|line| line.product).collect();
    queries::usable(tx, place, &products)?;
    let slots: Vec<Slot> = products.iter().map(|product| (place, *product)).collect();
    let levels = queries::levels(tx, &slots)?;
    let available = |product| levels.get(&(place, product)).copied().unwrap_or_default().available();
    Ok(lines
        .iter()
        .map(|line| Shortage {
            product: line.product,
            asked: line.quantity.get(),
            available: available(line.product),
        })
        .collect())
}

/// One reservation.
pub fn find(tx: &mut Tx<'_>, reference: &Line) -> Result<Option<Reservation>, DbError> {
    let found = tx.query(
        "SELECT reference, place_id, state, created_at, expires_at FROM reservation WHERE reference = $1",
        &params![reference],
        head,
    )?;
    Ok(with_lines(tx, found)?.pop())
}

/// Reservations whose time has run out and whose units are still promised, the longest overdue first.
pub fn due(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Reservation>, DbError> {
    let found = tx.query(
        "SELECT reference, place_id, state, created_at, expires_at FROM reservation
         WHERE state = 'ACTIVE' AND expires_at <= $1 ORDER BY expires_at, reference LIMIT $2",
        &params![now, limit],
        head,
    )?;
    with_lines(tx, found)
}

/// Those of some reservations that are still active, as they are stored now.
pub(super) fn still_active(
    tx: &mut Tx<'_>,
    reservations: &[Reservation],
) -> Result<Vec<Reservation>, DbError> {
    let found = tx.query_each(
        "SELECT reference, place_id, state, created_at, expires_at FROM reservation
         WHERE reference = $1 AND state = 'ACTIVE'",
        reservations.iter().map(|reservation| params![&reservation.reference]),
        |_, row| head(row),
    )?;
    with_lines(tx, found)
}

fn head(row: RowRef<'_>) -> Result<Reservation, DbError> {
    let name: String = row.get(2)?;
    Ok(Reservation {
        reference: row.get(0)?,
        place: row.get(1)?,
        state: State::from_name(&name)
            .ok_or_else(|| DbError::Decode(format!("a reservation cannot be in state {name}")))?,
        lines: Vec::new(),
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
    })
}

fn with_lines(tx: &mut Tx<'_>, mut found: Vec<Reservation>) -> Result<Vec<Reservation>, DbError> {
    let lines = tx.query_each(
        "SELECT product_id, quantity FROM reservation_line WHERE reference = $1 ORDER BY product_id",
        found.iter().map(|reservation| params![&reservation.reference]),
        |index, row| Ok((index, Wanted { product: row.get(0)?, quantity: row.get(1)? })),
    )?;
    let mut by_index: HashMap<usize, Vec<Wanted>> = HashMap::new();
    for (index, line) in lines {
        by_index.entry(index).or_default().push(line);
    }
    for (index, reservation) in found.iter_mut().enumerate() {
        reservation.lines = by_index.remove(&index).unwrap_or_default();
    }
    Ok(found)
}
