//! The city stall: the city's raw open data in, checked daily metrics and one report out.
//!
//! [`input`] reads files of six types into exact facts: the [`hours`] of a sensor's day, or [`record`]s that last from
//! one day to another. [`archive`] keeps the facts of every day in numbered versions, so that what was known earlier
//! can still be read. [`metrics`] works out a day from its facts, [`quality`] says what is wrong with them, [`report`]
//! puts a day on one page. [`import`] joins these: it reads a source to its end, and only then publishes day by day.

pub mod api;
pub mod archive;
mod counters;
pub mod demo;
pub mod fetch;
pub mod hours;
pub mod import;
pub mod input;
mod kind;
pub mod metrics;
pub mod quality;
pub mod record;
pub mod report;
pub mod sensor;
pub mod spool;
#[cfg(test)]
mod testing;

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kernel::IdSource;
use store::{Lane, Migration, Schema, Store, Unavailable};
use telemetry::Metrics;
use tempfile::TempPath;
use uuid::Uuid;
use web::{Drain, Routes};

use archive::imports::Import;
use counters::Counters;
use fetch::{Answer, FetchError, Fetched, Fetcher, Known};
use import::jobs::{Folders, Jobs};
use import::{Importer, Watch};

pub use kind::{MetricType, UnknownType};

/// The lane of everything that changes the city's archive.
pub const CITY: Lane = Lane("city");

/// So old an unfinished file is when nobody can be writing it any more.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);

/// What the stall's events name as their source.
pub const SOURCE: &str = "/city";

/// The stall's tables.
pub const SCHEMA: Schema = Schema {
    stall: "city",
    migrations: &[
        Migration {
            version: 1,
            name: "archive of days, imports, portals",
            sql: include_str!("../migrations/0001_city.sql"),
        },
        Migration {
            version: 2,
            name: "editions of records",
            sql: include_str!("../migrations/0002_editions.sql"),
        },
        Migration {
            version: 3,
            name: "each day says what its sensors are",
            sql: include_str!("../migrations/0003_descriptions.sql"),
        },
        Migration {
            version: 4,
            name: "where waiting imports find their data",
            sql: include_str!("../migrations/0004_import_origin.sql"),
        },
    ],
};

/// How the city's data is taken in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name of the installation, as `GET /stats` shows it.
    pub environment: String,
    /// Where uploads and downloads lie until they have been read.
    pub folder: PathBuf,
    /// The folder whose files may be named over HTTP; `None` when none may.
    pub inbox: Option<PathBuf>,
    /// The largest upload, in bytes.
    pub upload_limit: usize,
    /// What reading may take.
    pub limits: input::Limits,
    /// What is fetched, and when.
    pub fetch: fetch::Settings,
}

/// What the stall stands on.
pub struct Ground {
    /// A store whose schemas include [`SCHEMA`].
    pub store: Store,
    /// Where new ids come from.
    pub ids: Arc<dyn IdSource>,
    /// Where its metrics are registered.
    pub metrics: Metrics,
    /// Tells its work that the server is stopping.
    pub drain: Drain,
}

/// The city stall: cheap to clone, the state of its HTTP handlers.
#[derive(Clone)]
pub struct City {
    parts: Arc<Parts>,
}

struct Parts {
    store: Store,
    settings: Settings,
    importer: Importer,
    fetcher: Fetcher,
    jobs: Jobs,
}

impl City {
    /// The stall.
    pub fn new(ground: Ground, settings: Settings) -> Self {
        let Ground { store, ids, metrics, drain } = ground;
        let counters = Counters::register(&metrics);
        let importer = Importer::new(store.clone(), ids, drain.clone(), settings.limits.clone());
        let importer = importer.counted_by(counters.clone());
        let fetcher = Fetcher::new(store.clone(), drain, importer.clone(), counters, &settings);
        let folders = Folders { incoming: settings.folder.clone(), inbox: settings.inbox.clone() };
        let jobs = Jobs::new(importer.clone(), fetcher.clone(), folders);
        Self { parts: Arc::new(Parts { store, settings, importer, fetcher, jobs }) }
    }

    /// Deletes what processes that were killed have left unfinished in the folder for files on their way in; `alone`
    /// says that no other one uses it. Call it before requests are answered.
    pub fn open(&self, alone: bool) {
        let age = if alone { Duration::ZERO } else { ABANDONED_AFTER };
        if let Err(error) = spool::sweep(&self.settings().folder, age) {
            tracing::warn!(%error, "files of an earlier run could not be deleted");
        }
    }

    /// Frees the days and portals that processes which have ended had claimed. Call it only when this is the one process
    /// on the database, before it imports anything: others' claims run out by themselves.
    pub async fn release_claims(&self) {
        let days = self.parts.importer.release_claims().await.err().map(|error| error.to_string());
        let portals = self.parts.fetcher.release_claims().await.err().map(|error| error.to_string());
        if let Some(error) = days.or(portals) {
            tracing::debug!(
                error,
                "the claims of an earlier run cannot be released now; they run out by themselves"
            );
        }
    }

    /// Its routes.
    pub fn routes(&self) -> Routes {
        api::routes(self.settings().upload_limit).with_state(self.clone())
    }

    /// Does what goes on beside requests, until the server stops: imports that were asked for, portals that are due.
    ///
    /// `alone` says that no other process works on this database, so that imports found under way at start were cut off.
    pub async fn work(&self, alone: bool) {
        self.parts.store.opened().await;
        if alone {
            self.release_claims().await;
        }
        tokio::join!(self.parts.jobs.work(alone), self.parts.fetcher.work());
    }

    /// Takes data in at once; how many imports ever run in this process, they take turns.
    pub fn importer(&self) -> &Importer {
        &self.parts.importer
    }

    /// An import by its id.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn imported(&self, id: Uuid) -> Result<Option<Import>, Unavailable> {
        self.store().read(move |tx| Ok(archive::imports::get(tx, id)?)).await
    }

    /// The types that have a portal, see [`City::fetch`].
    pub fn portals(&self) -> impl Iterator<Item = MetricType> {
        self.settings().fetch.portals.keys().copied()
    }

    /// Fetches a file from an address.
    ///
    /// # Errors
    ///
    /// See [`FetchError`].
    pub async fn download(&self, address: &str) -> Result<Answer, FetchError> {
        self.parts.fetcher.download(address, None, &Known::default()).await
    }

    /// Keeps what is read to its end in a file, which is deleted when its path is dropped.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written.
    pub async fn spool(&self, from: Box<dyn Read + Send>) -> io::Result<TempPath> {
        spool::copy(&self.settings().folder, from).await
    }

    /// Asks the portal of a type, and takes in what it has.
    ///
    /// # Errors
    ///
    /// See [`FetchError`]; that it failed is remembered, too.
    pub async fn fetch(&self, kind: MetricType, watch: Arc<dyn Watch>) -> Result<Fetched, FetchError> {
        self.parts.fetcher.fetch(kind, None, watch).await
    }

    pub(crate) fn store(&self) -> &Store {
        &self.parts.store
    }

    pub(crate) fn jobs(&self) -> &Jobs {
        &self.parts.jobs
    }

    pub(crate) fn portal(&self, kind: MetricType) -> Result<&fetch::Portal, FetchError> {
        self.parts.fetcher.portal(kind)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.parts.settings
    }
}
