//! The steps of a replenishment request. Whoever takes one has declared its keys ([`lock`]).

use kernel::{Line, ReplenishmentId, Text, Timestamp};
use store::{Call, DbError, Failure, Tx, params};
use uuid::Uuid;

use super::{NewReplenishment, Replenishment, ReplenishmentError, State, queries};
use crate::SOURCE;
use crate::stock::commands::{Correction, correct, lock_slots, move_units};
use crate::stock::queries::{levels, usable};
use crate::stock::{Movement, Shortage};

/// The event that tells of a request made.
pub const REPLENISHMENT_REQUESTED: &str = "halles.replenishment.requested";
/// The event that tells of units sent from the centre to a shop.
pub const REPLENISHMENT_VALIDATED: &str = "halles.replenishment.validated";
/// The event that tells of a request rejected.
pub const REPLENISHMENT_REJECTED: &str = "halles.replenishment.rejected";
/// The event that tells of units counted in the shop.
pub const REPLENISHMENT_RECEIVED: &str = "halles.replenishment.received";

/// The same call with what a step of a request decides on declared: its shop and product never change.
pub fn lock(call: Call, request: &Replenishment) -> Call {
    lock_slots(call.lock("replenishment", request.id), [request.source(), request.destination()])
}

/// Makes a request. It needs no lock: nothing is decided on but the catalogue.
pub fn request(
    tx: &mut Tx<'_>,
    now: Timestamp,
    new: &NewReplenishment,
) -> Result<Replenishment, Failure<ReplenishmentError>> {
    usable(tx, new.shop.into(), &[new.product]).map_err(unusable)?;
    let request = Replenishment {
        id: new.id,
        shop: new.shop,
        product: new.product,
        quantity: new.quantity,
        received_quantity: None,
        state: State::Pending,
        reason: None,
        requested_by: new.by.clone(),
        requested_at: now,
        decided_by: None,
        decided_at: None,
        received_by: None,
        received_at: None,
    };
    insert(tx, &[&request])?;
    tx.emit(REPLENISHMENT_REQUESTED, SOURCE, request.id.to_string(), &request);
    Ok(request)
}

/// Moves the units from the centre to the shop, or refuses when the centre has too few.
pub fn validate(
    tx: &mut Tx<'_>,
    now: Timestamp,
    id: ReplenishmentId,
    by: Option<&Line>,
) -> Result<Replenishment, Failure<ReplenishmentError>> {
    let mut request = in_state_before(tx, id, State::Validated)?;
    let (source, destination) = (request.source(), request.destination());
    let units = request.quantity.get();
    let mut levels = levels(tx, &[source, destination])?;
    let available = levels.get(&source).copied().unwrap_or_default().available();
    if available < units {
        let short = Shortage { product: request.product, asked: units, available };
        return Err(Failure::Refused(ReplenishmentError::Short(short)));
    }
    request.state = State::Validated;
    request.decided_by = by.cloned();
    request.decided_at = Some(now);
    update(tx, &request)?;
    let movements = [Movement::bring(source, -units), Movement::bring(destination, units)];
    move_units(tx, &mut levels, &movements)?;
    tx.emit(REPLENISHMENT_VALIDATED, SOURCE, id.to_string(), &request);
    Ok(request)
}

/// Ends a request that nobody has validated.
pub fn reject(
    tx: &mut Tx<'_>,
    now: Timestamp,
    id: ReplenishmentId,
    reason: &Text,
    by: Option<&Line>,
) -> Result<Replenishment, Failure<ReplenishmentError>> {
    let mut request = in_state_before(tx, id, State::Rejected)?;
    request.state = State::Rejected;
    request.reason = Some(reason.clone());
    request.decided_by = by.cloned();
    request.decided_at = Some(now);
    update(tx, &request)?;
    tx.emit(REPLENISHMENT_REJECTED, SOURCE, id.to_string(), &request);
    Ok(request)
}

