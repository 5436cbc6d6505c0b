//! The files of the repository.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// All files that belong to the project, in the order of their paths.
pub(super) struct Tree(Vec<File>);

/// One file.
pub(super) struct File {
    /// Relative to the root, with forward slashes.
    pub(super) path: String,
    /// In bytes.
    pub(super) size: u64,
    /// `None` for a file that is not UTF-8.
    text: Option<String>,
}

impl Tree {
    /// Reads what git tracks, and new files that it does not ignore.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("running git")?;
        ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
        let listed = String::from_utf8(output.stdout).context("a path is not UTF-8")?;
        let mut paths: Vec<&str> = listed.split_terminator('\0').collect();
        paths.sort_unstable();
        paths.dedup();
        // A file that was removed but not yet committed as such is still listed; so is a linked folder.
        let present = paths.into_iter().filter(|path| root.join(path).is_file());
        let files = present.map(|path| {
            let bytes = fs::read(root.join(path)).with_context(|| format!("reading {path}"))?;
            Ok(File { path: path.to_owned(), size: bytes.len() as u64, text: String::from_utf8(bytes).ok() })
        });
        Ok(Self(files.collect::<Result<_>>()?))
    }

    /// A tree for the test of a rule.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            size: text.len() as u64,
            text: Some((*text).to_owned()),
        };
        Self(files.iter().map(file).collect())
    }

    pub(super) fn files(&self) -> &[File] {
        &self.0
    }

    /// Files that are text, with it.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    }

    /// Rust sources.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts()
            .filter(|(path, _)| Path::new(path).extension().is_some_and(|extension| extension == "rs"))
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.texts().find_map(|(found, text)| (found == path).then_some(text))
    }
}
