//! Pages of the portal's API: a list of records, or an object with such a list in `results`.

use std::borrow::Cow;

use memchr::memchr_iter;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::counts::{Counts, Fault};
use super::instant::{Calendar, Moment};
use super::reading::reading;
use super::table::Table;
use super::{Damage, InputError, Reason, Refusal, detect, json, shape, texts};
use crate::MetricType;
use crate::hours::Reading;
use crate::sensor::{About, Point};

/// Records that are looked at to see of what type they are; the portal may leave out fields that have no value.
const LOOK: usize = 10;
/// Commas that a page may have, and so records, of which each is a pointer and a length while the page is read.
const MOST_COMMAS: usize = 4 << 20;

/// A page of one of the two types of sensors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'t> {
    /// The whole document.
    pub(super) text: &'t [u8],
    /// Where it comes from.
    pub(super) file: &'t str,
    /// What it should hold.
    pub(super) kind: MetricType,
}

/// A value as it is written, so that numbers become the same integers as those of an export, and a value about the
/// sensor that makes no sense costs no hour.
type Raw<'t> = Option<&'t RawValue>;

/// An object with a list of records.
#[derive(Deserialize)]
struct Results<'t> {
    #[serde(borrow)]
    results: Vec<&'t RawValue>,
}

/// What a record of either type says, under the names that either type gives it.
#[derive(Deserialize)]
struct Record<'t> {
    #[serde(borrow, alias = "id_compteur")]
    iu_ac: Raw<'t>,
    #[serde(borrow, alias = "nom_compteur")]
    libelle: Raw<'t>,
    #[serde(borrow, alias = "date")]
    t_1h: Raw<'t>,
    #[serde(borrow, alias = "sum_counts")]
    q: Raw<'t>,
    #[serde(borrow)]
    k: Raw<'t>,
    #[serde(borrow)]
    etat_trafic: Raw<'t>,
    #[serde(borrow)]
    iu_nd_amont: Raw<'t>,
    #[serde(borrow)]
    libelle_nd_amont: Raw<'t>,
    #[serde(borrow)]
    iu_nd_aval: Raw<'t>,
    #[serde(borrow)]
    libelle_nd_aval: Raw<'t>,
    #[serde(borrow, alias = "coordinates")]
    geo_point_2d: Raw<'t>,
    #[serde(borrow)]
    geo_shape: Raw<'t>,
}

impl Page<'_> {
    /// Reads the records into a worker's table.
    pub(super) fn read(&self, table: &mut Table<'_>, calendar: &mut Calendar) -> Result<Counts, Fault> {
        let text = std::str::from_utf8(self.text).map_err(|error| Fault::not_utf8(self.text, error))?;
        let mut counts = Counts::default();
        for record in self.records(text)? {
            let number = counts.lines;
            counts.lines += 1;
            counts.rows += 1;
            let kept = match serde_json::from_str::<Record<'_>>(record.get()) {
                Ok(record) => record.keep(self.kind, table, calendar).map_err(|fault| fault.after(number))?,
                Err(_) => Err(Reason::BadRecord),
            };
            if let Err(reason) = kept {
                counts.reject(reason, number);
            }
        }
        Ok(counts)
    }

    /// The records of a page of the right type.
    fn records<'t>(&self, text: &'t str) -> Result<Vec<&'t RawValue>, Fault> {
        if memchr_iter(b',', self.text).count() > MOST_COMMAS {
            return Err(self.refuse(Refusal::TooMuch(MOST_COMMAS * size_of::<&RawValue>())));
        }
        let list = if text.trim_start().starts_with('[') {
            serde_json::from_str(text)
        } else {
            serde_json::from_str(text).map(|page: Results<'t>| page.results)
        };
        let Ok(list) = list else { return Err(self.no_list(text)) };
        let types = list.iter().take(LOOK).map(|record| {
            let record = json::read(self.file, record.get().as_bytes()).ok();
            record.and_then(|record| detect::by_record(&record))
        });
        let types: Vec<MetricType> = types.flatten().collect();
        // The reference has the same ids: a record without the fields of counts looks like one of it.
        match types.first() {
            _ if list.is_empty() || types.contains(&self.kind) => Ok(list),
            Some(found) => Err(self.refuse(Refusal::WrongType { found: *found, wanted: self.kind })),
            None => Err(self.unknown("records with the fields of its API")),
        }
    }

    /// Why a document is no page.
    fn no_list(&self, text: &str) -> Fault {
        if let Some(form) = json::other_form(text.as_bytes()) {
            return self.refuse(Refusal::OtherForm(form));
        }
        if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
            let line = (error.line() as u64).saturating_sub(1);
            return Fault::At(line, Damage::Json(error.to_string()));
        }
        let document = json::read(self.file, text.as_bytes()).ok();
        let found = document.and_then(|document| detect::by_fields(&document));
        match found.filter(|found| *found != self.kind) {
            Some(found) => self.refuse(Refusal::WrongType { found, wanted: self.kind }),
            None => self.unknown("list of records"),
        }
    }

    fn unknown(&self, missing: &str) -> Fault {
        let (missing, begins) = (missing.to_owned(), detect::beginning(self.text));
        self.refuse(Refusal::Unknown { wanted: self.kind, missing, begins })
    }

    fn refuse(&self, why: Refusal) -> Fault {
        InputError::refused(self.file, why).into()
    }
}

