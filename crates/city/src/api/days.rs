//! Days and ranges of days over HTTP.

use std::collections::BTreeMap;

use axum::extract::State;
use kernel::{Cursor, Day, Page, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{DbError, Tx, Unavailable};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use web::{Json, Paging, Query, Rejection, Routes};

use super::ask::{DayOrType, NO_FINDINGS, TypeOnDay, day_of, known, no_data, no_data_of, range};
use super::schema::{DayData, RangeData};
use crate::archive::answers::{AnswerError, DayAnswer, RangeDay};
use crate::archive::{PAGE_SENSORS, VersionInfo, queries};
use crate::quality::Findings;
use crate::{City, MetricType};

pub(super) fn routes() -> Routes<City> {
    Routes::new()
        .routes(routes!(show_day))
        .routes(routes!(show_day_or_range))
        .routes(routes!(show_quality))
        .routes(routes!(list_versions))
}

impl From<AnswerError> for Problem {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Store(error) => error.into(),
            AnswerError::Cursor(error) => Self::invalid("curseur", error.to_string()),
            AnswerError::NoFindings(_) => Self::new(&NO_FINDINGS, error.to_string()),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DayParams {
    /// As it was known at that instant, or at the end of that day; without it, as it is known now. Beside `curseur` it must
    /// be that of the first page, and may be left out.
    #[serde(rename = "connu_le")]
    #[param(rename = "connu_le", example = "2024-04-01")]
    known: Option<String>,
    /// The `curseur` of the page before, of the same type and day; it keeps to the version and to the instant that the
    /// first page was of.
    #[serde(rename = "curseur")]
    #[param(rename = "curseur", value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// How many counters or arcs at most, 1 to 500; a page may hold fewer and still have a next one.
    #[serde(rename = "limite", alias = "limit")]
    #[param(rename = "limite", minimum = 1, maximum = 500, example = 500)]
    limit: Option<usize>,
}

impl DayParams {
    fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(PAGE_SENSORS);
        if (1..=PAGE_SENSORS).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::invalid("limite", format!("must be a whole number from 1 to {PAGE_SENSORS}")))
    }
}

/// A type's metrics on a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CityDay)]
struct DayBody {
    /// The type.
    #[schema(example = "bikes")]
    metric_type: MetricType,
    /// The day, of Europe/Paris.
    date: Day,
    /// Which version of the day this is, from 1; records (`traffic`, `weather`, `chantiers`, `referentiel`) have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// When that version was published.
    #[serde(rename = "connu_le", skip_serializing_if = "Option::is_none")]
    known_at: Option<Timestamp>,
    /// The metrics; their form is that of the type.
    #[schema(value_type = DayData)]
    data: Box<RawValue>,
}

/// Show a type's metrics on a day
///
/// A day is one of Europe/Paris, with 23 or 25 hours when the clock changes; means are over the hours that there are.
/// Days are corrected when a later import says something else; `connu_le` reads what was known before. Lists of counters
/// and arcs come in pages of at most 500, by id: `data.curseur` names the next one.
#[utoipa::path(get, path = "/metrics/{type}/{date}", tag = "ville",
    params(("type" = MetricType, Path, description = "The type of metrics"),
           ("date" = Day, Path, description = "The day"), DayParams),
    responses((status = 200, body = DayBody),
              (status = 400, description = "Not a date, or no such type: the date is looked at first. Or a cursor that \
                             this list did not give out, or that is of another `connu_le`"),
              (status = 404, description = "There is no data of that type for that day, or was not yet")))]
