//! Tests of reading as a whole.

#![expect(clippy::unwrap_used, reason = "tests")]

mod damage;
mod formats;
mod packed;
mod properties;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Facts, InputError, Limits, Progress, Read, SensorOfDay, Source, read};
use crate::MetricType;
use crate::hours::Hours;
use crate::sensor::{About, Described};

/// A header of nine columns, as the portal's bike files have.
const BIKES: &str = "Identifiant du compteur;Nom du compteur;Identifiant du site de comptage;Nom du site de comptage;\
                     Comptage horaire;Date et heure de comptage;Date d'installation du site de comptage;\
                     Lien vers photo du site de comptage;Coordonnées géographiques\n";
/// The header of fifteen columns of the portal's road files.
const ROADS: &str = "Identifiant arc;Libelle;Date et heure de comptage;Débit horaire;Taux d'occupation;Etat trafic;\
                     Identifiant noeud amont;Libelle noeud amont;Identifiant noeud aval;Libelle noeud aval;Etat arc;\
                     Date debut dispo data;Date fin dispo data;geo_point_2d;geo_shape\n";

/// A row of a bike file.
fn bike(id: &str, date: &str, count: &str) -> String {
    format!("{id};Quai {id};7;Quai;{count};{date};2019-05-01;https://photos.invalid/{id}.jpg;48.5,2.25\n")
}

/// A row of a road file.
fn road(id: &str, date: &str, flow: &str, occupancy: &str, state: &str) -> String {
    format!(
        "{id};Rue_{id};{date};{flow};{occupancy};{state};1;Rue-Nord;2;Rue-Sud;Invalide;1996-10-10;2023-01-01;\
         48.5, 2.25;\"{{\"\"coordinates\"\": [[2.25, 48.5], [2.5, 48.75]], \"\"type\"\": \"\"LineString\"\"}}\"\r\n"
    )
}

/// So many good rows of one counter, hour by hour.
fn good_rows(count: usize) -> String {
    (0..count).fold(String::new(), |mut rows, hour| {
        let (day, hour) = (hour / 24 % 28 + 1, hour % 24);
        write!(rows, "{}", bike("c1", &format!("2024-02-{day:02}T{hour:02}:00:00+01:00"), "5")).unwrap();
        rows
    })
}

fn source(name: &str, data: impl Into<Vec<u8>>) -> Source {
    Source::Bytes { name: name.to_owned(), data: data.into().into() }
}

/// Little blocks, so that small tests have many.
fn limits() -> Limits {
    Limits { threads: 2, block: 256, line: 4096, ..Limits::default() }
}

fn read_one(kind: MetricType, data: impl Into<Vec<u8>>) -> Result<Read, InputError> {
    read(kind, &[source("file", data)], &limits(), &())
}

/// The error of reading a file of bikes.
fn error_of(data: impl Into<Vec<u8>>) -> String {
    read_one(MetricType::Bikes, data).unwrap_err().to_string()
}

type Found = BTreeMap<(String, String), Hours>;

/// All hours, by day and sensor.
fn hours(read: &Read) -> Found {
    let Facts::Hours(days) = &read.facts else { panic!("these are records") };
    let days = days.iter().map(Result::unwrap);
    days.flat_map(|(day, sensors)| {
        sensors
            .into_iter()
            .map(move |sensor| ((day.to_string(), sensor.id), sensor.hours))
            .collect::<Vec<_>>()
    })
    .collect()
}

type Said = BTreeMap<(String, String), (usize, About)>;

/// What is said of sensors and in which slot, by day and sensor.
fn said(read: &Read) -> Said {
    let Facts::Hours(days) = &read.facts else { panic!("these are records") };
    let texts: BTreeMap<&str, _> = days.sensors().collect();
    let mut said = Said::new();
    for (day, sensors) in days.iter().map(Result::unwrap) {
        for SensorOfDay { id, described, .. } in sensors {
            let Some(Described { slot, number }) = described else { continue };
            let about = About::of_text(&texts[id.as_str()][number as usize]).unwrap();
            said.insert((day.to_string(), id), (slot, about));
        }
    }
    said
}

/// What is said of the only sensor on the only day.
fn about(read: &Read) -> About {
    let said = said(read);
    assert_eq!(said.len(), 1, "{said:?}");
    said.into_values().next().unwrap().1
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(data).unwrap();
    packed.finish().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut packed = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, data) in members {
        packed.start_file(*name, SimpleFileOptions::default()).unwrap();
        packed.write_all(data).unwrap();
    }
    packed.finish().unwrap().into_inner()
}

/// What was told of the progress.
#[derive(Default)]
struct Bar {
    begun: AtomicU64,
    advanced: AtomicU64,
}

impl Progress for Bar {
    fn begin(&self, bytes: u64) {
        self.begun.store(bytes, Ordering::Relaxed);
    }

    fn advance(&self, bytes: u64) {
        self.advanced.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Bar {
    fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    fn advanced(&self) -> u64 {
        self.advanced.load(Ordering::Relaxed)
    }
}
