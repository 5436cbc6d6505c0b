//! Imports that were asked for over HTTP: they wait in a queue and are carried out one after the other.
//!
//! The queue is in memory, since an upload is: what a process leaves when it ends is told as failed by the next one, or
//! by another (see [`crate::archive::imports::fail_abandoned`]).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempPath;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{ImportError, Importer};
use crate::MetricType;
use crate::archive::imports::New;
use crate::fetch::{FetchError, Fetched, Fetcher};
use crate::input::{Source, sources_in};

/// So many imports may wait.
pub const WAITING: usize = 32;
/// How often imports are looked for whose process has ended.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Where the data of an import is.
#[derive(Debug)]
pub enum Origin {
    /// An upload, or a download, in a temporary file that goes with it.
    Spooled {
        /// What people call it.
        name: String,
        /// The file.
        file: TempPath,
    },
    /// A file or a folder in the folder whose files may be named.
    Inbox {
        /// That folder.
        inbox: PathBuf,
        /// The path in it.
        path: PathBuf,
    },
    /// Whatever is new at the portal of this address.
    Portal(String),
}

impl Origin {
    /// What people call it.
    pub fn name(&self) -> String {
        match self {
            Self::Spooled { name, .. } | Self::Portal(name) => name.clone(),
            Self::Inbox { path, .. } => path.display().to_string(),
        }
    }
}

/// An import that waits.
struct Job {
    id: Uuid,
    kind: MetricType,
    origin: Origin,
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
    pub(crate) fn entry(&self, kind: MetricType, origin: &Origin) -> New {
        self.importer.entry(kind, &origin.name())
    }

    /// Gives the place to an import that has been written down.
    pub(crate) fn fill(self, id: Uuid, kind: MetricType, origin: Origin) {
        self.place.send(Job { id, kind, origin });
    }
}

/// The files of a path in a folder, named by where they are in it.
fn sources_of(inbox: &Path, path: &Path) -> Option<Vec<Source>> {
    let named = |source: Source| match source {
        Source::File(path) => {
            let name = path.strip_prefix(inbox).unwrap_or(&path).display().to_string();
            Source::Spooled { name, path }
        }
        Source::Spooled { .. } | Source::Bytes { .. } => source,
    };
    let sources = sources_in(&inbox.join(path)).ok()?;
    // Links in a folder may lead out of it.
    let is_inside = |source: &Source| match source {
        Source::File(path) => path.canonicalize().is_ok_and(|path| path.starts_with(inbox)),
        Source::Spooled { .. } | Source::Bytes { .. } => true,
    };
    if !sources.iter().all(is_inside) {
        return None;
    }
    Some(sources.into_iter().map(named).collect())
}

/// The queue.
pub(crate) struct Jobs {
    importer: Importer,
    fetcher: Fetcher,
    queue: mpsc::Sender<Job>,
    waiting: Mutex<Option<mpsc::Receiver<Job>>>,
}

impl Jobs {
    pub(crate) fn new(importer: Importer, fetcher: Fetcher) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        Self { importer, fetcher, queue, waiting: Mutex::new(Some(waiting)) }
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
        self.tell_abandoned(alone).await;
        let taken = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Only the first caller has the queue.
        let Some(mut waiting) = taken else { return };
        tokio::select! {
            () = self.carry_out(&mut waiting) => {}
            () = self.look_for_abandoned() => {}
            () = self.importer.stay_known() => {}
        }
    }

    async fn carry_out(&self, waiting: &mut mpsc::Receiver<Job>) {
        while let Some(Job { id, kind, origin }) =
            self.importer.unless_stopping(waiting.recv()).await.flatten()
        {
            if let Err(error) = self.carry_out_one(id, kind, origin).await {
                tracing::info!(%id, %kind, %error, "an import has failed");
            }
        }
    }

    async fn carry_out_one(&self, id: Uuid, kind: MetricType, origin: Origin) -> Result<(), ImportError> {
        let sources = match origin {
            // The file lives until this returns.
            Origin::Spooled { name, file } => {
                let source = Source::Spooled { name, path: file.to_path_buf() };
                let ended = self.importer.carry_out(id, kind, vec![source], Arc::new(())).await;
                drop(file);
                return ended.map(drop);
            }
            Origin::Portal(_) => return self.fetch(id, kind).await,
            Origin::Inbox { inbox, path } => sources_of(&inbox, &path),
        };
        let Some(sources) = sources else {
            let told = "there is no data file any more".to_owned();
            return self.importer.settle(id, Err(ImportError::NotFetched(told))).await;
        };
        self.importer.carry_out(id, kind, sources, Arc::new(())).await.map(drop)
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
            Err(error) => self.importer.settle(id, Err(ImportError::NotFetched(error.to_string()))).await,
        }
    }

    async fn look_for_abandoned(&self) {
        while self.importer.pause(LOOK_EVERY).await {
            self.tell_abandoned(false).await;
        }
        // Imports notice by themselves that the server is stopping.
        std::future::pending::<()>().await;
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
        assert_eq!(names("2024"), Some(vec!["2024/a.csv".to_owned()]));
        symlink(elsewhere.path(), inbox.path().join("2024/linked"))?;
        assert_eq!(names("2024"), None);
        Ok(())
    }
}
