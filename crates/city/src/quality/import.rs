//! What is wrong with the rows of an import.

use super::{Finding, Findings, Kind};
use crate::input::{Rejected, Tally};
use crate::metrics::number::ratio;

/// What is wrong with an import: from one such row on. The counts are of rows.
pub fn of_import(tally: &Tally) -> Findings {
    let mut findings = Findings::default();
    for (kind, rows) in [
        (Kind::Duplicate, tally.duplicates),
        (Kind::Conflict, tally.conflicts),
        (Kind::Disorder, tally.disorder),
    ] {
        add(&mut findings, kind, rows, None);
    }
    for (reason, rejected) in &tally.rejected {
        let detail = format!("{reason}: {}", places(rejected));
        add(&mut findings, Kind::Rejected, rejected.count, Some(detail));
    }
    findings
}

fn add(findings: &mut Findings, kind: Kind, rows: u64, detail: Option<String>) {
    if rows == 0 {
        return;
    }
    *findings.counts.entry(kind).or_default() += rows;
    let value = Some(ratio(i64::try_from(rows).unwrap_or(i64::MAX), 1));
    findings.list.push(Finding { detail, ..Finding::whole(kind, Vec::new(), value) });
}

/// Where the first of them are.
fn places(rejected: &Rejected) -> String {
    let places: Vec<String> =
        rejected.first.iter().map(|place| format!("{}, line {}", place.file, place.line)).collect();
    let more = if rejected.count > rejected.first.len() as u64 { ", …" } else { "" };
    format!("{}{more}", places.join("; "))
}
