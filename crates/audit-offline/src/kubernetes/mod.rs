//! Kubernetes objects: lists taken apart, owners followed, templates in place of pods.

mod loader;
mod object;
mod owner;
mod profiles;
mod template;
#[cfg(test)]
#[path = "../../tests/unit/kubernetes.rs"]
mod tests;
mod variables;
mod webhook;

use audit_core::Config;
use audit_core::model::IssuerUrl;
use audit_core::snapshot::Cluster;

use crate::Options;
use crate::document::Document;
use crate::problem::InputProblem;

/// What manifests say.
#[derive(Debug)]
pub(crate) struct Objects {
    pub(crate) cluster: Cluster,
    /// The issuers that discovery documents among them name.
    pub(crate) issuers: Vec<IssuerUrl>,
}

/// Reads the documents; the `default` policy goes over `config`.
pub(crate) fn load(
    documents: Vec<Document>,
    options: &Options,
    config: &mut Config,
    problems: &mut Vec<InputProblem>,
) -> Objects {
    let found = object::find(documents, problems);
    let cluster = loader::load(found.objects, options, config, problems);
    Objects {
        cluster,
        issuers: found.issuers,
    }
}