/// What the shop has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Units that arrived; as many as were sent when not said.
    pub units: Option<i64>,
    /// Who counted.
    pub by: Option<Line>,
    /// The id of the correction, should one be needed.
    pub correction_id: Uuid,
}

/// Confirms that the units have arrived. A difference to what was sent is a correction of the shop's stock; one that
/// would take promised units is refused, until they are free again.
pub fn receive(
    tx: &mut Tx<'_>,
    now: Timestamp,
    id: ReplenishmentId,
    count: &Count,
) -> Result<Replenishment, Failure<ReplenishmentError>> {
    let mut request = in_state_before(tx, id, State::Received)?;
    let units = count.units.unwrap_or(request.quantity.get());
    let delta = units - request.quantity.get();
    request.state = State::Received;
    request.received_quantity = Some(units);
    request.received_by.clone_from(&count.by);
    request.received_at = Some(now);
    update(tx, &request)?;
    if delta != 0 {
        correct_difference(tx, now, &request, delta, count.correction_id)?;
    }
    tx.emit(REPLENISHMENT_RECEIVED, SOURCE, id.to_string(), &request);
    Ok(request)
}

fn correct_difference(
    tx: &mut Tx<'_>,
    now: Timestamp,
    request: &Replenishment,
    delta: i64,
    correction_id: Uuid,
) -> Result<(), Failure<ReplenishmentError>> {
    let (place, product) = request.destination();
    let mut levels = levels(tx, &[(place, product)])?;
    let available = levels.get(&(place, product)).copied().unwrap_or_default().available();
    if available + delta < 0 {
        return Err(Failure::Refused(ReplenishmentError::Missing { missing: -delta, available }));
    }
    let reference = request.id.to_string();
    let correction =
        Correction { id: correction_id, place, product, delta, reason: "approvisionnement", reference };
    Ok(correct(tx, now, &mut levels, &correction)?)
}

/// The request, which must be in the state from which `next` can be reached.
fn in_state_before(
    tx: &mut Tx<'_>,
    id: ReplenishmentId,
    next: State,
) -> Result<Replenishment, Failure<ReplenishmentError>> {
    let request = queries::find(tx, id)?.ok_or(Failure::Refused(ReplenishmentError::Unknown(id)))?;
    match next.before() {
        Some(needed) if needed != request.state => {
            Err(Failure::Refused(ReplenishmentError::State { present: request.state, needed }))
        }
        Some(_) | None => Ok(request),
    }
}

/// Writes the rows of some requests.
pub(crate) fn insert(tx: &mut Tx<'_>, requests: &[&Replenishment]) -> Result<(), DbError> {
    tx.execute_each(
        "INSERT INTO replenishment (id, shop_id, product_id, quantity, received_quantity, state, reason, requested_by,
                                    requested_at, decided_by, decided_at, received_by, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        requests.iter().map(|request| {
            params![
                request.id,
                request.shop,
                request.product,
                request.quantity,
                request.received_quantity,
                request.state.name(),
                &request.reason,
                &request.requested_by,
                request.requested_at,
                &request.decided_by,
                request.decided_at,
                &request.received_by,
                request.received_at
            ]
        }),
    )
}

fn update(tx: &mut Tx<'_>, request: &Replenishment) -> Result<(), DbError> {
    tx.execute(
        "UPDATE replenishment SET received_quantity = $2, state = $3, reason = $4, decided_by = $5, decided_at = $6,
                received_by = $7, received_at = $8
         WHERE id = $1",
        &params![
            request.id,
            request.received_quantity,
            request.state.name(),
            &request.reason,
            &request.decided_by,
            request.decided_at,
            &request.received_by,
            request.received_at
        ],
    )?;
    Ok(())
}

fn unusable(failure: Failure<crate::stock::Unusable>) -> Failure<ReplenishmentError> {
    match failure {
        Failure::Refused(unusable) => Failure::Refused(unusable.into()),
        Failure::Db(error) => Failure::Db(error),
    }
}
