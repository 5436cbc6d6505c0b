//! `halles city`: what can be asked for, and how.

use city::MetricType;
use clap::{Args, Subcommand};
use kernel::{Day, Timestamp};

use super::StoreArgs;

/// Flags of `halles city`.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  halles city import bikes velos.csv.gz
  halles city fetch
  halles city report 2024-03-31
  halles city quality comptages 2024-03-31

The types are bikes (bicycle counters), comptages (road counts), traffic (disruptions of public
transport), weather, chantiers (roadworks) and referentiel (the arcs of the road network).")]
pub struct CityArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: CityCommand,
}

/// What can be done with the city's data beside a server.
#[derive(Debug, Subcommand)]
pub enum CityCommand {
    /// Takes files of open data in: each is read to its end before any day of it counts.
    Import(CityImportArgs),
    /// Asks the configured portals for what is new, and takes it in.
    Fetch(FetchArgs),
    /// Prints the report of a day.
    Report(ReportArgs),
    /// Prints what is wrong with the data of a day, and how often it was corrected.
    Quality(QualityArgs),
}

/// Flags of `halles city import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles city import bikes comptage-velo-donnees-compteurs.csv
  halles city import comptages 2024/ --data /var/lib/halles
      of a folder all .csv, .json, .gz and .zip files, also those of the folders in it

  halles city import chantiers https://opendata.paris.fr/…/chantiers-perturbants/exports/csv
      fetched first, at most city.fetch.max_bytes

  zstdcat velos.csv.zst | halles city import bikes -
      - is standard input

Files are taken as the portals publish them, also packed (.gz, .zip): CSV with semicolons, or the
JSON of the API. All files of one call are one import, whose order means nothing. Loading a file
twice changes nothing; a corrected file replaces the hours that it has, and what was known before
can still be read (?connu_le=). Rows that cannot be used are counted by reason; a damaged file is an
error that names the line, and then no day is touched. An import that was cut off is made good by
importing again. While a server runs on the same SQLite data this is refused: send the file to the
server instead (POST /metrics/imports?type=TYPE).")]
pub struct CityImportArgs {
    /// What the files hold.
    #[arg(value_name = "TYPE")]
    pub kind: MetricType,
    /// Files, folders of files, addresses that begin with https:// or http://, or - for standard input.
    #[arg(required = true, value_name = "FILE|DIR|URL|-")]
    pub sources: Vec<String>,
    /// Prints the result as JSON.
    #[arg(long)]
    pub json: bool,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Flags of `halles city fetch`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles city fetch
      asks every configured portal

  halles city fetch bikes weather
      asks two of them

  HALLES_CITY_FETCH_SCHEDULE=04:30 halles serve
      a server that asks them itself, every night

Portals are asked only for what has changed since the last file that was taken in (ETag and
Last-Modified); failures are tried again, redirects are followed on the same host only. Addresses
are the keys city.fetch.*, see halles config. Exit code 1 when a portal could not be asked or its
file not be taken in; the others are taken in all the same.")]
pub struct FetchArgs {
    /// The types to fetch [default: all that have a portal].
    #[arg(value_name = "TYPE")]
    pub kinds: Vec<MetricType>,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Flags of `halles city report`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles city report 2024-03-31 | jq .summary
  halles city report 2024-03-31 --csv > 2024-03-31.csv
      for a spreadsheet: one block for each section, semicolons, UTF-8 with a byte order mark

  halles city report 2024-03-31 --known 2024-04-01
      as it was known at the end of that day, before later corrections

Works beside a running server. Exit code 1 when there is no data of that day.")]
pub struct ReportArgs {
    /// The day, YYYY-MM-DD.
    #[arg(value_name = "DATE")]
    pub day: Day,
    /// Prints CSV instead of JSON.
    #[arg(long)]
    pub csv: bool,
    /// As it was known at that instant, or at the end of that day.
    #[arg(long, value_name = "WHEN", value_parser = known)]
    pub known: Option<Timestamp>,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Flags of `halles city quality`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles city quality bikes 2024-03-31
  halles city quality comptages 2024-03-31 --json | jq '.constats'

Silent sensors, runs of one value, gaps, spikes, impossible values, unknown arcs, coverage; and each
version of the day with what it changed. Works beside a running server. Exit code 1 when there is no
data of that day.")]
pub struct QualityArgs {
    /// The type of the data.
    #[arg(value_name = "TYPE")]
    pub kind: MetricType,
    /// The day, YYYY-MM-DD.
    #[arg(value_name = "DATE")]
    pub day: Day,
    /// Prints JSON.
    #[arg(long)]
    pub json: bool,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// An instant, or the end of a day.
fn known(text: &str) -> Result<Timestamp, String> {
    city::api::known_at(text).map_err(str::to_owned)
}
