//! The data folder belongs to one process at a time.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::OpenError;

const NAME: &str = "halles.lock";

/// The right to a data folder, until dropped or until the process ends, however it ends.
pub(crate) struct FolderLock(File);

impl FolderLock {
    /// Takes a folder for this process, making it if it is not there.
    pub(crate) fn take(folder: &Path) -> Result<Self, OpenError> {
        let path = || folder.display().to_string();
        let unusable = |error: io::Error| OpenError::Folder { path: path(), reason: error.to_string() };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(folder.join(NAME)).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {
                let lock = Self(file);
                lock.try_write(&format!("process {}", std::process::id())).map_err(unusable)?;
                Ok(lock)
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message; without it the message is still true.
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
                Err(OpenError::InUse { path: path(), holder })
            }
            Err(std::fs::TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Writes into the lock file who holds the folder, for whoever wants it too.
    pub(crate) fn write(&self, holder: &str) {
        if let Err(error) = self.try_write(holder) {
            tracing::debug!(%error, "the lock file could not be written");
        }
    }

    fn try_write(&self, holder: &str) -> io::Result<()> {
        let mut file = &self.0;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(holder.as_bytes())
    }
}
