//! The weather of a day, and what it does to people on the move.

mod told;

use kernel::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use told::word;
pub use told::{Hour, Weather};

use super::{Coordinates, geo, in_force};
use crate::MetricType;
use crate::record::Record;
use crate::sensor::Point;

/// From so much rain on, in mm, a day is wet (these four: specification of the metrics).
const WET: f64 = 5.0;
/// From this wind on, in km/h, it is windy.
const WINDY: f64 = 30.0;
/// Below this mean temperature, in °C, it is cold …
const COLD: f64 = 10.0;
/// … and above this one hot.
const HOT: f64 = 25.0;
/// The measured place that is nearest to here counts when there are several: the point zero of French roads, before
/// Notre-Dame.
const CENTRE: Point = Point { lon: 2.3488, lat: 48.8534 };

/// The weather of a day.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityWeatherMetrics)]
pub struct WeatherMetrics {
    /// The measurements; none when nothing is known of the day.
    pub metrics: Option<WeatherDay>,
    /// How good the weather is for people on the move, 0 to 100: 50, less 20 when wet, less 10 when cold, plus 5 when
    /// hot; none when the rain or the mean temperature is not known.
    #[serde(rename = "impact_mobilite")]
    #[schema(example = 30.0)]
    pub impact: Option<f64>,
    /// `Pluvieux` from 5 mm, `Venteux` from 30 km/h, `Froid` below 10 °C, `Chaud` above 25 °C.
    #[schema(example = json!(["Pluvieux"]))]
    pub categories: Vec<Category>,
}

/// The measurements of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityWeatherDay)]
pub struct WeatherDay {
    /// The day.
    pub date: Day,
    /// Mean temperature in °C.
    #[serde(rename = "temp_moyenne")]
    #[schema(example = 15.5)]
    pub mean: Option<f64>,
    /// Lowest temperature in °C.
    #[serde(rename = "temp_min")]
    #[schema(example = 12.0)]
    pub min: Option<f64>,
    /// Highest temperature in °C.
    #[serde(rename = "temp_max")]
    #[schema(example = 18.0)]
    pub max: Option<f64>,
    /// Rain, and snow as water, in mm.
    #[serde(rename = "precip_totale")]
    #[schema(example = 0.4)]
    pub rain: Option<f64>,
    /// Mean wind in km/h.
    #[serde(rename = "vent_moyen")]
    #[schema(example = 10.5)]
    pub wind: Option<f64>,
    /// Whether the source has no mean wind and the number is its maximum.
    #[serde(rename = "vent_est_un_maximum")]
    pub is_gust: bool,
    /// What people call it: the source's word or, without one, from the rain and the mean temperature; none when one of
    /// these is not known.
    #[schema(example = "Pluie faible")]
    pub conditions: Option<String>,
    /// Who says so.
    #[schema(example = "open-meteo")]
    pub source: String,
    /// Hours with a measurement; none when the source gave the day only as a whole.
    #[serde(rename = "heures_presentes")]
    #[schema(example = 24)]
    pub hours: Option<u32>,
    /// The place that it is of.
    pub coordinates: Option<Coordinates>,
}

/// What kind of day it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = CityWeatherCategory)]
pub enum Category {
    /// 5 mm of rain or more.
    #[serde(rename = "Pluvieux")]
    Wet,
    /// Wind of 30 km/h or more.
    #[serde(rename = "Venteux")]
    Windy,
    /// Below 10 °C on average.
    #[serde(rename = "Froid")]
    Cold,
    /// Above 25 °C on average.
    #[serde(rename = "Chaud")]
    Hot,
}

impl Category {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wet => "Pluvieux",
            Self::Windy => "Venteux",
            Self::Cold => "Froid",
            Self::Hot => "Chaud",
        }
    }
}

/// The metrics of a day. Of several records, the one with most hours counts, of equals the one nearest to the centre of
/// Paris, then the one with the smaller id. One without any number says nothing.
pub fn day(day: Day, records: &[Record]) -> WeatherMetrics {
    let rank = |(record, weather): &(&Record, Weather)| {
        let away = weather
            .place
            .map_or(f64::INFINITY, |place| geo::length(&[CENTRE, Point { lon: place.lon, lat: place.lat }]));
        (u32::MAX - weather.hours().unwrap_or_default(), away, record.id.clone())
    };
    let known = in_force::<Weather>(MetricType::Weather, day, records).filter(|(_, told)| !told.is_empty());
    let best = known.map(|one| (rank(&one), one.1)).min_by(|((hours, away, id), _), (other, _)| {
        hours.cmp(&other.0).then_with(|| away.total_cmp(&other.1)).then_with(|| id.cmp(&other.2))
    });
    let Some((_, weather)) = best else { return WeatherMetrics::default() };
    let mut told = weather.on(day);
    let categories = categories(&told);
    let is_known = told.rain.is_some() && told.mean.is_some();
    if told.conditions.is_none() && is_known {
        told.conditions = Some(conditions(&told, &categories));
    }
    WeatherMetrics { impact: is_known.then(|| impact(&categories)), metrics: Some(told), categories }
}

