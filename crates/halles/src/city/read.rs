//! `halles city report` and `halles city quality`: what the archive says, beside a running server.

use std::fmt::Write as _;

use anyhow::{Context as _, anyhow};
use city::archive::answers::{AnswerError, findings};
use city::archive::{VersionInfo, queries};
use city::quality::{Finding, Findings};
use city::report::{self, to_csv};
use kernel::{Clock as _, SystemClock};
use serde_json::json;
use store::{ReadOnly, Tx};

use crate::cli::{QualityArgs, ReportArgs};
use crate::config::Settings;
use crate::database::{self, SCHEMAS};

/// Versions that are told of; a day that was corrected more often than that is told of by the API.
const VERSIONS: i64 = 50;

/// The report of a day, to be printed.
pub fn report(settings: &Settings, args: &ReportArgs) -> anyhow::Result<String> {
    let now = SystemClock.now();
    let read = |tx: &mut Tx<'_>| Ok::<_, AnswerError>(report::read(tx, args.day, args.known, now)?);
    let report = open(settings)?.read(read)?;
    let report = report.ok_or_else(|| anyhow!("there is no data for {}", args.day))?;
    if args.csv {
        return String::from_utf8(to_csv(&report)).context("the report as CSV");
    }
    Ok(format!("{}\n", serde_json::to_string_pretty(&report)?))
}

/// What is wrong with the data of a day, to be printed.
pub fn quality(settings: &Settings, args: &QualityArgs) -> anyhow::Result<String> {
    let (kind, day) = (args.kind, args.day);
    let (findings, versions) = open(settings)?.read(|tx| {
        Ok::<_, AnswerError>((
            findings(tx, kind, day, None)?,
            queries::versions(tx, kind, day, None, VERSIONS)?,
        ))
    })?;
    let findings = findings.ok_or_else(|| anyhow!("there is no data of type {kind} for {day}"))?;
    if args.json {
        let all = json!({"metric_type": kind, "date": day, "qualite": findings, "versions": versions});
        return Ok(format!("{}\n", serde_json::to_string_pretty(&all)?));
    }
    Ok(format!("{kind}, {day}\n{}{}", told(&findings), versions_told(&versions)))
}

fn open(settings: &Settings) -> anyhow::Result<ReadOnly> {
    Ok(ReadOnly::open(&database::engine(settings), &SCHEMAS)?)
}

fn told(findings: &Findings) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    if let Some(coverage) = &findings.coverage {
        let _ = writeln!(
            text,
            "{} of {} hours expected of {} sensors ({:.1} %)",
            coverage.measured, coverage.expected, coverage.sensors, coverage.percent
        );
    }
    if let Some(expected) = findings.expected {
        let _ = writeln!(text, "{expected} sensors measured something in the week before");
    }
    if findings.is_clean() {
        text.push_str("nothing is wrong\n");
    }
    for (kind, count) in &findings.counts {
        let _ = writeln!(text, "{count} × {}", name(kind));
        for finding in findings.list.iter().filter(|finding| finding.kind == *kind) {
            let _ = writeln!(text, "  {}", line(finding));
        }
    }
    text
}

/// The name of a kind of finding as the API writes it.
fn name(kind: &impl serde::Serialize) -> String {
    json!(kind).as_str().unwrap_or_default().to_owned()
}

fn line(finding: &Finding) -> String {
    let mut parts: Vec<String> = finding.sensor.iter().cloned().collect();
    if !finding.slots.is_empty() {
        let slots: Vec<String> = finding.slots.iter().map(ToString::to_string).collect();
        parts.push(format!("hours {}", slots.join(" ")));
    }
    parts.extend(finding.from.as_ref().zip(finding.to.as_ref()).map(|(from, to)| format!("{from} to {to}")));
    parts.extend(finding.value.map(|value| format!("value {value}")));
    parts.extend(finding.detail.clone());
    parts.join(", ")
}

fn versions_told(versions: &[VersionInfo]) -> String {
    let mut text = String::new();
    for VersionInfo { version, known_at, changes, .. } in versions {
        let (added, changed) = changes.map_or((0, 0), |changes| (changes.hours_added, changes.hours_changed));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "version {version} of {known_at}: {added} hours added, {changed} changed");
    }
    text
}
