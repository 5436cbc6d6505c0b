//! Reading the city's two big formats, beside DuckDB and Polars on the same files.
//!
//! All answer one question: for each sensor and day the sum, the mean, the greatest and the number of its flows. What
//! they answer is compared to the last digit, or the benchmark fails.

mod archive;
mod files;
mod peers;
mod read;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::TempDir;
use tokio::runtime::Runtime;

use super::Machine;
use super::python::{Missing, Python};
use super::report::{Report, Target};
use files::Format;
use peers::Peer;

/// How often each reads each file; the quickest counts.
const TIMES: usize = 3;
/// More memory than this, reading must not take, whatever the file.
const MOST_MIB: f64 = 300.0;

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct CityOptions {
    /// Bytes of the bike file and of the road file.
    pub bytes: [u64; 2],
    /// Whether the others are measured too.
    pub peers: bool,
    /// Years of the archive that is read.
    pub years: i32,
    /// How long orders are taken, without and beside an import.
    pub time: Duration,
}

/// A file to read, and where to write what was found in it: the hidden command of the benchmark that runs in a process
/// of its own.
#[derive(Debug, Clone)]
pub struct CityReading {
    /// Whether it is the road format.
    pub roads: bool,
    /// The file.
    pub file: PathBuf,
    /// Where the answer goes.
    pub answer: PathBuf,
}

/// Reads one file and tells, as JSON, how long that took and how much memory.
///
/// # Errors
/// When the file cannot be read.
pub fn city_read(reading: &CityReading) -> Result<Value> {
    let format = if reading.roads { Format::Roads } else { Format::Bikes };
    read::answer(format, &reading.file, &reading.answer)
}

/// Measures reading; `told` gets a line as each measurement begins.
///
/// # Errors
/// When something of the product does not work, or another finds something else. A peer that is not there is told in
/// the report.
pub fn city(options: &CityOptions, told: impl Fn(&str)) -> Result<Report> {
    let folder = TempDir::with_prefix("halles-bench-")?;
    let machine = Machine::look(folder.path())?;
    let mut bench = Bench { report: Report::new(machine, options.time.as_secs_f64()), folder, told: &told };
    let python = options.peers.then(peers::prepare);
    for (names, bytes) in [&BIKES, &ROADS].into_iter().zip(options.bytes) {
        bench.file(names, bytes, python.as_ref())?;
    }
    let Bench { mut report, .. } = bench;
    archive::archive(&mut report, &Runtime::new()?, options.years, options.time, &told)?;
    Ok(report)
}

/// What the numbers of one format are called.
struct Names {
    format: Format,
    title: &'static str,
    wc: &'static str,
    ours: &'static str,
    rate: &'static str,
    memory: &'static str,
    to_wc: &'static str,
    peers: [PeerNames; 3],
    to_fastest: &'static str,
}

/// What a peer's numbers are called.
struct PeerNames {
    peer: Peer,
    time: &'static str,
    memory: &'static str,
    ratio: &'static str,
}

const BIKES: Names = Names {
    format: Format::Bikes,
    title: "bikes, 16 columns",
    wc: "bikes.wc",
    ours: "bikes.ours",
    rate: "bikes.rate",
    memory: "bikes.memory",
    to_wc: "bikes.wc/ours",
    peers: [
        PeerNames {
            peer: Peer::DuckDb,
            time: "bikes.duckdb",
            memory: "bikes.duckdb.memory",
            ratio: "bikes.duckdb/ours",
        },
        PeerNames {
            peer: Peer::Polars,
            time: "bikes.polars",
            memory: "bikes.polars.memory",
            ratio: "bikes.polars/ours",
        },
        PeerNames {
            peer: Peer::PolarsStreaming,
            time: "bikes.polars.streaming",
            memory: "bikes.polars.streaming.memory",
            ratio: "bikes.polars.streaming/ours",
        },
    ],
    to_fastest: "bikes.fastest/ours",
};

const ROADS: Names = Names {
    format: Format::Roads,
    title: "roads, 15 columns",
    wc: "roads.wc",
    ours: "roads.ours",
    rate: "roads.rate",
    memory: "roads.memory",
    to_wc: "roads.wc/ours",
    peers: [
        PeerNames {
            peer: Peer::DuckDb,
            time: "roads.duckdb",
            memory: "roads.duckdb.memory",
            ratio: "roads.duckdb/ours",
        },
        PeerNames {
            peer: Peer::Polars,
            time: "roads.polars",
            memory: "roads.polars.memory",
            ratio: "roads.polars/ours",
        },
        PeerNames {
            peer: Peer::PolarsStreaming,
            time: "roads.polars.streaming",
            memory: "roads.polars.streaming.memory",
            ratio: "roads.polars.streaming/ours",
        },
    ],
    to_fastest: "roads.fastest/ours",
};

/// What one of them did.
#[derive(Debug, Clone)]
struct Done {
    version: String,
    seconds: f64,
    peak_mib: f64,
}

impl Done {
    fn read(said: &str) -> Option<Self> {
        let said: Value = serde_json::from_str(said).ok()?;
        Some(Self {
            version: said["version"].as_str()?.to_owned(),
            seconds: said["seconds"].as_f64()?,
            peak_mib: said["peak_mib"].as_f64()?,
        })
    }

    /// The quickest of several runs, with the most memory that any took.
    fn best<E>(run: impl Fn() -> Result<Self, E>) -> Result<Self, E> {
        let mut best = run()?;
        for _ in 1..TIMES {
            let again = run()?;
            best.seconds = best.seconds.min(again.seconds);
            best.peak_mib = best.peak_mib.max(again.peak_mib);
        }
        Ok(best)
    }
}

