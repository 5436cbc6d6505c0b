//! `halles city fetch`: what the portals have that is new.

use std::fmt::Write as _;

use city::fetch::Fetched;
use city::{City, MetricType};

use super::open::with_city;
use super::told::{Bar, told};
use crate::cli::FetchArgs;
use crate::config::Settings;

/// What was fetched, and whether all of it could be.
#[derive(Debug)]
pub struct Report {
    /// The text to print.
    pub text: String,
    /// Whether no portal failed.
    pub complete: bool,
}

/// Asks portals one after the other; one that fails does not keep the others from being asked.
pub async fn run(settings: &Settings, args: &FetchArgs) -> anyhow::Result<Report> {
    let instead = "; or let the running server fetch: POST /metrics/imports with {\"type\": …, \"source\": \"portail\"}";
    with_city(settings, instead, async |city| {
        let mut report = Report { text: String::new(), complete: true };
        for kind in kinds(args, &city) {
            let bar = Bar::new(kind.as_str())?;
            let fetched = city.fetch(kind, bar.clone()).await;
            bar.clear();
            let said = match fetched {
                Ok(Fetched::Imported(outcome)) => told(kind, &outcome),
                Ok(Fetched::Unchanged) => "nothing new\n".to_owned(),
                Ok(Fetched::Elsewhere) => "another process is asking at this moment\n".to_owned(),
                Err(error) => {
                    report.complete = false;
                    format!("failed: {error}\n")
                }
            };
            for line in said.lines() {
                // Writing to a String cannot fail.
                let _ = writeln!(report.text, "{kind}: {line}");
            }
        }
        Ok(report)
    })
    .await
}

/// The types asked for, or all that have a portal.
fn kinds(args: &FetchArgs, city: &City) -> Vec<MetricType> {
    if args.kinds.is_empty() { city.portals().collect() } else { args.kinds.clone() }
}
