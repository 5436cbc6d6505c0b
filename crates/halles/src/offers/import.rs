//! `halles offers import`: files of offers and users into the store, with a bar and a report of each bad line.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use offers::import::{self, Imported, Kind, Records, Report};
use offers::inventory::ProductStock;
use store::{OpenError, Store};

use crate::cli::OffersImportArgs;
use crate::config::Settings;
use crate::database;
use crate::product_stock::RetailStock;

/// The endings of the files that are taken from a folder.
const ENDINGS: [&str; 3] = ["csv", "json", "jsonl"];

/// A file whose lines are all good in themselves.
struct Checked {
    path: PathBuf,
    records: Records,
}

/// Reads all files, and imports them unless `dry_run`. Returns the text to print.
///
/// Fails with a report of every bad line of every file; then nothing was imported.
pub async fn run(settings: &Settings, args: &OffersImportArgs) -> anyhow::Result<String> {
    let files = read_all(&files(&args.files)?, args.kind.map(Kind::from), settings)?;
    let counts = count(&files);
    let read = told(&counts);
    if args.dry_run {
        return Ok(format!("{read} read, all good; nothing imported (--dry-run)\n"));
    }
    let options = database::options(settings);
    let store = tokio::task::spawn_blocking(move || Store::open(options)).await?.map_err(|error| {
        // There is no call for users: what is known of them is learned.
        let has_call = matches!(error, OpenError::InUse { .. }) && counts[0].0 > 0;
        let hint =
            if has_call { "; or send offers to the running server: POST /offers for new ones, PUT /offers/{offer_id} for others" } else { "" };
        anyhow::anyhow!("{error}{hint}")
    })?;
    let imported = write(&store, files, args.replace).await;
    tokio::task::spawn_blocking(move || store.close()).await?;
    let Imported { created, replaced, refused, .. } = imported?;
    let refused = if refused > 0 { format!(", {refused} refused: deleted meanwhile") } else { String::new() };
    Ok(format!("{read} imported ({created} offers new, {replaced} replaced or as they were{refused})\n"))
}

/// The files meant: folders become the files in them, in the order of their names.
fn files(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in given {
        if path.is_dir() {
            let found = folder(path).with_context(|| format!("cannot read {}", path.display()))?;
            if found.is_empty() {
                bail!("{} has no .csv, .json or .jsonl file", path.display());
            }
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn folder(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_file() && ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads and checks every file before any of them counts.
fn read_all(paths: &[PathBuf], kind: Option<Kind>, settings: &Settings) -> anyhow::Result<Vec<Checked>> {
    let bar = ProgressBar::new_spinner();
    let (mut files, mut wrong) = (Vec::new(), String::new());
    for path in paths {
        let on_progress = |records: usize| {
            bar.set_message(format!("{}: {records} records read", path.display()));
            bar.tick();
        };
        match import::parse(&read(path)?, kind, settings.currency, on_progress) {
            Ok(records) => files.push(Checked { path: path.clone(), records }),
            Err(report) => describe(&mut wrong, path, &report),
        }
    }
    bar.finish_and_clear();
    if wrong.is_empty() { Ok(files) } else { bail!("nothing imported{wrong}") }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let size = fs::metadata(path).with_context(cannot)?.len();
    if size > import::MAX_BYTES as u64 {
        bail!("{} is larger than {} MiB: split it", path.display(), import::MAX_BYTES >> 20);
    }
    fs::read(path).with_context(cannot)
}

/// Checks all files against what is stored, then imports one after the other.
async fn write(store: &Store, files: Vec<Checked>, replace: bool) -> anyhow::Result<Imported> {
    let mut wrong = String::new();
    for file in &files {
        let report = import::check(store, &file.records).await?;
        if report.total > 0 {
            describe(&mut wrong, &file.path, &report);
        }
    }
    if !wrong.is_empty() {
        bail!("nothing imported{wrong}");
    }
    apply(store, files, replace).await
}

async fn apply(store: &Store, files: Vec<Checked>, replace: bool) -> anyhow::Result<Imported> {
    let stock: Arc<dyn ProductStock> = Arc::new(RetailStock);
    let total: usize = files.iter().map(|file| file.records.len()).sum();
    let bar = ProgressBar::new(total as u64);
    bar.set_style(ProgressStyle::with_template("importing {bar:40} {pos}/{len} {eta}")?);
    let mut imported = Imported::default();
    for file in files {
        let before = bar.position();
        let on_progress = |records: usize| bar.set_position(before + records as u64);
        let done = import::apply(store, &stock, file.records, replace, on_progress).await;
        imported += done.with_context(|| {
            format!(
                "{}: stopped after {} of {total} records; import the same files again for the rest",
                file.path.display(),
                bar.position()
            )
        })?;
    }
    bar.finish_and_clear();
    Ok(imported)
}

/// How many records of each kind, and in how many files.
fn count(files: &[Checked]) -> [(usize, &'static str); 3] {
    let of = |kind: Kind| {
        files.iter().filter(|file| file.records.kind() == kind).map(|file| file.records.len()).sum()
    };
    [(of(Kind::Offers), "offer"), (of(Kind::Users), "user"), (files.len(), "file")]
}

/// `3 offers, 2 users, 2 files`.
fn told(counts: &[(usize, &str)]) -> String {
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let told = counts.map(|(count, one)| format!("{count} {one}{}", if *count == 1 { "" } else { "s" }));
    told.collect::<Vec<_>>().join(", ")
}

/// Each bad line on a line of its own, with its file.
fn describe(text: &mut String, file: &Path, report: &Report) {
    let errors = if report.total == 1 { "error" } else { "errors" };
    // Writing into a text cannot fail.
    let _ = write!(text, "\n{}: {} {errors}", file.display(), report.total);
    for fault in &report.faults {
        let _ = write!(text, "\n  {fault}");
    }
    if report.total > report.faults.len() {
        let _ = write!(text, "\n  and {} more", report.total - report.faults.len());
    }
}
