//! No files of one crate depend on each other in a circle: each can be read, and understood, after those that it uses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::modules::{Tree, Use};
use super::shown;

/// The circles of a crate, the shortest through each file that is in one; each circle once.
pub fn of(root: &Path, tree: &Tree) -> Vec<String> {
    let uses = tree.uses();
    let mut by_file: BTreeMap<&PathBuf, Vec<&Use>> = BTreeMap::new();
    for one in &uses {
        by_file.entry(&one.from).or_default().push(one);
    }
    let mut seen: BTreeSet<BTreeSet<&PathBuf>> = BTreeSet::new();
    let mut circles = Vec::new();
    for file in by_file.keys() {
        let Some(circle) = shortest(&by_file, file) else {
            continue;
        };
        if seen.insert(circle.iter().map(|one| &one.from).collect()) {
            let steps = circle.iter().map(|one| {
                let (from, to) = (shown(root, &one.from), shown(root, &one.to));
                format!("  {from} takes `{}` from {to}", one.path)
            });
            circles.push(format!(
                "files in a circle:\n{}",
                steps.collect::<Vec<_>>().join("\n")
            ));
        }
    }
    circles
}

/// The shortest way from a file back to itself.
fn shortest<'u>(by_file: &BTreeMap<&PathBuf, Vec<&'u Use>>, file: &PathBuf) -> Option<Vec<&'u Use>> {
    let mut came_by: BTreeMap<&PathBuf, &Use> = BTreeMap::new();
    let mut queue = VecDeque::from([file]);
    while let Some(at) = queue.pop_front() {
        for one in by_file.get(at).into_iter().flatten() {
            if one.to == *file {
                let mut circle = vec![*one];
                let mut at = &one.from;
                while at != file {
                    let before = came_by.get(at)?;
                    circle.push(before);
                    at = &before.from;
                }
                circle.reverse();
                return Some(circle);
            }
            if !came_by.contains_key(&one.to) {
                came_by.insert(&one.to, one);
                queue.push_back(&one.to);
            }
        }
    }
    None
}
