//! Fetching what the city's portals publish: when it is due, only what is new, and never inside a transaction.
//!
//! A portal is asked with the `ETag` and `Last-Modified` of the last file that was taken in to its end; these are kept
//! in `city_fetch`, together with when it was asked and whether somebody is at it, so that several processes on one
//! database do not ask twice.

pub mod commands;
mod download;
mod run;
mod schedule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use kernel::Day;
use telemetry::SecretText;

pub use commands::Outcome;
pub use download::{Answer, DownloadError, Downloads, Known, public_name};
pub(crate) use run::Fetcher;
pub use run::{FetchError, Fetched};
pub use schedule::Schedule;

use crate::MetricType;

/// In an address, the first day that is wanted.
pub const FIRST_DAY: &str = "{du}";

/// Where the data of one type is fetched from.
#[derive(Debug, Clone)]
pub struct Portal {
    /// The address; [`FIRST_DAY`] in it stands for a day.
    pub address: String,
    /// What the portal wants to see in the header `apikey`.
    pub key: Option<SecretText>,
}

/// What is fetched, and when.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The portals; types without one are not fetched.
    pub portals: BTreeMap<MetricType, Portal>,
    /// When they are asked; `None` for only when somebody says so.
    pub schedule: Option<Schedule>,
    /// How many days back the first day of an address lies. Portals correct what they have published, so it is more
    /// than one.
    pub days: u16,
    /// How long a portal may say nothing.
    pub timeout: Duration,
    /// The largest file, in bytes.
    pub max_bytes: u64,
}

impl Default for Settings {
    /// No portal; eight days, a minute, 1 GiB.
    fn default() -> Self {
        Self {
            portals: BTreeMap::new(),
            schedule: None,
            days: 8,
            timeout: Duration::from_mins(1),
            max_bytes: 1 << 30,
        }
    }
}

impl Settings {
    /// How downloads are made, into a folder.
    pub fn downloads(&self, folder: &Path) -> Downloads {
        Downloads {
            folder: folder.to_owned(),
            timeout: self.timeout,
            retries: 3,
            backoff: Duration::from_secs(1),
            max_bytes: self.max_bytes,
        }
    }
}

impl Portal {
    /// What it is remembered by: its address, and how far back it is asked. Whoever asks for more days than before has
    /// none of them yet, whatever the portal said of the last file.
    pub fn name(&self, days: u16) -> String {
        self.address.replace(FIRST_DAY, &format!("{{du-{days}}}"))
    }

    /// The address to ask on a day for the days before it.
    pub fn address_on(&self, today: Day, days: u16) -> String {
        self.address.replace(FIRST_DAY, &today.plus(-i32::from(days)).to_string())
    }
}
