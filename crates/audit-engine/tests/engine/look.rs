//! A look at a binding is a sequence: what is gathered becomes a chain once, and is judged once.

use std::fs;
use std::path::{Path, PathBuf};

/// The sources of the engine, without their tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let inner = folders.iter().flat_map(|folder| sources(folder));
    files.into_iter().chain(inner).collect()
}

#[test]
fn a_look_derives_one_chain_and_judges_it_once() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let count = |words: &str| {
        let texts = sources.iter().map(|path| fs::read_to_string(path).unwrap());
        texts.map(|text| text.matches(words).count()).sum::<usize>()
    };
    // `Gathered` is no `Clone`: whoever derives consumes it.
    assert_eq!(count("Chain::derive("), 1);
    // A look, and the roles that a snapshot has to capture.
    assert_eq!(count("Gathered::gather("), 2);
    assert_eq!(count("Judged::judge("), 1);
    assert_eq!((count("audit_binding("), count("simulation::wanted(")), (0, 1));
}
