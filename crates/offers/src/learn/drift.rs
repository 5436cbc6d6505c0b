//! Noticing that rates are not what they were.
//!
//! Two forecasts of every mature batch of trials are compared: one of all that is known of the arm, and one that
//! counts what is old only as [`OLD`] successes and otherwise trusts the recent past. The logarithm of how much
//! likelier the second made what happened is evidence of a change; it is summed with a floor at zero (the CUSUM of
//! Page 1954, here with an adaptive alternative as in Lorden and Pollak 2005). While nothing changes the recent past
//! forecasts worse, for its noise, so the sum stays near zero, and a sum of likelihood ratios passes `h` by chance
//! once in about e^h renewals.
//!
//! An arm whose own sum passes [`ALARM`] adopts the second forecast, and takes its evidence out of the sum over all.
//! When the sum over all passes it, or arms of [`MANY`] of the recent trials have changed within a short time, every
//! arm adopts it, each when it is next looked at. Adopting keeps the recent past and the old at reduced weight (a
//! power prior, Ibrahim and Chen 2000), so a false alarm costs little, and so does a tide that lifts
//! all offers: what is left keeps their order.

use serde::{Deserialize, Serialize};

/// Successes that old knowledge counts for at most in the forecast of change.
const OLD: f64 = 12.0;
/// Successes that the mean of all counts for in the forecasts of one arm: as few as can be, so that an arm that is
/// unlike the others is not taken for one that changes.
const PRIOR: f64 = 1.0;
/// Evidence at which an arm, or everything, is taken as changed.
const ALARM: f64 = 8.0;
/// Share of the recent trials whose arms have changed when everything is taken as changed.
const MANY: f64 = 0.3;
/// Successes per arm in use after which the past counts half as recent.
const HALF_LIFE: f64 = 30.0;
/// Bounds of the half-life of the recent past, in successes.
const HALF_LIVES: (f64, f64) = (60.0, 1e6);
/// Successes of all arms together that are left of the mean of all after an alarm.
const LEVEL_LEFT: f64 = 100.0;

/// Trials and the sum of their rewards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counts {
    #[serde(rename = "n")]
    pub(super) trials: f64,
    #[serde(rename = "s")]
    pub(super) successes: f64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.trials += other.trials;
        self.successes += other.successes;
    }

    fn scaled(self, factor: f64) -> Self {
        Self { trials: self.trials * factor, successes: self.successes * factor }
    }

    fn plus(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    /// Successes by trials, as a chance that is neither none nor certainty.
    fn chance(self) -> f64 {
        (self.successes / self.trials.max(f64::MIN_POSITIVE)).clamp(1e-9, 1.0 - 1e-9)
    }
}

/// What is remembered of one arm's mature trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// All that counts.
    #[serde(rename = "k")]
    pub(super) kept: Counts,
    /// The recent part of it, halved with every turn of the common clock.
    #[serde(rename = "r")]
    recent: Counts,
    #[serde(rename = "c")]
    clock: f64,
    #[serde(rename = "x")]
    evidence: f64,
    #[serde(rename = "e")]
    epoch: u32,
}

/// What is known of change of all arms together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Drift {
    /// Times that everything was taken as changed.
    epoch: u32,
    /// Half-lives of the recent past so far.
    clock: f64,
    /// The clock at the last such time.
    changed_at: f64,
    evidence: f64,
    /// Share of the recent trials whose arms have changed of late.
    changed: f64,
    level: Counts,
    /// Recent trials of all arms.
    recent: f64,
    /// Chance that two recent trials are of one arm: one over the number of arms in use (Simpson's index).
    concentration: f64,
}

impl Default for Drift {
    fn default() -> Self {
        let level = Counts { trials: 20.0, successes: 1.0 };
        Self {
            epoch: 0,
            clock: 0.0,
            changed_at: 0.0,
            evidence: 0.0,
            changed: 0.0,
            level,
            recent: 0.0,
            concentration: 0.2,
        }
    }
}

/// Chances of a success, by all that is known and by the recent past.
struct Forecasts {
    steady: f64,
    changed: f64,
}

impl Forecasts {
    /// How much likelier the recent past makes these counts, as a logarithm.
    fn evidence(&self, seen: Counts) -> f64 {
        let success = (self.changed / self.steady).ln();
        let failure = ((1.0 - self.changed) / (1.0 - self.steady)).ln();
        seen.successes * success + (seen.trials - seen.successes) * failure
    }
}

