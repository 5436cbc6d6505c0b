//! What rows say of their sensor, beside the hour's numbers.

use super::Fields;
use super::layout::Role;
use super::split::unquoted;
use crate::input::{Reason, shape, texts};
use crate::sensor::{About, Point};

/// Whether the fields about a sensor are such as can be kept.
pub(super) fn check(fields: &Fields<'_>) -> Result<(), Reason> {
    [Role::Name, Role::UpstreamId, Role::UpstreamName, Role::DownstreamId, Role::DownstreamName, Role::Point]
        .iter()
        .try_for_each(|role| texts::text(fields[*role as usize]))?;
    texts::shape(fields[Role::Line as usize])
}

/// Reads the fields about a sensor. What makes no sense is left out: a row counts for its numbers.
pub(super) fn about(fields: &Fields<'_>) -> About {
    let text = |role: Role| String::from_utf8_lossy(&unquoted(fields[role as usize])).trim().to_owned();
    let node = |id: Role, name: Role| shape::node(text(id), text(name));
    About {
        name: text(Role::Name),
        point: place(&text(Role::Point)),
        line: shape::line(&text(Role::Line)),
        upstream: node(Role::UpstreamId, Role::UpstreamName),
        downstream: node(Role::DownstreamId, Role::DownstreamName),
    }
}

/// A place written `latitude, longitude`.
fn place(text: &str) -> Option<Point> {
    let (lat, lon) = text.split_once(',')?;
    shape::point(lon.trim().parse().ok()?, lat.trim().parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::layout::ROLES;
    use super::*;

    #[test]
    fn fields_become_what_is_known_of_a_sensor() {
        let mut fields: Fields<'_> = [b""; ROLES];
        fields[Role::Name as usize] = b"\"Quai \"\"A\"\"\"";
        fields[Role::Point as usize] = b"48.5, 2.25";
        fields[Role::Line as usize] =
            br#""{""coordinates"": [[2.25, 48.5], [2.5, 48.75]], ""type"": ""LineString""}""#;
        fields[Role::UpstreamId as usize] = b"17";
        let found = about(&fields);
        assert_eq!(found.name, "Quai \"A\"");
        assert_eq!(found.point, Some(Point { lon: 2.25, lat: 48.5 }));
        assert_eq!(found.line, [Point { lon: 2.25, lat: 48.5 }, Point { lon: 2.5, lat: 48.75 }]);
        assert_eq!(found.upstream.map(|node| node.id), Some("17".to_owned()));
        assert_eq!(found.downstream, None);
    }

    #[test]
    fn nonsense_is_left_out() {
        let mut fields: Fields<'_> = [b""; ROLES];
        fields[Role::Point as usize] = b"148.5,2.25";
        fields[Role::Line as usize] = b"{\"coordinates\": 7}";
        assert_eq!(about(&fields), About::default());
        assert_eq!([place("48.5"), place("a,b"), place("NaN,1")], [None; 3]);
    }
}
