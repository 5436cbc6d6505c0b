//! Fifteen roadworks, as the columns of the city's export.

use std::fmt::Write as _;

use kernel::Day;

use super::places::{PLACES, Place, STREETS, coordinates, point, quoted};

const HEADER: &str = "\u{feff}Identifiant;Identifiant CTV;Code postal de l'arrondissement;Numéro de STV;Typologie;\
    Maitre d'ouvrage;Objet;Description;Voie(s);Précisions de localisation;Date de début;Date de fin;\
    Impact sur la circulation;Détail de l'impact sur la circulation;Niveau de perturbation;Statut;URL LettreInfoChantier;\
    geo_shape;geo_point_2d\n";

/// Arrondissement, first and last day counted from the last day of the demonstration, impact, and the length of the
/// closed square's side in millionths of a degree. The 15th has more than three at a time: it is a critical zone.
const WORKS: [(usize, i32, i32, &str, i64); 15] = [
    (1, -60, 20, "RESTREINTE", 300),
    (4, -20, -5, "BARRAGE_TOTAL", 250),
    (6, -35, 90, "SENS_UNIQUE", 400),
    (8, -12, 2, "RESTREINTE", 500),
    (10, -3, 30, "BARRAGE_TOTAL", 350),
    (11, -90, -30, "IMPASSE", 200),
    (13, -25, 10, "RESTREINTE", 450),
    (15, -50, 40, "RESTREINTE", 600),
    (15, -14, 7, "BARRAGE_TOTAL", 300),
    (15, -30, 60, "SENS_UNIQUE", 250),
    (15, -8, 3, "RESTREINTE", 350),
    (17, -5, 5, "IMPASSE", 200),
    (18, 2, 25, "RESTREINTE", 300),
    (19, -40, 12, "", 400),
    (20, -10, 0, "RESTREINTE", 250),
];

/// The records of all works.
pub(super) fn records(last: Day) -> String {
    let mut text = HEADER.to_owned();
    for (number, (arrondissement, first, end, impact, side)) in WORKS.iter().enumerate() {
        let (street, corner) = (STREETS[arrondissement - 1], PLACES[arrondissement - 1]);
        let offset = i64::try_from(number).unwrap_or(0) * 150;
        let square = square((corner.0 + offset, corner.1), *side);
        let shape =
            quoted(&format!("{{\"coordinates\": [{}], \"type\": \"Polygon\"}}", coordinates(&square)));
        // One description has a line break in it, as the portal's do. Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "INV{number:06};{};750{arrondissement:02};9;{};Ville inventée;REFECTION_CHAUSSEE;\
             \"Chantier inventé,\nréfection de la chaussée\";{street} (inventé);;{};{};{impact};;1;2;;{shape};{}",
            800_000 + number,
            1 + number % 3,
            last.plus(*first),
            last.plus(*end),
            point(square[0]),
        );
    }
    text
}

/// A closed ring.
fn square((lon, lat): Place, side: i64) -> [Place; 5] {
    [(lon, lat), (lon + side, lat), (lon + side, lat + side), (lon, lat + side), (lon, lat)]
}
