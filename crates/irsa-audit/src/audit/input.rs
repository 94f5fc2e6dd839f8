//! Files, directories and standard input as streams.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use audit_core::text::quote;
use audit_offline::Source;

/// How deep directories are searched.
const MAX_DEPTH: usize = 32;

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file or directory cannot be read.
    #[error("`{path}` cannot be read: {source}; give files, directories, or `-` for standard input")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Nothing in a directory looks like manifests or outputs.
    #[error("directory `{0}` holds no file that ends in .yaml, .yml or .json")]
    Empty(String),
    /// Standard input can be read once.
    #[error("`-` is given twice, and standard input can be read once")]
    StandardInputTwice,
}

/// Opens paths, of which only one may be standard input.
#[derive(Debug, Default)]
pub struct Reader {
    has_read_stdin: bool,
}

impl Reader {
    /// The contents of paths, those of a directory sorted by name. They are read when whoever takes them does so.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn read(&mut self, paths: &[PathBuf]) -> Result<Vec<Source>, InputError> {
        let mut sources = Vec::new();
        for path in paths {
            if path.as_os_str() == "-" {
                if std::mem::replace(&mut self.has_read_stdin, true) {
                    return Err(InputError::StandardInputTwice);
                }
                sources.push(source(path, io::stdin(), true));
            } else if path.is_dir() {
                let mut files = Vec::new();
                search(path, MAX_DEPTH, &mut files)?;
                if files.is_empty() {
                    return Err(InputError::Empty(shown(path)));
                }
                for file in files {
                    sources.push(open(&file, false)?);
                }
            } else {
                sources.push(open(path, true)?);
            }
        }
        Ok(sources)
    }
}

/// The files below a directory that may hold YAML or JSON. Hidden ones are not meant, and directories behind links may lead
/// back here.
fn search(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), InputError> {
    let unreadable = |source| InputError::Unreadable {
        path: shown(directory),
        source,
    };
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    let mut entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            if depth > 0 {
                search(&path, depth - 1, files)?;
            }
        } else if has_extension(&path) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn has_extension(path: &Path) -> bool {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    ["yaml", "yml", "json"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

fn open(path: &Path, named: bool) -> Result<Source, InputError> {
    let unreadable = |source| InputError::Unreadable {
        path: shown(path),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    // A pipe can be opened once, and a process may have some hundred files open.
    Ok(if file.metadata().map_err(unreadable)?.is_file() {
        source(path, Lazy::Closed(path.to_owned()), named)
    } else {
        source(path, file, named)
    })
}

fn source(path: &Path, contents: impl Read + 'static, named: bool) -> Source {
    Source {
        name: path.to_string_lossy().into_owned(),
        contents: Box::new(contents),
        named,
    }
}

/// A file that is open while it is read.
enum Lazy {
    Closed(PathBuf),
    Open(File),
    Read,
}

impl Read for Lazy {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Self::Closed(path) = self {
            *self = Self::Open(File::open(path)?);
        }
        let Self::Open(file) = self else {
            return Ok(0);
        };
        let read = file.read(into)?;
        if read == 0 && !into.is_empty() {
            *self = Self::Read;
        }
        Ok(read)
    }
}

fn shown(path: &Path) -> String {
    quote(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_read_in_order_and_without_what_is_not_meant() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for directory in ["b", ".git", "empty"] {
            fs::create_dir(at(directory)).unwrap();
        }
        for name in [
            "z.yaml",
            "b/a.JSON",
            "a.yml",
            "notes.txt",
            ".hidden.yaml",
            ".git/x.yaml",
        ] {
            fs::write(at(name), name).unwrap();
        }
        std::os::unix::fs::symlink(root.path(), at("loop")).unwrap();
        let sources = Reader::default().read(&[root.path().to_owned()]).unwrap();
        let texts: Vec<String> = sources
            .into_iter()
            .map(|source| {
                assert!(!source.named);
                io::read_to_string(source.contents).unwrap()
            })
            .collect();
        assert_eq!(texts, ["a.yml", "b/a.JSON", "z.yaml"]);
        let named = Reader::default().read(&[at("notes.txt")]).unwrap();
        assert!(named.first().unwrap().named);
        assert!(matches!(
            Reader::default().read(&[at("empty")]),
            Err(InputError::Empty(_))
        ));
        assert!(matches!(
            Reader::default().read(&[at("absent")]),
            Err(InputError::Unreadable { .. })
        ));
    }
}
