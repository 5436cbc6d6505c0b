//! `halles offers`: what can be asked for, and how.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, value_parser};
use kernel::{Day, Timestamp};
use offers::engagement::EventType;
use offers::evaluate::{RewardRule, Target};
use offers::learn::PolicyName;

use super::StoreArgs;

/// Flags of `halles offers`.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  halles offers import offers.csv users.jsonl
  halles offers decisions --from 2026-11-01 --output november.jsonl
  halles offers evaluate --log november.jsonl --policy thompson
  halles offers simulate --svg curves.svg")]
pub struct OffersArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: OffersCommand,
}

/// What can be done with offers beside a server.
#[derive(Debug, Subcommand)]
pub enum OffersCommand {
    /// Imports offers and users from files: every file is checked before anything is changed.
    Import(ImportArgs),
    /// Tells from a log what another policy would have brought.
    Evaluate(EvaluateArgs),
    /// Lets policies learn in a world whose truth is known, and compares them.
    Simulate(SimulateArgs),
    /// Writes which offers were shown to whom, with which chance, and what came of it.
    Decisions(DecisionsArgs),
}

/// Flags of `halles offers import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles offers import offers.csv --dry-run
      read and check every line, change nothing

  halles offers import offers.csv users.jsonl
  halles offers import export/ --data /var/lib/halles
      each file tells by its columns what it holds; of a folder all .csv, .json and .jsonl files, in
      the order of their names; of an offer that is in several files the last counts

  halles offers import users.csv --replace
      the affinities of the file replace those that were learned; without it those stay

A file is CSV with a header line (commas, semicolons or tabs), a JSON array, or JSON lines:
  offer_id,offer_name,category,discount_type,discount_value,priority,inventory_count
  OFF001,Premium Laptop Deal,electronics,PERCENTAGE,25,95,50
