//! Counters far from what they usually count.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CounterDay;
use crate::metrics::number::count;

/// A robust z-score beyond which a day is an outlier: B. Iglewicz and D. Hoaglin, *How to Detect and Handle Outliers*,
/// ASQC Quality Press, 1993.
pub const OUTLIER: f64 = 3.5;
/// With fewer days of history a counter is not judged: what they have in common is chance.
pub const LEAST_HISTORY: usize = 5;
/// By so much the spread of 5, 6, 7 and 8 days is widened. It is that of their calmest part, and a few days are often far
/// more alike than the next one will be. With these factors 0.6 % of normally distributed days lie beyond [`OUTLIER`],
/// whatever their number (the tests draw such days); the plain median absolute deviation of so few days has 12, 7, 7 and
/// 5 % of them beyond.
const WIDENED: [f64; MOST_HISTORY - LEAST_HISTORY + 1] = [3.8, 2.6, 3.3, 2.6];
/// The spread is at least this share of the median, so that a third more or less is never an anomaly: rain alone does
/// that, to all counters at once.
const LEAST_SPREAD: f64 = 0.1;
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
    /// The robust z-score: how far the day is from the median, in robust standard deviations that are widened for so few
    /// days and at least what chance and weather do.
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
            .filter_map(|past| past.total)
            .collect();
        let judged = judge(counter, before);
        counter.is_anomaly = judged.is_some();
        found.extend(judged);
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

fn judge(counter: &CounterDay, mut before: Vec<f64>) -> Option<Anomaly> {
    let total = counter.total?;
    let widened = WIDENED.get(before.len().checked_sub(LEAST_HISTORY)?)?;
    let median = median(&mut before);
    let score = (total - median) / spread(&before, median, *widened);
    (score.abs() > OUTLIER).then(|| Anomaly {
        id: counter.id.clone(),
        name: counter.name.clone(),
        total,
        median,
        score,
        compared: count(before.len()),
    })
}

/// A robust standard deviation: the root mean square distance of the days from their median, without the farthest quarter
/// of them (one or two days, so that a holiday or two do not hide what is unusual), widened for the number of days; but at
/// least what chance alone makes of a count (the standard deviation of a Poisson distribution is the root of its mean)
/// and what weather makes of it.
fn spread(before: &[f64], around: f64, widened: f64) -> f64 {
    let mut squares: Vec<f64> = before.iter().map(|total| (total - around).powi(2)).collect();
    squares.sort_by(f64::total_cmp);
    squares.truncate(squares.len() - (squares.len() + 1) / 4);
    let deviation = (squares.iter().sum::<f64>() / f64::from(count(squares.len()))).sqrt();
    (deviation * widened).max(around.max(1.0).sqrt()).max(LEAST_SPREAD * around)
}

/// The middle of some numbers, of an even number of them the mean of the two in the middle.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[middle] } else { f64::midpoint(numbers[middle - 1], numbers[middle]) }
}
