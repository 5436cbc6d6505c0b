//! Files in the portal's two big formats, with invented contents, always the same ones.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use ::city::MetricType;
use anyhow::{Context, Result};
use kernel::Day;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Counters for bikes; their files go counter by counter, and their rows are long.
const COUNTERS: usize = 110;
/// Arcs; their files go hour by hour.
const ARCS: usize = 3_400;
/// The first day of the files, so that a bike file of full size passes changes of the clock both ways.
const FIRST_DAY: i64 = 19_417;

/// A file to be measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// 16 columns.
    Bikes,
    /// 15 columns, with quoted ones and a byte order mark.
    Roads,
}

impl Format {
    pub(super) const fn kind(self) -> MetricType {
        match self {
            Self::Bikes => MetricType::Bikes,
            Self::Roads => MetricType::Roads,
        }
    }

    /// The columns, in order.
    pub(super) const fn columns(self) -> &'static str {
        match self {
            Self::Bikes => {
                "Identifiant du compteur;Nom du compteur;Identifiant du site de comptage;\
                 Nom du site de comptage;Comptage horaire;Date et heure de comptage;\
                 Date d'installation du site de comptage;Lien vers photo du site de comptage;\
                 Coordonnées géographiques;Identifiant technique compteur;ID Photos;\
                 test_lien_vers_photos_du_site_de_comptage_;id_photo_1;url_sites;type_dimage;mois_annee_comptage"
            }
            Self::Roads => {
                "Identifiant arc;Libelle;Date et heure de comptage;Débit horaire;Taux d'occupation;Etat trafic;\
                 Identifiant noeud amont;Libelle noeud amont;Identifiant noeud aval;Libelle noeud aval;Etat arc;\
                 Date debut dispo data;Date fin dispo data;geo_point_2d;geo_shape"
            }
        }
    }

    /// Columns of the id, the hour and the flow.
    pub(super) const fn asked_for(self) -> [&'static str; 3] {
        match self {
            Self::Bikes => ["Identifiant du compteur", "Date et heure de comptage", "Comptage horaire"],
            Self::Roads => ["Identifiant arc", "Date et heure de comptage", "Débit horaire"],
        }
    }

    /// Writes a file of at least so many bytes; returns how many it has. Files of different editions tell of the same
    /// sensors and hours, with other values.
    pub(super) fn write(self, path: &Path, bytes: u64, edition: u64) -> Result<u64> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        let mut file = Counted { to: BufWriter::with_capacity(1 << 20, file), bytes: 0 };
        match self {
            Self::Bikes => bikes(&mut file, bytes, edition)?,
            Self::Roads => roads(&mut file, bytes, edition)?,
        }
        file.to.flush()?;
        Ok(file.bytes)
    }
}

struct Counted<W> {
    to: W,
    bytes: u64,
}

impl<W: Write> Counted<W> {
    fn text(&mut self, text: &str) -> Result<()> {
        self.bytes += text.len() as u64;
        Ok(self.to.write_all(text.as_bytes())?)
    }
}

/// The hours of days, as Paris writes them.
fn hours(days: std::ops::Range<i64>) -> impl Iterator<Item = String> {
    let days = days.filter_map(Day::from_number);
    days.flat_map(|day| {
        let (start, end) = (day.start().micros(), day.plus(1).start().micros());
        let midnight = day.number() * 86_400_000_000;
        let first_offset = (midnight - start) / 3_600_000_000;
        let last_offset = (midnight + 86_400_000_000 - end) / 3_600_000_000;
        (0..(end - start) / 3_600_000_000).map(move |slot| {
            // In both directions the clock is changed at 1:00 UTC.
            let offset = if slot - first_offset < 1 { first_offset } else { last_offset };
            let hour = slot + offset - first_offset;
            format!("{day}T{hour:02}:00:00+{offset:02}:00")
        })
    })
}

fn bikes(file: &mut Counted<impl Write>, bytes: u64, edition: u64) -> Result<()> {
    let mut rng = SmallRng::seed_from_u64(4);
    file.text(&format!("{}\n", Format::Bikes.columns()))?;
    let counters: Vec<[String; 3]> = (0..COUNTERS).map(|number| counter(number, &mut rng)).collect();
    let length: usize = counters.iter().flatten().map(String::len).sum::<usize>() / COUNTERS + 40;
    let days = i64::try_from(bytes / (length * COUNTERS * 24) as u64)? + 1;
    let hours: Vec<String> = hours(FIRST_DAY..FIRST_DAY + days).collect();
    let (mut row, mut rng) = (String::new(), SmallRng::seed_from_u64(edition));
    for [head, middle, tail] in &counters {
        let busy = rng.random_range(5.0..300.0);
        for (number, hour) in hours.iter().enumerate() {
            let count = flow(busy, number, &mut rng);
            row.clear();
            writeln!(row, "{head};{count};{hour};{middle};{tail};{}", &hour[..7])?;
            file.text(&row)?;
        }
    }
    Ok(())
}

