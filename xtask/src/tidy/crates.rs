//! Rules about the manifests of the workspace's crates.

use toml::{Table, Value};

use super::Finding;
use super::tree::Tree;

/// Who may import whom: the one place that says so. Arrows point down only.
const ARROWS: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("telemetry", &["kernel"]),
    ("store", &["kernel", "telemetry"]),
    ("web", &["kernel", "telemetry", "store"]),
    ("retail", &["kernel", "telemetry", "store", "web"]),
    ("offers", &["kernel", "telemetry", "store", "web"]),
    ("city", &["kernel", "telemetry", "store", "web"]),
    ("halles", &["kernel", "telemetry", "store", "web", "retail", "offers", "city"]),
    ("testkit", &[]),
    ("tests", &["kernel", "telemetry", "store", "web", "retail", "offers", "city", "halles", TESTKIT]),
    ("xtask", &[TESTKIT]),
];

/// What every crate may use in its tests.
const TESTKIT: &str = "testkit";

/// The tables of a manifest that bring in other crates.
const DEPENDENCY_TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Arrows between the workspace's crates point down only; the tests' tools are for tests.
pub(super) fn arrows(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members(tree) {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == member.name) else {
            let message = format!(
                "`{}` has no place yet: give it one in ARROWS of xtask/src/tidy/crates.rs",
                member.name
            );
            findings.push(Finding::new(member.manifest, message));
            continue;
        };
        for dependency in &member.dependencies {
            let target = dependency.name.strip_prefix("halles-").unwrap_or(&dependency.name);
            let is_ours = ARROWS.iter().any(|(name, _)| *name == target);
            let is_for_tests =
                dependency.table == "dev-dependencies" && (target == TESTKIT || target == member.name);
            if !is_ours || is_for_tests || allowed.contains(&target) {
                continue;
            }
            let message = if target == TESTKIT {
                format!("`{TESTKIT}` is for tests only: move it to [dev-dependencies]")
            } else {
                format!(
                    "`{}` must not know `{target}` (it may know: {}); turn the arrow round with a trait or an event",
                    member.name,
                    if allowed.is_empty() { "nobody".to_owned() } else { allowed.join(", ") }
                )
            };
            findings.push(Finding::new(member.manifest, message));
        }
    }
    findings
}

/// Versions of dependencies are written once, in the workspace's manifest.
pub(super) fn dependencies_of_the_workspace(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members(tree) {
        for dependency in member.dependencies.iter().filter(|dependency| !dependency.is_inherited) {
            let message = format!(
                "write `{0} = {{ workspace = true }}` in [{1}], and its version in the workspace's Cargo.toml",
                dependency.name, dependency.table
            );
            findings.push(Finding::new(member.manifest, message));
        }
    }
    findings
}

/// Every crate has the workspace's lints, and every manifest can be read.
pub(super) fn lints(tree: &Tree) -> Vec<Finding> {
    let manifests = manifests(tree);
    let findings = manifests.filter_map(|(path, text)| match text.parse::<Table>() {
        Err(error) => Some(Finding::new(path, format!("is no manifest: {}", error.message()))),
        Ok(manifest) if is_inherited(manifest.get("lints")) => None,
        Ok(_) => Some(Finding::new(path, "add `[lints]` with `workspace = true`")),
    });
    findings.collect()
}

/// A crate of the workspace.
struct Member<'t> {
    /// The path of its manifest.
    manifest: &'t str,
    /// The name of its folder.
    name: &'t str,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    /// The table that names it.
    table: &'static str,
    /// Whether it is the workspace's.
    is_inherited: bool,
}

/// The manifests of all crates, without the workspace's own.
fn manifests(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.texts().filter(|(path, _)| path.ends_with("/Cargo.toml"))
}

/// All crates whose manifest can be read; [`lints`] tells of the others.
fn members(tree: &Tree) -> impl Iterator<Item = Member<'_>> {
    manifests(tree).filter_map(|(path, text)| {
        let manifest: Table = text.parse().ok()?;
        let folder = path.strip_suffix("/Cargo.toml")?;
        let name = folder.rsplit('/').next()?;
        Some(Member { manifest: path, name, dependencies: dependencies_in(&manifest) })
    })
}

fn dependencies_in(manifest: &Table) -> Vec<Dependency> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter();
    let by_target = targets.flat_map(Table::values).filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(by_target)
        .flat_map(|place| DEPENDENCY_TABLES.map(|table| (table, place.get(table).and_then(Value::as_table))))
        .flat_map(|(table, entries)| entries.into_iter().flatten().map(move |entry| (table, entry)))
        .map(|(table, (name, value))| Dependency {
            name: name.clone(),
            table,
            is_inherited: is_inherited(Some(value)),
        })
        .collect()
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A manifest of crate `name` with some lines more.
    fn with(name: &str, lines: &str) -> Tree {
        let path = format!("crates/{name}/Cargo.toml");
        Tree::of(&[("Cargo.toml", "[workspace]"), (&path, &format!("[lints]\nworkspace = true\n{lines}"))])
    }

    fn messages(findings: Vec<Finding>) -> Vec<String> {
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn arrows_down_are_fine() {
        let lines = "[dependencies]\nstore = { workspace = true }\nserde = { workspace = true }\n\
                     [dev-dependencies]\ntestkit.workspace = true";
        assert_eq!(arrows(&with("web", lines)), []);
    }

    #[test]
    fn arrows_up_and_sideways_are_found_wherever_they_hide() {
        for lines in [
            "[dependencies]\nretail = { workspace = true }",
            "[dependencies]\nhalles-retail = { path = \"../retail\" }",
            "[dev-dependencies]\nretail = { workspace = true }",
            "[build-dependencies]\nretail = { workspace = true }",
            "[target.'cfg(unix)'.dependencies]\nretail = { workspace = true }",
        ] {
            let found = messages(arrows(&with("store", lines)));
            assert_eq!(found.len(), 1, "{lines}");
            assert!(
                found[0].starts_with("`store` must not know `retail` (it may know: kernel, telemetry)"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_tests_tools_stay_out_of_the_product() {
        let found = messages(arrows(&with("retail", "[dependencies]\ntestkit = { workspace = true }")));
        assert_eq!(found, ["`testkit` is for tests only: move it to [dev-dependencies]"]);
    }

    #[test]
    fn a_new_crate_needs_a_place() {
        let found = arrows(&with("garage", ""));
        assert!(found[0].message.contains("`garage` has no place yet"), "{found:?}");
    }

    #[test]
    fn a_version_in_a_member_is_found() {
        let lines = "[dependencies]\nserde = \"1\"\nsha2 = { version = \"0.10\" }\nbytes.workspace = true\n\
                     uuid = { workspace = true, features = [\"v4\"] }";
        let found = dependencies_of_the_workspace(&with("store", lines));
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].place, "crates/store/Cargo.toml");
    }

    #[test]
    fn lints_must_be_the_workspaces() {
        let tree = Tree::of(&[
            ("Cargo.toml", "[workspace]"),
            ("crates/a/Cargo.toml", "lints.workspace = true"),
            ("crates/b/Cargo.toml", "[package]"),
            ("xtask/Cargo.toml", "[lints"),
        ]);
        let places: Vec<String> = lints(&tree).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["crates/b/Cargo.toml", "xtask/Cargo.toml"]);
    }
}
