//! Rules about which files there are, and how big.

use std::collections::BTreeMap;

use super::Finding;
use super::tree::Tree;

/// What a visitor of the repository looks for first.
const DOCUMENTS: [&str; 6] =
    ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.fr.md", "README.md"];

/// A longer source file is more than one thing.
const LINES_OF_A_SOURCE: usize = 600;

/// In bytes; bigger things are generated or fetched.
const SIZE_OF_A_FILE: u64 = 300 * 1024;

/// Checked in although it is generated and large, so that a change of the API is seen where it is reviewed.
const OPENAPI_DOCUMENT: (&str, u64) = ("crates/halles/openapi.json", 1024 * 1024);

/// The documents that every repository of quality has are there.
pub(super) fn documents(tree: &Tree) -> Vec<Finding> {
    let has = |path: &str| tree.text(path).is_some_and(|text| !text.trim().is_empty());
    let missing = DOCUMENTS.into_iter().filter(|document| !has(document));
    missing.map(|document| Finding::new(document, "is missing or empty: write it")).collect()
}

/// No file is too big to be read.
pub(super) fn sizes(tree: &Tree) -> Vec<Finding> {
    let long = tree.sources().filter_map(|(path, text)| {
        let lines = text.lines().count();
        let message =
            format!("has {lines} lines, at most {LINES_OF_A_SOURCE} are allowed: split it by subject");
        (lines > LINES_OF_A_SOURCE).then(|| Finding::new(path, message))
    });
    let big = tree.files().iter().filter(|file| file.size > allowed(&file.path)).map(|file| {
        let (size, most) = (file.size / 1024, allowed(&file.path) / 1024);
        let message = format!("has {size} KiB, at most {most} are allowed: generate or fetch it instead");
        Finding::new(&file.path, message)
    });
    long.chain(big).collect()
}

fn allowed(path: &str) -> u64 {
    if path == OPENAPI_DOCUMENT.0 { OPENAPI_DOCUMENT.1 } else { SIZE_OF_A_FILE }
}

/// Migrations are numbered 0001, 0002 … without gaps or twins, so that their order is never in doubt.
pub(super) fn migrations(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut folders: BTreeMap<&str, Vec<(u32, &str)>> = BTreeMap::new();
    for file in tree.files() {
        let Some((folder, name)) = file.path.rsplit_once('/') else { continue };
        if !folder.ends_with("/migrations") {
            continue;
        }
        match number_of(name) {
            Some(number) => folders.entry(folder).or_default().push((number, &file.path)),
            None => findings.push(Finding::new(&file.path, "name it NNNN_what_it_does.sql")),
        }
    }
    for mut files in folders.into_values() {
        files.sort_unstable();
        let unexpected = (1..).zip(files).find(|(expected, (number, _))| expected != number);
        if let Some((expected, (_, path))) = unexpected {
            let message =
                format!("number {expected:04} is expected here: migrations have neither gaps nor twins");
            findings.push(Finding::new(path, message));
        }
    }
    findings
}

/// The number of `0001_orders.sql`.
fn number_of(name: &str) -> Option<u32> {
    let (number, rest) = name.strip_suffix(".sql")?.split_once('_')?;
    let is_well_formed = number.len() == 4 && !rest.is_empty();
    is_well_formed.then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(findings: Vec<Finding>) -> Vec<String> {
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn missing_and_empty_documents_are_found() {
        let tree = Tree::of(&[("README.md", "# Halles"), ("LICENSE", "\n"), ("docs/CHANGELOG.md", "…")]);
        let expected = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.fr.md"];
        assert_eq!(places(documents(&tree)), expected);
    }

    #[test]
    fn only_what_exceeds_a_limit_is_found() {
        let (fits, too_long) = ("\n".repeat(LINES_OF_A_SOURCE), "\n".repeat(LINES_OF_A_SOURCE + 1));
        let too_big = "x".repeat(300 * 1024 + 1);
        let tree =
            Tree::of(&[("a.rs", &fits), ("b.rs", &too_long), ("c.md", &too_long), ("d.json", &too_big)]);
        assert_eq!(places(sizes(&tree)), ["b.rs", "d.json"]);
    }

    #[test]
    fn migrations_are_counted_per_folder() {
        let sound = Tree::of(&[
            ("crates/a/migrations/0001_first.sql", ""),
            ("crates/a/migrations/0002_second.sql", ""),
            ("crates/b/migrations/0001_first.sql", ""),
        ]);
        assert_eq!(migrations(&sound), []);
    }

    #[test]
    fn gaps_twins_and_odd_names_are_found() {
        for (second, reported) in [
            ("crates/a/migrations/0003_gap.sql", "crates/a/migrations/0003_gap.sql"),
            ("crates/a/migrations/0001_twin.sql", "crates/a/migrations/0001_twin.sql"),
            ("crates/a/migrations/2_short.sql", "crates/a/migrations/2_short.sql"),
            ("crates/a/migrations/notes.txt", "crates/a/migrations/notes.txt"),
        ] {
            let tree = Tree::of(&[("crates/a/migrations/0001_first.sql", ""), (second, "")]);
            assert_eq!(places(migrations(&tree)), [reported]);
        }
    }
}
