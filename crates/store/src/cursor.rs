//! Durable consumers: each event's effect happens once, whatever crashes.

use kernel::Timestamp;

use crate::{Call, CallError, DbError, Failure, Lane, Store, StoredEvent, Tx, Unavailable, log, params};

/// How many events one step takes.
const CHUNK: i64 = 100;

/// Something that reacts to the log and keeps its place in it.
#[derive(Clone)]
pub struct Consumer<F> {
    /// Its name; the cursor is kept under it.
    pub name: &'static str,
    /// The lane its effects run in.
    pub lane: Lane,
    /// What it does with events, in the transaction that moves its cursor.
    pub effect: F,
}

impl<F> Consumer<F>
where
    F: Fn(&mut Tx<'_>, Timestamp, &[StoredEvent]) -> Result<(), DbError> + Clone + Send + 'static,
{
    /// Takes the next events, if there are any, and moves the cursor past them. Returns how many it took.
    /// Two processes may run the same consumer: they take turns. From the first step on, retention waits for it.
    pub async fn step(&self, store: &Store) -> Result<usize, Unavailable> {
        let (name, effect) = (self.name, self.effect.clone());
        let call = Call::new("cursor.step", self.lane).lock("cursor", name);
        let taken: Result<usize, CallError<std::convert::Infallible>> = store
            .run(call, move |tx, now| {
                let known = position(tx, name)?;
                let from = known.unwrap_or(0);
                let events = log::after(tx, from, None, CHUNK)?;
                let to = events.last().map_or(from, |event| event.position);
                if !events.is_empty() {
                    effect(tx, now, &events)?;
                }
                if known != Some(to) {
                    advance(tx, name, known, to, now)?;
                }
                Ok::<_, Failure<_>>(events.len())
            })
            .await;
        match taken {
            Ok(count) => Ok(count),
            Err(CallError::Unavailable(error)) => Err(error),
            Err(CallError::Refused(never)) => match never {},
        }
    }

    /// How many events wait for this consumer.
    pub async fn lag(&self, store: &Store) -> Result<i64, Unavailable> {
        let name = self.name;
        store.read(move |tx| Ok::<_, Unavailable>(log::head(tx)? - position(tx, name)?.unwrap_or(0))).await
    }
}

fn position(tx: &mut Tx<'_>, name: &str) -> Result<Option<i64>, DbError> {
    tx.query_opt("SELECT position FROM event_cursor WHERE name = $1", &params![name], |row| row.get(0))
}

/// Moves a cursor from where it was read; if it is elsewhere by now, the whole step is undone.
fn advance(tx: &mut Tx<'_>, name: &str, from: Option<i64>, to: i64, now: Timestamp) -> Result<(), DbError> {
    let moved = match from {
        None => tx.execute(
            "INSERT INTO event_cursor (name, position, at) VALUES ($1, $2, $3)",
            &params![name, to, now],
        )?,
        Some(from) => tx.execute(
            "UPDATE event_cursor SET position = $3, at = $4 WHERE name = $1 AND position = $2",
            &params![name, from, to, now],
        )?,
    };
    if moved == 1 { Ok(()) } else { Err(DbError::Guard { expected: 1, found: moved }) }
}
