//! Twelve bicycle counters, as the 16 columns of the city's export.

use std::fmt::Write as _;

use kernel::Day;

use super::places::{PLACES, STREETS, point};
use super::{noise, wall, weather};

const HEADER: &str = "Identifiant du compteur;Nom du compteur;Identifiant du site de comptage;Nom du site de comptage;\
    Comptage horaire;Date et heure de comptage;Date d'installation du site de comptage;\
    Lien vers photo du site de comptage;Coordonnées géographiques;Identifiant technique compteur;ID Photos;\
    test_lien_vers_photos_du_site_de_comptage_;id_photo_1;url_sites;type_dimage;mois_annee_comptage\n";

/// Bicycles in the busiest hour of a working day, by counter; the place of each is that of every other arrondissement.
const PEAKS: [i64; 12] = [620, 410, 180, 530, 260, 340, 90, 450, 150, 220, 75, 300];

/// Percent of the peak in each hour of a working day, and of a Saturday or Sunday.
const WORKING: [i64; 24] =
    [4, 2, 1, 1, 2, 6, 18, 48, 100, 62, 34, 32, 38, 40, 36, 38, 52, 78, 96, 70, 44, 28, 18, 9];
const WEEKEND: [i64; 24] =
    [9, 6, 4, 3, 2, 2, 4, 8, 15, 24, 34, 42, 44, 46, 52, 56, 56, 52, 46, 38, 28, 22, 18, 13];

/// Counts four times too many, three days before the last.
const ASTRAY: usize = 3;
/// Has lost some hours, six days before the last.
const GAPPED: usize = 5;
/// Has been silent for five days.
const SILENT: usize = 10;
/// Has shown the same number since the day before the last.
const STUCK: usize = 11;

/// The rows of all counters, the latest days last.
pub(super) fn counts(days: &[Day]) -> String {
    let mut text = String::with_capacity(days.len() * 24 * PEAKS.len() * 220);
    text.push_str(HEADER);
    for (back, day) in (0..).zip(days.iter().rev()).collect::<Vec<_>>().into_iter().rev() {
        for counter in 0..PEAKS.len() {
            for hour in 0..wall::hours(*day) {
                if let Some(count) = count(counter, *day, back, hour) {
                    row(&mut text, counter, *day, hour, count);
                }
            }
        }
    }
    if let Some(last) = days.last() {
        spoil(&mut text, *last);
    }
    text
}

/// Rows that come twice, and rows of a counter whose id was lost.
fn spoil(text: &mut String, day: Day) {
    for hour in 7..10 {
        if let Some(count) = count(0, day, 0, hour) {
            row(text, 0, day, hour, count);
        }
        let time = wall::time(day, hour);
        // Writing to a String cannot fail.
        let _ = writeln!(text, ";Passage sans numéro (inventé);;;{hour};{time};;;;;;;;;;{}", month(day));
    }
}

fn row(text: &mut String, counter: usize, day: Day, hour: i64, count: i64) {
    let (place, street) = (PLACES[site(counter)], STREETS[site(counter)]);
    let (id, time) = (900_000_001 + counter, wall::time(day, hour));
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{id}-{};{street} (inventé) N-S;{id};{street} (inventé);{count};{time};2019-05-01;;{};INV{counter:05};;;;;jpg;{}",
        id + 1_000_000,
        point(place).replace(", ", ","),
        month(day)
    );
}

fn site(counter: usize) -> usize {
    (counter * 2 + usize::from(counter >= 10)) % PLACES.len()
}

fn month(day: Day) -> String {
    day.to_string().chars().take(7).collect()
}

/// How many bicycles passed, `None` for an hour that is missing; `back` counts days from the last.
fn count(counter: usize, day: Day, back: i64, hour: i64) -> Option<i64> {
    let of = [counter.try_into().unwrap_or(0), day.number(), hour];
    let clock = usize::try_from(wall::clock(day, hour)).unwrap_or(0);
    let profile = if day.weekday() > 5 { &WEEKEND } else { &WORKING };
    let of_day = noise::between(85, 115, [of[0], of[1], -1]);
    let usual = PEAKS[counter] * profile[clock] * noise::between(88, 112, of) * of_day / 1_000_000;
    let usual = if weather::is_rainy(day) { usual * 9 / 10 } else { usual };
    match counter {
        GAPPED if back == 6 && (9..14).contains(&hour) => None,
        SILENT if back < 5 => Some(0),
        STUCK if back == 0 || back == 1 && clock >= 10 => Some(37),
        ASTRAY if back == 3 => Some(usual * 4),
        _ => Some(usual),
    }
}
