//! Applying what was read, chunk by chunk.

use std::convert::Infallible;
use std::ops::{AddAssign, Range};
use std::sync::Arc;

use kernel::Timestamp;
use store::{Call, CallError, DbError, Failure, Store, Tx, Unavailable};

use super::{OfferRecord, Records, Report, UserRecord};
use crate::OFFERS;
use crate::inventory::ProductStock;
use crate::names::OfferId;
use crate::offer::commands::{Put, put_all};
use crate::offer::{Details, queries};
use crate::user::{ImportedUser, import};

/// Offers of one command: a millisecond or two of the writer's time.
const OFFERS_AT_ONCE: usize = 25;
/// Users of one command; they are one event.
const USERS_AT_ONCE: usize = 250;
/// Offers looked up at a time while records are checked.
const CHECKED_AT_ONCE: usize = 1000;

/// How much was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Offers that are new.
    pub created: usize,
    /// Offers that were there, and are now as the file says.
    pub replaced: usize,
    /// Offers whose id belongs to one that was deleted since the file was checked.
    pub refused: usize,
    /// People.
    pub users: usize,
}

impl AddAssign for Imported {
    fn add_assign(&mut self, more: Self) {
        self.created += more.created;
        self.replaced += more.replaced;
        self.refused += more.refused;
        self.users += more.users;
    }
}

/// Checks the records of a file against what is stored.
///
/// # Errors
///
/// [`Unavailable`] when the store cannot be read; faults are in the report.
pub async fn check(store: &Store, records: &Records) -> Result<Report, Unavailable> {
    let mut report = Report { read: records.len(), ..Report::default() };
    let Records::Offers(offers) = records else { return Ok(report) };
    for chunk in offers.chunks(CHECKED_AT_ONCE) {
        let ids: Vec<OfferId> = chunk.iter().map(|record| record.id.clone()).collect();
        let deleted = store.scan(move |tx| deleted(tx, &ids).map_err(Unavailable::from)).await?;
        for record in chunk.iter().filter(|record| deleted.contains(&record.id)) {
            report.add(
                record.line,
                "offer_id",
                "belongs to an offer that has been deleted: give it another id",
            );
        }
    }
    Ok(report)
}

pub(super) fn deleted(tx: &mut Tx<'_>, ids: &[OfferId]) -> Result<Vec<OfferId>, DbError> {
    let stored = queries::stored(tx, &ids.iter().collect::<Vec<_>>())?;
    Ok(stored.into_iter().filter(|stored| stored.deleted).map(|stored| stored.offer.id).collect())
}

/// Imports records: offers are created or replaced, people are told of. With `replace`, what was learned of those
/// people is forgotten. `on_progress` gets the number of records done so far.
///
/// # Errors
///
/// When the store fails on the way, what was done so far stays: importing the same records again does the rest.
pub async fn apply(
    store: &Store,
    stock: &Arc<dyn ProductStock>,
    records: Records,
    replace: bool,
    on_progress: impl FnMut(usize),
) -> Result<Imported, Unavailable> {
    match records {
        Records::Offers(records) => {
            let offers: Arc<[(OfferId, Details)]> = records.into_iter().map(OfferRecord::into_pair).collect();
            apply_offers(store, stock, &offers, on_progress).await
        }
        Records::Users(records) => apply_users(store, &records.into(), replace, on_progress).await,
    }
}

async fn apply_offers(
    store: &Store,
    stock: &Arc<dyn ProductStock>,
    offers: &Arc<[(OfferId, Details)]>,
    mut on_progress: impl FnMut(usize),
) -> Result<Imported, Unavailable> {
    let mut imported = Imported::default();
    for range in chunks(offers.len(), OFFERS_AT_ONCE) {
        let (done, stock, offers) = (range.end, Arc::clone(stock), Arc::clone(offers));
        let call = Call::new("offers.import.offers", OFFERS);
        let put = sure(store, call, move |tx, now| put_all(tx, now, &*stock, &offers[range.clone()])).await?;
        for put in put {
            match put {
                Put::Created(_) => imported.created += 1,
                Put::Replaced(_) => imported.replaced += 1,
                Put::Refused(_) => imported.refused += 1,
            }
        }
        on_progress(done);
    }
    Ok(imported)
}

async fn apply_users(
    store: &Store,
    users: &Arc<[UserRecord]>,
    replace: bool,
    mut on_progress: impl FnMut(usize),
) -> Result<Imported, Unavailable> {
    for range in chunks(users.len(), USERS_AT_ONCE) {
        let (done, users) = (range.end, Arc::clone(users));
        let call = Call::new("offers.import.users", OFFERS);
        sure(store, call, move |tx, _| {
            tell_users(tx, &users[range.clone()], replace);
            Ok(())
        })
        .await?;
        on_progress(done);
    }
    Ok(Imported { users: users.len(), ..Imported::default() })
}

/// Tells of people who are imported. No profile is written here: like everything that is known of people, profiles
/// follow the log, so that the fold and every ranking index come to the same whatever else happens at that moment.
pub(crate) fn tell_users(tx: &mut Tx<'_>, users: &[UserRecord], replace: bool) {
    let users = users.iter().map(|user| ImportedUser {
        replace,
        ..ImportedUser::new(&user.user_id, &user.segment, &user.affinities)
    });
    import(tx, users.collect());
}

fn chunks(count: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(size).map(move |start| start..count.min(start + size))
}

/// Runs a command that never refuses.
async fn sure<T, F>(store: &Store, call: Call, f: F) -> Result<T, Unavailable>
where
    T: Send + 'static,
    F: Fn(&mut Tx<'_>, Timestamp) -> Result<T, DbError> + Send + 'static,
{
    match store.run(call, move |tx, now| f(tx, now).map_err(Failure::<Infallible>::Db)).await {
        Ok(value) => Ok(value),
        Err(CallError::Unavailable(error)) => Err(error),
        Err(CallError::Refused(never)) => match never {},
    }
}
