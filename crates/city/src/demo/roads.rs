//! Twenty-four arcs of road: their reference in 10 columns, their counts in the 15 columns of the city's export.

use std::fmt::Write as _;

use kernel::Day;

use super::places::{PLACES, Place, STREETS, coordinates, point, quoted};
use super::{noise, wall};

const ARCS: usize = 24;

const REFERENCE_HEADER: &str = "Identifiant arc;Date debut dispo data;Date fin dispo data;Libelle;Identifiant noeud aval;\
    Libelle noeud aval;Identifiant noeud amont;Libelle noeud amont;geo_point_2d;geo_shape\r\n";

const HEADER: &str = "\u{feff}Identifiant arc;Libelle;Date et heure de comptage;Débit horaire;Taux d'occupation;Etat trafic;\
    Identifiant noeud amont;Libelle noeud amont;Identifiant noeud aval;Libelle noeud aval;Etat arc;Date debut dispo data;\
    Date fin dispo data;geo_point_2d;geo_shape\r\n";

/// Tenths of a percent of the time that a car is on the sensor in the hours of a working day, and of the weekend.
const WORKING: [i64; 24] = [
    30, 20, 15, 15, 25, 60, 120, 210, 260, 210, 160, 150, 160, 165, 165, 175, 200, 250, 270, 220, 150, 110,
    80, 50,
];
const WEEKEND: [i64; 24] = [
    60, 45, 35, 30, 25, 25, 30, 45, 70, 100, 130, 150, 155, 150, 155, 160, 165, 165, 160, 145, 120, 100, 90,
    75,
];

/// Percent of the usual occupancy, by arc: the first two stand still on working days at rush hour.
const BUSY: [i64; ARCS] = [
    330, 310, 90, 140, 80, 110, 60, 180, 120, 150, 100, 70, 95, 85, 75, 65, 130, 160, 105, 90, 200, 50, 115,
    125,
];

/// Gives an occupancy but no flow.
const WITHOUT_FLOW: usize = 7;
/// Gives a flow but no occupancy.
const WITHOUT_OCCUPANCY: usize = 12;
/// Has been silent for three days.
const SILENT: usize = 21;

struct Arc {
    id: usize,
    label: String,
    line: [Place; 2],
}

impl Arc {
    fn new(number: usize) -> Self {
        let place = number % PLACES.len();
        let lap = i64::try_from(number / PLACES.len()).unwrap_or(0);
        let (lon, lat) = PLACES[place];
        let from = (lon + 400 * lap, lat + 900 * lap);
        let long = noise::between(900, 3_200, [lap, lat, lon]);
        let line = [from, (from.0 + long, from.1 + long / 3)];
        let label = format!("{} (inventé)", STREETS[place].replace(' ', "_"));
        Self { id: 9_001 + number, label: if lap > 0 { format!("{label}_{}", lap + 1) } else { label }, line }
    }

    fn middle(&self) -> Place {
        let [from, to] = self.line;
        (i64::midpoint(from.0, to.0), i64::midpoint(from.1, to.1))
    }

    fn shape(&self) -> String {
        quoted(&format!("{{\"coordinates\": {}, \"type\": \"LineString\"}}", coordinates(&self.line)))
    }

    fn nodes(&self) -> [(usize, String); 2] {
        [(self.id * 10, format!("{}-amont", self.label)), (self.id * 10 + 1, format!("{}-aval", self.label))]
    }
}

/// The reference of all arcs.
pub(super) fn reference() -> String {
    let mut text = REFERENCE_HEADER.to_owned();
    for number in 0..ARCS {
        let arc = Arc::new(number);
        let [(up, upstream), (down, downstream)] = arc.nodes();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{};2005-01-01T02:00:00+01:00;2023-01-01T01:00:00+01:00;{};{down};{downstream};{up};{upstream};{};{}\r\n",
            arc.id,
            arc.label,
            point(arc.middle()),
            arc.shape()
        );
    }
    text
}

/// The counts of all arcs, arc by arc and the latest first, as the portal has them.
pub(super) fn counts(days: &[Day]) -> String {
    let mut text = String::with_capacity(days.len() * 24 * ARCS * 330);
    text.push_str(HEADER);
    for number in 0..ARCS {
        let arc = Arc::new(number);
        let [(up, upstream), (down, downstream)] = arc.nodes();
        let end = format!(
            "{up};{upstream};{down};{downstream};Invalide;1996-10-10;2023-01-01;{};{}\r\n",
            point(arc.middle()),
            arc.shape()
        );
        for (back, day) in (0..).zip(days.iter().rev()) {
            for hour in (0..wall::hours(*day)).rev() {
                let Hour { flow, occupancy } = measured(number, *day, back, hour);
                let state = state(occupancy);
                let time = wall::time(*day, hour);
                let (flow, occupancy) = (tenths(flow), tenths(occupancy));
                // Writing to a String cannot fail.
                let _ = write!(text, "{};{};{time};{flow};{occupancy};{state};{end}", arc.id, arc.label);
            }
        }
    }
    text
}

/// What an arc measured in an hour: tenths of a vehicle, tenths of a percent.
struct Hour {
    flow: Option<i64>,
    occupancy: Option<i64>,
}

fn measured(arc: usize, day: Day, back: i64, hour: i64) -> Hour {
    let of = [arc.try_into().unwrap_or(0), day.number(), hour + 100];
    let clock = usize::try_from(wall::clock(day, hour)).unwrap_or(0);
    let profile = if day.weekday() > 5 { &WEEKEND } else { &WORKING };
    let occupancy = (profile[clock] * BUSY[arc] * noise::between(92, 108, of) / 10_000).min(985);
    // More cars than a road can carry make fewer of them pass (Greenshields, 1935): the flow is highest half way.
    let flow = 10 * (2 * occupancy * (1_000 - occupancy) / 1_000 + noise::between(5, 25, of));
    match arc {
        SILENT if back < 3 => Hour { flow: Some(0), occupancy: Some(0) },
        WITHOUT_FLOW => Hour { flow: None, occupancy: Some(occupancy) },
        WITHOUT_OCCUPANCY => Hour { flow: Some(flow), occupancy: None },
        _ => Hour { flow: Some(flow), occupancy: Some(occupancy) },
    }
}

/// The state as the source tells it.
fn state(occupancy: Option<i64>) -> &'static str {
    match occupancy {
        None => "Inconnu",
        Some(..150) => "Fluide",
        Some(150..300) => "Pré-saturé",
        Some(300..500) => "Saturé",
        Some(500..) => "Bloqué",
    }
}

fn tenths(number: Option<i64>) -> String {
    number.map_or_else(String::new, |number| format!("{}.{}", number / 10, number % 10))
}
