//! The command line.
//!
//! Flags that set a configuration key take their help from the table of keys, and their values are read there
//! too, so that a wrong value gives the same message wherever it was written.

mod city;
mod offers;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Flags, find};

pub use self::city::{CityArgs, CityCommand, CityImportArgs, FetchArgs, QualityArgs, ReportArgs};
pub use self::offers::{
    DecisionsArgs, EvaluateArgs, ImportArgs as OffersImportArgs, OffersArgs, OffersCommand, SimulateArgs,
};

/// Runs a chain of shops in a city: stock, sales, orders, payments, offers and the city's flow in one program.
#[derive(Debug, Parser)]
#[command(
    name = "halles",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  halles serve --demo          a chain with invented data on http://127.0.0.1:8000, open its /docs
  halles config                what is configured, and where each value comes from
  halles check                 verify stock, reservations, orders, offers and the city
  halles offers simulate       how fast each policy learns what people like
  halles city report DATE      the city's traffic on a day
  halles <COMMAND> --help      more about one command, with examples"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Log flags.
    #[command(flatten)]
    pub log: LogArgs,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server until SIGTERM or Ctrl-C, then finishes what is running.
    Serve(ServeArgs),
    /// Prints every setting and where its value comes from.
    Config(ConfigArgs),
    /// Verifies the books: stock, reservations, orders, payments, offers and the city's archive.
    Check(CheckArgs),
    /// Data of the stores.
    Retail(RetailArgs),
    /// Offers: imports, exports, and how well policies do.
    Offers(OffersArgs),
    /// The city's flow: open data in, reports out.
    City(CityArgs),
    /// Prints a completion script for a shell.
    Completions(CompletionsArgs),
}

/// Flags of all commands.
#[derive(Debug, Args)]
pub struct LogArgs {
    #[arg(long, global = true, value_name = "FORMAT", help = help("log.format"), help_heading = "Logs")]
    log_format: Option<String>,
    #[arg(long, global = true, value_name = "FILTER", help = help("log.filter"), help_heading = "Logs")]
    log_filter: Option<String>,
}

impl LogArgs {
    /// The keys that were given.
    pub fn flags(&self) -> Flags {
        given([("log.format", self.log_format.as_ref()), ("log.filter", self.log_filter.as_ref())])
    }
}

/// Flags of `halles serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles serve --demo
      invented shops, products and sales in ./data, on http://127.0.0.1:8000

  halles serve --data /var/lib/halles --listen 127.0.0.1:9000
      SQLite in a folder of your choice, another port

  halles serve --config /etc/halles.toml --only retail
      settings from a file, one stall only

  HALLES_DATABASE=postgres://halles:secret@db/halles halles serve
      PostgreSQL; in the environment its password is not shown by `ps`

When it accepts connections it prints one line: listening on http://ADDRESS")]
pub struct ServeArgs {
    /// All settings that have a flag.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// Flags of `halles config`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles config
      what `halles serve` would use here; each line could stand in halles.toml

  halles config --data /srv/halles --demo
      what it would use with these flags

  halles config --format json | jq -r '.[\"http.body_limit\"].source'
      for scripts: where a value comes from

Secrets are shown as ***. Unknown keys and values of the wrong form are errors, exit code 2.")]
pub struct ConfigArgs {
    /// How to print.
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
    /// The same flags as `serve`.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// Flags of `halles check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles check
      verify ./data; works beside a running server

  halles check --settled --json
      after a stop: unfinished orders are violations too; the report as JSON

  halles check --database postgres://halles@db/halles
      verify a PostgreSQL database

Exit codes: 0 all is well, 1 violations (each is printed), 2 the data could not be opened.")]
pub struct CheckArgs {
    /// Counts unfinished orders as violations.
    #[arg(long)]
    pub settled: bool,
    /// Prints the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Flags of `halles retail`.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  halles retail import products catalogue.csv --dry-run
  halles retail import stock opening.csv")]
pub struct RetailArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: RetailCommand,
}

/// What can be done with the stores' data.
#[derive(Debug, Subcommand)]
pub enum RetailCommand {
    /// Imports products or opening stock from a CSV file, all lines or none.
    Import(ImportArgs),
}

/// Flags of `halles retail import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles retail import products catalogue.csv --dry-run
      read and check every line, change nothing

