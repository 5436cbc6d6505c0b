//! `halles retail import`: a CSV file into the store, with a bar and a report of each bad line.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use kernel::{IdSource as _, SystemIds};
use retail::product::import::{self, ImportError, ImportReport, Imported, Progress};
use store::{OpenError, Store};

use crate::cli::ImportKind;
use crate::config::Settings;
use crate::database;

/// Reads a file, and imports it unless `dry_run`. Returns the line to print.
///
/// Fails with a report of every bad line; then nothing was imported.
pub async fn run(
    settings: &Settings,
    kind: ImportKind,
    file: &Path,
    dry_run: bool,
) -> anyhow::Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    if bytes.len() > import::MAX_BYTES {
        bail!("{} is larger than {} MiB: split it", file.display(), import::MAX_BYTES >> 20);
    }
    let bar = ProgressBar::new_spinner();
    let lines = match read(&bytes, kind, settings, &bar) {
        Ok(lines) => lines,
        Err(report) => bail!(describe(&report)),
    };
    bar.finish_and_clear();
    if dry_run {
        return Ok(format!("{} lines read, all good; nothing imported (--dry-run)\n", lines.len()));
    }
    let options = database::options(settings);
    let store = tokio::task::spawn_blocking(move || Store::open(options)).await?.map_err(|error| {
        let in_use = matches!(error, OpenError::InUse { .. });
        let hint =
            if in_use { "; or send the file to the running server: POST /produits/import" } else { "" };
        anyhow::anyhow!("{error}{hint}")
    })?;
    let imported = write(&store, lines).await;
    tokio::task::spawn_blocking(move || store.close()).await?;
    Ok(format!("{} lines imported\n", imported?.imported))
}

enum Lines {
    Products(Vec<import::ProductLine>),
    Stock(Vec<import::StockLine>),
}

impl Lines {
    fn len(&self) -> usize {
        match self {
            Self::Products(lines) => lines.len(),
            Self::Stock(lines) => lines.len(),
        }
    }
}

fn read(
    bytes: &[u8],
    kind: ImportKind,
    settings: &Settings,
    bar: &ProgressBar,
) -> Result<Lines, ImportReport> {
    let on_progress = |lines: usize| {
        bar.set_message(format!("{lines} lines read"));
        bar.tick();
    };
    match kind {
        ImportKind::Products => {
            import::parse_products(bytes, settings.currency, on_progress).map(Lines::Products)
        }
        ImportKind::Stock => import::parse_stock(bytes, on_progress).map(Lines::Stock),
    }
}

async fn write(store: &Store, lines: Lines) -> anyhow::Result<Imported> {
    let bar = ProgressBar::new(lines.len() as u64 * 2);
    bar.set_style(ProgressStyle::with_template("{msg:9} {bar:40} {pos}/{len} {eta}")?);
    let total = lines.len();
    let on_progress = |progress| match progress {
        Progress::Checked(lines) => {
            bar.set_message("checking");
            bar.set_position(lines as u64);
        }
        Progress::Imported(lines) => {
            bar.set_message("importing");
            bar.set_position((total + lines) as u64);
        }
    };
    let id = SystemIds.next(store.now());
    let imported = match lines {
        Lines::Products(lines) => import::import_products(store, id, None, lines, on_progress).await,
        Lines::Stock(lines) => import::import_stock(store, id, None, lines, on_progress).await,
    };
    bar.finish_and_clear();
    imported.map_err(|error| match error {
        ImportError::Refused(report) => anyhow::anyhow!(describe(&report)),
        ImportError::Claimed(_) | ImportError::Lost => {
            anyhow::anyhow!("the import was given up; nothing was imported")
        }
        ImportError::Unavailable(error) => anyhow::anyhow!("nothing was imported: {error}"),
        ImportError::Unfinished(error) => {
            anyhow::anyhow!(
                "the file counts, but not every line is in place yet ({error}); the next start finishes it"
            )
        }
    })
}

/// Each bad line on a line of its own.
fn describe(report: &ImportReport) -> String {
    let mut text = format!("nothing imported: {} errors in {} lines", report.total, report.read);
    for error in &report.errors {
        let column = if error.column.is_empty() { String::new() } else { format!(" {}:", error.column) };
        // Writing into a text cannot fail.
        let _ = write!(text, "\n  line {}:{column} {}", error.line, error.message);
    }
    if report.total > report.errors.len() {
        let _ = write!(text, "\n  and {} more", report.total - report.errors.len());
    }
    text
}
