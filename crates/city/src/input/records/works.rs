//! Roadworks: the export *Chantiers perturbants la circulation* of opendata.paris.fr.

use super::rows::{Header, Row};
use super::{body, civil};
use crate::MetricType;
use crate::input::{InputError, Reason, Tally};
use crate::metrics::works::Work;
use crate::metrics::{Coordinates, geo};
use crate::record::{Last, Record, Records, Span};
use crate::sensor::Point;

pub(super) fn parse(name: &str, data: &[u8], tally: &mut Tally) -> Result<Records, InputError> {
    let required = ["Identifiant", "Date de début", "Date de fin", "Impact sur la circulation"];
    let list = Header::new(MetricType::Works, &required).read(name, data, tally, record)?;
    let covered = span(&list).into_iter().collect();
    Ok(Records { list, covered })
}

/// An export tells of all works from the first day on that one of them begins to the last on which one ends.
fn span(works: &[Record]) -> Option<Span> {
    let first = works.iter().map(|work| work.from).min()?;
    let last = works.iter().map(|work| work.to.day().unwrap_or(work.from)).max()?;
    Some((first, last))
}

fn record(row: &Row<'_>) -> Result<Record, Reason> {
    let id = row.get("Identifiant");
    if id.is_empty() {
        return Err(Reason::MissingId);
    }
    let from = civil::day(row.get("Date de début")).ok_or(Reason::BadDate)?;
    let to = match row.get("Date de fin") {
        // Begun, and nobody knows until when.
        "" => Last::Open,
        text => Last::On(civil::day(text).ok_or(Reason::BadDate)?),
    };
    if !to.reaches(from) {
        return Err(Reason::BadDate);
    }
    let polygons = polygons(row.get("geo_shape"));
    let place = point(row.get("geo_point_2d")).or_else(|| polygons.first()?.first()?.first().copied());
    let told = geo::of_postal_code(row.get("Code postal de l'arrondissement"));
    let arrondissement = told.or_else(|| geo::arrondissement(place?));
    let text = |column| row.get(column).to_owned();
    let work = Work {
        typology: text("Typologie"),
        impact: text("Impact sur la circulation"),
        arrondissement: arrondissement.map(geo::postal_code),
        object: text("Objet"),
        streets: text("Voie(s)"),
        level: text("Niveau de perturbation"),
        place: place.map(Coordinates::from),
        area: (!polygons.is_empty()).then(|| polygons.iter().map(|rings| geo::area(rings)).sum()),
    };
    Ok(Record { kind: MetricType::Works, id: id.to_owned(), from, to, body: body(&work) })
}

/// `48.87, 2.30`: latitude first, as the portal's exports write places.
pub(super) fn point(text: &str) -> Option<Point> {
    let (lat, lon) = text.split_once(',')?;
    let (lat, lon): (f64, f64) = (lat.trim().parse().ok()?, lon.trim().parse().ok()?);
    (lon.abs() <= 180.0 && lat.abs() <= 90.0).then_some(Point { lon, lat })
}

