//! Files on their way in: written piece by piece, off the threads that answer requests, and deleted unless kept.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempPath;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// What the names of unfinished files begin with.
const PREFIX: &str = "halles-city-";

/// What the names of whole files end with, behind the id of their import.
const SUFFIX: &str = ".upload";

/// Pieces that may wait for the disk before the sender waits too.
const WAITING: usize = 16;

/// A file that is being written.
pub struct Spool {
    pieces: mpsc::Sender<Bytes>,
    writer: JoinHandle<io::Result<TempPath>>,
}

impl Spool {
    /// Begins a file in a folder, which is made when it is missing.
    ///
    /// # Errors
    ///
    /// When no file can be made there.
    pub fn begin(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (file, path) = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder)?.into_parts();
        let (pieces, waiting) = mpsc::channel(WAITING);
        let writer = tokio::task::spawn_blocking(move || write_all(file, waiting).map(|()| path));
        Ok(Self { pieces, writer })
    }

    /// Adds a piece. After an error there is nothing more to be done with it.
    ///
    /// # Errors
    ///
    /// What the disk said to this piece, or to one before it.
    pub async fn write(&mut self, piece: Bytes) -> io::Result<()> {
        if self.pieces.send(piece).await.is_ok() {
            return Ok(());
        }
        let ended = (&mut self.writer).await.map_err(io::Error::other)?;
        Err(ended.err().unwrap_or_else(|| io::Error::other("the file was ended early")))
    }

    /// The whole file, on the disk; it is deleted when the path is dropped.
    ///
    /// # Errors
    ///
    /// What the disk said first.
    pub async fn finish(self) -> io::Result<TempPath> {
        let Self { pieces, writer } = self;
        drop(pieces);
        writer.await.map_err(io::Error::other)?
    }
}

/// A file in a folder with all that can be read; it is deleted when its path is dropped.
///
/// # Errors
///
/// When it cannot be read or written.
pub async fn copy(folder: &Path, mut from: Box<dyn Read + Send>) -> io::Result<TempPath> {
    fs::create_dir_all(folder)?;
    let (mut file, path) = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder)?.into_parts();
    let copy = tokio::task::spawn_blocking(move || io::copy(&mut from, &mut file));
    copy.await.map_err(io::Error::other)??;
    Ok(path)
}

fn write_all(mut file: File, mut waiting: mpsc::Receiver<Bytes>) -> io::Result<()> {
    while let Some(piece) = waiting.blocking_recv() {
        file.write_all(&piece)?;
    }
    file.sync_all()
}

/// Deletes the unfinished files that processes which were killed have left behind, those that nobody has written to for
/// that long.
///
/// # Errors
///
/// When the folder cannot be read; one that is not there holds nothing.
pub fn sweep(folder: &Path, untouched: Duration) -> io::Result<()> {
    for (name, path) in files(folder)? {
        if name.starts_with(PREFIX) && is_untouched(&path, untouched) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Whether nobody has written to a file for that long.
fn is_untouched(path: &Path, time: Duration) -> bool {
    let touched = fs::metadata(path).and_then(|about| about.modified());
    // A file from the future is untouched for no time at all.
    touched.is_ok_and(|touched| touched.elapsed().unwrap_or_default() >= time)
}

/// Names and paths of what is in a folder.
fn files(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries
        .map(|entry| entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())))
        .collect()
}

/// A whole file that waits for its import: it outlives the process, under the import's id.
#[derive(Debug)]
pub struct Upload(TempPath);

