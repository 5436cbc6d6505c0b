//! The product's own reading, in a process of its own so that its memory can be told.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use ::city::hours::FLOW_UNITS;
use ::city::input::{Facts, Limits, SensorOfDay, Source, read};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Format;
use crate::bench::machine::memory;

/// What is asked for, of one sensor and day.
struct Line {
    id: String,
    day: String,
    total: i64,
    mean: f64,
    most: i32,
    hours: usize,
}

/// Reads a file, answers the question, writes the answer down and tells time and memory.
pub(super) fn answer(format: Format, file: &Path, answer: &Path) -> Result<Value> {
    let start = Instant::now();
    let read = read(format.kind(), &[Source::File(file.to_owned())], &Limits::default(), &())?;
    let Facts::Hours(days) = &read.facts else { bail!("records where hours were expected") };
    let mut lines = Vec::new();
    for day in days {
        let (day, sensors) = day?;
        let day = day.to_string();
        for SensorOfDay { id, hours, .. } in sensors {
            let flows = hours.iter().filter_map(|(_, reading)| reading.flow);
            let (total, most, hours) = flows
                .fold((0_i64, i32::MIN, 0_usize), |(total, most, hours), flow| {
                    (total + i64::from(flow), most.max(flow), hours + 1)
                });
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
            let mean = total as f64 / FLOW_UNITS as f64 / hours as f64;
            lines.push(Line { id, day: day.clone(), total, mean, most, hours });
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let (_, peak) = memory(std::process::id())?;
    std::hint::black_box(lines.iter().map(|line| line.mean).sum::<f64>());
    write(&lines, answer)?;
    Ok(json!({"version": "ours", "seconds": seconds, "peak_mib": peak, "rows": read.tally.read}))
}

fn write(lines: &[Line], answer: &Path) -> Result<()> {
    let mut texts = Vec::with_capacity(lines.len());
    for Line { id, day, total, most, hours, .. } in lines.iter().filter(|line| line.hours > 0) {
        let mut text = String::new();
        writeln!(text, "{id};{day};{total};{most};{hours}")?;
        texts.push(text);
    }
    texts.sort_unstable();
    std::fs::write(answer, texts.concat()).context("writing the answer")
}
