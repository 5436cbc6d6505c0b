//! Files on their way in: written piece by piece, off the threads that answer requests, and deleted unless kept.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempPath;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What the names of unfinished files begin with.
const PREFIX: &str = "halles-city-";

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

    /// Adds a piece.
    ///
    /// # Errors
    ///
    /// When the disk has failed; [`Spool::finish`] says how.
    pub async fn write(&self, piece: Bytes) -> io::Result<()> {
        let failed = || io::Error::other("the file cannot be written");
        self.pieces.send(piece).await.map_err(|_| failed())
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

fn write_all(mut file: File, mut waiting: mpsc::Receiver<Bytes>) -> io::Result<()> {
    while let Some(piece) = waiting.blocking_recv() {
        file.write_all(&piece)?;
    }
    file.sync_all()
}

/// Deletes the unfinished files that a process which was killed has left behind. Nobody else may be writing there.
///
/// # Errors
///
/// When the folder cannot be read; one that is not there holds nothing.
pub fn sweep(folder: &Path) -> io::Result<()> {
    for path in left_behind(folder)? {
        fs::remove_file(path)?;
    }
    Ok(())
}

fn left_behind(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_become_one_file_that_goes_with_its_path() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let inside = folder.path().join("new");
        let spool = Spool::begin(&inside)?;
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
        sweep(folder.path())?;
        let left: Vec<_> = fs::read_dir(folder.path())?
            .map(|entry| entry.map(|e| e.file_name()))
            .collect::<Result<_, _>>()?;
        assert_eq!(left, ["of-somebody-else"]);
        sweep(&folder.path().join("missing"))?;
        Ok(())
    }

    #[tokio::test]
    async fn an_abandoned_file_is_deleted() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let spool = Spool::begin(folder.path())?;
        spool.write(Bytes::from_static(b"half")).await?;
        let Spool { pieces, writer } = spool;
        drop(pieces);
        drop(writer.await??);
        assert_eq!(fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }
}
