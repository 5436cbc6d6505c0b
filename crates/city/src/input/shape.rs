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
    coordinates.and_then(|line| places(&line)).unwrap_or_default()
}

/// The same of each part of a line that has several, or of the one line.
pub(super) fn parts(geojson: &str) -> Vec<Vec<Point>> {
    #[derive(Deserialize)]
    struct Lines {
        coordinates: Option<Vec<Vec<Vec<f64>>>>,
        geometry: Option<Box<Lines>>,
    }
    let lines: Option<Lines> = serde_json::from_str(geojson).ok();
    match lines.and_then(|lines| lines.coordinates.or_else(|| lines.geometry?.coordinates)) {
        Some(lines) => lines.iter().map(|line| places(line)).collect::<Option<_>>().unwrap_or_default(),
        None => Some(line(geojson)).into_iter().filter(|line| !line.is_empty()).collect(),
    }
}

fn places(coordinates: &[Vec<f64>]) -> Option<Vec<Point>> {
    let places = coordinates.iter().map(|place| match place.as_slice() {
        [lon, lat, ..] => point(*lon, *lat),
        _ => None,
    });
    places.collect()
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
    fn a_line_in_several_parts_keeps_them_apart() {
        let places = |lon| vec![Point { lon, lat: 48.5 }, Point { lon, lat: 48.25 }];
        let several = r#"{"type": "MultiLineString", "coordinates": [[[2.5, 48.5], [2.5, 48.25]], [[3.0, 48.5], [3.0, 48.25]]]}"#;
        assert_eq!(parts(several), [places(2.5), places(3.0)]);
        let feature = format!(r#"{{"type": "Feature", "geometry": {several}}}"#);
        assert_eq!(parts(&feature).len(), 2);
        assert_eq!(
            parts(r#"{"type": "LineString", "coordinates": [[2.5, 48.5], [2.5, 48.25]]}"#),
            [places(2.5)]
        );
        assert_eq!(parts("null"), [[]; 0]);
    }

    #[test]
    fn what_is_no_line_has_no_places() {
        for text in ["", "{}", r#"{"coordinates": [[2.5]]}"#, r#"{"coordinates": [[200.0, 1.0]]}"#, "null"] {
            assert_eq!(line(text), [], "{text}");
        }
    }
}
