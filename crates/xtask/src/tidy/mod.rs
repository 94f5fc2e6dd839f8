//! `cargo xtask tidy`: what the code's structure must hold, and no compiler says.
//!
//! | module | what it holds |
//! |---|---|
//! | [`order`] | no crate depends on one above it in the tables of ARCHITECTURE.md |
//! | [`circles`] | no files of one crate depend on each other in a circle |
//! | [`commands`] | no text puts a value into a command as it is |
//! | [`files`] | no file is too long, and no tests are in files of `src` folders |
//!
//! `modules` reads the syntax that `circles` and `files` judge.

mod circles;
mod commands;
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
        wrong.extend(commands::unquoted(root, &package.folder)?);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate of these files.
    fn package(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join("src").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn wrong(files: &[(&str, &str)]) -> Vec<String> {
        let folder = package(files);
        of_package(folder.path(), folder.path()).unwrap()
    }

    #[test]
    fn files_in_a_circle_are_told_with_what_they_take() {
        let found = wrong(&[
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "use crate::b::B;\npub struct A(B);"),
            ("b.rs", "pub struct B(Option<Box<crate::c::C>>);"),
            (
                "c.rs",
                "pub fn c() { println!(\"{}\", super::a::name()) }\npub struct C;",
            ),
        ]);
        let [circle] = &found[..] else { panic!("{found:?}") };
        for words in [
            "`crate::b::B` from src/b.rs",
            "`crate::c::C` from src/c.rs",
            "`super::a::name` from src/a.rs",
        ] {
            assert!(circle.contains(words), "{circle}");
        }
    }

    #[test]
    fn what_is_passed_on_is_taken_from_where_it_is_defined() {
        let files = |in_b: &'static str| {
            wrong(&[
                ("lib.rs", "mod a;\nmod b;\npub use a::A;"),
                ("a.rs", "use crate::b::B;\npub struct A(B);"),
                ("b.rs", in_b),
            ])
        };
        assert_eq!(files("pub struct B;"), Vec::<String>::new());
        assert_eq!(files("use crate::A;\npub struct B(Option<Box<A>>);").len(), 1);
        let all = files("use crate::*;\npub struct B;");
        assert_eq!(all, Vec::<String>::new(), "the root defines nothing by itself");
    }

    #[test]
    fn a_module_may_take_what_is_around_it_but_for_the_root() {
        let files = |root: &'static str, child: &'static str| {
            wrong(&[
                ("lib.rs", root),
                ("a/mod.rs", "mod b;\npub struct A;\npub fn a() { b::b() }"),
                ("a/b.rs", child),
            ])
        };
        let takes_parent = "use super::A;\npub fn b() { let _ = A; }";
        assert_eq!(files("mod a;", takes_parent), Vec::<String>::new());
        let takes_root = "pub fn b() { let _ = crate::ROOT; }";
        let root = "mod a;\npub const ROOT: u8 = 1;\npub fn all() { a::a() }";
        assert_eq!(files(root, takes_root).len(), 1);
    }

    #[test]
    fn tests_take_what_they_like_and_are_no_sources() {
        let beside = [
            ("lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod tests;"),
            ("a.rs", "use crate::b::B;\npub struct A(B);"),
            (
                "b.rs",
                "pub struct B;\n#[cfg(test)]\nmod tests { use crate::a::A; }",
            ),
            ("tests.rs", ""),
        ];
        let found = wrong(&beside);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("src/tests.rs is compiled for tests only"),
            "{found:?}"
        );
        let apart = (
            "lib.rs",
            "mod a;\nmod b;\n#[cfg(test)]\n#[path = \"../tests/unit/lib.rs\"]\nmod tests;",
        );
        assert_eq!(wrong(&[apart, beside[1], beside[2]]), Vec::<String>::new());
    }
}
