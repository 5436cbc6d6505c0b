//! Imports as people read them: a bar while one runs, a few lines when it has ended.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use city::MetricType;
use city::import::{Outcome, Watch};
use city::input::{Place, Progress, Tally};
use indicatif::{ProgressBar, ProgressStyle};

/// A bar of an import: bytes while its source is read, then days.
pub(super) struct Bar {
    shown: ProgressBar,
    reading: ProgressStyle,
    publishing: ProgressStyle,
    is_publishing: AtomicBool,
}

impl Bar {
    /// A bar for something with a name.
    pub(super) fn new(name: &str) -> anyhow::Result<Arc<Self>> {
        let shown = ProgressBar::no_length();
        shown.set_style(ProgressStyle::with_template("waiting for {msg} {spinner}")?);
        shown.set_message(name.to_owned());
        let reading = ProgressStyle::with_template("reading {msg} {wide_bar} {bytes}/{total_bytes} {eta}")?;
        let publishing = ProgressStyle::with_template("publishing {msg} {wide_bar} {pos}/{len} {eta}")?;
        Ok(Arc::new(Self { shown, reading, publishing, is_publishing: AtomicBool::new(false) }))
    }

    /// Takes it away.
    pub(super) fn clear(&self) {
        self.shown.finish_and_clear();
    }
}

impl Progress for Bar {
    fn begin(&self, bytes: u64) {
        self.shown.set_length(bytes);
        self.shown.set_style(self.reading.clone());
    }

    fn advance(&self, bytes: u64) {
        self.shown.inc(bytes);
    }
}

impl Watch for Bar {
    fn published(&self, done: u64, all: u64) {
        if !self.is_publishing.swap(true, Ordering::Relaxed) {
            // At zero first, so that bytes are never told as days.
            self.shown.set_position(0);
            self.shown.set_length(all);
            self.shown.set_style(self.publishing.clone());
        }
        self.shown.set_position(done);
    }
}

/// What became of an import.
pub(super) fn told(kind: MetricType, outcome: &Outcome) -> String {
    let Outcome { tally, days, changed, .. } = outcome;
    let mut text = rows(tally);
    let (one, many) = if kind.has_sensors() { ("day", "days") } else { ("record", "records") };
    let what = if *days == 1 { one } else { many };
    // Writing to a String cannot fail.
    let _ = match changed {
        0 if *days == 0 => writeln!(text, "nothing published: the source has no {many}"),
        0 => writeln!(text, "nothing published: all {days} {what} were known already"),
        _ => writeln!(
            text,
            "{changed} {} published, of {days} {what} in the source",
            plural(*changed, one, many)
        ),
    };
    text
}

fn plural<'t>(count: u64, one: &'t str, many: &'t str) -> &'t str {
    if count == 1 { one } else { many }
}

fn rows(tally: &Tally) -> String {
    let mut text = format!("{} {} read, {} kept", tally.read, plural(tally.read, "row", "rows"), tally.kept);
    for (count, what) in [
        (tally.duplicates, "repeated"),
        (tally.conflicts, "in contradiction to another"),
        (tally.disorder, "out of order"),
    ] {
        if count > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, ", {count} {what}");
        }
    }
    text.push('\n');
    for (reason, rejected) in &tally.rejected {
        let more = if rejected.count > rejected.first.len() as u64 { " …" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} rejected, {reason}: {}{more}", rejected.count, places(&rejected.first));
    }
    text
}

/// `a.csv, line 2, 3; b.csv, line 7`.
fn places(places: &[Place]) -> String {
    let files = places.chunk_by(|one, next| one.file == next.file);
    let told = files.map(|places| {
        let lines: Vec<String> = places.iter().map(|place| place.line.to_string()).collect();
        format!("{}, line {}", places[0].file, lines.join(", "))
    });
    told.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use city::input::Reason;

    use super::*;

    #[test]
    fn rejected_rows_are_told_with_their_reason_and_place() {
        let mut tally = Tally { read: 10, kept: 6, duplicates: 1, conflicts: 1, ..Tally::default() };
        for line in 2..=8 {
            tally.reject(Reason::MissingId, "a.csv", line);
        }
        tally.reject(Reason::BadDate, "a.csv", 9);
        tally.reject(Reason::BadDate, "b.csv", 3);
        assert_eq!(
            rows(&tally),
            "10 rows read, 6 kept, 1 repeated, 1 in contradiction to another\n\
             7 rejected, no id: a.csv, line 2, 3, 4, 5, 6 …\n\
             2 rejected, no valid date: a.csv, line 9; b.csv, line 3\n"
        );
        assert_eq!(rows(&Tally { read: 1, kept: 1, ..Tally::default() }), "1 row read, 1 kept\n");
    }
}
