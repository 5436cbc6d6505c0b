//! `halles serve` with a fault: it answers its callers before it commits. The crash test must notice.

use anyhow::{Result, bail};
use clap::Parser;
use halles::cli::{Cli, Command};
use halles::config::Config;
use store::Sabotage;

fn main() -> Result<()> {
    let cli = Cli::parse();
    let Command::Serve(args) = &cli.command else { bail!("this program only serves") };
    let config =
        Config::load(&args.settings.flags(), std::env::vars_os(), args.settings.store.config.as_deref())?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(halles::serve::run(
        config.settings,
        Sabotage::AnswerBeforeCommit,
        std::future::pending(),
    ))
}