impl Upload {
    /// Gives a whole file the name of an import. Until it is [`Upload::keep`]t it is deleted when this is dropped.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn name(file: TempPath, folder: &Path, import: Uuid) -> io::Result<Self> {
        let path = Self::path(folder, import);
        file.persist(&path).map_err(|error| error.error)?;
        // The name lasts only when the folder has been written, too.
        File::open(folder)?.sync_all()?;
        TempPath::try_from_path(path).map(Self)
    }

    /// Where the file of an import lies, if it is there.
    pub fn find(folder: &Path, import: Uuid) -> Option<PathBuf> {
        Some(Self::path(folder, import)).filter(|path| path.is_file())
    }

    /// Leaves the file to its import.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn keep(self) -> io::Result<PathBuf> {
        self.0.keep().map_err(|error| error.error)
    }

    /// The imports that have files in a folder which nobody has written to for that long.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read; one that is not there holds nothing.
    pub fn all(folder: &Path, untouched: Duration) -> io::Result<Vec<(Uuid, PathBuf)>> {
        let found = files(folder)?.into_iter().filter(|(_, path)| is_untouched(path, untouched));
        let import = |name: &str| name.strip_suffix(SUFFIX)?.parse().ok();
        Ok(found.filter_map(|(name, path)| Some((import(&name)?, path))).collect())
    }

    fn path(folder: &Path, import: Uuid) -> PathBuf {
        folder.join(format!("{import}{SUFFIX}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_become_one_file_that_goes_with_its_path() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let inside = folder.path().join("new");
        let mut spool = Spool::begin(&inside)?;
        let pieces: Vec<String> = (0..100).map(|number| format!("{number};")).collect();
        for piece in &pieces {
            spool.write(Bytes::from(piece.clone())).await?;
        }
        let path = spool.finish().await?;
        assert_eq!(fs::read_to_string(&path)?, pieces.concat());
        drop(path);
        assert_eq!(fs::read_dir(&inside)?.count(), 0);
        Ok(())
    }

    #[tokio::test]
    async fn what_a_killed_process_left_is_swept_away_and_nothing_else() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join(format!("{PREFIX}abc")), "half")?;
        fs::write(folder.path().join("of-somebody-else"), "whole")?;
        sweep(folder.path(), Duration::from_hours(1))?;
        assert_eq!(fs::read_dir(folder.path())?.count(), 2, "somebody may be writing it");
        sweep(folder.path(), Duration::ZERO)?;
        let left: Vec<_> = fs::read_dir(folder.path())?
            .map(|entry| entry.map(|e| e.file_name()))
            .collect::<Result<_, _>>()?;
        assert_eq!(left, ["of-somebody-else"]);
        sweep(&folder.path().join("missing"), Duration::ZERO)?;
        Ok(())
    }

    #[tokio::test]
    async fn the_file_of_an_import_stays_when_it_is_kept() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let (kept, dropped) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for import in [kept, dropped] {
            let mut spool = Spool::begin(folder.path())?;
            spool.write(Bytes::from_static(b"whole")).await?;
            let upload = Upload::name(spool.finish().await?, folder.path(), import)?;
            if import == kept {
                assert_eq!(Some(upload.keep()?), Upload::find(folder.path(), kept));
            }
        }
        sweep(folder.path(), Duration::ZERO)?;
        assert_eq!(Upload::find(folder.path(), dropped), None);
        let all = Upload::all(folder.path(), Duration::ZERO)?;
        assert_eq!(all.iter().map(|(import, _)| *import).collect::<Vec<_>>(), [kept]);
        assert_eq!(Upload::all(folder.path(), Duration::from_hours(1))?, []);
        Ok(())
    }

    #[tokio::test]
    async fn what_the_disk_said_is_told() -> anyhow::Result<()> {
        let (pieces, waiting) = mpsc::channel(WAITING);
        drop(waiting);
        let writer = tokio::spawn(async { Err(io::Error::from(io::ErrorKind::StorageFull)) });
        let told = Spool { pieces, writer }.write(Bytes::from_static(b"more")).await;
        assert_eq!(told.map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
        Ok(())
    }

    #[tokio::test]
    async fn an_abandoned_file_is_deleted() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut spool = Spool::begin(folder.path())?;
        spool.write(Bytes::from_static(b"half")).await?;
        let Spool { pieces, writer } = spool;
        drop(pieces);
        drop(writer.await??);
        assert_eq!(fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }
}
