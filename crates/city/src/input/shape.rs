//! Places and lines, as exports and the API write them.

use serde::Deserialize;

use crate::sensor::{Node, Point};

/// A place, if it is one on the globe.
pub(super) fn point(lon: f64, lat: f64) -> Option<Point> {
    (lon.abs() <= 180.0 && lat.abs() <= 90.0).then_some(Point { lon, lat })
}

/// An end of an arc, if anything is said of it.
pub(super) fn node(id: String, name: String) -> Option<Node> {
    (!id.is_empty() || !name.is_empty()).then_some(Node { id, name })
}

/// The places of a `GeoJSON` line (RFC 7946), alone or as a feature; none when it is something else.
pub(super) fn line(geojson: &str) -> Vec<Point> {
    let shape: Option<Shape> = serde_json::from_str(geojson).ok();
    let coordinates = shape.and_then(|shape| shape.coordinates.or_else(|| shape.geometry?.coordinates));
    let places = coordinates.iter().flatten().map(|place| match place.as_slice() {
        [lon, lat, ..] => point(*lon, *lat),
        _ => None,
    });
    places.collect::<Option<_>>().unwrap_or_default()
}

#[derive(Deserialize)]
struct Shape {
    coordinates: Option<Vec<Vec<f64>>>,
    geometry: Option<Box<Shape>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_alone_and_as_a_feature() {
        let alone = r#"{"type": "LineString", "coordinates": [[2.5, 48.5], [2.25, 48.25, 30]]}"#;
        let feature = format!(r#"{{"type": "Feature", "geometry": {alone}, "properties": {{}}}}"#);
        let expected = [Point { lon: 2.5, lat: 48.5 }, Point { lon: 2.25, lat: 48.25 }];
        assert_eq!((line(alone), line(&feature)), (expected.to_vec(), expected.to_vec()));
    }

    #[test]
    fn what_is_no_line_has_no_places() {
        for text in ["", "{}", r#"{"coordinates": [[2.5]]}"#, r#"{"coordinates": [[200.0, 1.0]]}"#, "null"] {
            assert_eq!(line(text), [], "{text}");
        }
    }
}