impl Record<'_> {
    /// Keeps what a record says, or tells why it is rejected.
    fn keep(
        &self,
        kind: MetricType,
        table: &mut Table<'_>,
        calendar: &mut Calendar,
    ) -> Result<Result<(), Reason>, Fault> {
        let id = text(self.iu_ac);
        let (moment, reading) = match self.measured(&id, kind, calendar) {
            Ok(measured) => measured,
            Err(reason) => return Ok(Err(reason)),
        };
        let place = match table.find(id.as_bytes()) {
            Some(place) => place,
            None => table.insert(id.as_bytes()).map_err(|full| Fault::At(0, full))?,
        };
        table.forget_texts(place);
        table.learn(place, self.about())?;
        table.add(place, moment, reading)?;
        Ok(Ok(()))
    }

    /// What was measured, and when.
    fn measured(
        &self,
        id: &str,
        kind: MetricType,
        calendar: &mut Calendar,
    ) -> Result<(Moment, Reading), Reason> {
        texts::id(id.as_bytes())?;
        self.check_texts()?;
        let moment = calendar.read(text(self.t_1h).as_bytes())?;
        let [flow, occupancy, state] = [self.q, self.k, self.etat_trafic].map(text);
        let needs_flow = kind == MetricType::Bikes;
        let reading = reading(flow.as_bytes(), occupancy.as_bytes(), state.as_bytes(), needs_flow)?;
        Ok((moment, reading))
    }

    /// Whether what it says of the sensor is such as can be kept.
    fn check_texts(&self) -> Result<(), Reason> {
        [self.libelle, self.iu_nd_amont, self.libelle_nd_amont, self.iu_nd_aval, self.libelle_nd_aval]
            .into_iter()
            .try_for_each(|raw| texts::text(text(raw).as_bytes()))?;
        texts::shape(self.geo_shape.map_or("", RawValue::get).as_bytes())
    }

    fn about(&self) -> About {
        let node = |id, name| shape::node(text(id).into_owned(), text(name).into_owned());
        let point = self.geo_point_2d.and_then(|raw| serde_json::from_str(raw.get()).ok());
        About {
            name: text(self.libelle).into_owned(),
            point: point.and_then(|Point { lon, lat }| shape::point(lon, lat)),
            line: self.geo_shape.map(|raw| shape::line(raw.get())).unwrap_or_default(),
            upstream: node(self.iu_nd_amont, self.libelle_nd_amont),
            downstream: node(self.iu_nd_aval, self.libelle_nd_aval),
        }
    }
}

/// The text of a string, or of a number given for one.
fn text(raw: Raw<'_>) -> Cow<'_, str> {
    let raw = raw.map_or("", RawValue::get);
    if !raw.starts_with('"') {
        return Cow::Borrowed(raw);
    }
    let text: String = serde_json::from_str(raw).unwrap_or_default();
    Cow::Owned(text.trim().to_owned())
}
