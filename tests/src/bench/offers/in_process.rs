//! Ranking in this process, and the memory of the index.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::offers::learn::PolicyName;
use ::offers::rank::{Index, Refresher, Request, Settings, Work};
use anyhow::{Context, Result, ensure};
use kernel::{Clock, SystemClock};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use store::StoredEvent;

use super::super::latency::Latencies;
use super::world;

/// How many offers each answer has.
const SLOTS: usize = 3;
/// People, or what they did, told of by one event.
const TOGETHER: usize = 100;

/// What this process's memory grew by.
pub(super) struct Grown {
    before: f64,
}

impl Grown {
    /// Measures from now on.
    pub(super) fn from_now() -> Result<Self> {
        Ok(Self { before: anonymous()? })
    }

    /// Bytes for each of so many things.
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
    pub(super) fn per(&self, things: usize) -> Result<f64> {
        Ok((anonymous()? - self.before) / things as f64)
    }
}

/// The resident memory of this process without what it shares with files (its own program is one), in bytes: of the
/// numbers of `statm`, in pages, the second less the third.
fn anonymous() -> Result<f64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let mut pages = statm.split(' ').skip(1);
    let mut next = || Ok::<f64, anyhow::Error>(pages.next().context("statm has three numbers")?.parse()?);
    let (resident, shared) = (next()?, next()?);
    Ok((resident - shared) * 4096.0)
}

/// An index fed by events as the log would feed it.
pub(super) struct Ranking {
    index: Arc<Index>,
    position: i64,
    users: usize,
}

impl Ranking {
    /// An index of so many active offers, each with some activity, and no people but the one who was active.
    pub(super) fn of(offers: usize, policy: PolicyName) -> Result<Self> {
        let index = Index::new(&Settings { policy, seed: Some(7), ..Settings::default() });
        let mut ranking = Self { index: Arc::new(index), position: 0, users: 0 };
        for number in 0..offers {
            let mut offer = world::offer(number);
            offer["inventory_own"] = offer["inventory_count"].clone();
            ranking.apply("halles.offer.created", &world::offer_id(number), &offer);
        }
        for from in (0..offers).step_by(TOGETHER) {
            let events: Vec<Value> = (from..offers.min(from + TOGETHER)).map(world::click).collect();
            ranking.apply("halles.offer.engagement", "engagement", &json!({"events": events}));
        }
        ranking.index.refresh(SystemClock.now(), Work::ALL);
        ensure!(ranking.index.sizes().0 == offers, "the index did not take the offers in");
        Ok(ranking)
    }

    /// Makes so many people known.
    pub(super) fn meet(&mut self, users: usize) -> Result<()> {
        for from in (0..users).step_by(TOGETHER) {
            let users: Vec<Value> = (from..users.min(from + TOGETHER)).map(world::user).collect();
            self.apply("halles.user.imported", "users", &json!({"users": users}));
        }
        self.users = users;
        ensure!(self.index.sizes().1 == users, "the index did not take the people in");
        Ok(())
    }

    fn apply(&mut self, kind: &str, subject: &str, data: &Value) {
        self.position += 1;
        self.index.apply(&[StoredEvent {
            position: self.position,
            kind: kind.to_owned(),
            source: "/offers".to_owned(),
            subject: subject.to_owned(),
            time: SystemClock.now(),
            data: data.to_string(),
        }]);
    }

    /// Ranks for one person after the other, while the index keeps itself fresh beside it.
    pub(super) fn rank(&self, time: Duration) -> Result<Latencies> {
        let refresher = Refresher::start(Arc::clone(&self.index), Arc::new(SystemClock))?;
        let mut rng = StdRng::seed_from_u64(11);
        let people: Vec<String> =
            (0..10_000).map(|_| world::user_id(rng.random_range(0..self.users.max(1)))).collect();
        let (mut times, start) = (Vec::new(), Instant::now());
        for user_id in people.iter().cycle() {
            let now = SystemClock.now();
            let request = Request { user_id, limit: SLOTS, segment: None, now };
            let began = Instant::now();
            let answer = self.index.recommend(&request);
            times.push(began.elapsed());
            ensure!(answer.offers.len() == SLOTS, "{} offers were ranked", answer.offers.len());
            if start.elapsed() >= time {
                break;
            }
        }
        drop(refresher);
        let mut latencies = Latencies::default();
        latencies.add(times);
        Ok(latencies)
    }
}
