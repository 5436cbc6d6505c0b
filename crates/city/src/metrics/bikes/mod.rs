//! Bicycles, by counter.

mod anomalies;
#[cfg(test)]
mod tests;

use kernel::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use anomalies::{Anomaly, LEAST_HISTORY, MOST_HISTORY, OUTLIER, anomalies};

use super::number::{self, count, mean, percent, ratio};
use super::silence::{Silence, Silent};
use super::{Coordinates, Coverage, FailingSensor, SensorDay, WallClock, flow, geo};
use crate::MetricType;
use crate::hours::FLOW_UNITS;

/// How many counters the list of the busiest has.
const TOP: usize = 10;

/// A day of one counter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityCounterDay)]
pub struct CounterDay {
    /// The counter's id.
    #[serde(rename = "id_compteur")]
    #[schema(example = "100007049-101007049")]
    pub id: String,
    /// What people call it.
    #[serde(rename = "nom_compteur")]
    #[schema(example = "28 boulevard Diderot O-E")]
    pub name: String,
    /// Bicycles of the day, in the hours present; none without any.
    #[serde(rename = "total_jour")]
    #[schema(example = 1314.0)]
    pub total: Option<f64>,
    /// Bicycles per hour, over the hours present.
    #[serde(rename = "moyenne_horaire")]
    #[schema(example = 54.75)]
    pub mean: Option<f64>,
    /// When most came: the hour of the clock, 0 to 23; the first of several.
    #[serde(rename = "pic_horaire")]
    #[schema(example = 18)]
    pub peak_hour: Option<u32>,
    /// How many came in that hour.
    #[serde(rename = "pic_valeur")]
    #[schema(example = 196.0)]
    pub peak: Option<f64>,
    /// Hours with a count.
    #[serde(rename = "heures_presentes")]
    #[schema(example = 24)]
    pub hours: u32,
    /// Hours that the day has: 23, 24 or 25.
    #[serde(rename = "heures_attendues")]
    #[schema(example = 24)]
    pub expected: u32,
    /// Hours present per hour expected, in percent.
    #[serde(rename = "couverture_pct")]
    #[schema(example = 100.0)]
    pub coverage: f64,
    /// Hours whose count is negative; they count as missing.
    #[serde(rename = "valeurs_ecartees")]
    pub discarded: u32,
    /// Postal code of the arrondissement it stands in; none outside of Paris.
    #[schema(example = "75012")]
    pub arrondissement: Option<String>,
    /// Where it stands.
    pub coordinates: Option<Coordinates>,
    /// Why it is taken to be silent; none when it works.
    #[serde(rename = "defaillance")]
    pub silence: Option<Silence>,
    /// Whether the day is far from what this counter usually counts on this day of the week.
    #[serde(rename = "anomalie_detectee", default)]
    pub is_anomaly: bool,
}

/// What a day says of all counters together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityBikeTotals)]
pub struct BikeTotals {
    /// The ten counters with most bicycles, without silent ones.
    pub top_counters: Vec<CounterDay>,
    /// Ids of the counters that are silent by what this day alone shows: zero all day, one value for more than twelve
    /// hours, or no value at all.
    #[schema(example = json!(["100003098-101003098"]))]
    pub failing_sensors: Vec<String>,
    /// The silent counters with the reason.
    #[serde(rename = "capteurs_defaillants")]
    pub failing: Vec<FailingSensor>,
    /// Counters far from what they usually count; worked out when asked, since it depends on other days.
    #[serde(default)]
    pub anomalies: Vec<Anomaly>,
    /// Bicycles of the day, at all counters; none when none of them has a count in any hour.
    #[serde(rename = "total_velos")]
    #[schema(example = 158_734.0)]
    pub total: Option<f64>,
    /// Hours and counters behind the numbers.
    #[serde(flatten)]
    pub coverage: Coverage,
}

/// All counters together, as ranges of days tell it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(as = CityBikeSummary)]
pub struct BikeSummary {
    /// Bicycles of the day; none when no counter has a count.
    #[serde(rename = "total_velos")]
    #[schema(example = 158_734.0)]
    pub total: Option<f64>,
    /// Hours and counters behind the number.
    #[serde(flatten)]
    pub coverage: Coverage,
}

