//! Durable consumers: each event's effect happens once, whatever crashes.

use kernel::Timestamp;

use crate::{Call, CallError, DbError, Failure, Lane, Store, StoredEvent, Tx, Unavailable, log, params};

/// How many events one step passes, those that the consumer does not react to included.
const LOOK: i64 = 1000;
/// How many events one step takes: with [`BYTES`] what keeps it from holding the writer for more than some five
/// milliseconds.
const CHUNK: usize = 100;
/// How many bytes of content one step takes; a single event may have more.
const BYTES: i64 = 64 << 10;

/// Something that reacts to the log and keeps its place in it.
#[derive(Clone)]
pub struct Consumer<F> {
    /// Its name; the cursor is kept under it.
    pub name: &'static str,
    /// The lane its effects run in.
    pub lane: Lane,
    /// The types of the events it reacts to, of all when empty. The content of others is not even read.
    pub kinds: &'static [&'static str],
    /// What it does with events, in the transaction that moves its cursor.
    pub effect: F,
}

impl<F> Consumer<F>
where
    F: Fn(&mut Tx<'_>, Timestamp, &[StoredEvent]) -> Result<(), DbError> + Clone + Send + 'static,
{
    /// Takes the next events, if there are any, and moves the cursor past them. Returns how many it passed, those of
    /// other types included; 0 when there are no more. A step is bounded in events and in bytes.
    /// Two processes may run the same consumer: they take turns. From the first step on, retention waits for it.
    pub async fn step(&self, store: &Store) -> Result<usize, Unavailable> {
        let (name, kinds, effect) = (self.name, self.kinds, self.effect.clone());
        let call = Call::new("cursor.step", self.lane).lock("cursor", name);
        let taken: Result<usize, CallError<std::convert::Infallible>> = store
            .run(call, move |tx, now| {
                let known = log::cursor(tx, name)?;
                let from = known.unwrap_or(0);
                let Ahead { wanted, passed, to } = Ahead::look(tx, from, kinds)?;
                let events = log::at(tx, &wanted)?;
                if !events.is_empty() {
                    effect(tx, now, &events)?;
                }
                if known != Some(to) {
                    advance(tx, name, known, to, now)?;
                }
                Ok::<_, Failure<_>>(passed)
            })
            .await;
        match taken {
            Ok(count) => Ok(count),
            Err(CallError::Unavailable(error)) => Err(error),
            Err(CallError::Refused(never)) => match never {},
        }
    }

    /// How many events wait to be passed by this consumer.
    pub async fn lag(&self, store: &Store) -> Result<i64, Unavailable> {
        let name = self.name;
        store.read(move |tx| Ok::<_, Unavailable>(log::head(tx)? - log::cursor(tx, name)?.unwrap_or(0))).await
    }
}

/// What the next step takes.
struct Ahead {
    /// The positions of the events that the consumer reacts to.
    wanted: Vec<i64>,
    /// How many events the step passes.
    passed: usize,
    /// The last position that it passes.
    to: i64,
}

impl Ahead {
    fn look(tx: &mut Tx<'_>, from: i64, kinds: &[&str]) -> Result<Self, DbError> {
        let mut ahead = Self { wanted: Vec::new(), passed: 0, to: from };
        let mut bytes = 0;
        for outline in log::outlines(tx, from, LOOK)? {
            if kinds.is_empty() || kinds.contains(&outline.kind.as_str()) {
                bytes += outline.bytes;
                if ahead.wanted.len() == CHUNK || bytes > BYTES && !ahead.wanted.is_empty() {
                    break;
                }
                ahead.wanted.push(outline.position);
            }
            ahead.passed += 1;
            ahead.to = outline.position;
        }
        Ok(ahead)
    }
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
