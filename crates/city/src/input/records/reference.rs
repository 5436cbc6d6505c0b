//! The reference of arcs: the export *Référentiel géographique pour les données trafic* of opendata.paris.fr.

use super::rows::{Header, Row};
use super::works::point;
use super::{body, civil};
use crate::MetricType;
use crate::input::shape;
use crate::input::{InputError, Reason, Tally};
use crate::metrics::reference::Arc;
use crate::metrics::{Coordinates, geo};
use crate::record::{Last, Record};

pub(super) fn parse(name: &str, data: &[u8], tally: &mut Tally) -> Result<Vec<Record>, InputError> {
    let required = ["Identifiant arc", "Date debut dispo data", "Date fin dispo data", "Libelle"];
    Header::new(MetricType::Reference, &required).read(name, data, tally, record)
}

fn record(row: &Row<'_>) -> Result<Record, Reason> {
    let id = row.get("Identifiant arc");
    if id.is_empty() {
        return Err(Reason::MissingId);
    }
    let from = civil::day(row.get("Date debut dispo data")).ok_or(Reason::BadDate)?;
    let to = match row.get("Date fin dispo data") {
        "" => Last::On(from),
        text => Last::On(civil::day(text).ok_or(Reason::BadDate)?.max(from)),
    };
    let parts = shape::parts(row.get("geo_shape"));
    let center = point(row.get("geo_point_2d")).or_else(|| geo::middle(parts.first()?));
    let text = |column| row.get(column).to_owned();
    let arc = Arc {
        name: text("Libelle"),
        length: parts
            .iter()
            .any(|part| part.len() > 1)
            .then(|| parts.iter().map(|part| geo::length(part)).sum()),
        upstream: text("Identifiant noeud amont"),
        downstream: text("Identifiant noeud aval"),
        center: center.map(Coordinates::from),
    };
    Ok(Record { kind: MetricType::Reference, id: id.to_owned(), from, to, body: body(&arc) })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde::Deserialize;

    use super::*;

    #[test]
    fn a_line_in_parts_is_as_long_as_all_of_them() {
        let part = "[[2.3009951475338766, 48.87177704259844], [2.302450437378247, 48.87129471535591]]";
        let shape =
            format!("{{\"\"type\"\": \"\"MultiLineString\"\", \"\"coordinates\"\": [{part}, {part}]}}");
        let text = format!(
            "Identifiant arc;Date debut dispo data;Date fin dispo data;Libelle;geo_shape\n10;2005-01-01;;Quai;\"{shape}\"\n"
        );
        let records = parse("arcs.csv", text.as_bytes(), &mut Tally::default()).unwrap();
        let arc = Arc::deserialize(&records[0].body).unwrap();
        assert!(
            arc.length.is_some_and(|length| (length - 2.0 * 119.186_358).abs() < 1e-5),
            "{:?}",
            arc.length
        );
        assert!(arc.center.is_some());
    }

    #[test]
    fn arcs_are_read_with_their_lengths() {
        let text = "Identifiant arc;Date debut dispo data;Date fin dispo data;Libelle;Identifiant noeud aval;Identifiant noeud amont;geo_point_2d;geo_shape\n\
            10;2005-01-01T02:00:00+01:00;2019-06-01T03:00:00+01:00;Quai;2;1;48.886,2.289;\"{\"\"type\"\": \"\"LineString\"\", \"\"coordinates\"\": [[2.3009951475338766, 48.87177704259844], [2.302450437378247, 48.87129471535591]]}\"\n\
            11;2005-01-01;;Rue;;;;\n\
            ;2005-01-01;;Rue;;;;\n\
            12;yesterday;;Rue;;;;\n\
            13;2005-01-01;tomorrow;Rue;;;;\n";
        let mut tally = Tally::default();
        let records = parse("arcs.csv", text.as_bytes(), &mut tally).unwrap();
        let arcs: Vec<Arc> = records.iter().map(|record| Arc::deserialize(&record.body).unwrap()).collect();
        assert_eq!(
            (records[0].from.to_string(), records[0].to.day().unwrap().to_string()),
            ("2005-01-01".to_owned(), "2019-06-01".to_owned())
        );
        assert_eq!((arcs[0].upstream.as_str(), arcs[0].downstream.as_str()), ("1", "2"));
        assert!(arcs[0].length.is_some_and(|length| (length - 119.186_358).abs() < 1e-6));
        assert_eq!(arcs[0].center, Some(Coordinates { lon: 2.289, lat: 48.886 }));
        assert_eq!((arcs[1].length, arcs[1].center, records.len()), (None, None, 2));
        assert_eq!(
            (tally.rejected[&Reason::MissingId].count, tally.rejected[&Reason::BadDate].count),
            (1, 2)
        );
    }
}