  halles retail import products catalogue.csv
  halles retail import stock opening.csv --data /var/lib/halles
      the products first, then what is on the shelves

Every bad line is reported with its number; one bad line and nothing is imported.
While a server runs on the same SQLite data this is refused: send the file to the server instead
(POST /produits/import).")]
pub struct ImportArgs {
    /// What the file holds.
    #[arg(value_enum)]
    pub kind: ImportKind,
    /// A CSV file, UTF-8, with a header line.
    pub file: PathBuf,
    /// Reads and checks the file without importing it.
    #[arg(long)]
    pub dry_run: bool,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// What a file to import holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportKind {
    /// The catalogue.
    Products,
    /// Opening stock by place and product.
    Stock,
}

/// Flags of `halles completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halles completions bash > ~/.local/share/bash-completion/completions/halles
  halles completions zsh > \"${fpath[1]}/_halles\"
  halles completions fish > ~/.config/fish/completions/halles.fish")]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// The flags that say where the data is.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// The configuration file, when one was named.
    #[arg(long, value_name = "FILE", help = FILE_HELP)]
    pub config: Option<String>,
    #[arg(long, value_name = "DIR", help = help("data"))]
    data: Option<String>,
    #[arg(long, value_name = "URL", help = help("database"))]
    database: Option<String>,
}

impl StoreArgs {
    /// The keys that were given.
    pub fn flags(&self) -> Flags {
        given([("data", self.data.as_ref()), ("database", self.database.as_ref())])
    }
}

/// The flags that set configuration keys.
#[derive(Debug, Args)]
pub struct SettingArgs {
    #[arg(long, help = help("demo"))]
    demo: bool,
    #[arg(long, value_name = "ADDR", help = help("listen"))]
    listen: Option<String>,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
    #[arg(long, value_name = "STALL,…", help = help("only"))]
    only: Option<String>,
    #[arg(long, help = help("allow_open"))]
    allow_open: bool,
}

impl SettingArgs {
    /// The keys that were given.
    pub fn flags(&self) -> Flags {
        let yes = String::from("true");
        let mut flags = self.store.flags();
        flags.extend(given([
            ("demo", self.demo.then_some(&yes)),
            ("listen", self.listen.as_ref()),
            ("only", self.only.as_ref()),
            ("allow_open", self.allow_open.then_some(&yes)),
        ]));
        flags
    }
}

const FILE_HELP: &str =
    "The configuration file [default: halles.toml where there is one] [env: HALLES_CONFIG]";

fn given<const N: usize>(values: [(&'static str, Option<&String>); N]) -> Flags {
    values.into_iter().filter_map(|(name, value)| Some((name, value?.clone()))).collect()
}

/// The help of a flag, from the table of keys.
fn help(name: &str) -> String {
    let Some(key) = find(name) else { return String::new() };
    let default = match key.default {
        "" | "false" => String::new(),
        default => format!(" [default: {default}]"),
    };
    format!("{}{default} [env: {}]", key.doc, key.env)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::KEYS;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_of_the_table_is_a_flag_of_serve() {
        let flags: Vec<&str> = KEYS.iter().filter_map(|key| key.flag).collect();
        for key in KEYS.iter().filter(|key| key.flag.is_some()) {
            let flag = key.flag.unwrap_or_default();
            let switch = key.form == crate::config::Form::Switch;
            let line =
                if switch { vec!["halles", "serve", flag] } else { vec!["halles", "serve", flag, "x"] };
            let cli = Cli::try_parse_from(line).expect(flag);
            let Command::Serve(args) = &cli.command else { panic!("not serve") };
            let given = [args.settings.flags(), cli.log.flags()].concat();
            let expected = if switch { "true" } else { "x" };
            assert_eq!(given, [(key.name, expected.to_owned())], "{flags:?}");
        }
    }

    #[test]
    fn all_flags_together_are_all_keys_with_flags() {
        let line = "halles --log-format json serve --demo --listen a --data b --database c --only d --allow-open \
                    --log-filter e --config f";
        let cli = Cli::try_parse_from(line.split_whitespace()).expect("a command line");
        let Command::Serve(args) = &cli.command else { panic!("not serve") };
        let given = [args.settings.flags(), cli.log.flags()].concat();
        assert_eq!(given.len(), KEYS.iter().filter(|key| key.flag.is_some()).count());
        assert!(given.iter().all(|(name, _)| find(name).is_some_and(|key| key.flag.is_some())));
        assert_eq!(args.settings.store.config.as_deref(), Some("f"));
    }
}