Also, if wanted: expires_at (2026-12-31T23:00:00Z), min_purchase_amount, max_discount_cap,
target_segments (premium|vip), margin_percent, produit_id, status (ACTIVE or PAUSED). Users are
  {\"user_id\": \"USER001\", \"segment\": \"premium\", \"affinities\": {\"electronics\": 30}}
or the same as CSV (electronics:30|food:12). Offers are created or replaced; a file imported twice
leaves the same as once. While a server runs on the same SQLite data this is refused: stop it, or
send it offers (POST /offers for new ones, PUT /offers/ID for others).")]
pub struct ImportArgs {
    /// Files, or folders of files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What the files hold, when their columns do not tell.
    #[arg(long, value_enum)]
    pub kind: Option<OffersKind>,
    /// Puts the affinities of the files in the place of those that were learned.
    #[arg(long)]
    pub replace: bool,
    /// Reads and checks the files without importing them.
    #[arg(long)]
    pub dry_run: bool,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OffersKind {
    /// Offers.
    Offers,
    /// Users.
    Users,
}

impl From<OffersKind> for offers::import::Kind {
    fn from(kind: OffersKind) -> Self {
        match kind {
            OffersKind::Offers => Self::Offers,
            OffersKind::Users => Self::Users,
        }
    }
}

/// Flags of `halles offers evaluate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles offers decisions --output log.jsonl
  halles offers evaluate --log log.jsonl --policy uniform
      what would random offers have brought? the log of another policy tells

  halles offers evaluate --log bts_men.csv.gz --format obd --policy uniform
      the same on a log of the Open Bandit Dataset

  halles offers evaluate --log log.jsonl --policy thompson --reward CLICK=0.2,REDEMPTION=1 --clip 20
      other rewards than clicks; weights above 20 are cut, which trades spread for bias

Estimators: IPS (unbiased, wide), SNIPS (narrower), DR (with a model of each offer; usually the
best), each with its 95 % interval: one that holds the log's own value tells no difference. A
warning says when the log is too short, or too different from the policy, for an answer. `logged` is
what was shown, `greedy` always the offers with the best rates; the other names are those of the
key offers.policy.")]
pub struct EvaluateArgs {
    /// The log, plain or compressed with gzip; - for standard input.
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,
    /// The policy to judge.
    #[arg(long, value_name = "NAME")]
    pub policy: Target,
    /// What kind of log it is.
    #[arg(long, value_enum, default_value_t = LogKind::Decisions)]
    pub format: LogKind,
    /// Another log of the same kind, for a policy to learn from; without it, each half of the log judges what was
    /// learned from the other.
    #[arg(long, value_name = "FILE")]
    pub training: Option<PathBuf>,
    /// What counts: click, redemption, or weights such as CLICK=0.2,REDEMPTION=1.
    #[arg(long, value_name = "RULE", default_value = "click", value_parser = reward)]
    pub reward: RewardRule,
    /// The largest weight of a row; larger ones are cut.
    #[arg(long, value_name = "WEIGHT")]
    pub clip: Option<f64>,
    /// What is independent of each other: decisions, or users, when few of them come again and again.
    #[arg(long, value_enum, default_value_t = UnitKind::Decision)]
    pub by: UnitKind,
    /// Decides which half of the log a row is in, and what a policy draws.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Prints the report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The kinds of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogKind {
    /// What `halles offers decisions` writes.
    #[value(alias = "halles")]
    Decisions,
    /// CSV of the Open Bandit Dataset.
    Obd,
}

impl From<LogKind> for offers::evaluate::Format {
    fn from(kind: LogKind) -> Self {
        match kind {
            LogKind::Decisions => Self::Decisions,
            LogKind::Obd => Self::Obd,
        }
    }
}

/// What is independent of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnitKind {
    /// Each decision.
    Decision,
    /// Each user, all of their decisions together.
    User,
}

impl From<UnitKind> for offers::evaluate::Unit {
    fn from(kind: UnitKind) -> Self {
        match kind {
            UnitKind::Decision => Self::Decision,
            UnitKind::User => Self::User,
        }
    }
}

/// Reads `click`, `redemption`, or weights by event type.
fn reward(text: &str) -> Result<RewardRule, String> {
    match text {
        "click" => return Ok(RewardRule::Click),
        "redemption" => return Ok(RewardRule::Redemption),
        _ => {}
    }
    let weights = text.split(',').map(|part| {
        let (name, weight) =
            part.split_once('=').ok_or("write click, redemption, or CLICK=0.2,REDEMPTION=1")?;
        let name: EventType = name.trim().parse().map_err(|error| format!("{name} {error}"))?;
        let weight: f64 = weight.trim().parse().map_err(|_| format!("{weight} is not a number"))?;
        if (0.0..=1.0).contains(&weight) {
            Ok((name, weight))
        } else {
            Err(format!("{weight} is not a number from 0 to 1"))
        }
    });
    weights.collect::<Result<_, _>>().map(RewardRule::Weights)
}

/// Flags of `halles offers simulate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles offers simulate --seeds 5 --impressions 300000
      all policies among seeded users who like some categories better, in a minute or so

  halles offers simulate --world prior_bts.yaml --campaign men --svg curves.svg --csv curves.csv
      a world of given Beta posteriors (each arm a category of its own), drawn and as numbers

  halles offers simulate --policies thompson,adaptive-thompson --drift --delay 1h
      half way the offers get each other's rates, and rewards come an hour late

The table shows, by tenths of the way, the rate of what was shown as a share of the best slate's
that never changes: true rates, not the clicks that chance gave. ± is a 95 % interval over the
seeds. The same flags give the same report.")]
pub struct SimulateArgs {
    /// Beta posteriors by campaign, as YAML; without it, seeded users.
    #[arg(long, value_name = "FILE", requires = "campaign")]
    pub world: Option<PathBuf>,
    /// The campaign of the world's file.
    #[arg(long, value_name = "NAME", requires = "world")]
    pub campaign: Option<String>,
    /// The policies to compare; without it all of them.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub policies: Vec<PolicyName>,
    /// Offers shown at once.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u16).range(1..=20))]
    pub slots: u16,
    /// Offers shown in a run, all slots together.
    #[arg(long, value_name = "N", default_value_t = 1_370_000, value_parser = value_parser!(u64).range(1_000..))]
    pub impressions: u64,
    /// Runs of each policy.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u64).range(1..=10_000))]
    pub seeds: u64,
    /// The seed of the users and of the first run; the next runs count up from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The offers get each other's rates, once, after so many offers shown [default with --drift alone: half way].
    #[arg(long, value_name = "N", num_args = 0..=1)]
    pub drift: Option<Option<u64>>,
    /// How late rewards come: 90s, 5m, 1h.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = seconds)]
    pub delay: f64,
    /// Decisions per second of the world's clock.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = rate)]
    pub rate: f64,
    /// Writes every hundredth of every curve as CSV.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Draws the curves as SVG.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Prints the report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Reads a time such as `90s`, `5m` or `1h`, in seconds.
fn seconds(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.char_indices().next_back() {
        Some((end, 's')) => (&text[..end], 1.0),
        Some((end, 'm')) => (&text[..end], 60.0),
        Some((end, 'h')) => (&text[..end], 3_600.0),
        Some(_) | None => (text, 1.0),
    };
    let number: Option<f64> = number.parse().ok();
    let seconds = number.map(|number| number * unit).filter(|seconds| (0.0..=DAYS).contains(seconds));
    seconds.ok_or_else(|| "write a time up to 30 days, such as 90s, 5m or 1h".to_owned())
}

/// The latest that a reward can come, in seconds.
const DAYS: f64 = 30.0 * 86_400.0;

fn rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| (0.001..=1e6).contains(rate))
        .ok_or_else(|| "write a number from 0.001 to 1000000".to_owned())
}

