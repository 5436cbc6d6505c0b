//! Worlds: which arms there are, how good they are, and for whom.

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;

use super::posteriors::{self, PosteriorError};

/// At most so many of a category in a slate.
pub(super) const PER_CATEGORY: usize = 2;

/// A place where the truth is known.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    pub(super) title: String,
    pub(super) arms: Vec<Truth>,
    pub(super) users: Vec<User>,
}

/// The truth about an arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Truth {
    pub(super) rate: f64,
    pub(super) category: u32,
}

/// Somebody who is shown slates.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct User {
    pub(super) segment: u32,
    /// Of each category: the relevance signal and what rates are multiplied with. None in worlds without categories.
    pub(super) tastes: Vec<Taste>,
}

/// How much a user is after a category.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Taste {
    /// The relevance signal, 0 to 100: what policies see.
    pub(super) relevance: f32,
    /// What rates are multiplied with: what happens.
    pub(super) multiple: f64,
}

impl User {
    pub(super) fn relevance(&self, category: u32) -> f32 {
        self.tastes.get(category as usize).map_or(0.0, |taste| taste.relevance)
    }

    pub(super) fn rate(&self, arm: Truth) -> f64 {
        let multiple = self.tastes.get(arm.category as usize).map_or(1.0, |taste| taste.multiple);
        (arm.rate * multiple).min(1.0)
    }
}

impl World {
    /// A world of arms with these rates for everybody, each a category of its own.
    pub fn of_rates(title: impl Into<String>, rates: &[f64]) -> Self {
        let arms = (0..).zip(rates).map(|(category, &rate)| Truth { rate, category }).collect();
        Self { title: title.into(), arms, users: vec![User::default()] }
    }

    /// The world of the means of Beta posteriors, from YAML: per campaign a list of `alpha` and one of `beta`.
    pub fn of_posteriors(yaml: &str, campaign: &str) -> Result<Self, PosteriorError> {
        let rates = posteriors::means(yaml, campaign)?;
        Ok(Self::of_rates(format!("campaign {campaign}, {} arms", rates.len()), &rates))
    }

    /// A world of seeded users who like some categories better, in four segments that like some better too. Has
    /// eight categories of `per_category` arms, of a rate of about 3 %, and 500 users.
    pub fn synthetic(seed: u64, per_category: usize) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let arms = (0..CATEGORIES)
            .flat_map(|category| std::iter::repeat_n(category, per_category))
            .map(|category| Truth { rate: 0.03 * spread(0.4, &mut rng), category })
            .collect::<Vec<_>>();
        let segments: Vec<Vec<f64>> =
            (0..SEGMENTS).map(|_| (0..CATEGORIES).map(|_| spread(0.4, &mut rng)).collect()).collect();
        let users = (0..USERS).map(|_| user(&segments, &mut rng)).collect();
        Self { title: format!("synthetic users of seed {seed}, {} arms", arms.len()), arms, users }
    }

    /// How many arms there are.
    pub fn arms(&self) -> usize {
        self.arms.len()
    }

    /// Gives the arms each other's rates.
    pub(super) fn permute(&mut self, rng: &mut SmallRng) {
        let mut rates: Vec<_> = self.arms.iter().map(|arm| arm.rate).collect();
        rates.shuffle(rng);
        for (arm, rate) in self.arms.iter_mut().zip(rates) {
            arm.rate = rate;
        }
    }

    /// Mean rate of a slot of the best slate that is the same for everybody.
    pub(super) fn best_rate(&self, slots: usize) -> f64 {
        let mut means: Vec<_> = self.arms.iter().map(|arm| (self.mean_rate(*arm), arm.category)).collect();
        means.sort_by(|left, right| right.0.total_cmp(&left.0));
        let mut taken: Vec<(f64, u32)> = Vec::with_capacity(slots);
        for arm in means {
            let alike = taken.iter().filter(|other| other.1 == arm.1).count();
            if alike < PER_CATEGORY && taken.len() < slots {
                taken.push(arm);
            }
        }
        average(taken.into_iter().map(|(rate, _)| rate))
    }

    /// Mean rate of an arm that is chosen by chance. In slates too: categories have equally many arms.
    pub(super) fn uniform_rate(&self) -> f64 {
        average(self.arms.iter().map(|arm| self.mean_rate(*arm)))
    }

    fn mean_rate(&self, arm: Truth) -> f64 {
        average(self.users.iter().map(|user| user.rate(arm)))
    }
}

const CATEGORIES: u32 = 8;
const SEGMENTS: u32 = 4;
const USERS: usize = 500;

/// A user with up to two categories that they like.
fn user(segments: &[Vec<f64>], rng: &mut SmallRng) -> User {
    let segment = rng.random_range(0..SEGMENTS);
    let liked = [rng.random_range(0..CATEGORIES), rng.random_range(0..2 * CATEGORIES)];
    let tastes = (0..).zip(&segments[segment as usize]).map(|(category, by_segment)| {
        let points = if liked.contains(&category) { rng.random_range(2.0..20.0_f32) } else { 0.0 };
        let relevance = 100.0 * points / (points + 5.0);
        Taste { relevance, multiple: by_segment * (1.0 + f64::from(relevance) / 50.0) }
    });
    User { segment, tastes: tastes.collect() }
}

/// Log-normal of median 1.
fn spread(deviation: f64, rng: &mut SmallRng) -> f64 {
    (deviation * rng.sample::<f64, _>(StandardNormal)).exp()
}

fn average(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.fold((0.0, 0.0), |(sum, count), number| (sum + number, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}