async fn show_day(
    State(city): State<City>,
    TypeOnDay(kind, day): TypeOnDay,
    Query(params): Query<DayParams>,
) -> Result<Json<DayBody>, Rejection> {
    let (known, limit) = (known(params.known.as_deref())?, params.limit()?);
    let answer = city.part_of_day(kind, day, known, params.cursor, limit).await?;
    let DayAnswer { version, known_at, data } = answer.ok_or_else(|| no_data(kind, day, known))?;
    Ok(Json(DayBody { metric_type: kind, date: day, version, known_at, data }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RangeParams {
    /// Of a type: the first day. Without it, 31 days up to the last.
    #[serde(rename = "du")]
    #[param(rename = "du", value_type = Option<Day>)]
    from: Option<String>,
    /// Of a type: the last day, itself included; at most 400 days in all. Without it, the last day with data.
    #[serde(rename = "au")]
    #[param(rename = "au", value_type = Option<Day>)]
    to: Option<String>,
    /// Of `bikes` and `comptages`: only this counter or arc.
    #[param(example = "100003098-101003098")]
    id: Option<String>,
    /// As it was known at that instant, or at the end of that day.
    #[serde(rename = "connu_le")]
    #[param(rename = "connu_le", example = "2024-04-01")]
    known: Option<String>,
}

/// All types on a day, or a type on many days.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = CityDayOrRange)]
enum DayOrRange {
    /// All types on a day.
    Day(AllTypes),
    /// A type on many days.
    Range(Range),
}

/// The metrics of all types that have data of a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CityAllTypes)]
struct AllTypes {
    /// The day.
    date: Day,
    /// The metrics by type; lists of counters and arcs are first pages.
    #[schema(value_type = BTreeMap<String, DayData>)]
    metrics: BTreeMap<MetricType, Box<RawValue>>,
}

/// The days of a range that have data.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CityRange)]
struct Range {
    /// The type.
    metric_type: MetricType,
    /// The first day asked for.
    #[serde(rename = "du")]
    from: Day,
    /// The last day asked for.
    #[serde(rename = "au")]
    to: Day,
    /// The counter or the arc that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The days in order.
    #[serde(rename = "jours")]
    days: Vec<RangeBody>,
}

/// A day of a range.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CityRangeDay)]
struct RangeBody {
    /// The day.
    date: Day,
    /// The city's own numbers, or those of the counter or arc that was asked for.
    #[schema(value_type = RangeData)]
    data: Box<RawValue>,
}

/// Show all types on a day, or a type on many days
///
/// One path serves both: `/metrics/2024-03-31` is the day, `/metrics/bikes?du=2024-03-01&au=2024-03-31` the range. A
/// range has the city's own numbers of each day (without lists of counters, arcs, disruptions or works), or with `id` one
/// counter or arc. Days without data are left out. The reference alone is no data of a day.
#[utoipa::path(get, path = "/metrics/{date_or_type}", tag = "ville",
    params(("date_or_type" = String, Path, description = "A day, or a type of metrics", example = "bikes"), RangeParams),
    responses((status = 200, body = DayOrRange),
              (status = 400, description = "Neither a date nor a type, or not a range of at most 400 days"),
              (status = 404, description = "There is no data, or no such counter or arc")))]
async fn show_day_or_range(
    State(city): State<City>,
    asked: DayOrType,
    Query(params): Query<RangeParams>,
) -> Result<Json<DayOrRange>, Rejection> {
    Ok(Json(match asked {
        DayOrType::Day(day) => DayOrRange::Day(all_types(&city, day, &params).await?),
        DayOrType::Type(kind) => DayOrRange::Range(type_on_days(&city, kind, params).await?),
    }))
}

async fn all_types(city: &City, day: Day, params: &RangeParams) -> Result<AllTypes, Problem> {
    let known = known(params.known.as_deref())?;
    let mut metrics = BTreeMap::new();
    for kind in MetricType::ALL {
        if let Some(answer) = city.day(kind, day, known, None).await? {
            metrics.insert(kind, answer.data);
        }
    }
    // The reference is of every day from its first on, and says nothing of what happened on one.
    if metrics.keys().all(|kind| *kind == MetricType::Reference) {
        return Err(no_data_of(&format!("data of any type for {day}"), known));
    }
    Ok(AllTypes { date: day, metrics })
}

async fn type_on_days(city: &City, kind: MetricType, params: RangeParams) -> Result<Range, Problem> {
    let from = params.from.as_deref().map(|text| day_of("du", text)).transpose()?;
    let to = params.to.as_deref().map(|text| day_of("au", text)).transpose()?;
    let known = known(params.known.as_deref())?;
    let last = if to.is_none() { last_day(city, kind, known).await? } else { None };
    let (from, to) = range(from, to, last)?;
    let days = match &params.id {
        None => city.range(kind, (from, to), known).await?,
        Some(_) if !kind.has_sensors() => {
            return Err(Problem::invalid("id", "is only for bikes and comptages"));
        }
        Some(id) => {
            let days = city.sensor_range(kind, id.clone(), (from, to), known).await?;
            days.ok_or_else(|| Problem::not_found(&format!("{kind} sensor"), id))?
        }
    };
    if days.is_empty() {
        return Err(no_data_of(&format!("data of type {kind} from {from} to {to}"), known));
    }
    let days = days.into_iter().map(|RangeDay { day, data }| RangeBody { date: day, data }).collect();
    Ok(Range { metric_type: kind, from, to, id: params.id, days })
}

/// The last day of a type up to today: works and forecasts reach into the future.
async fn last_day(
    city: &City,
    kind: MetricType,
    known: Option<Timestamp>,
) -> Result<Option<Day>, Unavailable> {
    let today = city.store().now().paris_day();
    let read = move |tx: &mut Tx<'_>| {
        Ok::<_, Unavailable>(if kind.has_sensors() {
            queries::last_day(tx, kind, today, known)?
        } else {
            queries::extent(tx, kind, today)?.last
        })
    };
    Ok(city.store().read(read).await?.map(|last| last.min(today)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct QualityParams {
    /// As it was known at that instant, or at the end of that day.
    #[serde(rename = "connu_le")]
    #[param(rename = "connu_le", example = "2024-04-01")]
    known: Option<String>,
}

/// What is wrong with the data of a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CityQuality)]
struct Quality {
    /// The type.
    metric_type: MetricType,
    /// The day.
    date: Day,
    /// What was found.
    #[serde(flatten)]
    findings: Findings,
}

/// Show what is wrong with the data of a day
///
/// Silent and stuck sensors, gaps, spikes, impossible values, arcs that the reference does not have, and how many of the
/// expected hours were measured. Findings change no number. What is wrong with the rows of a file is told by its import;
/// of the types other than `bikes` and `comptages` there is nothing else to tell.
#[utoipa::path(get, path = "/metrics/{type}/{date}/qualite", tag = "ville",
    params(("type" = MetricType, Path, description = "The type of metrics"),
           ("date" = Day, Path, description = "The day"), QualityParams),
    responses((status = 200, body = Quality), (status = 400, description = "Not a date, or no such type"),
              (status = 404, description = "There is no data of that type for that day, or it has no findings")))]
async fn show_quality(
    State(city): State<City>,
    TypeOnDay(kind, day): TypeOnDay,
    Query(params): Query<QualityParams>,
) -> Result<Json<Quality>, Rejection> {
    let known = known(params.known.as_deref())?;
    let findings = city.findings(kind, day, known).await?.ok_or_else(|| no_data(kind, day, known))?;
    Ok(Json(Quality { metric_type: kind, date: day, findings }))
}

/// List the versions of a day
///
/// The latest first, each with the import that it comes from and with what it changed. Of the types other than `bikes` and
/// `comptages`, whose editions are of all days at once, those are told that changed something of the day, without
/// `modifications`.
#[utoipa::path(get, path = "/metrics/{type}/{date}/versions", operation_id = "list_city_versions", tag = "ville",
    params(("type" = MetricType, Path, description = "The type of metrics"),
           ("date" = Day, Path, description = "The day"), Paging),
    responses((status = 200, body = Page<VersionInfo>), (status = 400, description = "Not a date, or no such type"),
              (status = 404, description = "There is no data of that type for that day")))]
async fn list_versions(
    State(city): State<City>,
    TypeOnDay(kind, day): TypeOnDay,
    paging: Paging,
) -> Result<Json<Page<VersionInfo>>, Rejection> {
    let (before, limit) = (paging.after::<i64>()?, paging.limit);
    let read = move |tx: &mut Tx<'_>| Ok::<_, Unavailable>(versions(tx, kind, day, before, limit.probe())?);
    let versions = city.store().read(read).await?;
    if versions.is_empty() && before.is_none() {
        Err(no_data(kind, day, None))?;
    }
    Ok(Json(Page::cut(versions, limit, |version| version.version)))
}

fn versions(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<VersionInfo>, DbError> {
    if kind.has_sensors() {
        return queries::versions(tx, kind, day, before, limit);
    }
    queries::editions(tx, kind, day, before, limit)
}
