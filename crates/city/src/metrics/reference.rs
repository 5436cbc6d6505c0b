//! The arcs of the road network: which there are, where, and how long.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Coordinates;
use super::number::{billionths, count, from_billionths, ratio};
use crate::MetricType;
use crate::record::Record;

/// What the reference says of an arc: the body of a record.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Arc {
    /// What people call it.
    pub name: String,
    /// The length of its line in metres; none without a line.
    pub length: Option<f64>,
    /// Id of the node where it begins.
    pub upstream: String,
    /// Id of the node where it ends.
    pub downstream: String,
    /// Where it is.
    pub center: Option<Coordinates>,
}

/// The road network of a day.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityReferenceMetrics)]
pub struct ReferenceMetrics {
    /// The arcs by id.
    pub mapping: BTreeMap<String, MappedArc>,
    /// How many and how long.
    #[serde(rename = "statistiques")]
    pub statistics: ReferenceStatistics,
}

/// An arc of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityMappedArc)]
pub struct MappedArc {
    /// What people call it.
    #[serde(rename = "libelle")]
    #[schema(example = "PI_Champerret")]
    pub name: String,
    /// The length of its line in metres.
    #[serde(rename = "longueur_metres")]
    #[schema(example = 604.3)]
    pub length: Option<f64>,
    /// Id of the node where it begins.
    #[serde(rename = "noeud_amont")]
    #[schema(example = "2746")]
    pub upstream: String,
    /// Id of the node where it ends.
    #[serde(rename = "noeud_aval")]
    #[schema(example = "2736")]
    pub downstream: String,
    /// Where it is: longitude, latitude.
    #[schema(value_type = Option<Vec<f64>>, example = json!([2.289_325, 48.886_411]))]
    pub center: Option<(f64, f64)>,
}

/// How many arcs there are and how long they are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityReferenceStatistics)]
pub struct ReferenceStatistics {
    /// Arcs.
    #[serde(rename = "nombre_troncons")]
    #[schema(example = 3348)]
    pub arcs: u32,
    /// The length of all arcs that have a line, in metres.
    #[serde(rename = "longueur_totale_metres")]
    #[schema(example = 812_345.6)]
    pub total: f64,
    /// The mean length of these, in metres; none without any.
    #[serde(rename = "longueur_moyenne_metres")]
    #[schema(example = 242.6)]
    pub mean: Option<f64>,
    /// Arcs with a line.
    #[serde(rename = "troncons_avec_longueur")]
    #[schema(example = 3348)]
    pub with_length: u32,
    /// Different nodes where arcs begin or end.
    #[serde(rename = "nombre_noeuds")]
    #[schema(example = 2890)]
    pub nodes: u32,
}

/// Counts arcs, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct ArcCount {
    arcs: u32,
    with_length: u32,
    /// In whole billionths of a metre.
    total: i64,
    nodes: BTreeSet<String>,
}

impl ArcCount {
    /// Adds an arc.
    pub(crate) fn add(&mut self, arc: &Arc) {
        self.arcs += 1;
        self.with_length += u32::from(arc.length.is_some());
        self.total = self.total.saturating_add(arc.length.map_or(0, billionths));
        let nodes = [&arc.upstream, &arc.downstream].into_iter().filter(|node| !node.is_empty());
        self.nodes.extend(nodes.cloned());
    }

    /// What was counted so far.
    pub(crate) fn statistics(&self) -> ReferenceStatistics {
        let of_length = i64::from(self.with_length) * 1_000_000_000;
        ReferenceStatistics {
            arcs: self.arcs,
            total: from_billionths(self.total),
            mean: (self.with_length > 0).then(|| ratio(self.total, of_length)),
            with_length: self.with_length,
            nodes: count(self.nodes.len()),
        }
    }
}

/// The network of a day: the arcs whose data begins on that day or earlier. When the reference says that the data ends
/// is not looked at, since it says so, long past, of arcs that count to this day.
pub fn day(day: Day, records: &[Record]) -> ReferenceMetrics {
    let known = records.iter().filter(|record| record.kind == MetricType::Reference && record.from <= day);
    let arcs = known.filter_map(|record| Some((record, Arc::deserialize(&record.body).ok()?)));
    let (mut mapping, mut counted) = (BTreeMap::new(), ArcCount::default());
    for (record, arc) in arcs {
        counted.add(&arc);
        mapping.insert(record.id.clone(), MappedArc::from(arc));
    }
    ReferenceMetrics { mapping, statistics: counted.statistics() }
}

impl From<Arc> for MappedArc {
    fn from(arc: Arc) -> Self {
        Self {
            name: arc.name,
            length: arc.length,
            upstream: arc.upstream,
            downstream: arc.downstream,
            center: arc.center.map(|Coordinates { lon, lat }| (lon, lat)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::record::Last;

    fn arc(id: &str, from: &str, length: Option<f64>) -> Record {
        let arc = Arc {
            name: format!("Rue {id}"),
            length,
            upstream: "1".to_owned(),
            downstream: id.to_owned(),
            center: Some(Coordinates { lon: 2.3, lat: 48.8 }),
        };
        Record {
            kind: MetricType::Reference,
            id: id.to_owned(),
            from: from.parse().unwrap(),
            to: Last::On(from.parse().unwrap()),
            body: serde_json::to_value(arc).unwrap(),
        }
    }

    #[test]
    fn an_arc_counts_from_its_first_day_on_whatever_its_last_is() {
        let records = [
            arc("10", "2005-01-01", Some(100.0)),
            arc("11", "2020-01-01", Some(50.0)),
            arc("12", "2005-01-01", None),
        ];
        let statistics = |date: &str| day(date.parse().unwrap(), &records).statistics;
        assert_eq!(statistics("2004-12-31"), ReferenceStatistics::default());
        let old = statistics("2010-06-01");
        assert_eq!((old.arcs, old.with_length, old.nodes), (2, 1, 3));
        let new = statistics("2024-06-01");
        assert_eq!((new.arcs, new.total.to_string(), new.mean), (3, "150".to_owned(), Some(75.0)));
    }

    #[test]
    fn the_centre_is_longitude_then_latitude() {
        let metrics = day("2024-06-01".parse().unwrap(), &[arc("10", "2005-01-01", Some(1.5))]);
        let json = serde_json::to_value(&metrics.mapping["10"]).unwrap();
        assert_eq!(json["center"], serde_json::json!([2.3, 48.8]));
        assert_eq!((json["noeud_amont"].as_str(), json["noeud_aval"].as_str()), (Some("1"), Some("10")));
    }
}
