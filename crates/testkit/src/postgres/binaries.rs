//! Where PostgreSQL is installed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Result};

/// The programs of one PostgreSQL installation, version 15 or later.
#[derive(Debug, Clone)]
pub struct PostgresBinaries {
    folder: PathBuf,
    major: u32,
}

impl PostgresBinaries {
    /// The oldest version that the product supports.
    pub const OLDEST: u32 = 15;

    /// Looks on the `PATH`, then where Debian puts its versions (the newest first), then where `pg_config` says.
    ///
    /// # Errors
    /// [`Error::Missing`] with the command that installs it.
    pub fn find() -> Result<Self> {
        let candidates = on_path().into_iter().chain(debian_folders()).chain(from_pg_config());
        let found = candidates.filter_map(Self::in_folder).find(|found| found.major >= Self::OLDEST);
        found.ok_or_else(|| Error::Missing {
            program: "PostgreSQL 15 or later (initdb and postgres)",
            remedy: "run `apt-get update && apt-get install -y --no-install-recommends postgresql postgresql-contrib` \
                     as root; no cluster and no service are needed"
                .to_owned(),
        })
    }

    /// The path of one of its programs, such as `pgbench`; it need not exist.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The major version, such as 15.
    pub fn major(&self) -> u32 {
        self.major
    }

    fn in_folder(folder: PathBuf) -> Option<Self> {
        if !folder.join("initdb").is_file() {
            return None;
        }
        // A folder of links, such as /usr/local/bin, may lack the other programs: go where the links lead.
        let server = folder.join("postgres").canonicalize().ok()?;
        let output = Command::new(&server).arg("--version").output().ok()?;
        let major = major_version(&String::from_utf8_lossy(&output.stdout))?;
        let home = server.parent().filter(|home| home.join("initdb").is_file());
        Some(Self { folder: home.map_or(folder, Path::to_path_buf), major })
    }
}

/// The number in `postgres (PostgreSQL) 15.18 (Debian …)` or in `… 18beta1`.
fn major_version(text: &str) -> Option<u32> {
    let version =
        text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let digits = version.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn on_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

fn debian_folders() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/usr/lib/postgresql") else { return Vec::new() };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable_by(|left, right| right.cmp(left));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn from_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(folder.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_major_version() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("postgres: command not found"), None);
    }
}
