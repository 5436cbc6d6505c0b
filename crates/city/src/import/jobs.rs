//! Imports that were asked for over HTTP: they wait in a queue and are carried out one after the other.
//!
//! What was accepted is carried out, whatever becomes of the process: an upload is a file named like its import, and
//! where the data of an import is stands beside it in the store. The next process that can get at the data, or another
//! one on the same database, takes over what a process has left when it ended
//! (see [`crate::archive::imports::take_over`]).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::{ImportError, Importer};
use crate::MetricType;
use crate::archive::imports::{New, Origin, Unfinished};
use crate::fetch::{FetchError, Fetched, Fetcher};
use crate::input::{Source, sources_in};
use crate::spool::Upload;

/// So many imports may wait.
pub const WAITING: usize = 32;
/// How often imports are looked for whose process has ended.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// So old an upload is when whoever was about to write its import down has ended.
const NAMELESS_AFTER: Duration = Duration::from_hours(1);

/// An import that waits.
pub(crate) struct Job {
    pub(crate) id: Uuid,
    pub(crate) kind: MetricType,
    /// What people call its source.
    pub(crate) source: String,
    pub(crate) origin: Origin,
}

/// Why an import is not taken on.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Too many wait already.
    #[error("{WAITING} imports are waiting already")]
    Full,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// A place in the queue.
pub(crate) struct Place<'j> {
    place: mpsc::Permit<'j, Job>,
    importer: &'j Importer,
}

impl Place<'_> {
    /// The import as it is to be written down.
    pub(crate) fn entry(&self, kind: MetricType, source: &str, origin: Origin) -> New {
        self.importer.entry(kind, source, Some(origin))
    }

    /// Gives the place to an import that has been written down.
    pub(crate) fn fill(self, job: Job) {
        self.place.send(job);
    }
}

/// Where files lie that imports are made from.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// Uploads.
    pub(crate) incoming: PathBuf,
    /// Files that may be named.
    pub(crate) inbox: Option<PathBuf>,
}

impl Folders {
    /// Whether the data of an import can be had from here.
    fn have(&self, import: &Unfinished) -> bool {
        match &import.origin {
            Origin::Upload => Upload::find(&self.incoming, import.id).is_some(),
            Origin::Portal => true,
            Origin::Inbox(_) => self.inbox.is_some(),
        }
    }
}

/// What is told when a named source is not there, or not any more.
const GONE: &str = "there is no data file any more";

/// The files of a path in a folder, named by where they are in it; or why they are not read.
fn sources_of(inbox: &Path, path: &Path) -> Result<Vec<Source>, &'static str> {
    let inbox = inbox.canonicalize().map_err(|_| GONE)?;
    let named = |source: Source| match source {
        Source::File(path) => {
            if !path.canonicalize().map_err(|_| GONE)?.starts_with(&inbox) {
                return Err("a link in it leads out of the folder city.inbox, and is not followed");
            }
            let name = path.strip_prefix(&inbox).unwrap_or(&path).display().to_string();
            Ok(Source::Spooled { name, path })
        }
        Source::Spooled { .. } | Source::Bytes { .. } => Ok(source),
    };
    sources_in(&inbox.join(path)).map_err(|_| GONE)?.into_iter().map(named).collect()
}

/// The queue.
pub(crate) struct Jobs {
    importer: Importer,
    fetcher: Fetcher,
    folders: Folders,
    queue: mpsc::Sender<Job>,
    waiting: Mutex<Option<mpsc::Receiver<Job>>>,
}

