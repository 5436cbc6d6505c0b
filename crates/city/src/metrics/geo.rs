//! Where something is in Paris, and how long or how large it is.

use std::sync::LazyLock;

use crate::sensor::Point;

/// The radius of the Earth taken as a sphere, in metres: the mean radius rounded to the kilometre (IUGG's R₁ is
/// 6,371,008.8 m, Moritz, *Geodetic Reference System 1980*, Journal of Geodesy 74, 2000). With it, the published
/// lost times of known arcs come out to the last digit.
pub const EARTH_RADIUS: f64 = 6_371_000.0;

/// Outlines of the arrondissements; says itself where they come from.
const OUTLINES: &str = include_str!("../../data/arrondissements.txt");

static ARRONDISSEMENTS: LazyLock<Vec<Arrondissement>> = LazyLock::new(|| read(OUTLINES));

/// One arrondissement: all points that an odd number of its rings surround.
struct Arrondissement {
    number: u8,
    bounds: Bounds,
    rings: Vec<Vec<Point>>,
}

/// The smallest rectangle around an outline.
#[derive(Clone, Copy)]
struct Bounds {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Bounds {
    fn of<'a>(points: impl Iterator<Item = &'a Point>) -> Self {
        let none = Self {
            west: f64::INFINITY,
            east: f64::NEG_INFINITY,
            south: f64::INFINITY,
            north: f64::NEG_INFINITY,
        };
        points.fold(none, |bounds, point| Self {
            west: bounds.west.min(point.lon),
            east: bounds.east.max(point.lon),
            south: bounds.south.min(point.lat),
            north: bounds.north.max(point.lat),
        })
    }

    fn contains(&self, point: Point) -> bool {
        (self.west..=self.east).contains(&point.lon) && (self.south..=self.north).contains(&point.lat)
    }
}

/// The arrondissement (1 to 20) that a place is in; `None` outside of Paris.
///
/// A place on the border of two belongs to exactly one of them.
pub fn arrondissement(place: Point) -> Option<u8> {
    let around = ARRONDISSEMENTS.iter().filter(|candidate| candidate.bounds.contains(place));
    around.into_iter().find(|candidate| is_inside(&candidate.rings, place)).map(|found| found.number)
}

/// The postal code of an arrondissement, as the city's data writes it: 75008 for the 8th.
///
/// The 16th has a second one, 75116, which is not used here.
pub fn postal_code(number: u8) -> String {
    format!("{}", 75_000 + u32::from(number))
}

/// The arrondissement of a postal code: 8 for 75008; both 75016 and 75116 are the 16th. `None` outside of Paris.
pub fn of_postal_code(code: &str) -> Option<u8> {
    let number = match code.trim() {
        "75116" => 16,
        code => code.strip_prefix("750").filter(|rest| rest.len() == 2)?.parse().ok()?,
    };
    (1..=20).contains(&number).then_some(number)
}

/// What people call an arrondissement: `Paris 1er`, `Paris 8e`.
pub fn zone_name(number: u8) -> String {
    let ending = if number == 1 { "er" } else { "e" };
    format!("Paris {number}{ending}")
}

/// The length of a line, in metres on the sphere: the sum of its pieces by the haversine formula (R. W. Sinnott,
/// *Virtues of the Haversine*, Sky and Telescope 68, 1984). 0 with fewer than two places.
pub fn length(line: &[Point]) -> f64 {
    line.windows(2).map(|piece| distance(piece[0], piece[1])).sum()
}

/// The place half way along a line, for a line that has no place of its own.
pub fn middle(line: &[Point]) -> Option<Point> {
    let half = length(line) / 2.0;
    let mut walked = 0.0;
    for piece in line.windows(2) {
        let [from, to] = [piece[0], piece[1]];
        let step = distance(from, to);
        if step > 0.0 && walked + step >= half {
            let share = (half - walked) / step;
            return Some(Point {
                lon: from.lon + (to.lon - from.lon) * share,
                lat: from.lat + (to.lat - from.lat) * share,
            });
        }
        walked += step;
    }
    line.first().copied()
}

