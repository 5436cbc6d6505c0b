//! What can be handed to a writer: one closure, or one element of a slice.

use std::any::{Any, TypeId};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use kernel::Timestamp;
use tokio::sync::oneshot;

use crate::{CallError, DbError, Failure, Tx, Unavailable};

/// What a command works on. On PostgreSQL each lane is a connection that batches; on SQLite all lanes are one
/// writer. Commands of two lanes may run at the same time: whatever both decide on is locked by a declared key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(pub &'static str);

/// The keys a command decides on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locks {
    /// Each space, and whether all of it is meant.
    pub(crate) spaces: Vec<(i64, bool)>,
    pub(crate) keys: Vec<i64>,
}

impl Locks {
    /// Adds one key of a space, such as `("stock", (place, product))`. Integers of different widths are the
    /// same key.
    pub fn key(&mut self, space: &'static str, key: impl Hash) {
        self.spaces.push((hash(&space), false));
        self.keys.push(hash(&(space, key)));
    }

    /// Adds a whole space: for commands that touch more keys than are worth naming.
    pub fn whole(&mut self, space: &'static str) {
        self.spaces.push((hash(&space), true));
    }

    /// What several commands decide on together: each key once, in the one order in which all take them.
    pub(crate) fn union<'l>(many: impl Iterator<Item = &'l Self>) -> Self {
        let mut all = Self::default();
        for one in many {
            all.spaces.extend_from_slice(&one.spaces);
            all.keys.extend_from_slice(&one.keys);
        }
        all.spaces.sort_unstable();
        all.spaces.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            kept.1 |= same && later.1;
            same
        });
        all.keys.sort_unstable();
        all.keys.dedup();
        all
    }
}

/// FNV-1a, 64 bits (draft-eastlake-fnv-21): the same in every process and on every machine, unlike the standard
/// hasher.
struct Fnv(u64);

/// Integers are widened, so that a key written `0` and one read as `0_i64` meet.
macro_rules! widened {
    ($($method:ident($type:ty) as $wide:ty;)*) => {$(
        fn $method(&mut self, value: $type) {
            self.write(&(value as $wide).to_le_bytes());
        }
    )*};
}

#[expect(clippy::cast_possible_wrap, reason = "a hash has no sign")]
impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }

    widened! {
        write_u8(u8) as i64;
        write_u16(u16) as i64;
        write_u32(u32) as i64;
        write_u64(u64) as i64;
        write_usize(usize) as i64;
        write_i8(i8) as i64;
        write_i16(i16) as i64;
        write_i32(i32) as i64;
        write_i64(i64) as i64;
        write_isize(isize) as i64;
    }
}

fn hash(value: &impl Hash) -> i64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    value.hash(&mut hasher);
    hasher.finish().cast_signed()
}

/// How a command is to be run: its name for logs and metrics, its lane, its locks, its deadline.
#[derive(Debug, Clone)]
pub struct Call {
    pub(crate) name: &'static str,
    pub(crate) lane: Lane,
    pub(crate) locks: Locks,
    pub(crate) patience: Duration,
}

impl Call {
    /// A command of a lane; it must start within 10 s or never.
    pub fn new(name: &'static str, lane: Lane) -> Self {
        Self { name, lane, locks: Locks::default(), patience: Duration::from_secs(10) }
    }

    /// Declares a key that the command decides on.
    #[must_use]
    pub fn lock(mut self, space: &'static str, key: impl Hash) -> Self {
        self.locks.key(space, key);
        self
    }

    /// Declares a whole space.
    #[must_use]
    pub fn lock_whole(mut self, space: &'static str) -> Self {
        self.locks.whole(space);
        self
    }

    /// Declares the key of an idempotency row, when there is one.
    #[must_use]
    pub fn lock_key(mut self, key: Option<&crate::idempotency::Key>) -> Self {
        if let Some(key) = key {
            key.declare(&mut self.locks);
        }
        self
    }

    /// How long the command may wait before it starts.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// A hot command, written once for many at a time.
pub trait Slice: Send + Sync + 'static {
    /// What one caller gives.
    type Item: Send + Sync + 'static;
    /// What one caller gets, refusals included.
    type Output: Send + 'static;
    /// The command's name for logs and metrics.
    const NAME: &'static str;
    /// Its lane.
    const LANE: Lane;

    /// Declares the keys that one item decides on.
    fn locks(item: &Self::Item, locks: &mut Locks);

    /// Runs all items, in order, as if one after the other; returns one output for each.
    ///
    /// A refusal is an output: it must leave no trace, or one that is meant.
    fn run(tx: &mut Tx<'_>, now: Timestamp, items: &[&Self::Item]) -> Result<Vec<Self::Output>, DbError>;
}

/// How one command of a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It did its work.
    Done,
    /// It refused; whatever it wrote must be undone.
    Refused,
}

