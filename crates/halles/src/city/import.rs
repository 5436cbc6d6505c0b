//! `halles city import`: files of open data into the archive, with a bar and a few lines about what became of them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use city::City;
use city::fetch::{Answer, public_name};
use city::import::{ImportError, Outcome};
use city::input::{Source, sources_in};

use super::open::with_city;
use super::told::{Bar, told};
use crate::cli::CityImportArgs;
use crate::config::Settings;

/// Takes all sources in as one import. Returns the text to print.
///
/// Fails when one of them cannot be read to its end; then nothing was imported.
pub async fn run(settings: &Settings, args: &CityImportArgs) -> anyhow::Result<String> {
    let instead =
        format!("; or send the file to the running server: POST /metrics/imports?type={}", args.kind);
    with_city(settings, &instead, async |city| {
        let outcome = import(&city, args).await?;
        if args.json { json(&city, &outcome).await } else { Ok(told(args.kind, &outcome)) }
    })
    .await
}

async fn import(city: &City, args: &CityImportArgs) -> anyhow::Result<Outcome> {
    // Downloads and what came through pipes are deleted when this is dropped.
    let (mut sources, mut downloads) = (Vec::new(), Vec::new());
    for given in &args.sources {
        if given.starts_with("https://") || given.starts_with("http://") {
            let Answer::File { path, .. } = city.download(given).await? else {
                bail!("{given}: nothing was sent, as if the file were known already");
            };
            sources.push(Source::Spooled { name: public_name(given), path: path.to_path_buf() });
            downloads.push(path);
        } else if let Some(piped) = piped(given)? {
            let path = city.spool(piped).await.with_context(|| format!("{given}: cannot be read"))?;
            sources.push(Source::Spooled { name: given.clone(), path: path.to_path_buf() });
            downloads.push(path);
        } else {
            sources.extend(sources_in(Path::new(given))?);
        }
    }
    let bar = Bar::new(args.kind.as_str())?;
    let outcome = city.importer().run(args.kind, sources, bar.clone()).await;
    bar.clear();
    drop(downloads);
    match outcome {
        Err(error @ ImportError::Input(_)) => Err(error).context("nothing was imported"),
        outcome => Ok(outcome?),
    }
}

/// What is read to its end before it can be looked into: `-` for standard input, or a pipe by its name.
fn piped(given: &str) -> anyhow::Result<Option<Box<dyn Read + Send>>> {
    if given == "-" {
        return Ok(Some(Box::new(io::stdin())));
    }
    let is_pipe = fs::metadata(given).is_ok_and(|about| about.file_type().is_fifo());
    let open = || File::open(given).with_context(|| format!("{given}: cannot be read"));
    Ok(if is_pipe { Some(Box::new(open()?)) } else { None })
}

/// The import as `GET /metrics/imports/{id}` shows it.
async fn json(city: &City, outcome: &Outcome) -> anyhow::Result<String> {
    let import = city.imported(outcome.id).await?;
    Ok(format!("{}\n", serde_json::to_string_pretty(&import)?))
}