impl Jobs {
    pub(crate) fn new(importer: Importer, fetcher: Fetcher, folders: Folders) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        Self { importer, fetcher, folders, queue, waiting: Mutex::new(Some(waiting)) }
    }

    /// A place in the queue for an import that has not been written down yet.
    pub(crate) fn reserve(&self) -> Result<Place<'_>, SubmitError> {
        let place = self.queue.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => SubmitError::Full,
            mpsc::error::TrySendError::Closed(()) => SubmitError::Stopping,
        })?;
        Ok(Place { place, importer: &self.importer })
    }

    /// Carries imports out until the server stops; `alone` says that no other process works on this database.
    pub(crate) async fn work(&self, alone: bool) {
        let taken = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Only the first caller has the queue.
        let Some(mut waiting) = taken else { return };
        tokio::select! {
            () = self.carry_out(&mut waiting) => {}
            () = self.look_for_abandoned(alone) => {}
            () = self.importer.stay_known() => {}
        }
        self.importer.let_go().await;
    }

    async fn carry_out(&self, waiting: &mut mpsc::Receiver<Job>) {
        while let Some(job) = self.importer.unless_stopping(waiting.recv()).await.flatten() {
            let (id, kind, is_upload) = (job.id, job.kind, job.origin == Origin::Upload);
            if let Err(error) = self.carry_out_one(job).await {
                tracing::warn!(%id, %kind, %error, "an import has not been carried out");
            }
            // One that was stopped, or whose end could not be written down, waits for the next process, which needs the
            // file.
            if is_upload && matches!(self.importer.is_unfinished(id).await, Ok(false)) {
                self.delete_upload(id);
            }
        }
    }

    async fn carry_out_one(&self, job: Job) -> Result<(), ImportError> {
        let Job { id, kind, source, origin } = job;
        let sources = match origin {
            Origin::Portal => return self.fetch(id, kind).await,
            Origin::Upload => Upload::find(&self.folders.incoming, id)
                .map(|path| vec![Source::Spooled { name: source, path }])
                .ok_or(GONE),
            Origin::Inbox(path) => {
                self.folders.inbox.as_deref().map_or(Err(GONE), |inbox| sources_of(inbox, &path))
            }
        };
        match sources {
            Ok(sources) => self.importer.carry_out(id, kind, sources, Arc::new(())).await.map(drop),
            Err(told) => self.importer.settle(id, Err(ImportError::NotFetched(told.to_owned()))).await,
        }
    }

    fn delete_upload(&self, import: Uuid) {
        let deleted = Upload::find(&self.folders.incoming, import).map(fs::remove_file);
        if let Some(Err(error)) = deleted {
            tracing::warn!(%import, %error, "an upload that has been imported could not be deleted");
        }
    }

    async fn fetch(&self, id: Uuid, kind: MetricType) -> Result<(), ImportError> {
        match self.fetcher.fetch(kind, Some(id), Arc::new(())).await {
            Ok(Fetched::Imported(_)) => Ok(()),
            Ok(Fetched::Unchanged) => self.importer.settle(id, Ok(())).await,
            Ok(Fetched::Elsewhere) => {
                let told = "another process is asking the portal at this moment".to_owned();
                self.importer.settle(id, Err(ImportError::NotFetched(told))).await
            }
            // That one has been written down.
            Err(FetchError::Import(error)) => Err(error),
            Err(FetchError::Stopped) => self.importer.settle(id, Err(ImportError::Stopped)).await,
            Err(error) => self.importer.settle(id, Err(ImportError::NotFetched(error.to_string()))).await,
        }
    }

    async fn look_for_abandoned(&self, mut alone: bool) {
        loop {
            if let Err(error) = self.take_over(alone).await {
                tracing::debug!(%error, "imports that others have left cannot be looked through now");
            }
            self.tell_abandoned(alone).await;
            // What this process leaves from now on, it has not left.
            alone = false;
            if !self.importer.pause(LOOK_EVERY).await {
                // Imports notice by themselves that the server is stopping.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Puts into the queue what processes that have ended had accepted.
    async fn take_over(&self, alone: bool) -> Result<(), ImportError> {
        for import in self.importer.unfinished(alone).await? {
            if !self.folders.have(&import) {
                continue;
            }
            let Some(Ok(place)) = self.importer.unless_stopping(self.queue.reserve()).await else {
                return Err(ImportError::Stopped);
            };
            let Unfinished { id, kind, source, origin } = import;
            if self.importer.take_over(id, alone).await? {
                tracing::info!(%id, %kind, "an import that was cut off goes on");
                place.send(Job { id, kind, source, origin });
            }
        }
        for (import, path) in Upload::all(&self.folders.incoming, NAMELESS_AFTER).unwrap_or_default() {
            if !self.importer.is_unfinished(import).await?
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::warn!(%import, %error, "an upload that nobody waits for could not be deleted");
            }
        }
        Ok(())
    }

    async fn tell_abandoned(&self, alone: bool) {
        match self.importer.fail_abandoned(alone).await {
            Ok(0) => {}
            Ok(count) => tracing::warn!(count, "imports were cut off when their process ended"),
            Err(error) => tracing::debug!(%error, "imports cannot be looked through now"),
        }
        match self.importer.clear_leftovers().await {
            Ok(0) => {}
            Ok(days) => tracing::info!(days, "days that were half written have been cleared"),
            Err(error) => tracing::debug!(%error, "days that are half written cannot be cleared now"),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_do_not_lead_out_of_the_inbox() -> anyhow::Result<()> {
        let (inbox, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
        fs::write(elsewhere.path().join("secret.csv"), "a")?;
        fs::create_dir(inbox.path().join("2024"))?;
        fs::write(inbox.path().join("2024/a.csv"), "a")?;
        let inside = inbox.path().canonicalize()?;
        let names = |path: &str| {
            let sources = sources_of(&inside, Path::new(path));
            sources.map(|sources| sources.iter().map(Source::name).collect::<Vec<_>>())
        };
        assert_eq!(names("2024"), Ok(vec!["2024/a.csv".to_owned()]));
        assert_eq!(names("2025"), Err(GONE));
        symlink(elsewhere.path(), inbox.path().join("2024/linked"))?;
        assert!(names("2024").is_err_and(|told| told.contains("leads out of the folder")));
        Ok(())
    }
}
