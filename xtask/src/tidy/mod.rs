//! `cargo xtask tidy`: the rules about the source tree that no compiler knows.
//!
//! A rule is a function from the tree to its findings, so that it is tested on a tree of a few lines. One more
//! rule: one function and one line in [`RULES`].

mod crates;
mod files;
mod licence;
mod packages;
mod text;
mod tree;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use tree::Tree;

/// One place where a rule is broken.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// Relative to the root of the repository, with the line if there is one.
    place: String,
    /// What is wrong and what to do.
    message: String,
}

impl Finding {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

/// A rule about the files.
type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: [Rule; 10] = [
    crates::arrows,
    crates::dependencies_of_the_workspace,
    crates::lints,
    files::documents,
    files::sizes,
    files::migrations,
    text::leftovers,
    text::exceptions,
    text::foreign_paths,
    text::sql,
];

/// Checks everything and prints the findings; fails when there are any.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    let tree = Tree::read(root)?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    findings.extend(packages::check(root)?);
    for Finding { place, message } in &findings {
        println!("{place}: {message}");
    }
    if findings.is_empty() {
        println!("tidy: {} files, nothing to find fault with", tree.files().len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("tidy: {} findings", findings.len());
    Ok(ExitCode::FAILURE)
}