fn categories(told: &WeatherDay) -> Vec<Category> {
    let is = |value: Option<f64>, test: fn(f64) -> bool| value.is_some_and(test);
    let all = [
        (Category::Wet, is(told.rain, |rain| rain >= WET)),
        (Category::Windy, is(told.wind, |wind| wind >= WINDY)),
        (Category::Cold, is(told.mean, |mean| mean < COLD)),
        (Category::Hot, is(told.mean, |mean| mean > HOT)),
    ];
    all.into_iter().filter(|(_, applies)| *applies).map(|(category, _)| category).collect()
}

/// 50 − 20 when wet − 10 when cold + 5 when hot, kept within 0 to 100 (specification of the metrics).
fn impact(categories: &[Category]) -> f64 {
    let steps = categories.iter().map(|category| match category {
        Category::Wet => -20.0,
        Category::Cold => -10.0,
        Category::Hot => 5.0,
        Category::Windy => 0.0,
    });
    (50.0 + steps.sum::<f64>()).clamp(0.0, 100.0)
}

/// A word for a day whose source has none: the categories, or whether there was any rain.
fn conditions(told: &WeatherDay, categories: &[Category]) -> String {
    if !categories.is_empty() {
        return categories.iter().map(|category| category.as_str()).collect::<Vec<_>>().join(", ");
    }
    if told.rain.is_some_and(|rain| rain > 0.0) { "Pluie faible" } else { "Sec" }.to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn record(id: &str, weather: &Weather) -> Record {
        let date = "2024-06-04".parse().unwrap();
        let body = serde_json::to_value(weather).unwrap();
        Record { kind: MetricType::Weather, id: id.to_owned(), from: date, to: date.into(), body }
    }

    fn of(weather: &Weather) -> WeatherMetrics {
        day("2024-06-04".parse().unwrap(), &[record("a", weather)])
    }

    fn weather(mean: f64, rain: f64, wind: f64) -> Weather {
        Weather { mean: Some(mean), rain: Some(rain), wind: Some(wind), ..Weather::default() }
    }

    #[test]
    fn categories_and_impact_change_at_their_thresholds() {
        use Category::{Cold, Hot, Wet, Windy};
        for (mean, rain, wind, expected, impact) in [
            (15.0, 4.9, 29.9, &[][..], 50.0),
            (15.0, 5.0, 30.0, &[Wet, Windy], 30.0),
            (9.9, 0.0, 0.0, &[Cold], 40.0),
            (10.0, 0.0, 0.0, &[], 50.0),
            (25.0, 0.0, 0.0, &[], 50.0),
            (25.1, 0.0, 0.0, &[Hot], 55.0),
            (5.0, 20.0, 60.0, &[Wet, Windy, Cold], 20.0),
        ] {
            let metrics = of(&weather(mean, rain, wind));
            assert_eq!(
                (metrics.categories.as_slice(), metrics.impact),
                (expected, Some(impact)),
                "{mean} {rain} {wind}"
            );
        }
    }

    #[test]
    fn the_source_names_the_day_and_otherwise_the_numbers_do() {
        let named = |weather: &Weather| of(weather).metrics.unwrap().conditions.unwrap();
        assert_eq!(
            named(&Weather { conditions: Some("Clear".to_owned()), ..weather(15.0, 9.0, 0.0) }),
            "Clear"
        );
        assert_eq!(named(&weather(5.0, 9.0, 0.0)), "Pluvieux, Froid");
        assert_eq!(
            (named(&weather(15.0, 0.1, 0.0)), named(&weather(15.0, 0.0, 0.0))),
            ("Pluie faible".to_owned(), "Sec".to_owned())
        );
    }

    #[test]
    fn what_rests_on_something_unknown_is_nothing() {
        let known = weather(5.0, 9.0, 40.0);
        for partly in [Weather { rain: None, ..known.clone() }, Weather { mean: None, ..known }] {
            let metrics = of(&partly);
            assert_eq!((metrics.impact, metrics.metrics.unwrap().conditions), (None, None));
            assert_eq!(metrics.categories.len(), 2, "what is known is told");
        }
        assert_eq!(of(&Weather::default()), WeatherMetrics::default());
    }

    #[test]
    fn of_several_the_one_with_most_hours_then_the_nearest_counts() {
        let at = |lon, hours: u8| Weather {
            place: Some(Coordinates { lon, lat: 48.85 }),
            by_hour: (0..hours)
                .map(|slot| (slot, Hour { temperature: Some(9), ..Hour::default() }))
                .collect(),
            source: lon.to_string(),
            mean: Some(9.0),
            ..Weather::default()
        };
        let chosen = |all: &[Weather]| {
            let records: Vec<Record> =
                all.iter().enumerate().map(|(id, weather)| record(&id.to_string(), weather)).collect();
            day("2024-06-04".parse().unwrap(), &records).metrics.unwrap().source
        };
        assert_eq!(chosen(&[at(2.35, 3), at(2.9, 24)]), "2.9");
        assert_eq!(chosen(&[at(2.9, 24), at(2.35, 24)]), "2.35");
        assert_eq!(chosen(&[at(2.9, 0), at(2.35, 0)]), "2.35");
    }

    #[test]
    fn nothing_known_is_told_as_nothing() {
        let metrics = day("2024-06-05".parse().unwrap(), &[record("a", &weather(1.0, 1.0, 1.0))]);
        assert_eq!(metrics, WeatherMetrics::default());
        let json = serde_json::to_value(&metrics).unwrap();
        assert_eq!((json["metrics"].is_null(), json["impact_mobilite"].is_null()), (true, true));
    }
}
