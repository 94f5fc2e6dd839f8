//! No crate depends on one above it, in the order in which ARCHITECTURE.md lists them.
//!
//! Its first table has the crates of the product, its second those for tests and tools. What is shipped depends on no tool; tests may
//! use any tool, and of the product what is below.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// A package of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What it depends on, and whether for tests only.
    pub dependencies: Vec<(String, bool)>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<MetadataDependency>,
}

#[derive(Deserialize)]
struct MetadataDependency {
    name: String,
    kind: Option<String>,
}

/// The packages of the workspace, as cargo tells them.
///
/// # Errors
/// When cargo does not.
pub fn packages(root: &Path) -> Result<Vec<Package>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata.packages.into_iter().map(|package| Package {
        name: package.name,
        folder: package.manifest_path.parent().unwrap_or(root).to_owned(),
        dependencies: package
            .dependencies
            .into_iter()
            .map(|dependency| (dependency.name, dependency.kind.as_deref() == Some("dev")))
            .collect(),
    });
    Ok(packages.collect())
}

/// What depends on something above it, or is in no table.
///
/// # Errors
/// When ARCHITECTURE.md cannot be read.
pub fn wrong(root: &Path, packages: &[Package]) -> Result<Vec<String>, String> {
    let document = fs::read_to_string(root.join("ARCHITECTURE.md"))
        .map_err(|error| format!("ARCHITECTURE.md: {error}"))?;
    Ok(against(&document, root, packages))
}

fn against(document: &str, root: &Path, packages: &[Package]) -> Vec<String> {
    let tables = tables(document);
    let folder = |package: &Package| super::shown(root, &package.folder);
    let place = |folder: &str| {
        let mut rows = tables.iter().enumerate();
        rows.find_map(|(table, rows)| Some((table, rows.iter().position(|row| row == folder)?)))
    };
    let mut wrong = Vec::new();
    for package in packages {
        let Some(own) = place(&folder(package)) else {
            wrong.push(format!(
                "{} is in no table of crates in ARCHITECTURE.md",
                folder(package)
            ));
            continue;
        };
        for (name, is_for_tests) in &package.dependencies {
            let Some(other) = packages.iter().find(|other| other.name == *name) else {
                continue;
            };
            let Some(its) = place(&folder(other)) else {
                continue;
            };
            let is_below = match (own.0, its.0) {
                (0, 0) => its.1 > own.1,
                (0, _) => *is_for_tests,
                // Tools are no layers: cargo itself refuses circles among them.
                _ => true,
            };
            if !is_below {
                wrong.push(format!(
                    "{} depends on {}, which is above it in ARCHITECTURE.md",
                    package.name, other.name
                ));
            }
        }
    }
    wrong
}

/// The folders that the tables of the section on crates list, table by table.
fn tables(document: &str) -> Vec<Vec<String>> {
    let section = document
        .split("\n## ")
        .find(|section| section.starts_with("Crates\n"))
        .unwrap_or_default();
    let mut tables = Vec::new();
    let mut is_open = false;
    for line in section.lines() {
        if line.starts_with("| crate |") {
            tables.push(Vec::new());
            is_open = true;
        } else if !line.starts_with('|') {
            is_open = false;
        }
        let row = line.strip_prefix("| `").and_then(|rest| rest.split_once('`'));
        if let (true, Some((folder, _)), Some(table)) = (is_open, row, tables.last_mut()) {
            table.push(folder.to_owned());
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "# Map\n\n## Crates\n\n| crate | what |\n|---|---|\n| `crates/top` | x |\n| `crates/low` | y |\n\n\
                            Tools:\n\n| crate | what |\n|---|---|\n| `crates/tool` | z |\n\n| file |\n|---|\n| `crates/other` |\n";

    fn package(name: &str, dependencies: &[(&str, bool)]) -> Package {
        Package {
            name: name.to_owned(),
            folder: Path::new("/w/crates").join(name),
            dependencies: dependencies
                .iter()
                .map(|(name, dev)| ((*name).to_owned(), *dev))
                .collect(),
        }
    }

    fn wrong(packages: &[Package]) -> Vec<String> {
        against(DOCUMENT, Path::new("/w"), packages)
    }

    #[test]
    fn dependencies_point_downwards_and_to_tools_only_for_tests() {
        let [top, low, tool] = ["top", "low", "tool"].map(|name| package(name, &[]));
        let fine = [
            package("top", &[("low", false), ("tool", true), ("serde", false)]),
            low.clone(),
            package("tool", &[("top", false)]),
        ];
        assert_eq!(wrong(&fine), Vec::<String>::new());
        for upward in [("top", false), ("top", true), ("tool", false)] {
            let found = wrong(&[top.clone(), package("low", &[upward]), tool.clone()]);
            let expected = format!(
                "low depends on {}, which is above it in ARCHITECTURE.md",
                upward.0
            );
            assert_eq!(found, [expected]);
        }
    }

    #[test]
    fn each_crate_is_in_a_table() {
        let found = wrong(&[package("other", &[])]);
        assert_eq!(
            found,
            ["crates/other is in no table of crates in ARCHITECTURE.md"]
        );
    }
}