/// The area of a polygon in m² on the sphere: its first ring without the others, which are holes.
///
/// R. G. Chamberlain and W. H. Duquette, *Some Algorithms for Polygons on a Sphere*, JPL Publication 07-03, 2007: good for
/// polygons that are small against the Earth. The sphere makes areas in Paris 0.3 % smaller than the ellipsoid.
pub fn area(rings: &[Vec<Point>]) -> f64 {
    let Some((outline, holes)) = rings.split_first() else { return 0.0 };
    let holes: f64 = holes.iter().map(|hole| ring_area(hole)).sum();
    (ring_area(outline) - holes).max(0.0)
}

fn ring_area(ring: &[Point]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    let doubled: f64 = ring
        .iter()
        .zip(next)
        .map(|(from, to)| {
            let width = (to.lon - from.lon).to_radians();
            width * (2.0 + from.lat.to_radians().sin() + to.lat.to_radians().sin())
        })
        .sum();
    (doubled * EARTH_RADIUS * EARTH_RADIUS / 2.0).abs()
}

fn distance(from: Point, to: Point) -> f64 {
    let half = |a: f64, b: f64| ((b - a).to_radians() / 2.0).sin().powi(2);
    let across = from.lat.to_radians().cos() * to.lat.to_radians().cos();
    let haversine = half(from.lat, to.lat) + across * half(from.lon, to.lon);
    2.0 * EARTH_RADIUS * haversine.sqrt().min(1.0).asin()
}

/// Whether an odd number of rings surround a place: counts the edges that a ray to the east crosses. An edge counts its
/// southern end and not its northern one, so neighbours never both have, nor both miss, a place on their border.
fn is_inside(rings: &[Vec<Point>], place: Point) -> bool {
    let crossed = rings.iter().flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)));
    let crossings = crossed.filter(|(from, to)| crosses(**from, **to, place)).count();
    crossings % 2 == 1
}

fn crosses(from: Point, to: Point, place: Point) -> bool {
    // The same edge has to give the same answer in whichever direction a neighbour walks along it.
    let (south, north) = if from.lat <= to.lat { (from, to) } else { (to, from) };
    let is_level = south.lat <= place.lat && place.lat < north.lat;
    is_level && {
        let share = (place.lat - south.lat) / (north.lat - south.lat);
        place.lon < south.lon + (north.lon - south.lon) * share
    }
}

fn read(text: &str) -> Vec<Arrondissement> {
    let mut all: Vec<Arrondissement> = Vec::new();
    for (number, ring) in text.lines().filter_map(ring_of) {
        match all.last_mut() {
            Some(known) if known.number == number => {
                known.rings.push(ring);
                known.bounds = Bounds::of(known.rings.iter().flatten());
            }
            Some(_) | None => {
                all.push(Arrondissement { number, bounds: Bounds::of(ring.iter()), rings: vec![ring] });
            }
        }
    }
    all
}