/// Flags of `halles offers decisions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles offers decisions --output log.jsonl
      all that is kept; works beside a running server

  halles offers decisions --from 2026-11-01 --to 2026-12-01 --output november.jsonl
  halles offers decisions --from 2026-11-21T08:00:00Z | head -n 1
      a day begins at midnight in Paris; without --output to standard output

One JSON line per decision, with the chance (propensity) of each offer that was shown, and the
events that named it within a day; then one line per event whose decision is not there: lost in a
crash, or never made.
`halles offers evaluate` reads it.")]
pub struct DecisionsArgs {
    /// The first day or instant.
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    pub from: Option<Timestamp>,
    /// The day or instant before which it ends.
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    pub to: Option<Timestamp>,
    /// The file to write; one that exists is replaced when all is written.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// An instant, or the beginning of a day in Paris.
fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<Day>() {
        return Ok(day.start());
    }
    text.parse().map_err(|_| "write a day, 2026-11-01, or an instant, 2026-11-01T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn rewards_are_a_word_or_weights() {
        assert_eq!(reward("click"), Ok(RewardRule::Click));
        assert_eq!(reward("redemption"), Ok(RewardRule::Redemption));
        let weights = BTreeMap::from([(EventType::Click, 0.2), (EventType::Redemption, 1.0)]);
        assert_eq!(reward("CLICK=0.2, REDEMPTION=1"), Ok(RewardRule::Weights(weights)));
        for wrong in ["", "clicks", "CLICK", "click=1", "CLICK=2", "CLICK=-1", "CLICK=x", "CLICK=NaN"] {
            assert!(reward(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_paris() {
        let read = |text: &str| instant(text).map(|at| at.to_string());
        assert_eq!(read("2026-11-01"), Ok("2026-10-31T23:00:00Z".to_owned()));
        assert_eq!(read("2026-11-01T08:00:00Z"), Ok("2026-11-01T08:00:00Z".to_owned()));
        assert!(read("yesterday").is_err());
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(["90s", "1.5m", "1h", "7"].map(seconds), [Ok(90.0), Ok(90.0), Ok(3_600.0), Ok(7.0)]);
        for wrong in ["", "s", "-1s", "1d", "1000h", "NaNs", "é"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
