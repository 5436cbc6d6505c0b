//! Clearing away what imports that were cut off have left of a day, or of an edition of records, that nobody imports
//! again.

use kernel::{Day, Timestamp};
use store::{Call, Failure, Tx};
use uuid::Uuid;

use super::ground::{Ground, Stopped};
use super::{ImportError, records};
use crate::MetricType;
use crate::archive::commands::day::{self as commands, Attempt, Claim, Overtaken};
use crate::archive::queries;

/// So many days are cleared at a time; more are left for the next.
const DAYS_AT_ONCE: i64 = 100;

/// Clears the days whose claim has run out; `sweep` is an id to claim them by. Returns how many there were.
pub(super) async fn clear(ground: &Ground, sweep: Uuid) -> Result<usize, ImportError> {
    let now = ground.store.now();
    let days = ground.read(move |tx| queries::claims_run_out(tx, now, DAYS_AT_ONCE)).await?;
    for (kind, day) in &days {
        let cleared = if kind.has_sensors() {
            clear_day(ground, sweep, *kind, *day).await
        } else {
            records::sweep(ground, *kind, sweep).await
        };
        match cleared {
            // Another import has it now.
            Ok(()) | Err(Stopped::Refused(Overtaken) | Stopped::Unknown) => {}
            Err(Stopped::Ended(error)) => return Err(error),
        }
    }
    Ok(days.len())
}

async fn clear_day(
    ground: &Ground,
    import: Uuid,
    kind: MetricType,
    day: Day,
) -> Result<(), Stopped<Overtaken>> {
    let from = ground.read(move |tx| queries::latest_version(tx, kind, day)).await.map_err(Stopped::Ended)?;
    let attempt = Attempt { kind, day, from, import };
    let call = |name: &'static str| -> Call { commands::call(name, &attempt) };
    let claim = move |tx: &mut Tx<'_>, now: Timestamp| {
        commands::claim(tx, now, &attempt).map_err(Failure::<Overtaken>::Db)
    };
    let Claim::Ours { leftovers } = ground.run(call("city.sweep.claim"), claim).await? else { return Ok(()) };
    let clear = move |tx: &mut Tx<'_>, now: Timestamp| commands::clear(tx, now, &attempt);
    while leftovers && ground.run(call("city.sweep.clear"), clear).await? {}
    ground.run(call("city.sweep.release"), move |tx, _| commands::release(tx, &attempt)).await
}
