//! What is taken most right now: true sliding windows over the last hour and the last day.
//!
//! An offer's activity is counted in buckets of four minutes and of ninety. A window ends at the present instant, so it
//! begins in the middle of a bucket: of that oldest one the part still inside counts, pro rata. Nothing expires by a
//! timer and nothing is pushed back by new activity.

pub(crate) mod api;
#[cfg(test)]
mod tests;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::names::{Category, OfferId};

const MINUTE: i64 = 60_000_000;

/// How far back one looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum Window {
    /// The last hour, counted by four minutes.
    #[default]
    #[serde(rename = "1h")]
    Hour,
    /// The last 24 hours, counted by ninety minutes.
    #[serde(rename = "24h")]
    Day,
}

/// How active people have been with an offer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Trend {
    /// The offer.
    pub offer_id: OfferId,
    /// What people read.
    #[schema(example = "Premium Laptop Deal")]
    pub offer_name: String,
    /// What it is about.
    pub category: Category,
    /// Points within the window: a view is half a point, a click 1, a basket 3, a redemption 5.
    #[schema(example = 12.5)]
    pub points: f64,
}

/// The windows of one offer. Quiet offers hold nothing but an empty pointer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Windows(Option<Box<Buckets>>);

#[derive(Debug, Clone, PartialEq)]
struct Buckets {
    /// The latest instant seen: a clock that goes back stands still here.
    latest: i64,
    of_hour: Ring<16, { 4 * MINUTE }>,
    of_day: Ring<17, { 90 * MINUTE }>,
}

impl Windows {
    /// Counts so many half points at an instant; one before the latest known counts as the latest.
    pub fn add(&mut self, half_points: u32, at: Timestamp) {
        if half_points == 0 {
            return;
        }
        let buckets = self.0.get_or_insert_with(|| Box::new(Buckets::new(at.micros())));
        buckets.latest = buckets.latest.max(at.micros());
        buckets.of_hour.add(half_points, buckets.latest);
        buckets.of_day.add(half_points, buckets.latest);
    }

    /// The points (a click is one) within a window that ends now.
    pub fn points(&self, window: Window, now: Timestamp) -> f64 {
        let Some(buckets) = &self.0 else { return 0.0 };
        let now = now.micros().max(buckets.latest);
        let half_points = match window {
            Window::Hour => buckets.of_hour.sum(now),
            Window::Day => buckets.of_day.sum(now),
        };
        half_points / 2.0
    }

    /// Forgets everything when nothing happened for a day, so that a quiet offer costs nothing again.
    pub fn forget_if_quiet(&mut self, now: Timestamp) {
        if self.0.is_some() && self.points(Window::Day, now) == 0.0 {
            self.0 = None;
        }
    }

    /// The form that is stored.
    pub fn to_stored(&self) -> StoredWindows {
        self.0.as_ref().map_or_else(StoredWindows::default, |buckets| StoredWindows {
            latest: buckets.latest,
            of_hour: buckets.of_hour.filled().collect(),
            of_day: buckets.of_day.filled().collect(),
        })
    }
}

impl From<&StoredWindows> for Windows {
    fn from(stored: &StoredWindows) -> Self {
        if stored.of_hour.is_empty() && stored.of_day.is_empty() {
            return Self::default();
        }
        let mut buckets = Buckets::new(stored.latest);
        for (number, count) in &stored.of_hour {
            buckets.of_hour.put(*number, *count);
        }
        for (number, count) in &stored.of_day {
            buckets.of_day.put(*number, *count);
        }
        Self(Some(Box::new(buckets)))
    }
}

/// An offer's windows as they are stored: the buckets that hold something, by their number since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredWindows {
    #[serde(rename = "at")]
    latest: i64,
    #[serde(rename = "h")]
    of_hour: Vec<(i64, u32)>,
    #[serde(rename = "d")]
    of_day: Vec<(i64, u32)>,
}

impl Buckets {
    fn new(at: i64) -> Self {
        Self { latest: at, of_hour: Ring::new(at), of_day: Ring::new(at) }
    }
}

/// The last `N` buckets of `SPAN` microseconds each: the window's own length, and one more for its oldest part.
#[derive(Debug, Clone, PartialEq)]
struct Ring<const N: usize, const SPAN: i64> {
    /// The number of the newest bucket; 32 bits are enough until the year 18,000.
    newest: i32,
    counts: [u32; N],
}

impl<const N: usize, const SPAN: i64> Ring<N, SPAN> {
    #[expect(clippy::cast_possible_wrap, reason = "a few dozen")]
    const LENGTH: i64 = N as i64;

    fn new(at: i64) -> Self {
        Self { newest: narrow(at.div_euclid(SPAN)), counts: [0; N] }
    }

    fn slot(number: i64) -> usize {
        // The remainder of a division by N is below N.
        usize::try_from(number.rem_euclid(Self::LENGTH)).unwrap_or(0)
    }

    fn is_held(&self, number: i64) -> bool {
        let newest = i64::from(self.newest);
        (newest - Self::LENGTH < number) && number <= newest
    }

    fn add(&mut self, half_points: u32, at: i64) {
        let number = at.div_euclid(SPAN);
        for passed in (i64::from(self.newest) + 1..=number).take(N) {
            // Each bucket between gets a place that an old one had; after N of them all places are empty.
            self.counts[Self::slot(passed)] = 0;
        }
        self.newest = self.newest.max(narrow(number));
        let count = &mut self.counts[Self::slot(number)];
        *count = count.saturating_add(half_points);
    }

    /// What is in the window of `N - 1` buckets' length that ends at `now`, which is not before the newest bucket.
    #[expect(clippy::cast_precision_loss, reason = "a day has fewer microseconds than 2^53")]
    fn sum(&self, now: i64) -> f64 {
        let current = now.div_euclid(SPAN);
        let oldest = current - (Self::LENGTH - 1);
        let whole: u64 =
            self.filled().filter(|(number, _)| *number > oldest).map(|(_, count)| u64::from(count)).sum();
        let part = if self.is_held(oldest) { f64::from(self.counts[Self::slot(oldest)]) } else { 0.0 };
        let inside = 1.0 - now.rem_euclid(SPAN) as f64 / SPAN as f64;
        whole as f64 + part * inside
    }

    /// The buckets that hold something, oldest first.
    fn filled(&self) -> impl Iterator<Item = (i64, u32)> {
        let newest = i64::from(self.newest);
        let numbers = newest - (Self::LENGTH - 1)..=newest;
        numbers.map(|number| (number, self.counts[Self::slot(number)])).filter(|(_, count)| *count > 0)
    }

    fn put(&mut self, number: i64, count: u32) {
        if self.is_held(number) {
            self.counts[Self::slot(number)] = count;
        }
    }
}

fn narrow(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}
