//! What a file may be: one concept, and not tests beside the code that is shipped.

use std::fs;
use std::path::{Path, PathBuf};

use super::modules::Tree;
use super::shown;

/// A file has fewer lines than this.
const MOST_LINES: usize = 700;

/// The folders of the workspace with code.
const FOLDERS: [&str; 3] = ["crates", "tests", "fuzz"];

/// Files that are too long.
///
/// # Errors
/// When a folder or a file cannot be read.
pub fn too_long(root: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for folder in FOLDERS.map(|folder| root.join(folder)) {
        if folder.is_dir() {
            sources(&folder, &mut files).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
    }
    files.sort();
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let lines = text.lines().count();
        if lines >= MOST_LINES {
            let file = shown(root, &file);
            wrong.push(format!(
                "{file} has {lines} lines, and must have fewer than {MOST_LINES}: split it by concept"
            ));
        }
    }
    Ok(wrong)
}

/// All files of Rust below a folder; what is built lies in `target`.
pub fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                sources(&path, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// Files of a `src` folder that only tests compile.
pub fn tests_in_sources(root: &Path, tree: &Tree) -> Vec<String> {
    let wrong = tree.test_files.iter().map(|file| {
        let file = shown(root, file);
        format!("{file} is compiled for tests only: it belongs into the package's `tests` folder, see CONTRIBUTING.md")
    });
    wrong.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let src = folder.path().join("crates/a/src");
        fs::create_dir_all(&src).unwrap();
        fs::write(src.join("short.rs"), "\n".repeat(MOST_LINES - 1)).unwrap();
        assert_eq!(too_long(folder.path()).unwrap(), Vec::<String>::new());
        fs::write(src.join("long.rs"), "\n".repeat(MOST_LINES)).unwrap();
        let found = too_long(folder.path()).unwrap();
        assert!(
            matches!(&found[..], [one] if one.starts_with("crates/a/src/long.rs has 700 lines")),
            "{found:?}"
        );
    }
}
