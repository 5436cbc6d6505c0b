//! What the numbers were measured on.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::latency::Latencies;

/// How many writes the latency is the middle of.
const SYNCS: usize = 200;

/// How often the piece of work is done that tells how quiet the machine is.
const PIECES: usize = 200;
/// Steps of the piece: some hundred microseconds.
const STEPS: u64 = 200_000;

/// The machine, how long its disk takes to be sure of four kilobytes, and how much it is disturbed.
#[derive(Debug, Clone)]
pub struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    sync: Duration,
    /// Processes that wanted to run in the minute before.
    load: f64,
    /// How many times longer than its median the slowest hundredth of equal pieces of work took.
    noise: f64,
}

impl Machine {
    /// Looks at this machine; the disk is the one that `folder` is on.
    pub fn look(folder: &Path) -> Result<Self> {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find(|line| line.starts_with("model name"));
        let cpu = model.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, name)| name).to_owned();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
        let cores = available_parallelism().map_or(0, usize::from);
        let sync = sync_latency(folder).context("writing to the disk")?;
        Ok(Self { cpu, cores, kernel, sync, load: load(), noise: noise() })
    }

    /// For machines.
    pub fn to_json(&self) -> Value {
        json!({
            "cpu": self.cpu, "cores": self.cores, "kernel": self.kernel,
            "fdatasync_4k_median_ms": self.sync.as_secs_f64() * 1000.0,
            "load_before": self.load, "noise_p99_to_median": self.noise,
            "sqlite": rusqlite::version(),
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cpu, cores, kernel, sync, load, noise } = self;
        writeln!(f, "{cpu}, {cores} cores, Linux {kernel}; 4 KiB written and synced in {sync:.1?} (median)")?;
        write!(
            f,
            "noise: load {load:.1} before the run; p99 of equal pieces of work {noise:.2} × their median"
        )
    }
}

/// The load average of the last minute.
fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// What others take of the machine: the p99 of equal pieces of work over their median.
fn noise() -> f64 {
    let piece = || {
        let start = Instant::now();
        let mixed = (0..STEPS).fold(1_u64, |mixed, step| mixed.rotate_left(5) ^ step.wrapping_mul(mixed | 1));
        std::hint::black_box(mixed);
        start.elapsed()
    };
    let mut times = Latencies::default();
    times.add((0..PIECES).map(|_| piece()).collect());
    times.quantile(0.99) / times.quantile(0.5)
}

/// The middle of many waits for the disk.
fn sync_latency(folder: &Path) -> std::io::Result<Duration> {
    let path = folder.join("sync-latency");
    let mut file = File::create(&path)?;
    let block = [1_u8; 4096];
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let start = Instant::now();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    fs::remove_file(path)?;
    times.sort_unstable();
    Ok(times[SYNCS / 2])
}

/// The resident memory of a process now, and the most it has had, in mebibytes.
pub(super) fn memory(pid: u32) -> Result<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("looking at a process")?;
    let mebibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kibibytes = line.and_then(|line| line.trim_matches([':', ' ', '\t']).strip_suffix(" kB"));
        let kibibytes: f64 =
            kibibytes.and_then(|number| number.trim().parse().ok()).context("no such line")?;
        anyhow::Ok(kibibytes / 1024.0)
    };
    Ok((mebibytes("VmRSS")?, mebibytes("VmHWM")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_peak_above_it() -> Result<()> {
        let (now, most) = memory(std::process::id())?;
        assert!(now > 0.5 && most >= now, "{now} {most}");
        Ok(())
    }
}
