//! What the numbers were measured on.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// How many writes the latency is the middle of.
const SYNCS: usize = 200;

/// The machine, and how long its disk takes to be sure of four kilobytes.
#[derive(Debug, Clone)]
pub struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    sync: Duration,
}

impl Machine {
    /// Looks at this machine; the disk is the one that `folder` is on.
    pub fn look(folder: &Path) -> Result<Self> {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find(|line| line.starts_with("model name"));
        let cpu = model.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, name)| name).to_owned();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
        let cores = available_parallelism().map_or(0, usize::from);
        Ok(Self { cpu, cores, kernel, sync: sync_latency(folder).context("writing to the disk")? })
    }

    /// For machines.
    pub fn to_json(&self) -> Value {
        json!({
            "cpu": self.cpu, "cores": self.cores, "kernel": self.kernel,
            "fdatasync_4k_median_ms": self.sync.as_secs_f64() * 1000.0,
            "sqlite": rusqlite::version(),
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cpu, cores, kernel, sync } = self;
        write!(f, "{cpu}, {cores} cores, Linux {kernel}; 4 KiB written and synced in {sync:.1?} (median)")
    }
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
