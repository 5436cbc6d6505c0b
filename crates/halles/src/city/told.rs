//! Imports as people read them: a bar while one runs, a few lines when it has ended.

use std::fmt::Write as _;
use std::sync::Arc;

use city::MetricType;
use city::import::{Outcome, Watch};
use city::input::{Place, Progress, Tally};
use indicatif::{ProgressBar, ProgressStyle};

/// A bar of an import: bytes while its source is read, then days.
pub(super) struct Bar {
    bar: ProgressBar,
    publishing: ProgressStyle,
}

impl Bar {
    /// A bar for something with a name.
    pub(super) fn new(name: &str) -> anyhow::Result<Arc<Self>> {
        let bar = ProgressBar::new(0);
        bar.set_style(ProgressStyle::with_template("reading {msg} {bar:40} {bytes}/{total_bytes} {eta}")?);
        bar.set_message(name.to_owned());
        let publishing = ProgressStyle::with_template("publishing {msg} {bar:40} {pos}/{len} {eta}")?;
        Ok(Arc::new(Self { bar, publishing }))
    }

    /// Takes it away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn begin(&self, bytes: u64) {
        self.bar.set_length(bytes);
    }

    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

impl Watch for Bar {
    fn published(&self, done: u64, all: u64) {
        if self.bar.length() != Some(all) {
            self.bar.set_style(self.publishing.clone());
            self.bar.set_length(all);
        }
        self.bar.set_position(done);
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
