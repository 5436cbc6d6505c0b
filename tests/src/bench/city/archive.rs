//! The archive of ten years: how long a day, an arc and the city take to be read from the store, and what the stores stall
//! still does while an import runs beside it.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ::city::MetricType::Roads;
use ::city::archive::commands::day::{
    self as commands, Attempt, Claim, Overtaken, Publication, STAGED_AT_ONCE, Staged,
};
use ::city::archive::commands::register::{self, Sighting};
use ::city::archive::{Changes, Facts, PAGE_SENSORS, RANGE_DAYS, SensorFacts, changed_blocks, queries};
use ::city::hours::{Hours, Reading, State};
use ::city::import::{ImportError, Importer, Watch};
use ::city::input::{Limits, Progress, Source};
use ::city::metrics::{SensorDay, roads};
use ::city::quality;
use ::city::sensor::{About, Described, Point};
use anyhow::{Result, anyhow, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use kernel::{Day, IdSource, SystemIds};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use store::{Call, DbError, Durability, Engine, Options, Store, Tx, Unavailable};
use testkit::TempDir;
use tokio::runtime::Runtime;
use web::Drain;

use super::super::latency::Latencies;
use super::super::orders::chain::{self, Demand};
use super::super::report::{Report, Target};
use super::files::Format;
use crate::halles::Data;

/// As many arcs as Paris counts on.
const ARCS: i64 = 3_500;
/// The first day of the archive.
const FIRST: &str = "2014-01-01";
/// How often each query is made.
const QUERIES: usize = 2_000;
/// So long is a file that is imported beside orders: some five days of all arcs, an import of a few seconds.
const BESIDE_BYTES: u64 = 150_000_000;

/// Measures reading from an archive of so many years, and orders beside an import.
///
/// # Errors
/// When something that is measured does not work.
pub(super) fn archive(
    report: &mut Report,
    runtime: &Runtime,
    years: i32,
    time: Duration,
    told: &dyn Fn(&str),
) -> Result<()> {
    let folder = TempDir::with_prefix("halles-bench-")?;
    told(&format!("filling an archive of {years} years of {ARCS} arcs"));
    runtime.block_on(fill(folder.path(), 365 * years))?;
    // Reading does not pay for what is still to be written to the disk.
    let file = File::open(folder.path().join("halles.db"))?;
    file.sync_all()?;
    let bytes = file.metadata()?.len();
    #[expect(clippy::cast_precision_loss, reason = "a size in bytes is far below 2^52")]
    let size = bytes as f64 / f64::from(1 << 30);
    let title = format!("archive of {years} years of {ARCS} arcs: size");
    report.add("archive.size", title, size, "GiB", Target::AtMost(6.0));
    told("reading it");
    read(report, runtime, &open(folder.path(), Durability::Full)?, 365 * years)?;
    drop(folder);
    beside(report, runtime, time, told)
}

fn open(folder: &Path, durability: Durability) -> Result<Store> {
    let engine = Engine::Sqlite { folder: folder.to_owned(), durability };
    Ok(Store::open(Options::new(engine, vec![retail::SCHEMA, offers::SCHEMA, ::city::SCHEMA]))?)
}

fn day(number: i32) -> Result<Day> {
    Ok(FIRST.parse::<Day>().map_err(|error| anyhow!(error))?.plus(number))
}

/// An arc as the city has them: a street with a line of two places.
fn about(number: i64) -> About {
    #[expect(clippy::cast_precision_loss, reason = "there are some thousand arcs")]
    let place = number as f64;
    let at = Point { lon: 2.25 + place % 60.0 / 500.0, lat: 48.82 + place / 60.0 / 800.0 };
    let end = Point { lon: at.lon + 0.0015, lat: at.lat + 0.0004 };
    About {
        name: format!("Rue_de_l_essai_{number}"),
        point: Some(at),
        line: vec![at, end],
        ..About::default()
    }
}

fn sighting(number: i64) -> Sighting {
    Sighting { id: number.to_string().into(), description: Some(about(number).to_text().into()) }
}

/// A day of every arc: flows and occupancies with as many decimals as the city publishes.
fn facts(rng: &mut StdRng) -> Facts {
    let described = Some(Described { slot: 23, number: 0 });
    (0..ARCS).map(|arc| (arc, SensorFacts { hours: hours(rng, arc), described })).collect()
}

fn hours(rng: &mut StdRng, arc: i64) -> Hours {
    let busy = 200 + i32::try_from(arc % 1_000).unwrap_or(0);
    let mut hours = Hours::default();
    for slot in 0..24 {
        let flow = if (7..21).contains(&slot) { busy } else { busy / 4 };
        let occupancy = flow * 2_000 + rng.random_range(0..600_000);
        let state = if occupancy > 2_000_000 { State::Saturated } else { State::Free };
        let reading = Reading {
            flow: Some((flow + rng.random_range(0..100)) * 1_000),
            occupancy: Some(occupancy),
            state,
        };
        hours.set(slot, reading);
    }
    hours
}

/// What is stored of a day besides its facts, worked out once: what other days have differs by its numbers only.
struct Tables {
    summary: String,
    totals: String,
    findings: String,
    pages: Vec<Vec<u8>>,
}

impl Tables {
    fn of(date: Day, facts: &Facts) -> Result<Self> {
        let named: Vec<(String, About)> = facts.keys().map(|arc| (arc.to_string(), about(*arc))).collect();
        let mut sensors: Vec<SensorDay<'_>> = named
            .iter()
            .zip(facts.values())
            .map(|((id, about), facts)| SensorDay { id, about, hours: &facts.hours })
            .collect();
        sensors.sort_by_key(|sensor| sensor.id);
        let (arcs, totals) = roads::day(date, &sensors);
        let pages = arcs.chunks(PAGE_SENSORS).map(|page| {
            let mut packed = GzEncoder::new(Vec::new(), Compression::new(4));
            packed.write_all(&serde_json::to_vec(page)?)?;
            Ok(packed.finish()?)
        });
        Ok(Self {
            summary: serde_json::to_string(&totals.global_metrics)?,
            totals: serde_json::to_string(&totals)?,
            findings: serde_json::to_string(&quality::of_day(Roads, date, &sensors))?,
            pages: pages.collect::<Result<_>>()?,
        })
    }
}

/// Runs a command of the archive.
async fn run<T: Send + 'static>(
    store: &Store,
    call: Call,
    f: impl Fn(&mut Tx<'_>, kernel::Timestamp) -> Result<T, store::Failure<Overtaken>> + Send + 'static,
) -> Result<T> {
    store.run(call, f).await.map_err(|error| anyhow!("filling the archive: {error:?}"))
}

/// Fills an archive by the commands that imports use.
async fn fill(folder: &Path, days: i32) -> Result<()> {
    let store = open(folder, Durability::Relaxed)?;
    let arcs: Vec<i64> = (0..ARCS).collect();
    for chunk in arcs.chunks(register::REGISTERED_AT_ONCE) {
        let seen: Vec<Sighting> = chunk.iter().map(|arc| sighting(*arc)).collect();
        let call = register::call(Roads);
        run(&store, call, move |tx, _| Ok(register::register(tx, Roads, &seen)?)).await?;
    }
    let mut rng = StdRng::seed_from_u64(7);
    let tables = Tables::of(day(0)?, &facts(&mut rng))?;
    for number in 0..days {
        write_day(&store, day(number)?, &facts(&mut rng), &tables).await?;
    }
    tokio::task::spawn_blocking(move || store.close()).await?;
    Ok(())
}

async fn write_day(store: &Store, date: Day, facts: &Facts, tables: &Tables) -> Result<()> {
    let import = SystemIds.next(store.now());
    let attempt = Attempt { kind: Roads, day: date, from: 0, import };
    let call = commands::call("bench.claim", &attempt);
    let claim = run(store, call, move |tx, now| Ok(commands::claim(tx, now, &attempt)?)).await?;
    ensure!(claim == Claim::Ours { leftovers: false }, "the archive is not empty");
    let blocks = changed_blocks(&Facts::new(), facts);
    let blocks = blocks.into_iter().map(|(number, facts)| Staged::Block { number, facts });
    let pages = (0..).zip(&tables.pages);
    let pages = pages.map(|(number, body)| Staged::Page { number, body: body.clone() });
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    for row in blocks.chain(pages).map(Some).chain([None]) {
        bytes += row.as_ref().map_or(STAGED_AT_ONCE, Staged::size);
        chunk.extend(row);
        if bytes >= STAGED_AT_ONCE {
            let rows = std::mem::take(&mut chunk);
            bytes = 0;
            let stage = move |tx: &mut Tx<'_>, now| commands::stage(tx, now, &attempt, &rows);
            run(store, commands::stage_call(&attempt), stage).await?;
        }
    }
    let publication = Publication {
        attempt,
        sensors: facts.len(),
        hours: facts.len() * 24,
        pages: tables.pages.len(),
        summary: tables.summary.clone(),
        totals: tables.totals.clone(),
        findings: tables.findings.clone(),
        changes: Changes::default(),
    };
    let publish = move |tx: &mut Tx<'_>, now| commands::publish(tx, now, &publication);
    run(store, commands::publish_call(&attempt), publish).await
}

/// A question: about days from one on, an arc, and a page. Returns how much was found.
type Question = fn(&mut Tx<'_>, (Day, Day), i64, i64) -> Result<usize, DbError>;

/// One page of a day's list of arcs, the first of a range.
fn page_of_day(tx: &mut Tx<'_>, (date, _): (Day, Day), _: i64, page: i64) -> Result<usize, DbError> {
    let version = queries::day(tx, Roads, date, None)?.map_or(0, |version| version.head.version);
    Ok(queries::page(tx, Roads, date, version, page)?.map_or(0, |body| body.len()))
}

/// The facts of one arc, and what is said of it.
fn range_of_arc(tx: &mut Tx<'_>, days: (Day, Day), arc: i64, _: i64) -> Result<usize, DbError> {
    let number = queries::sensor(tx, Roads, &arc.to_string())?.unwrap_or_default();
    let days = queries::sensor_range(tx, Roads, number, days, None)?;
    let mut said: Vec<_> =
        days.iter().filter_map(|(_, of_day)| Some((number, of_day.described?.number))).collect();
    said.dedup();
    queries::descriptions(tx, Roads, &said)?;
    Ok(days.len())
}

/// The city's own numbers.
fn range_of_city(tx: &mut Tx<'_>, days: (Day, Day), _: i64, _: i64) -> Result<usize, DbError> {
    Ok(queries::range(tx, Roads, days, None)?.len())
}

/// Asks each question many times, about days, arcs and pages drawn anew every time.
fn read(report: &mut Report, runtime: &Runtime, store: &Store, days: i32) -> Result<()> {
    let range = RANGE_DAYS.min(days);
    let pages = ARCS / i64::try_from(PAGE_SENSORS)?;
    let questions: [(&str, [&'static str; 2], Question); 3] = [
        ("archive: a page of a day", ["archive.page.p50", "archive.page.p99"], page_of_day),
        ("archive: 400 days of one arc", ["archive.arc.p50", "archive.arc.p99"], range_of_arc),
        ("archive: 400 days of the city", ["archive.city.p50", "archive.city.p99"], range_of_city),
    ];
    for (title, [middle, high], question) in questions {
        let mut rng = StdRng::seed_from_u64(11);
        let mut times = Vec::with_capacity(QUERIES);
        for _ in 0..QUERIES {
            let from = day(rng.random_range(0..=days - range))?;
            let (arc, page) = (rng.random_range(0..ARCS), rng.random_range(0..pages));
            let asked = (from, from.plus(range - 1));
            let began = Instant::now();
            let read = store.read(move |tx| question(tx, asked, arc, page).map_err(Unavailable::from));
            let found = runtime.block_on(read)?;
            times.push(began.elapsed());
            ensure!(found > 0, "{title}: nothing was found");
        }
        let mut latencies = Latencies::default();
        latencies.add(times);
        report.add(middle, format!("{title}: p50"), latencies.quantile(0.5), "ms", Target::None);
        report.add(high, "  p99", latencies.quantile(0.99), "ms", Target::AtMost(5.0));
    }
    Ok(())
}

/// Orders alone, and orders while files of all arcs are imported in the same process, one after the other: two editions
/// of the same days in turn, so that every hour of every arc is corrected each time.
fn beside(report: &mut Report, runtime: &Runtime, time: Duration, told: &dyn Fn(&str)) -> Result<()> {
    let filled = TempDir::with_prefix("halles-bench-")?;
    runtime.block_on(chain::fill(&Data::Folder(filled.path().to_owned())))?;
    told("orders alone");
    let order = |store| runtime.block_on(chain::order_on(store, Demand::Uniform, time));
    let mut alone = order(open(filled.path(), Durability::Full)?)?;
    report.add("beside.alone", "orders without an import", alone.per_second, "/s", Target::None);
    report.add("beside.alone.p99", "  p99", alone.latencies.quantile(0.99), "ms", Target::None);

    told("orders beside an import");
    let editions = [filled.path().join("one.csv"), filled.path().join("two.csv")];
    for (edition, file) in (1..).zip(&editions) {
        Format::Roads.write(file, BESIDE_BYTES, edition)?;
    }
    let store = open(filled.path(), Durability::Full)?;
    let drain = Drain::new();
    let limits = Limits { threads: 1, ..Limits::default() };
    let importer = Importer::new(store.clone(), Arc::new(SystemIds), drain.clone(), limits);
    let days = Arc::new(Published::default());
    let importing = runtime.spawn(imports(importer, editions, Arc::clone(&days)));
    let began = Instant::now();
    let mut busy = order(store)?;
    let seconds = began.elapsed().as_secs_f64();
    let published = days.count();
    drain.start();
    runtime.block_on(importing)??;
    report.add("beside.import", "orders beside an import", busy.per_second, "/s", Target::None);
    report.add("beside.import.p99", "  p99", busy.latencies.quantile(0.99), "ms", Target::None);
    let (title, target) = ("  beside an import / without", Target::AtLeast(0.5));
    report.add_ratio("beside/alone", title, "beside.import", "beside.alone", target);
    let title = "  days of all arcs corrected meanwhile";
    report.add("beside.days", title, published / seconds, "/s", Target::None);
    Ok(())
}

/// Imports files in turn until the importer is stopped, or the orders have ended and closed the store.
async fn imports(importer: Importer, files: [PathBuf; 2], days: Arc<Published>) -> Result<()> {
    for file in files.iter().cycle() {
        let watch = Arc::<Published>::clone(&days);
        match importer.run(Roads, vec![Source::File(file.clone())], watch).await {
            Ok(outcome) => ensure!(outcome.changed == outcome.days, "an edition says the same as the other"),
            Err(ImportError::Stopped | ImportError::Store(Unavailable::Closed)) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Counts the days that imports have published.
#[derive(Default)]
struct Published(AtomicU32);

impl Published {
    fn count(&self) -> f64 {
        self.0.load(Ordering::Relaxed).into()
    }
}

impl Progress for Published {
    fn begin(&self, _: u64) {}

    fn advance(&self, _: u64) {}
}

impl Watch for Published {
    fn published(&self, _: u64, _: u64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
