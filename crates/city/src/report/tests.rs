#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::MetricType;
use crate::hours::{Hours, Reading};
use crate::metrics::transit::TransitNumbers;
use crate::metrics::weather::Weather;
use crate::metrics::works::Work;
use crate::metrics::{Coordinates, SensorDay, bikes, geo, roads, weather, works};
use crate::record::Record;
use crate::sensor::{About, Point};

const DATE: &str = "2024-06-04";

fn date() -> Day {
    DATE.parse().unwrap()
}

fn hours(of: impl Fn(usize) -> (i32, i32)) -> Hours {
    let mut hours = Hours::default();
    for slot in 0..24 {
        let (flow, percent) = of(slot);
        let occupancy = Some(percent * 100_000);
        hours.set(slot, Reading { flow: Some(flow * 1_000), occupancy, ..Reading::default() });
    }
    hours
}

fn about(name: &str) -> About {
    let south = Point { lon: 2.301_7, lat: 48.871_5 };
    let north = Point { lat: south.lat + (100.0 / geo::EARTH_RADIUS).to_degrees(), ..south };
    About { name: name.to_owned(), point: Some(south), line: vec![south, north], ..About::default() }
}

fn record(kind: MetricType, body: serde_json::Value) -> Record {
    Record { kind, id: "r1".to_owned(), from: date(), to: date().into(), body }
}

/// A day on which everything happened, with so many vehicles in each hour.
fn everything(vehicles: i32) -> DayTotals {
    let about = about("=Rue; \"neuve\"");
    let busy = hours(|slot| {
        (vehicles + i32::try_from(slot).unwrap(), if slot < 4 { 95 } else { 10 + i32::from(slot % 2 == 0) })
    });
    let zero = hours(|_| (0, 1));
    let sensors = [("1", &busy), ("2", &zero)].map(|(id, hours)| SensorDay { id, about: &about, hours });
    let roads = roads::day(date(), &sensors).1;
    let mut bikes = bikes::day(date(), &sensors).1;
    bikes.tell(vec![bikes::Anomaly {
        id: "1".to_owned(),
        name: "Quai".to_owned(),
        total: 10.0,
        median: 1_000.0,
        score: -12.5,
        compared: 8,
    }]);
    let place = Some(Coordinates { lon: 2.3, lat: 48.8 });
    let work = Work { impact: "RESTREINTE".to_owned(), area: Some(12.5), place, ..Work::default() };
    let sunny = Weather { mean: Some(30.0), rain: Some(6.0), place, ..Weather::default() };
    DayTotals {
        bikes: Some(bikes),
        roads: Some(roads),
        transit: Some(TransitMetrics {
            numbers: TransitNumbers { active: 3, reliability: 92.5, ..TransitNumbers::default() },
            ..TransitMetrics::default()
        }),
        weather: Some(weather::day(
            date(),
            &[record(MetricType::Weather, serde_json::to_value(sunny).unwrap())],
        )),
        works: Some(works::day(date(), &[record(MetricType::Works, serde_json::to_value(work).unwrap())])),
    }
}

fn report() -> Report {
    compose(date(), Timestamp::from_micros(0), everything(110), &everything(100))
}

#[test]
fn a_report_has_the_day_in_it() {
    let report = report();
    let summary = &report.summary;
    assert_eq!((summary.vehicles, summary.saturated), (Some(110.0 * 24.0 + 276.0), Some(0)));
    assert_eq!((summary.availability, summary.disruptions, summary.works), (Some(100.0), Some(3), Some(1)));
    assert_eq!(report.top_zones[0].zone, "Paris 8e");
    assert_eq!((report.alerts.len(), report.works.len()), (1, 1));
    let failing: Vec<&str> = report.failing.iter().map(|sensor| sensor.kind.as_str()).collect();
    assert_eq!(failing, ["bike", "comptage"]);
    assert_eq!(report.weather.as_ref().and_then(|weather| weather.impact), Some(35.0));
}

#[test]
fn it_tells_what_changed_against_the_week_before() {
    let evolution = report().evolution;
    assert_eq!(evolution.date.to_string(), "2024-05-28");
    let vehicles = evolution.vehicles.unwrap();
    assert_eq!((vehicles.value, vehicles.before, vehicles.difference), (2_916.0, 2_676.0, 240.0));
    assert_eq!(vehicles.percent, Some(100.0 * 240.0 / 2_676.0));
    assert_eq!((vehicles.sensors, vehicles.sensors_before), (2, 2));
    assert_eq!(evolution.saturated.unwrap().percent, None, "nothing is no base for a percentage");
    let alone = compose(date(), Timestamp::from_micros(0), everything(110), &DayTotals::default());
    assert_eq!((alone.evolution.vehicles, alone.evolution.bicycles), (None, None));
}

#[test]
fn what_is_not_known_is_null_and_not_zero() {
    let empty = compose(date(), Timestamp::from_micros(0), DayTotals::default(), &DayTotals::default());
    let json = serde_json::to_value(&empty).unwrap();
    assert!(json["summary"]["total_vehicules_paris"].is_null() && json["meteo_impact"].is_null());
    assert_eq!(json["top_10_troncons_frequentes"], serde_json::json!([]));
}

#[test]
fn json_is_read_back_as_it_was() {
    let report = report();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

#[test]
fn every_field_has_its_column() {
    csv::tests::assert_columns_are_complete(&report());
}

#[test]
fn csv_has_a_block_for_each_section() {
    let bytes = to_csv(&report());
    let text = std::str::from_utf8(&bytes).unwrap();
    assert!(text.starts_with("\u{feff}section;date;generated_at\r\nrapport;2024-06-04;"));
    let blocks: Vec<&str> = text.split("\r\n\r\n").collect();
    assert_eq!(blocks.len(), 10);
    assert!(blocks.iter().all(|block| block.trim_start_matches('\u{feff}').starts_with("section;")));
    assert!(blocks[2].contains(";\"'=Rue; \"\"neuve\"\"\";2916.0;"), "{}", blocks[2]);
    for block in blocks {
        let mut reader = ::csv::ReaderBuilder::new().delimiter(b';').from_reader(block.as_bytes());
        let columns = reader.headers().unwrap().len();
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert!(!rows.is_empty() && rows.iter().all(|row| row.len() == columns));
    }
}

#[test]
fn empty_sections_keep_their_headers() {
    let empty = compose(date(), Timestamp::from_micros(0), DayTotals::default(), &DayTotals::default());
    let text = String::from_utf8(to_csv(&empty)).unwrap();
    assert!(text.contains("\r\n\r\nsection;zone;arrondissement;"));
    assert!(!text.contains("top_10_zones_congestionnees;"));
}