/// A command that waits to be run, and its caller.
pub(crate) trait Job: Any + Send {
    fn call(&self) -> &Call;
    fn deadline(&self) -> Instant;
    /// Jobs of the same slice may run together.
    fn slice(&self) -> Option<TypeId>;
    /// How to run jobs of this slice (or this one alone).
    fn runner(&self) -> Runner;
    /// Answers the caller: with what the last run left, or that the store could not.
    fn answer(self: Box<Self>, outcome: Result<(), Unavailable>);
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

pub(crate) type Runner = fn(&mut [Box<dyn Job>], &mut Tx<'_>, Timestamp) -> Result<Ran, DbError>;

pub(crate) struct Single<T, E, F> {
    pub(crate) call: Call,
    pub(crate) deadline: Instant,
    pub(crate) f: F,
    pub(crate) result: Option<Result<T, E>>,
    pub(crate) reply: oneshot::Sender<Result<T, CallError<E>>>,
}

impl<T, E, F> Job for Single<T, E, F>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Fn(&mut Tx<'_>, Timestamp) -> Result<T, Failure<E>> + Send + 'static,
{
    fn call(&self) -> &Call {
        &self.call
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn slice(&self) -> Option<TypeId> {
        None
    }

    fn runner(&self) -> Runner {
        |jobs, tx, now| {
            let Some(job) = jobs.first_mut().and_then(|job| job.as_any_mut().downcast_mut::<Self>()) else {
                return Ok(Ran::Done);
            };
            match (job.f)(tx, now) {
                Ok(value) => {
                    job.result = Some(Ok(value));
                    Ok(Ran::Done)
                }
                Err(Failure::Refused(refusal)) => {
                    job.result = Some(Err(refusal));
                    Ok(Ran::Refused)
                }
                Err(Failure::Db(error)) => Err(error),
            }
        }
    }

    fn answer(self: Box<Self>, outcome: Result<(), Unavailable>) {
        let answer = match (outcome, self.result) {
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), Some(Err(refusal))) => Err(CallError::Refused(refusal)),
            (Ok(()), None) => Err(CallError::Unavailable(Unavailable::Panicked)),
            (Err(error), _) => Err(CallError::Unavailable(error)),
        };
        // The caller may have left; its command is done all the same.
        let _ = self.reply.send(answer);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

pub(crate) struct Element<S: Slice> {
    pub(crate) call: Call,
    pub(crate) deadline: Instant,
    pub(crate) item: S::Item,
    pub(crate) output: Option<S::Output>,
    pub(crate) reply: oneshot::Sender<Result<S::Output, Unavailable>>,
}

impl<S: Slice> Job for Element<S> {
    fn call(&self) -> &Call {
        &self.call
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn slice(&self) -> Option<TypeId> {
        Some(TypeId::of::<S>())
    }

    fn runner(&self) -> Runner {
        |jobs, tx, now| {
            let items: Vec<&S::Item> = jobs
                .iter()
                .filter_map(|job| job.as_any().downcast_ref::<Self>())
                .map(|element| &element.item)
                .collect();
            let outputs = S::run(tx, now, &items)?;
            if outputs.len() != jobs.len() {
                return Err(DbError::Other(format!(
                    "{} gave {} outputs for {} items",
                    S::NAME,
                    outputs.len(),
                    jobs.len()
                )));
            }
            for (job, output) in jobs.iter_mut().zip(outputs) {
                if let Some(element) = job.as_any_mut().downcast_mut::<Self>() {
                    element.output = Some(output);
                }
            }
            Ok(Ran::Done)
        }
    }

    fn answer(self: Box<Self>, outcome: Result<(), Unavailable>) {
        let Self { output, reply, .. } = *self;
        // The caller may have left; its command is done all the same.
        let _ = reply.send(outcome.and_then(|()| output.ok_or(Unavailable::Panicked)));
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_same_in_every_process() {
        // Written down: with another hash two versions of the program would pass each other's locks.
        assert_eq!(hash(&"stock"), -1_334_179_322_643_189_430);
        assert_eq!(hash(&("stock", (1_i64, 2_i64))), 695_660_489_278_109_641);
        assert_eq!(hash(&("client", "Zoé")), 1_641_129_799_087_677_593);
    }

    #[test]
    fn a_key_is_the_same_whatever_the_width_of_its_integers() {
        let keys =
            [hash(&("ids", 0_i32)), hash(&("ids", 0_i64)), hash(&("ids", 0_u8)), hash(&("ids", &0_usize))];
        assert_eq!(keys, [keys[0]; 4]);
        assert_ne!(hash(&("ids", 0)), hash(&("ids", 1)));
    }

    #[test]
    fn a_union_is_ordered_and_keeps_the_stronger() {
        let (mut many, mut whole) = (Locks::default(), Locks::default());
        for key in [3, 1, 2, 3] {
            many.key("stock", key);
        }
        many.key("client", 1);
        whole.whole("stock");
        let union = Locks::union([&many, &whole].into_iter());
        let mut spaces = vec![(hash(&"stock"), true), (hash(&"client"), false)];
        spaces.sort_unstable();
        assert_eq!(union.spaces, spaces);
        assert_eq!(union.keys.len(), 4);
        assert!(union.keys.is_sorted());
        assert_eq!(union, Locks::union([&whole, &many].into_iter()));
    }
}
