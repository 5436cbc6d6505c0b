//! `halles offers decisions`: the log of decisions with their rewards, written beside a running server.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kernel::Timestamp;
use offers::decision::{ExportError, Exported, export};
use store::ReadOnly;

use crate::cli::DecisionsArgs;
use crate::config::Settings;
use crate::database;

/// Writes the decisions asked for. Returns the line for people, for standard error.
pub fn run(settings: &Settings, args: &DecisionsArgs) -> anyhow::Result<String> {
    let mut reader = ReadOnly::open(&database::engine(settings), &database::SCHEMAS)?;
    let from = args.from.unwrap_or(Timestamp::from_micros(0));
    let to = args.to.unwrap_or(Timestamp::from_micros(i64::MAX));
    anyhow::ensure!(from < to, "--from {from} is not before --to {to}");
    let exported = match &args.output {
        Some(path) => to_file(path, |file| export(&mut reader, from, to, file))?,
        None => match export(&mut reader, from, to, io::stdout().lock()) {
            // Whoever reads has seen enough, as `head` does.
            Err(ExportError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(String::new());
            }
            exported => exported?,
        },
    };
    Ok(summary(&exported))
}

/// Writes a file under another name first, so that what is there under its own is whole at any time.
fn to_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<Exported, ExportError>,
) -> anyhow::Result<Exported> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let cannot = || format!("cannot write {}", path.display());
    let mut file = File::create(&partial).with_context(cannot)?;
    let exported = match write(&mut file) {
        Ok(exported) => exported,
        Err(error) => {
            // Nothing depends on it: it is only taken away.
            let _ = fs::remove_file(&partial);
            return Err(error.into());
        }
    };
    file.sync_all().with_context(cannot)?;
    fs::rename(&partial, path).with_context(cannot)?;
    Ok(exported)
}

fn summary(exported: &Exported) -> String {
    let Exported { decisions, rewards, lost, strays } = exported;
    let mut parts = vec![format!("{decisions} decisions with {rewards} events")];
    if *lost > 0 {
        parts.push(format!("{lost} events whose decision was lost"));
    }
    if *strays > 0 {
        parts.push(format!(
            "{strays} events named a decision that did not show their offer to their user: left out"
        ));
    }
    parts.join("; ") + "\n"
}
