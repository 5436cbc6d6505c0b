//! What is known of one offer.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::delay::Delays;
use super::drift::{Counts, Drift, Memory};
use super::features::Features;

/// One thing that a user did with an offer, as the learner sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// When it was told to us.
    pub at: Timestamp,
    /// When the offer had been shown, when that is known: the rest is the reward's delay.
    pub shown_at: Option<Timestamp>,
    /// What it was.
    pub what: What,
    /// The offer's category, as [`super::name_hash`].
    pub category: u32,
    /// What user and offer looked like, for the contextual policy.
    pub features: Option<Features>,
}

/// A trial or what came of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    /// The offer was seen.
    Trial,
    /// Something good came of it, worth 0 to 1.
    Reward(f64),
}

/// What is known of one offer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    #[serde(rename = "n")]
    trials: u64,
    #[serde(rename = "s")]
    successes: f64,
    #[serde(rename = "m")]
    memory: Memory,
    #[serde(rename = "y")]
    young: Young,
}

impl Arm {
    /// Trials ever: the times it was seen, and never less than its rewards add up to.
    pub fn trials(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts of people's doings stay below 2^52")]
        let trials = self.trials as f64;
        trials.max(self.successes)
    }

    /// Sum of its rewards ever.
    pub fn successes(&self) -> f64 {
        self.successes
    }

    /// What counts at a moment: without what is forgotten, and each young trial only as far as its reward would have
    /// come by now (the delay-corrected count of Chapelle 2014 and Vernade et al. 2017).
    pub(super) fn counts(&self, drift: &Drift, delays: &Delays, now: Timestamp) -> Counts {
        let kept = self.memory.at(drift).kept;
        let young = self.young.counts(delays, now);
        let successes = kept.successes + young.successes;
        Counts { trials: (kept.trials + young.trials).max(successes), successes }
    }

    /// Learns at a moment that it had been shown at another.
    pub(super) fn tried(&mut self, drift: &mut Drift, delays: &Delays, at: Timestamp, shown_at: Timestamp) {
        self.trials = self.trials.saturating_add(1);
        let width = width(delays);
        while let Some(batch) = self.young.mature(seconds(at), delays.mature_after() + width) {
            drift.take(&mut self.memory, batch);
        }
        if let Some(batch) = self.young.add(seconds(shown_at.min(at)), width) {
            drift.take(&mut self.memory, batch);
        }
    }

    /// Learns of a reward of 0 to 1 for a trial of some time ago.
    pub(super) fn rewarded(&mut self, drift: &mut Drift, shown_at: Timestamp, value: f64) {
        self.successes += value;
        if !self.young.reward(seconds(shown_at), value) {
            drift.late(&mut self.memory, value);
        }
    }
}

/// Seconds of 1970, within what fits.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
fn seconds(at: Timestamp) -> u32 {
    at.micros().div_euclid(1_000_000).clamp(0, i64::from(u32::MAX)) as u32
}

/// Seconds of one batch, so that all of them together span the usual delay.
fn width(delays: &Delays) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let spans = (BATCHES - 1) as f32;
    (delays.mature_after() / spans).max(1.0)
}

/// How many batches of young trials an arm tells apart.
const BATCHES: usize = 8;

/// Trials that began in the same stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Batch(u32, u32, f32);

impl Batch {
    const fn start(&self) -> u32 {
        self.0
    }

    fn counts(&self) -> Counts {
        Counts { trials: f64::from(self.1), successes: f64::from(self.2) }
    }
}

/// Trials whose reward may still come, the oldest first, without gaps from the first place on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Batch>", into = "Vec<Batch>")]
struct Young {
    batches: [Batch; BATCHES],
    used: u8,
}

impl From<Vec<Batch>> for Young {
    fn from(list: Vec<Batch>) -> Self {
        let mut young = Self::default();
        for (place, batch) in young.batches.iter_mut().zip(list) {
            *place = batch;
            young.used += 1;
        }
        young
    }
}

impl From<Young> for Vec<Batch> {
    fn from(young: Young) -> Self {
        young.used().to_vec()
    }
}

impl Young {
    fn used(&self) -> &[Batch] {
        &self.batches[..usize::from(self.used)]
    }

    fn used_mut(&mut self) -> &mut [Batch] {
        &mut self.batches[..usize::from(self.used)]
    }

    /// Takes the oldest batch out when it began so many seconds ago.
    fn mature(&mut self, now: u32, age: f32) -> Option<Counts> {
        let oldest = self.used().first()?;
        (age_of(oldest.start(), now) >= age).then(|| self.remove_oldest())
    }

    fn remove_oldest(&mut self) -> Counts {
        let counts = self.batches[0].counts();
        self.batches.rotate_left(1);
        self.batches[BATCHES - 1] = Batch::default();
        self.used = self.used.saturating_sub(1);
        counts
    }

    /// Adds a trial to the batch of its time, or to a new one when it is the youngest; the oldest batch comes out when
    /// there is no room.
    fn add(&mut self, shown_at: u32, width: f32) -> Option<Counts> {
        let newest = self.used().last().copied();
        if newest.is_some_and(|newest| age_of(newest.start(), shown_at) < width) {
            let batch = self.used().iter().rposition(|batch| batch.start() <= shown_at).unwrap_or(0);
            let trials = &mut self.batches[batch].1;
            *trials = trials.saturating_add(1);
            return None;
        }
        let full = usize::from(self.used) == BATCHES;
        let out = full.then(|| self.remove_oldest());
        self.batches[usize::from(self.used)] = Batch(shown_at, 1, 0.0);
        self.used += 1;
        out
    }

    /// Credits a reward to the batch of its trial; false when that is mature already.
    #[expect(clippy::cast_possible_truncation, reason = "at most 1")]
    fn reward(&mut self, shown_at: u32, value: f64) -> bool {
        let batch = self.used_mut().iter_mut().rfind(|batch| batch.start() <= shown_at);
        if let Some(batch) = batch {
            batch.2 += value as f32;
            return true;
        }
        false
    }

    /// What the batches count for at a moment.
    fn counts(&self, delays: &Delays, now: Timestamp) -> Counts {
        let (now, half) = (seconds(now), width(delays) / 2.0);
        self.used().iter().fold(Counts::default(), |mut sum, batch| {
            let arrived = delays.arrived((age_of(batch.start(), now) - half).max(0.0));
            sum.trials += f64::from(arrived) * batch.counts().trials;
            sum.successes += batch.counts().successes;
            sum
        })
    }
}

/// Seconds from a batch's start to a moment, none when the clock has gone back.
#[expect(clippy::cast_precision_loss, reason = "ages are good to a share of themselves")]
fn age_of(start: u32, now: u32) -> f32 {
    now.saturating_sub(start) as f32
}