/// A line of the file: a number and places; `None` for a comment.
fn ring_of(line: &str) -> Option<(u8, Vec<Point>)> {
    let (number, places) = line.split_once(' ')?;
    let place = |text: &str| {
        let (lon, lat) = text.split_once(',')?;
        Some(Point { lon: lon.parse().ok()?, lat: lat.parse().ok()? })
    };
    Some((number.parse().ok()?, places.split(' ').map(place).collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "tests")]

    use super::*;

    fn at(lon: f64, lat: f64) -> Point {
        Point { lon, lat }
    }

    #[test]
    fn known_places_are_in_their_arrondissement() {
        for (place, lon, lat, expected) in [
            ("Louvre", 2.3376, 48.8606, Some(1)),
            ("Bourse", 2.3414, 48.8687, Some(2)),
            ("Panthéon", 2.3461, 48.8462, Some(5)),
            ("Tour Eiffel", 2.2945, 48.8584, Some(7)),
            ("Champs-Élysées", 2.30172, 48.87153, Some(8)),
            ("Bois de Vincennes", 2.4350, 48.8300, Some(12)),
            ("Bois de Boulogne", 2.2500, 48.8640, Some(16)),
            ("Sacré-Cœur", 2.3431, 48.8867, Some(18)),
            ("Père-Lachaise", 2.3934, 48.8614, Some(20)),
            ("Versailles", 2.1204, 48.8049, None),
            ("Null Island", 0.0, 0.0, None),
        ] {
            assert_eq!(arrondissement(at(lon, lat)), expected, "{place}");
        }
        assert_eq!(arrondissement(at(f64::NAN, 48.86)), None);
    }

    #[test]
    fn there_are_twenty_with_the_areas_the_city_publishes() {
        let published = [
            (1, 1_824_612.860),
            (4, 1_600_585.632),
            (8, 3_880_036.397),
            (12, 16_314_782.637),
            (20, 5_983_446.037),
        ];
        let numbers: Vec<u8> = ARRONDISSEMENTS.iter().map(|one| one.number).collect();
        assert_eq!(numbers, (1..=20).collect::<Vec<u8>>());
        for (number, expected) in published {
            let found = area(&ARRONDISSEMENTS[number - 1].rings);
            assert!((found / expected - 1.0).abs() < 0.004, "{number}: {found} against {expected}");
        }
    }

    #[test]
    fn a_place_is_never_in_two() {
        for step in 0..400 {
            let lat = 48.81 + f64::from(step % 20) * 0.005;
            let lon = 2.24 + f64::from(step / 20) * 0.0085;
            let holders = ARRONDISSEMENTS.iter().filter(|one| is_inside(&one.rings, at(lon, lat))).count();
            assert!(holders <= 1, "{lon},{lat} is in {holders}");
        }
        for corner in ARRONDISSEMENTS.iter().flat_map(|one| one.rings.iter().flatten()) {
            let holders = ARRONDISSEMENTS.iter().filter(|one| is_inside(&one.rings, *corner)).count();
            assert!(holders <= 1, "{corner:?} is in {holders}");
        }
    }

    #[test]
    fn a_hole_and_an_island_in_it() {
        let square =
            |from: f64, to: f64| vec![at(from, from), at(to, from), at(to, to), at(from, to), at(from, from)];
        let rings = [square(0.0, 9.0), square(2.0, 7.0), square(4.0, 5.0)];
        let inside = |lon, lat| is_inside(&rings, at(lon, lat));
        assert_eq!((inside(1.0, 1.0), inside(3.0, 3.0), inside(4.5, 4.5)), (true, false, true));
        assert!(!inside(9.5, 4.5));
    }

    #[test]
    fn lengths_are_those_of_the_sphere() {
        let champs_elysees = [
            at(2.300_995_147_533_876_6, 48.871_777_042_598_44),
            at(2.302_450_437_378_247, 48.871_294_715_355_91),
        ];
        assert!((length(&champs_elysees) - 119.186_358).abs() < 1e-6);
        let degree = EARTH_RADIUS * 1f64.to_radians();
        assert!((length(&[at(2.0, 48.0), at(2.0, 49.0)]) - degree).abs() < 1e-6);
        assert_eq!((length(&[]), length(&[at(2.0, 48.0)])), (0.0, 0.0));
    }

    #[test]
    fn the_middle_is_half_way() {
        let middle = middle(&[at(2.0, 48.0), at(2.0, 48.0), at(2.0, 48.1), at(2.0, 48.4)]);
        assert!(middle.is_some_and(|place| (place.lat - 48.2).abs() < 1e-9), "{middle:?}");
        assert_eq!(super::middle(&[at(1.0, 2.0), at(1.0, 2.0)]), Some(at(1.0, 2.0)));
        assert_eq!(super::middle(&[]), None);
    }

    #[test]
    fn holes_do_not_count_as_area() {
        let square = |side: f64| {
            vec![at(2.0, 48.0), at(2.0 + side, 48.0), at(2.0 + side, 48.0 + side), at(2.0, 48.0 + side)]
        };
        let (whole, hole) = (area(&[square(0.01)]), area(&[square(0.005)]));
        assert!((area(&[square(0.01), square(0.005)]) - (whole - hole)).abs() < 1e-6);
        let side = EARTH_RADIUS * 0.01f64.to_radians();
        assert!((whole / (side * side * 48.005f64.to_radians().cos()) - 1.0).abs() < 1e-6);
        assert_eq!(area(&[]), 0.0);
    }

    #[test]
    fn postal_codes_and_names() {
        assert_eq!(postal_code(8), "75008");
        assert_eq!((of_postal_code("75008"), of_postal_code("75116")), (Some(8), Some(16)));
        for outside in ["92100", "75000", "75021", "7508", ""] {
            assert_eq!(of_postal_code(outside), None, "{outside}");
        }
        assert_eq!((zone_name(1), zone_name(8)), ("Paris 1er".to_owned(), "Paris 8e".to_owned()));
    }
}
