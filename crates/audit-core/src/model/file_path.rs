//! Paths of files in containers, in one spelling.

use std::borrow::Cow;

/// A path in one spelling, so that two that name the same file are equal: without a drive, with slashes (on Windows the
/// webhook writes `C:\var\…` for the mount `/var/…`), without empty parts, `.` and `..`, and with `/run` for `/var/run`, which
/// is a link to it in nearly every image:
/// [Filesystem Hierarchy Standard](https://refspecs.linuxfoundation.org/FHS_3.0/fhs/ch05s13.html).
#[must_use]
pub fn cleaned(path: &str) -> String {
    let text = slashed(path);
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let parts = match parts.as_slice() {
        ["var", rest @ ..] if rest.first() == Some(&"run") => rest,
        all => all,
    };
    format!("/{}", parts.join("/"))
}

/// Whether a path says by itself which file it is: it starts at the root, and does not end as a folder does.
#[must_use]
pub fn is_whole(path: &str) -> bool {
    let text = slashed(path);
    text.starts_with('/') && !text.ends_with('/')
}

/// What is left of a path below a folder, both [`cleaned`]: nothing for the folder itself.
#[must_use]
pub fn below<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
    match path.strip_prefix(folder.trim_end_matches('/'))? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}

fn slashed(path: &str) -> Cow<'_, str> {
    let path = path.strip_prefix("C:").unwrap_or(path);
    if path.contains('\\') {
        Cow::Owned(path.replace('\\', "/"))
    } else {
        Cow::Borrowed(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_file_are_equal() {
        for path in [
            "/run/aws/token",
            "/var/run/aws/token",
            "/var/run/aws//token",
            "/var/run/./aws/x/../token",
            "//var/run/aws/token/",
            r"C:\var\run\aws\token",
        ] {
            assert_eq!(cleaned(path), "/run/aws/token", "{path}");
        }
        assert_eq!(cleaned("/var/runner/token"), "/var/runner/token");
        assert_eq!(cleaned("/"), "/");
    }

    #[test]
    fn a_relative_path_or_that_of_a_folder_says_nothing() {
        assert!(is_whole("/a/b") && is_whole(r"C:\a\b"));
        assert!(!is_whole("a/b") && !is_whole("/a/b/") && !is_whole(""));
    }

    #[test]
    fn only_whole_parts_are_below() {
        assert_eq!(below("/a", "/a/b/c"), Some("b/c"));
        assert_eq!(below("/a", "/a"), Some(""));
        assert_eq!(below("/", "/a"), Some("a"));
        assert_eq!(below("/a", "/ab"), None);
    }
}
