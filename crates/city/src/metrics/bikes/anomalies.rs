//! Counters far from what they usually count.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CounterDay;
use crate::metrics::number::count;

/// A robust z-score beyond which a day is an outlier: B. Iglewicz and D. Hoaglin, *How to Detect and Handle Outliers*,
/// ASQC Quality Press, 1993.
pub const OUTLIER: f64 = 3.5;
/// The median absolute deviation of a normal distribution, in its standard deviations (Φ⁻¹(¾); the same book).
const MAD_OF_A_NORMAL: f64 = 0.6745;
/// With fewer days of history a counter is not judged: the median of three is one bad day away from any other.
pub const LEAST_HISTORY: usize = 4;
/// So many weeks back, at most: two months are still the same season.
pub const MOST_HISTORY: usize = 8;
/// Two days are comparable when their hours present differ by no more than this: an hour or two at night change a day's
/// total by less than days differ anyway, half a day does not.
const HOURS_APART: u32 = 2;

/// A counter that counted far more or less than it usually does on this day of the week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityBikeAnomaly)]
pub struct Anomaly {
    /// The counter's id.
    #[serde(rename = "id_compteur")]
    #[schema(example = "100007049-101007049")]
    pub id: String,
    /// What people call it.
    #[serde(rename = "nom_compteur")]
    #[schema(example = "28 boulevard Diderot O-E")]
    pub name: String,
    /// Bicycles of the day.
    #[serde(rename = "total_jour")]
    #[schema(example = 312.0)]
    pub total: f64,
    /// The median of the same day of the week before.
    #[serde(rename = "mediane")]
    #[schema(example = 1290.5)]
    pub median: f64,
    /// The robust z-score: how far the day is from the median, in robust standard deviations.
    #[schema(example = -14.2)]
    pub score: f64,
    /// How many days the median is of.
    #[serde(rename = "jours_compares")]
    #[schema(example = 8)]
    pub compared: u32,
}

/// Marks the counters of a day that are far from their own history, and lists them by id.
///
/// `history` holds the same day of the week, from one week before to [`MOST_HISTORY`] weeks before (more is not looked
/// at); days that are not known may be missing. A day on which the counter was silent says nothing about its habits.
pub fn anomalies(today: &mut [CounterDay], history: &[Vec<CounterDay>]) -> Vec<Anomaly> {
    let known: Vec<HashMap<&str, &CounterDay>> = history
        .iter()
        .take(MOST_HISTORY)
        .map(|day| day.iter().map(|counter| (counter.id.as_str(), counter)).collect())
        .collect();
    let mut found = Vec::new();
    for counter in today {
        let before: Vec<f64> = known
            .iter()
            .filter_map(|day| day.get(counter.id.as_str()))
            .filter(|past| past.silence.is_none() && past.hours.abs_diff(counter.hours) <= HOURS_APART)
            .map(|past| past.total)
            .collect();
        let judged = judge(counter, before);
        counter.is_anomaly = judged.is_some();
        found.extend(judged);
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

fn judge(counter: &CounterDay, mut before: Vec<f64>) -> Option<Anomaly> {
    if before.len() < LEAST_HISTORY {
        return None;
    }
    let median = median(&mut before);
    let score = (counter.total - median) / deviation(&before, median);
    (score.abs() > OUTLIER).then(|| Anomaly {
        id: counter.id.clone(),
        name: counter.name.clone(),
        total: counter.total,
        median,
        score,
        compared: count(before.len()),
    })
}

/// A robust standard deviation: MAD / 0.6745, or, when more than half of the days are equal and it is zero, what chance
/// alone makes of a count (the standard deviation of a Poisson distribution is the root of its mean), at least one.
fn deviation(before: &[f64], around: f64) -> f64 {
    let mut distances: Vec<f64> = before.iter().map(|total| (total - around).abs()).collect();
    let mad = median(&mut distances);
    if mad > 0.0 { mad / MAD_OF_A_NORMAL } else { around.sqrt().max(1.0) }
}

/// The middle of some numbers, of an even number of them the mean of the two in the middle.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[middle] } else { f64::midpoint(numbers[middle - 1], numbers[middle]) }
}
