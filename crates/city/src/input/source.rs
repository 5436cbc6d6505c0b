//! Where data comes from.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::InputError;

/// Something to read: CSV or JSON, as it is or packed (`.gz`, `.zip`). What it is, its first bytes tell, not its name.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file of this machine.
    File(PathBuf),
    /// A file of this machine that came from elsewhere: an upload, a download. Where it lies is nobody's business.
    Spooled {
        /// What people call it.
        name: String,
        /// Where it lies.
        path: PathBuf,
    },
    /// Bytes that are here already.
    Bytes {
        /// What people call it.
        name: String,
        /// What it holds.
        data: Bytes,
    },
}

impl Source {
    /// What people call it.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Spooled { name, .. } | Self::Bytes { name, .. } => name.clone(),
        }
    }

    /// How many bytes it has, packed as it is.
    ///
    /// Opening a pipe or a device may wait for ever: this tells them before.
    pub(super) fn size(&self) -> Result<u64, InputError> {
        match self {
            Self::File(path) | Self::Spooled { path, .. } => match fs::metadata(path) {
                Ok(about) if about.is_file() => Ok(about.len()),
                Ok(_) => Err(InputError::NotAFile(self.name())),
                Err(error) => Err(InputError::io(&self.name(), error)),
            },
            Self::Bytes { data, .. } => Ok(data.len() as u64),
        }
    }
}

/// The files of a path: itself, or of a folder those in it and its folders that are data files by their names, in the
/// order of their names. Links are followed; a folder that several lead to is gone through once.
///
/// # Errors
/// When the path cannot be looked at, or a folder has no data file.
pub fn sources_in(path: &Path) -> Result<Vec<Source>, InputError> {
    let name = path.display().to_string();
    let about = fs::metadata(path).map_err(|error| InputError::io(&name, error))?;
    if !about.is_dir() {
        return Ok(vec![Source::File(path.to_owned())]);
    }
    let mut found = Found::default();
    found.collect(path).map_err(|error| InputError::io(&name, error))?;
    found.files.sort();
    if found.files.is_empty() {
        Err(InputError::NoData(name))
    } else {
        Ok(found.files.into_iter().map(Source::File).collect())
    }
}

/// What is found in folders.
#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    /// The folders, as they are without links.
    folders: BTreeSet<PathBuf>,
}

impl Found {
    fn collect(&mut self, folder: &Path) -> io::Result<()> {
        if !self.folders.insert(fs::canonicalize(folder)?) {
            return Ok(());
        }
        let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        // Folders before links to them, so that files go by their own names.
        entries.sort_by_cached_key(|entry| {
            (entry.file_type().is_ok_and(|kind| kind.is_symlink()), entry.file_name())
        });
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let is_named = is_data(&name) || is_archive(&name);
            match fs::metadata(&path) {
                Ok(about) if about.is_dir() && !name.starts_with('.') => self.collect(&path)?,
                Ok(about) if is_named && !about.is_dir() => self.files.push(path),
                // A link to nothing is told when the file is opened.
                Err(_) if is_named => self.files.push(path),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// Whether a file among others (read-me files, pictures, licences) holds data, by its name.
pub(super) fn is_data(name: &str) -> bool {
    named(name, &["csv", "json"])
}

/// Whether a file among others is an archive, by its name.
pub(super) fn is_archive(name: &str) -> bool {
    named(name, &["gz", "zip"])
}

fn named(path: &str, extensions: &[&str]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let hidden = name.starts_with('.') || path.starts_with("__MACOSX/");
    !hidden
        && name.rsplit_once('.').is_some_and(|(_, extension)| {
            extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
        })
}