impl Memory {
    /// This memory as it is at the clock and epoch of `drift`.
    pub(super) fn at(mut self, drift: &Drift) -> Self {
        if self.epoch != drift.epoch {
            self.fade(drift.changed_at);
            self.adopt(drift.mean());
            self.epoch = drift.epoch;
        }
        self.fade(drift.clock);
        self
    }

    fn fade(&mut self, clock: f64) {
        let turns = clock - self.clock;
        if turns > 0.0 {
            self.recent = self.recent.scaled((-turns).exp2());
            self.clock = clock;
        }
    }

    /// What is known and not recent.
    fn old(&self) -> Counts {
        let trials = (self.kept.trials - self.recent.trials).max(0.0);
        let successes = (self.kept.successes - self.recent.successes).clamp(0.0, trials);
        Counts { trials, successes }
    }

    /// What is left of what is old, where that counts no more than [`OLD`] successes.
    fn weakened(&self, prior: Counts) -> f64 {
        let old = self.old();
        let expected = PRIOR + old.successes.max(old.trials * prior.chance());
        (OLD / expected).min(1.0)
    }

    fn forecasts(&self, mean: f64) -> Forecasts {
        let prior = Counts { trials: PRIOR / mean, successes: PRIOR };
        let weakened = self.old().plus(prior).scaled(self.weakened(prior));
        Forecasts { steady: self.kept.plus(prior).chance(), changed: self.recent.plus(weakened).chance() }
    }

    /// From now on the old counts no more than in the forecast of change.
    fn adopt(&mut self, mean: f64) {
        let prior = Counts { trials: PRIOR / mean, successes: PRIOR };
        self.kept = self.recent.plus(self.old().scaled(self.weakened(prior)));
        self.evidence = 0.0;
    }
}

impl Drift {
    /// Times that everything was taken as changed.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Mean rate of what was shown since the last change.
    fn mean(&self) -> f64 {
        self.level.chance()
    }

    /// Learns from a batch of mature trials of an arm.
    pub(super) fn take(&mut self, memory: &mut Memory, seen: Counts) {
        *memory = memory.at(self);
        let forecasts = memory.forecasts(self.mean());
        let evidence = forecasts.evidence(seen);
        memory.kept.add(seen);
        memory.recent.add(seen);
        self.level.add(seen);
        self.turn(memory, seen.trials, forecasts.steady);
        self.judge(memory, evidence);
    }

    /// Learns of a reward for a trial that had been taken as a failure.
    pub(super) fn late(&mut self, memory: &mut Memory, value: f64) {
        *memory = memory.at(self);
        let evidence = memory.forecasts(self.mean()).evidence(Counts { trials: 0.0, successes: value });
        for counts in [&mut memory.kept, &mut memory.recent, &mut self.level] {
            counts.successes += value;
        }
        self.judge(memory, evidence);
    }

    /// Lets the clock go on by the successes that were expected.
    fn turn(&mut self, memory: &Memory, trials: f64, rate: f64) {
        if trials <= 0.0 {
            return;
        }
        self.recent += trials;
        let half_life = (HALF_LIFE / self.concentration).clamp(HALF_LIVES.0, HALF_LIVES.1);
        let turns = trials * rate / half_life;
        let left = (-turns).exp2();
        let share = (memory.recent.trials / self.recent).clamp(1e-6, 1.0);
        self.concentration += (share - self.concentration) * (1.0 - left);
        self.recent *= left;
        self.changed *= left;
        self.clock += turns;
    }

    fn judge(&mut self, memory: &mut Memory, evidence: f64) {
        memory.evidence = (memory.evidence + evidence).max(0.0);
        self.evidence = (self.evidence + evidence).max(0.0);
        if memory.evidence > ALARM {
            self.evidence = (self.evidence - memory.evidence).max(0.0);
            self.changed += memory.recent.trials / self.recent.max(1.0);
            memory.adopt(self.mean());
        }
        if self.evidence > ALARM || self.changed > MANY {
            self.epoch = self.epoch.wrapping_add(1);
            self.changed_at = self.clock;
            (self.evidence, self.changed) = (0.0, 0.0);
            self.level = self.level.scaled((LEVEL_LEFT / self.level.successes).min(1.0));
        }
    }
}
