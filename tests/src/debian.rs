//! Packages of Debian, unpacked into the user's cache folder and not installed: that needs no rights and changes nothing of the machine.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::tools::{self, ToolError, own, written};

/// Downloads a package, and what it needs and the machine lacks, and unpacks all of it. The lists of packages may be old or missing.
const SCRIPT: &str = r#"
cd "$1" || exit
package=$2
missing() { apt-get install --simulate --no-install-recommends "$package" | sed -n 's/^Inst \([^ ]*\).*/\1/p'; }
names=$(missing)
[ -n "$names" ] && apt-get download $names || {
  apt-get update && names=$(missing) && [ -n "$names" ] && apt-get download $names || exit
}
for file in *.deb; do dpkg-deb --extract "$file" unpacked || exit; done
"#;

/// A program of a package, with where its libraries are.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// The folder in which its package was unpacked; none where the machine has the program.
    pub root: Option<PathBuf>,
}

/// Why a program is not there.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{name}` is not installed, and Debian's package `{package}` could not be unpacked: install it. {source}"
)]
pub struct MissingProgram {
    name: String,
    package: String,
    source: Box<ToolError>,
}

impl Program {
    /// The machine's own program of one of these names, else the one at `path` in Debian's package.
    ///
    /// # Errors
    /// [`MissingProgram`].
    pub(crate) async fn find(
        names: &[&str],
        check: &[&str],
        package: &str,
        path: &str,
    ) -> Result<Self, MissingProgram> {
        if let Some(path) = names.iter().find_map(|name| own(name, check)) {
            return Ok(Self { path, root: None });
        }
        let root = unpacked(package, path).await.map_err(|source| MissingProgram {
            name: names.join("` or `"),
            package: package.to_owned(),
            source: source.into(),
        })?;
        Ok(Self {
            path: root.join(path),
            root: Some(root),
        })
    }

    /// A command that runs it, with the libraries that came with it.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        if let Some(root) = &self.root {
            command.env("LD_LIBRARY_PATH", libraries(root));
        }
        command
    }
}

/// The folders with libraries, as the dynamic linker takes them. Some packages keep theirs one folder deeper.
fn libraries(root: &Path) -> OsString {
    let below = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
            .collect()
    };
    let mut folders: Vec<PathBuf> = below(&root.join("usr/lib"));
    folders.retain(|folder| folder.to_string_lossy().ends_with("-linux-gnu"));
    let deeper: Vec<PathBuf> = folders.iter().flat_map(|folder| below(folder)).collect();
    folders.extend(deeper);
    let paths: Vec<OsString> = folders.into_iter().map(PathBuf::into_os_string).collect();
    paths.join(":".as_ref())
}

/// The folder in which a package is unpacked, which holds `path`.
///
/// # Errors
/// [`ToolError`].
pub(crate) async fn unpacked(package: &str, path: &str) -> Result<PathBuf, ToolError> {
    let folder = tools::cache()?.join("tools").join(format!("{package}-debian"));
    if folder.join(path).is_file() {
        return Ok(folder);
    }
    eprintln!("unpacking Debian's package `{package}`, once");
    let parent = folder.parent().unwrap_or(&folder);
    written(parent, fs::create_dir_all(parent))?;
    let aside = written(parent, tempfile::tempdir_in(parent))?;
    let into = aside.path().display().to_string();
    tools::run(Path::new("/bin/sh"), &["-c", SCRIPT, "sh", &into, package]).await?;
    match fs::rename(aside.path().join("unpacked"), &folder) {
        // Another process was faster.
        Err(_) if folder.join(path).is_file() => Ok(folder),
        renamed => written(&folder, renamed).map(|()| folder),
    }
}
