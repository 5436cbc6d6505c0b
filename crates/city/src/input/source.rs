//! Where data comes from.

use std::fs;
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
    pub(super) fn size(&self) -> Result<u64, InputError> {
        match self {
            Self::File(path) | Self::Spooled { path, .. } => fs::metadata(path)
                .map(|about| about.len())
                .map_err(|error| InputError::io(&self.name(), error)),
            Self::Bytes { data, .. } => Ok(data.len() as u64),
        }
    }
}

/// The files of a path: itself, or of a folder those in it and its folders that are data files by their names, in the
/// order of their names.
///
/// # Errors
/// When the path cannot be looked at, or a folder has no data file.
pub fn sources_in(path: &Path) -> Result<Vec<Source>, InputError> {
    let name = path.display().to_string();
    let about = fs::metadata(path).map_err(|error| InputError::io(&name, error))?;
    if !about.is_dir() {
        return Ok(vec![Source::File(path.to_owned())]);
    }
    let mut files = Vec::new();
    collect(path, &mut files).map_err(|error| InputError::io(&name, error))?;
    files.sort();
    if files.is_empty() {
        Err(InputError::NoData(name))
    } else {
        Ok(files.into_iter().map(Source::File).collect())
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if kind.is_dir() && !name.starts_with('.') {
            collect(&path, files)?;
        } else if !kind.is_dir() && (is_data(name) || is_archive(name)) {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a file among others (read-me files, pictures, licences) holds data, by its name.
pub(super) fn is_data(name: &str) -> bool {
    named(name, &["csv", "json", "geojson"])
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