/// The polygons of a shape (RFC 7946), one or several, each as its rings; none when it is anything else.
fn polygons(geojson: &str) -> Vec<Vec<Vec<Point>>> {
    type Position = Vec<f64>;
    #[derive(serde::Deserialize)]
    #[serde(tag = "type", content = "coordinates")]
    enum Shape {
        Polygon(Vec<Vec<Position>>),
        MultiPolygon(Vec<Vec<Vec<Position>>>),
    }
    let polygons = match serde_json::from_str(geojson) {
        Ok(Shape::Polygon(rings)) => vec![rings],
        Ok(Shape::MultiPolygon(polygons)) => polygons,
        Err(_) => return Vec::new(),
    };
    let place = |position: &Position| Some(Point { lon: *position.first()?, lat: *position.get(1)? });
    let ring = |ring: &Vec<Position>| ring.iter().map(place).collect::<Option<Vec<Point>>>();
    let rings = |rings: &Vec<Vec<Position>>| rings.iter().map(ring).collect::<Option<Vec<_>>>();
    polygons.iter().map(rings).collect::<Option<Vec<_>>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde::Deserialize;

    use super::*;

    const HEADER: &str = "Identifiant;Code postal de l'arrondissement;Typologie;Objet;Voie(s);Date de début;Date de fin;Impact sur la circulation;Niveau de perturbation;geo_shape;geo_point_2d";
    const SHAPE: &str = r#""{""coordinates"": [[[2.30, 48.87], [2.301, 48.87], [2.301, 48.871], [2.30, 48.87]]], ""type"": ""Polygon""}""#;

    fn parsed(rows: &[String]) -> (Vec<Record>, Tally) {
        let mut tally = Tally::default();
        let text = format!("\u{feff}{HEADER}\r\n{}\r\n", rows.join("\r\n"));
        (parse("works.csv", text.as_bytes(), &mut tally).unwrap().list, tally)
    }

    fn row(id: &str, code: &str, days: &str, shape: &str, point: &str) -> String {
        format!("{id};{code};1;\"Voirie\nphase 2\";Rue A;{days};RESTREINTE;2;{shape};{point}")
    }

    #[test]
    fn a_work_is_read_with_its_area_and_arrondissement() {
        let (records, tally) =
            parsed(&[row("CP1", "75116", "2024-03-01;2024-03-31", SHAPE, "48.8705, 2.3005")]);
        let work = Work::deserialize(&records[0].body).unwrap();
        assert_eq!(
            (records[0].id.as_str(), records[0].from.to_string(), records[0].to.day().unwrap().to_string()),
            ("CP1", "2024-03-01".to_owned(), "2024-03-31".to_owned())
        );
        assert_eq!(
            (work.arrondissement.as_deref(), work.object.as_str()),
            (Some("75016"), "Voirie\nphase 2")
        );
        assert!(work.area.is_some_and(|area| (area - 4_066.0).abs() < 10.0), "{:?}", work.area);
        assert_eq!((tally.read, tally.rejected_rows()), (1, 0));
    }

    #[test]
    fn without_a_code_the_place_decides_and_without_a_place_the_outline() {
        let days = "2024-03-01;2024-03-31";
        let (records, _) = parsed(&[
            row("a", "", days, "", "48.8606, 2.3376"),
            row("b", "", days, SHAPE, ""),
            row("c", "", days, "", ""),
            row("d", "", days, "\"{\"\"type\"\": \"\"Polygon\"\"}\"", "north, west"),
        ]);
        let zones: Vec<Option<String>> =
            records.iter().map(|record| Work::deserialize(&record.body).unwrap().arrondissement).collect();
        assert_eq!(zones, [Some("75001".to_owned()), Some("75008".to_owned()), None, None]);
        let areas = records.iter().map(|record| Work::deserialize(&record.body).unwrap().area.is_some());
        assert_eq!(areas.collect::<Vec<_>>(), [false, true, false, false]);
    }

    #[test]
    fn works_without_an_end_are_open_and_an_export_covers_what_is_between() {
        let text = format!(
            "{HEADER}\n{}\n{}\n{}\n",
            row("a", "75008", "2024-03-01;2024-03-04", "", ""),
            row("b", "75008", "2024-03-20;", "", ""),
            row("c", "75008", ";2024-03-31", "", ""),
        );
        let mut tally = Tally::default();
        let found = parse("works.csv", text.as_bytes(), &mut tally).unwrap();
        assert_eq!((found.list.len(), found.list[1].to), (2, Last::Open));
        let day = |text: &str| text.parse().unwrap();
        assert_eq!(found.covered, [(day("2024-03-01"), day("2024-03-20"))]);
        assert_eq!(tally.rejected[&Reason::BadDate].count, 1, "without a beginning");
    }

    #[test]
    fn works_without_an_id_or_a_sound_period_are_rejected() {
        let (records, tally) = parsed(&[
            row("", "75008", "2024-03-01;2024-03-31", "", ""),
            row("b", "75008", "2024-03-32;2024-04-31", "", ""),
            row("c", "75008", "2024-03-31;2024-03-01", "", ""),
            row("d", "75008", "2024-03-01;2024-03-01", "", ""),
        ]);
        assert_eq!(records.len(), 1);
        assert_eq!(
            (tally.rejected[&Reason::MissingId].count, tally.rejected[&Reason::BadDate].count),
            (1, 2)
        );
    }
}
