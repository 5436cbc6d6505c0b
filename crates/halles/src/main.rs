//! Halles, the program: reads the command line and does what it asks.

use std::env;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use halles::cli::{
    CheckArgs, CityCommand, Cli, Command, CompletionsArgs, ConfigArgs, DecisionsArgs, ImportArgs, LogArgs,
    OffersCommand, OffersImportArgs, OutputFormat, RetailCommand, ServeArgs,
};
use halles::config::{Config, Flags, Mistakes};
use halles::output::{print, told};

/// The exit code of a command line, a configuration or data that cannot be used at all.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", told(&error));
            if error.is::<Mistakes>() { ExitCode::from(UNUSABLE) } else { ExitCode::FAILURE }
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Config(args) => config(args, &cli.log),
        Command::Completions(args) => completions(args),
        Command::Serve(args) => serve(args, &cli.log),
        Command::Check(args) => check(args, &cli.log),
        Command::Retail(args) => match &args.command {
            RetailCommand::Import(args) => import(args, &cli.log),
        },
        Command::Offers(args) => match &args.command {
            OffersCommand::Import(args) => import_offers(args, &cli.log),
            OffersCommand::Evaluate(args) => done(&halles::offers::evaluate::run(args)?),
            OffersCommand::Simulate(args) => done(&halles::offers::simulate::run(args)?),
            OffersCommand::Decisions(args) => decisions(args, &cli.log),
        },
        Command::City(args) => city(&args.command, &cli.log),
    }
}

fn serve(args: &ServeArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    let settings = load(args.settings.flags(), log, args.settings.store.config.as_deref())?.settings;
    telemetry::logs::init(settings.log.format, &settings.log.filter)?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let stop = async {
            if let Err(error) = halles::serve::signalled().await {
                tracing::error!(error = told(&error), "signals cannot be received; stopping");
            }
        };
        halles::serve::run(settings, store::Sabotage::None, stop).await
    })?;
    Ok(ExitCode::SUCCESS)
}

fn check(args: &CheckArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    let settings = load(args.store.flags(), log, args.store.config.as_deref())?.settings;
    let report = match halles::check::run(&halles::database::engine(&settings)) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("error: {error}");
            return Ok(ExitCode::from(UNUSABLE));
        }
    };
    if args.json {
        print(format_args!("{}\n", serde_json::to_string_pretty(&report)?))?;
    } else {
        print(&report)?;
    }
    Ok(if report.is_clean(args.settled) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn import(args: &ImportArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    let settings = load(args.store.flags(), log, args.store.config.as_deref())?.settings;
    telemetry::logs::init(settings.log.format, "warn")?;
    let import = halles::import::run(&settings, args.kind, &args.file, args.dry_run);
    print(tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(import)?)?;
    Ok(ExitCode::SUCCESS)
}

fn import_offers(args: &OffersImportArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    let settings = load(args.store.flags(), log, args.store.config.as_deref())?.settings;
    telemetry::logs::init(settings.log.format, "warn")?;
    let import = halles::offers::import::run(&settings, args);
    done(&tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(import)?)
}

fn decisions(args: &DecisionsArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    let settings = load(args.store.flags(), log, args.store.config.as_deref())?.settings;
    // What was asked for goes to standard output, or to a file.
    eprint!("{}", halles::offers::decisions::run(&settings, args)?);
    Ok(ExitCode::SUCCESS)
}

fn city(command: &CityCommand, log: &LogArgs) -> anyhow::Result<ExitCode> {
    let store = match command {
        CityCommand::Import(args) => &args.store,
        CityCommand::Fetch(args) => &args.store,
        CityCommand::Report(args) => &args.store,
        CityCommand::Quality(args) => &args.store,
    };
    let settings = load(store.flags(), log, store.config.as_deref())?.settings;
    telemetry::logs::init(settings.log.format, "warn")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command {
        CityCommand::Import(args) => done(&runtime.block_on(halles::city::import::run(&settings, args))?),
        CityCommand::Fetch(args) => {
            let report = runtime.block_on(halles::city::fetch::run(&settings, args))?;
            print(&report.text)?;
            Ok(if report.complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        CityCommand::Report(args) => done(&halles::city::read::report(&settings, args)?),
        CityCommand::Quality(args) => done(&halles::city::read::quality(&settings, args)?),
    }
}

/// Prints what a command was asked for.
fn done(text: &str) -> anyhow::Result<ExitCode> {
    print(text)?;
    Ok(ExitCode::SUCCESS)
}

fn config(args: &ConfigArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    let config = load(args.settings.flags(), log, args.settings.store.config.as_deref())?;
    match args.format {
        OutputFormat::Text => print(&config)?,
        OutputFormat::Json => print(format_args!("{}\n", serde_json::to_string_pretty(&config)?))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "halles", &mut script);
    print(String::from_utf8(script)?)?;
    Ok(ExitCode::SUCCESS)
}

fn load(mut flags: Flags, log: &LogArgs, file: Option<&str>) -> Result<Config, Mistakes> {
    flags.extend(log.flags());
    Config::load(&flags, env::vars_os(), file)
}
