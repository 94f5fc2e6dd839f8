//! Kubernetes objects: lists taken apart, owners followed, templates in place of pods.

mod content;
mod cut;
mod find;
mod gaps;
mod guess;
mod intake;
mod loader;
mod manifest;
mod object;
mod owner;
mod pages;
mod places;
mod planned;
mod profiles;
mod template;
#[cfg(test)]
#[path = "../../tests/unit/kubernetes.rs"]
mod tests;
mod variables;
mod webhook;

use audit_core::Config;
use audit_core::model::{IssuerUrl, ManifestPlaces};
use audit_core::snapshot::Cluster;

use crate::Options;
use crate::document::{self, ReadTexts};
use crate::leftover::Leftover;
use crate::problem::InputProblem;
use crate::source::Source;
use find::Found;
use gaps::Tally;
pub(crate) use gaps::of_leftovers;
use intake::Manifests;
pub(crate) use planned::lay;

/// What manifests say.
#[derive(Debug)]
pub(crate) struct Objects {
    pub(crate) cluster: Cluster,
    /// The files that declare bindings.
    pub(crate) places: ManifestPlaces,
    /// The issuers that discovery documents among them name.
    pub(crate) issuers: Vec<IssuerUrl>,
    /// What was not used.
    pub(crate) leftovers: Vec<Leftover>,
    /// There is no object at all.
    pub(crate) is_empty: bool,
}

/// Reads manifests; the `default` policy goes over `config`.
pub(crate) fn load(
    manifests: impl IntoIterator<Item = Source>,
    options: &Options,
    config: &mut Config,
    problems: &mut Vec<InputProblem>,
) -> Objects {
    let mut intake = Manifests::new(options);
    let ReadTexts {
        documents,
        mut leftovers,
    } = document::read_all(manifests, &mut intake, problems);
    let Found {
        objects,
        issuers,
        leftovers: no_objects,
        pages,
    } = find::find(documents, &intake, problems);
    leftovers.extend(no_objects);
    let is_empty = objects.is_empty();
    let tally = Tally::of(&objects);
    let (mut cluster, places) = loader::load(objects, options, config, problems);
    gaps::of_pages(&mut cluster, pages.missing(problems));
    gaps::of_tally(&mut cluster, tally, options, problems);
    Objects {
        cluster,
        places,
        issuers,
        leftovers,
        is_empty,
    }
}
