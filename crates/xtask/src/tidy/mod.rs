//! `cargo xtask tidy`: what the code's structure must hold, and no compiler says.
//!
//! | module | what it holds |
//! |---|---|
//! | [`order`] | no crate depends on one above it in the tables of ARCHITECTURE.md |
//! | [`circles`] | no files of one crate depend on each other in a circle |
//! | [`files`] | no file is too long, and no tests are in files of `src` folders |
//!
//! `modules` reads the syntax that `circles` and `files` judge.

mod circles;
mod files;
mod modules;
mod order;

use std::path::{Path, PathBuf};

/// The roots of a package's library and program, relative to its folder.
const ROOTS: [&str; 2] = ["src/lib.rs", "src/main.rs"];

/// Runs all checks on the workspace below `root`.
///
/// # Errors
/// All that is wrong, a line each.
pub fn run(root: &Path) -> Result<(), String> {
    let packages = order::packages(root)?;
    let mut wrong = order::wrong(root, &packages)?;
    for package in &packages {
        wrong.extend(of_package(root, &package.folder)?);
    }
    wrong.extend(files::too_long(root)?);
    if wrong.is_empty() {
        println!("xtask: tidy: {} packages", packages.len());
        return Ok(());
    }
    Err(format!("not tidy:\n{}", wrong.join("\n")))
}

/// What is wrong inside one package.
fn of_package(root: &Path, folder: &Path) -> Result<Vec<String>, String> {
    let mut wrong = Vec::new();
    for file in ROOTS.map(|file| folder.join(file)) {
        if file.is_file() {
            let tree = modules::read(&file)?;
            wrong.extend(circles::of(root, &tree));
            wrong.extend(files::tests_in_sources(root, &tree));
        }
    }
    Ok(wrong)
}

/// A path as people write it, from the root of the workspace.
fn shown(root: &Path, path: &Path) -> String {
    let relative: PathBuf = path.strip_prefix(root).unwrap_or(path).to_owned();
    relative.display().to_string()
}
