//! Files, directories and standard input as streams.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit_core::text::quote;
use audit_offline::{SetAside, Source};

/// How deep directories are searched.
pub(super) const MAX_DEPTH: usize = 32;

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
    #[error("directory `{directory}` holds no file that ends in .yaml, .yml or .json{}", instead(.others))]
    Empty {
        /// Which.
        directory: String,
        /// What it holds instead.
        others: Vec<String>,
    },
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
                if files.iter().all(|(_, aside)| aside.is_some()) {
                    return Err(InputError::Empty {
                        directory: shown(path),
                        others: files.into_iter().map(|(other, _)| shown(&other)).collect(),
                    });
                }
                for (file, aside) in files {
                    sources.push(found(&file, aside)?);
                }
            } else {
                sources.push(open(path, true)?);
            }
        }
        Ok(sources)
    }

    /// The contents of paths twice, for each side to take what belongs to it.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn read_twice(&mut self, paths: &[PathBuf]) -> Result<Vec<(Source, Source)>, InputError> {
        let sources = self.read(paths)?.into_iter();
        let twice = sources.map(|source| {
            let path = quote(&source.name);
            twice(source).map_err(|source| InputError::Unreadable { path, source })
        });
        twice.collect()
    }
}

/// A source, to be read twice. What is not a file can be read once, and is kept in memory.
fn twice(mut of: Source) -> io::Result<(Source, Source)> {
    let path = PathBuf::from(&of.name);
    let (one, other): (Box<dyn Read>, Box<dyn Read>) = if path.is_file() {
        (Box::new(Lazy::Closed(path.clone())), Box::new(Lazy::Closed(path)))
    } else {
        let mut bytes = Vec::new();
        of.contents.read_to_end(&mut bytes)?;
        let bytes: Arc<[u8]> = bytes.into();
        (Box::new(Cursor::new(bytes.clone())), Box::new(Cursor::new(bytes)))
    };
    let with = |contents| Source {
        name: of.name.clone(),
        contents,
        named: of.named,
        set_aside: of.set_aside,
    };
    Ok((with(one), with(other)))
}

/// What is below a directory, with the reason why it is not read, if it is not. Hidden directories are not searched, and directories
/// behind links may lead back here.
pub(super) fn search(
    directory: &Path,
    depth: usize,
    files: &mut Vec<(PathBuf, Option<SetAside>)>,
) -> Result<(), InputError> {
    let unreadable = |source| InputError::Unreadable {
        path: shown(directory),
        source,
    };
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    let mut entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(unreadable)?;
        let aside = if entry.file_name().as_encoded_bytes().starts_with(b".") {
            Some(SetAside::Hidden)
        } else if kind.is_dir() {
            if depth > 0 {
                search(&path, depth - 1, files)?;
                continue;
            }
            Some(SetAside::TooDeep)
        } else if path.is_dir() {
            Some(SetAside::DirectoryLink)
        } else if kind.is_symlink() && !path.exists() {
            Some(SetAside::DeadLink)
        } else if !path.is_file() {
            Some(SetAside::Special)
        } else if has_extension(&path) {
            None
        } else {
            Some(SetAside::Extension)
        };
        files.push((path, aside));
    }
    Ok(())
}

/// A file of a directory. What is not read is opened only to look at its beginning.
pub(super) fn found(path: &Path, aside: Option<SetAside>) -> Result<Source, InputError> {
    match aside {
        None => open(path, false),
        Some(SetAside::Extension) => Ok(Source {
            set_aside: aside,
            ..source(path, Lazy::Closed(path.to_owned()), false)
        }),
        Some(_) => Ok(Source {
            set_aside: aside,
            ..source(path, io::empty(), false)
        }),
    }
}

/// The most names of a message.
const MOST_NAMES: usize = 5;

/// What a directory holds in place of input.
fn instead(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let shown = names.iter().take(MOST_NAMES).map(String::as_str);
    let more = match names.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = shown.collect::<Vec<_>>().join(", ");
    format!(", but {shown}{more}: unpack or rename what holds input, or give it by its own path")
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

pub(super) fn open(path: &Path, named: bool) -> Result<Source, InputError> {
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
        set_aside: None,
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
        std::os::unix::fs::symlink(at("nothing"), at("dead.yaml")).unwrap();
        let sources = Reader::default().read(&[root.path().to_owned()]).unwrap();
        assert!(sources.iter().all(|source| !source.named));
        let (asides, read): (Vec<_>, Vec<_>) =
            sources.into_iter().partition(|source| source.set_aside.is_some());
        let texts: Vec<String> = read
            .into_iter()
            .map(|source| io::read_to_string(source.contents).unwrap())
            .collect();
        assert_eq!(texts, ["a.yml", "b/a.JSON", "z.yaml"]);
        let name = |source: &Source| source.name.rsplit('/').next().unwrap_or_default().to_owned();
        let asides: Vec<_> = asides
            .iter()
            .map(|source| (name(source), source.set_aside))
            .collect();
        assert_eq!(
            asides,
            [
                (".git".to_owned(), Some(SetAside::Hidden)),
                (".hidden.yaml".to_owned(), Some(SetAside::Hidden)),
                ("dead.yaml".to_owned(), Some(SetAside::DeadLink)),
                ("loop".to_owned(), Some(SetAside::DirectoryLink)),
                ("notes.txt".to_owned(), Some(SetAside::Extension)),
            ]
        );
        let named = Reader::default().read(&[at("notes.txt")]).unwrap();
        assert!(named.first().unwrap().named);
        assert!(matches!(
            Reader::default().read(&[at("empty")]),
            Err(InputError::Empty { .. })
        ));
        assert!(matches!(
            Reader::default().read(&[at("absent")]),
            Err(InputError::Unreadable { .. })
        ));
    }
}
