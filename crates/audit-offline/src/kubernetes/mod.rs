//! Kubernetes objects: lists taken apart, owners followed, templates in place of pods.

mod content;
mod find;
mod intake;
mod loader;
mod manifest;
mod object;
mod owner;
mod places;
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
use crate::document;
use crate::problem::InputProblem;
use crate::source::Source;
use intake::Manifests;

/// What manifests say.
#[derive(Debug)]
pub(crate) struct Objects {
    pub(crate) cluster: Cluster,
    /// The files that declare bindings.
    pub(crate) places: ManifestPlaces,
    /// The issuers that discovery documents among them name.
    pub(crate) issuers: Vec<IssuerUrl>,
}

/// Reads manifests; the `default` policy goes over `config`.
pub(crate) fn load(
    manifests: impl IntoIterator<Item = Source>,
    options: &Options,
    config: &mut Config,
    problems: &mut Vec<InputProblem>,
) -> Objects {
    let mut intake = Manifests::new(options);
    let documents = document::read_all(manifests, &mut intake, problems);
    let found = find::find(documents, &intake, problems);
    let (cluster, places) = loader::load(found.objects, options, config, problems);
    Objects {
        cluster,
        places,
        issuers: found.issuers,
    }
}
