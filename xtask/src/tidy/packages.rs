//! Rules about the packages that we depend on: their licences, and no package twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Finding, licence};
use crate::cargo;

/// Where the versions of all packages are written down.
const LOCK: &str = "Cargo.lock";

/// The findings must not depend on the machine that looks; this is what we ship for.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Packages that we have in two versions because others have not moved on yet. The list may only shrink: what
/// is not in it fails, and so does an entry that is no longer needed. Alphabetical.
const ACCEPTED_DUPLICATES: &[(&str, &str)] = &[
    ("base64", "postgres-protocol uses 0.22; hyper-util, reqwest and utoipa-swagger-ui use 0.23"),
    ("block-buffer", "comes with sha2 0.10 and 0.11"),
    ("cpufeatures", "comes with sha2 0.10, and with sha2 0.11 and rand 0.10"),
    ("crypto-common", "comes with sha2 0.10 and 0.11"),
    ("digest", "comes with sha2 0.10 and 0.11"),
    ("fallible-iterator", "tokio-postgres uses 0.2, rusqlite uses 0.3"),
    ("getrandom", "rand 0.9 uses 0.3, tempfile and uuid use 0.4"),
    ("rand", "tokio-postgres and uuid use 0.10, our tests use 0.9"),
    ("rand_core", "comes with rand 0.9 and 0.10"),
    ("sha2", "postgres-protocol uses 0.11"),
    ("syn", "tracing-attributes uses 2, newer procedural macros use 3"),
    ("tower-http", "reqwest uses 0.6"),
];

/// A package of the dependency tree.
struct Package {
    name: String,
    version: String,
    licence: Option<String>,
}

/// Checks what `cargo metadata` tells.
pub(super) fn check(root: &Path) -> Result<Vec<Finding>> {
    let packages = dependencies(root)?;
    let mut findings = licences(&packages);
    findings.extend(duplicates(&packages, ACCEPTED_DUPLICATES));
    Ok(findings)
}

fn dependencies(root: &Path) -> Result<Vec<Package>> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", PLATFORM])
        .current_dir(root)
        .output()
        .context("running cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    read(&output.stdout).context("cargo metadata has an unknown form")
}

/// The packages from elsewhere that our platform takes part of, out of the answer of `cargo metadata`.
fn read(metadata: &[u8]) -> Option<Vec<Package>> {
    let metadata: Value = serde_json::from_slice(metadata).ok()?;
    let nodes = metadata.get("resolve")?.get("nodes")?.as_array()?;
    let used: BTreeSet<&str> = nodes.iter().filter_map(|node| node.get("id")?.as_str()).collect();
    let mut packages = Vec::new();
    for package in metadata.get("packages")?.as_array()? {
        let text = |key: &str| package.get(key).and_then(Value::as_str);
        // Our own crates have no source.
        if text("source").is_some() && used.contains(text("id")?) {
            let licence = text("license").map(str::to_owned);
            packages.push(Package {
                name: text("name")?.to_owned(),
                version: text("version")?.to_owned(),
                licence,
            });
        }
    }
    Some(packages)
}

fn licences(packages: &[Package]) -> Vec<Finding> {
    let findings = packages.iter().filter_map(|Package { name, version, licence }| {
        let message = match licence {
            Some(licence) if licence::is_accepted(licence) => return None,
            Some(licence) => format!("{name} {version} is under `{licence}`, which is not in the list of accepted licences (xtask/src/tidy/licence.rs): replace it"),
            None => format!("{name} {version} names no licence: replace it"),
        };
        Some(Finding::new(LOCK, message))
    });
    findings.collect()
}

fn duplicates(packages: &[Package], accepted: &[(&str, &str)]) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    let is_accepted = |name: &str| accepted.iter().any(|(accepted, _)| *accepted == name);

    let unknown = versions.iter().filter(|(name, _)| !is_accepted(name)).map(|(name, versions)| {
        let versions: Vec<&str> = versions.iter().copied().collect();
        let message = format!(
            "{name} is there as {}: agree on one (`cargo tree --invert {name}@VERSION` tells who asks)",
            versions.join(" and ")
        );
        Finding::new(LOCK, message)
    });
    let stale = accepted.iter().filter(|(name, _)| !versions.contains_key(name)).map(|(name, _)| {
        let message = format!("`{name}` is no longer there twice: remove it from ACCEPTED_DUPLICATES");
        Finding::new("xtask/src/tidy/packages.rs", message)
    });
    unknown.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, licence: Option<&str>) -> Package {
        Package { name: name.to_owned(), version: version.to_owned(), licence: licence.map(str::to_owned) }
    }

    #[test]
    fn reads_foreign_packages_of_our_platform() {
        let metadata = r#"{
            "packages": [
                {"id": "a", "name": "ours", "version": "0.1.0", "source": null, "license": "Apache-2.0"},
                {"id": "b", "name": "theirs", "version": "1.0.0", "source": "registry", "license": "MIT"},
                {"id": "c", "name": "for-windows", "version": "1.0.0", "source": "registry", "license": "MIT"}
            ],
            "resolve": {"nodes": [{"id": "a"}, {"id": "b"}]}
        }"#;
        let packages = read(metadata.as_bytes()).expect("it is well formed");
        assert_eq!(packages.len(), 1);
        assert_eq!(packages[0].name, "theirs");
        assert!(read(b"{}").is_none());
    }

    #[test]
    fn licences_must_be_known() {
        let packages = [
            package("a", "1.0.0", Some("MIT")),
            package("b", "1.0.0", Some("SSPL-1.0")),
            package("c", "2.0.0", None),
        ];
        let found: Vec<String> = licences(&packages).into_iter().map(|finding| finding.message).collect();
        assert_eq!(found.len(), 2);
        assert!(
            found[0].starts_with("b 1.0.0 is under `SSPL-1.0`")
                && found[1] == "c 2.0.0 names no licence: replace it"
        );
    }

    #[test]
    fn duplicates_are_listed_exactly() {
        let packages =
            [package("a", "1.0.0", None), package("a", "2.0.0", None), package("b", "1.0.0", None)];
        assert_eq!(duplicates(&packages, &[("a", "reason")]), []);
        assert!(duplicates(&packages, &[])[0].message.starts_with("a is there as 1.0.0 and 2.0.0"));
        let stale = duplicates(&packages, &[("a", "reason"), ("b", "reason")]);
        assert_eq!(stale.len(), 1);
        assert_eq!(stale[0].place, "xtask/src/tidy/packages.rs");
    }

    #[test]
    fn the_list_is_in_order() {
        assert!(ACCEPTED_DUPLICATES.is_sorted());
    }
}