/// A run under way.
struct Bench<'a> {
    report: Report,
    folder: TempDir,
    told: &'a dyn Fn(&str),
}

impl Bench<'_> {
    fn file(&mut self, names: &Names, bytes: u64, python: Option<&Result<Python, Missing>>) -> Result<()> {
        let [file, ours, theirs] = ["file.csv", "ours", "theirs"].map(|name| self.folder.path().join(name));
        (self.told)(&format!("{}: the file, being written", names.title));
        let bytes = names.format.write(&file, bytes, 1)?;
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
        let mebibytes = bytes as f64 / f64::from(1 << 20);

        (self.told)(&format!("{}: wc -l and ours", names.title));
        let title = format!("{}, {mebibytes:.0} MiB: wc -l", names.title);
        let wc = Done::best(|| wc(&file))?;
        self.report.add(names.wc, title, wc.seconds, "s", Target::None);
        let done = Done::best(|| here(names.format, &file, &ours))?;
        self.report.add(names.ours, "  ours", done.seconds, "s", Target::None);
        self.report.add(names.rate, "    bytes", mebibytes / done.seconds, "MiB/s", Target::None);
        self.report.add(names.memory, "    memory", done.peak_mib, "MiB", Target::AtMost(MOST_MIB));
        self.report.add_ratio(names.to_wc, "    wc -l / ours", names.wc, names.ours, Target::None);

        let mut fastest = f64::INFINITY;
        for PeerNames { peer, time, memory, ratio } in python.map_or(&[][..], |_| &names.peers) {
            let title = format!("  {}", peer.title());
            (self.told)(&format!("{}: {}", names.title, peer.title()));
            let python = python.and_then(|python| python.as_ref().map_err(Clone::clone).ok());
            let done = match python {
                Some(python) => Done::best(|| peer.ask(python, names.format, &file, &theirs)),
                None => Err(Missing("there is no Python with the packages".to_owned())),
            };
            match done {
                Ok(done) => {
                    same(&ours, &theirs, &done.version)?;
                    fastest = fastest.min(done.seconds);
                    self.report.add(time, title, done.seconds, "s", Target::None);
                    self.report.add(memory, "    memory", done.peak_mib, "MiB", Target::None);
                    self.report.add_ratio(ratio, "    theirs / ours", time, names.ours, Target::None);
                    if !self.report.versions.contains(&done.version) {
                        self.report.versions.push(done.version);
                    }
                }
                Err(why) => self.report.add_not_run(title, why),
            }
        }
        if fastest.is_finite() {
            let title = "  the fastest of them / ours";
            self.report.add(names.to_fastest, title, fastest / done.seconds, "×", Target::AtLeast(1.5));
        }
        fs::remove_file(file).context("removing the file")
    }
}

fn here(format: Format, file: &Path, answer: &Path) -> Result<Done> {
    let program = std::env::current_exe().context("looking for the running program")?;
    let mut command = Command::new(program);
    command.arg("city-read").arg(file).arg(answer);
    if format == Format::Roads {
        command.arg("--roads");
    }
    let output = command.output().context("running ourselves")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "reading failed: {}", String::from_utf8_lossy(&output.stderr));
    Done::read(&said).with_context(|| format!("reading said {said}"))
}

fn wc(file: &Path) -> Result<Done> {
    let start = Instant::now();
    let status = Command::new("wc").arg("-l").arg(file).stdout(std::process::Stdio::null()).status();
    let seconds = start.elapsed().as_secs_f64();
    ensure!(status.context("running wc")?.success(), "wc failed");
    Ok(Done { version: "wc".to_owned(), seconds, peak_mib: 0.0 })
}

/// Two answers must be equal, line by line.
fn same(ours: &Path, theirs: &Path, who: &str) -> Result<()> {
    let [ours, theirs] = [ours, theirs].map(fs::read_to_string);
    let (ours, theirs) = (ours?, theirs?);
    ensure!(!ours.is_empty(), "nothing was found");
    let different = ours.lines().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
    let lengths = (ours.lines().count(), theirs.lines().count());
    ensure!(
        different.is_none() && lengths.0 == lengths.1,
        "{who} finds something else: {different:?}, {lengths:?} lines"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_file_of_each_format_is_read() -> Result<()> {
        let folder = TempDir::with_prefix("halles-bench-")?;
        let [file, answer] = ["file", "answer"].map(|name| folder.path().join(name));
        for (roads, format) in [(false, Format::Bikes), (true, Format::Roads)] {
            let bytes = format.write(&file, 3_000_000, 1)?;
            assert!((3_000_000..12_000_000).contains(&bytes), "{bytes}");
            let said = city_read(&CityReading { roads, file: file.clone(), answer: answer.clone() })?;
            let done = Done::read(&said.to_string()).context("no numbers")?;
            assert!(done.seconds > 0.0 && done.peak_mib > 1.0);
            let lines = fs::read_to_string(&answer)?.lines().count();
            assert!(lines >= 100, "{lines}");
            same(&answer, &answer, "ourselves")?;
        }
        Ok(())
    }

    #[test]
    fn a_different_answer_is_told() -> Result<()> {
        let folder = TempDir::with_prefix("halles-bench-")?;
        let [ours, theirs] = ["ours", "theirs"].map(|name| folder.path().join(name));
        fs::write(&ours, "a;1\nb;2\n")?;
        fs::write(&theirs, "a;1\nb;3\n")?;
        let error = same(&ours, &theirs, "X 1").map_err(|error| error.to_string());
        assert!(
            error.is_err_and(|error| error.contains("X 1 finds something else: Some((\"b;2\", \"b;3\"))"))
        );
        Ok(())
    }
}