/// What a counter's rows say before the count, behind the hour and at last. Now and then the id is missing.
fn counter(number: usize, rng: &mut SmallRng) -> [String; 3] {
    let site = 100_003_096 + number;
    let name = format!("{} avenue Inventée N° {number}", rng.random_range(1..200));
    let id = if number % 20 == 7 { String::new() } else { format!("{site}-{}", site + 1_000_000) };
    let mut photo = || {
        let hash = format!("{:032x}{:032x}", rng.random::<u128>(), rng.random::<u128>());
        format!("https://photos.invalid/file/{hash}/{hash}/Y2H{site}_20200818121425.jpg")
    };
    let (first, photos) = (photo(), [photo(), photo(), photo(), photo(), photo()].join("/"));
    let (lat, lon) = (48_800 + number % 100, 2_250 + number % 150);
    let middle = format!("2018-12-07;{first};48.{lat:05},2.{lon:05};Y2H{site}");
    [
        format!("{id};{name} NE-SO;{site};{name}"),
        middle,
        format!("{photos};{first};{};https://sites.invalid/{site};jpg", photo()),
    ]
}

fn roads(file: &mut Counted<impl Write>, bytes: u64, edition: u64) -> Result<()> {
    let mut rng = SmallRng::seed_from_u64(15);
    file.text(&format!("\u{feff}{}\r\n", Format::Roads.columns()))?;
    let arcs: Vec<([String; 2], f64)> =
        (0..ARCS).map(|number| (arc(number, &mut rng), rng.random_range(50.0..2_000.0))).collect();
    let (mut row, mut rng) = (String::new(), SmallRng::seed_from_u64(edition));
    for (number, hour) in hours(FIRST_DAY..i64::MAX).enumerate() {
        if file.bytes >= bytes {
            break;
        }
        for ([head, tail], busy) in &arcs {
            row.clear();
            write!(row, "{head};{hour};")?;
            let occupancy = rng.random_range(0..6_000_000_u32);
            match rng.random_range(0..20_u8) {
                0 => row.push_str(";;Inconnu"),
                1 => write!(row, ";{}.{:05};Fluide", occupancy / 100_000, occupancy % 100_000)?,
                _ => {
                    let count = flow(*busy, number, &mut rng);
                    let state = ["Fluide", "Fluide", "Pré-saturé", "Saturé"][occupancy as usize / 1_500_000];
                    write!(row, "{count}.0;{}.{:05};{state}", occupancy / 100_000, occupancy % 100_000)?;
                }
            }
            row.push_str(tail);
            file.text(&row)?;
        }
    }
    Ok(())
}

/// What an arc's rows say before the hour and behind the state.
fn arc(number: usize, rng: &mut SmallRng) -> [String; 2] {
    let (id, name) = (1_000 + number, format!("Rue_Inventee_{}", number / 7));
    let mut place = || {
        let (lon, lat) = (rng.random_range(2.25..2.42_f64), rng.random_range(48.81..48.9_f64));
        (lon, lat)
    };
    let (from, to) = (place(), place());
    let tail = format!(
        ";{0};{name}-Nord;{1};{name}-Sud;Invalide;1996-10-10;2023-01-01;{2}, {3};\
         \"{{\"\"coordinates\"\": [[{4}, {5}], [{6}, {7}]], \"\"type\"\": \"\"LineString\"\"}}\"\r\n",
        2 * number,
        2 * number + 1,
        f64::midpoint(from.1, to.1),
        f64::midpoint(from.0, to.0),
        from.0,
        from.1,
        to.0,
        to.1,
    );
    [format!("{id};{name}"), tail]
}

/// A plausible count: more by day than by night.
fn flow(busy: f64, hour: usize, rng: &mut SmallRng) -> u32 {
    const DAY: [f64; 4] = [0.05, 0.8, 1.0, 0.5];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
    let count = (busy * DAY[hour / 6 % 4] * rng.random_range(0.5..1.5)) as u32;
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_written_as_in_paris() {
        let of = |date: &str| -> Vec<String> {
            let day = date.parse::<Day>().map(Day::number).unwrap_or_default();
            hours(day..day + 1).collect()
        };
        let (spring, autumn) = (of("2024-03-31"), of("2024-10-27"));
        assert_eq!((spring.len(), autumn.len()), (23, 25));
        assert_eq!(spring[1..3], ["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00"]);
        assert_eq!(spring[22], "2024-03-31T23:00:00+02:00");
        assert_eq!(autumn[2..4], ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"]);
        assert_eq!(autumn[24], "2024-10-27T23:00:00+01:00");
    }
}