impl BikeTotals {
    /// The city's own numbers.
    pub const fn summary(&self) -> BikeSummary {
        BikeSummary { total: self.total, coverage: self.coverage }
    }

    /// Adds what other days say about this one: [`anomalies()`] of its counters.
    pub fn tell(&mut self, anomalies: Vec<Anomaly>) {
        for counter in &mut self.top_counters {
            counter.is_anomaly = anomalies.iter().any(|anomaly| anomaly.id == counter.id);
        }
        self.anomalies = anomalies;
    }
}

/// What one pass over a counter's hours finds, in [`FLOW_UNITS`].
struct Sums {
    total: i64,
    discarded: usize,
    counts: Vec<(usize, i32)>,
    peak: Option<(usize, i32)>,
}

impl Sums {
    fn of(sensor: &SensorDay<'_>) -> Self {
        let counts: Vec<(usize, i32)> =
            sensor.hours.iter().filter_map(|(slot, reading)| Some((slot, flow(reading)?))).collect();
        let given = sensor.hours.iter().filter(|(_, reading)| reading.flow.is_some()).count();
        let peak = counts.iter().copied().reduce(|best, next| if next.1 > best.1 { next } else { best });
        let total = counts.iter().map(|(_, count)| i64::from(*count)).sum();
        Self { total, discarded: given - counts.len(), counts, peak }
    }
}

/// The metrics of a day: of each counter, by id, and of all.
pub fn day(day: Day, sensors: &[SensorDay<'_>]) -> (Vec<CounterDay>, BikeTotals) {
    let clock = WallClock::of(day);
    let mut total = 0;
    let mut hours = 0;
    let mut counters = Vec::with_capacity(sensors.len());
    let mut failing = Vec::new();
    for sensor in sensors {
        let sums = Sums::of(sensor);
        total += sums.total;
        hours += count(sums.counts.len());
        let silent = Silent::of(sensor.hours);
        failing.extend(
            silent
                .as_ref()
                .map(|silent| FailingSensor::new(MetricType::Bikes, sensor.id, &sensor.about.name, silent)),
        );
        counters.push(counter(&clock, sensor, &sums, silent.map(|silent| silent.why)));
    }
    counters.sort_by(|a, b| a.id.cmp(&b.id));
    failing.sort_by(|a, b| a.counter.cmp(&b.counter));
    let totals = BikeTotals {
        top_counters: busiest(&counters),
        failing_sensors: failing.iter().filter_map(|sensor| sensor.counter.clone()).collect(),
        failing,
        anomalies: Vec::new(),
        total: (hours > 0).then(|| ratio(total, FLOW_UNITS)),
        coverage: Coverage::new(count(sensors.len()), hours, clock.hours()),
    };
    (counters, totals)
}

fn counter(clock: &WallClock, sensor: &SensorDay<'_>, sums: &Sums, silence: Option<Silence>) -> CounterDay {
    let hours = count(sums.counts.len());
    let expected = count(clock.hours());
    CounterDay {
        id: sensor.id.to_owned(),
        name: sensor.about.name.clone(),
        total: (hours > 0).then(|| ratio(sums.total, FLOW_UNITS)),
        mean: mean(sums.total, hours, FLOW_UNITS),
        peak_hour: sums.peak.map(|(slot, _)| number::count(clock.hour(slot))),
        peak: sums.peak.map(|(_, peak)| ratio(i64::from(peak), FLOW_UNITS)),
        hours,
        expected,
        coverage: percent(hours, expected),
        discarded: count(sums.discarded),
        arrondissement: sensor.arrondissement().map(geo::postal_code),
        coordinates: sensor.place().map(Coordinates::from),
        silence,
        is_anomaly: false,
    }
}

/// The counters with most bicycles; of equals the one with the smaller id first.
fn busiest(counters: &[CounterDay]) -> Vec<CounterDay> {
    let working = counters.iter().filter(|counter| counter.silence.is_none());
    let mut working: Vec<(f64, &CounterDay)> =
        working.filter_map(|counter| Some((counter.total?, counter))).collect();
    working.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| first.id.cmp(&second.id)));
    working.into_iter().take(TOP).map(|(_, counter)| counter.clone()).collect()
}
