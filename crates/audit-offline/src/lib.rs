//! Manifests, and what the AWS CLI prints, as what an audit reads.
//!
//! Texts go in, a [`Snapshot`] and a [`Config`] come out, and what is wrong with the texts. Nothing here opens a file or reads
//! a clock. Objects are decoded by the same code as the API server's, so that files and a cluster say the same.
//!
//! | module | what is in it |
//! |---|---|
//! | [`source`] | a stream of bytes with a name |
//! | `document` | YAML and JSON: a text as documents, of which each is taken before the next one is read |
//! | `paste` | tables, descriptions and errors in their place, and what to give instead |
//! | [`problem`] | what is wrong, where, and what helps |
//! | `kubernetes` | objects: lists taken apart, owners followed, templates in place of pods |
//! | `aws` | outputs of the AWS CLI: recognised by shape, each put into its account |
//!
//! # What is proven by absence
//! Unless [`Options::partial`] is set, the objects are the whole cluster, and each of its namespaces has a `default`
//! ServiceAccount. The roles of an account are all there if its `get-account-authorization-details` is, its providers if its
//! `list-open-id-connect-providers` is. Everything else that is missing is unknown.

mod aws;
mod document;
mod kubernetes;
mod options;
mod paste;
pub mod problem;
pub mod source;

use audit_core::model::ManifestPlaces;
use audit_core::{Config, Snapshot};

pub use options::Options;
pub use problem::{InputProblem, Place, Weight};
pub use source::Source;

/// What texts say.
#[derive(Debug)]
pub struct Loaded {
    /// The observations. Worth nothing where a problem is an error.
    pub snapshot: Snapshot,
    /// The settings, with the `default` `IrsaAuditPolicy` over them.
    pub config: Config,
    /// The files that declare bindings: where the ServiceAccount is; where it is not given, its `IrsaAudit` or a workload that uses it.
    pub places: ManifestPlaces,
    /// What is wrong, in the order of the texts.
    pub problems: Vec<InputProblem>,
}

impl Loaded {
    /// Whether something could not be read, so that nothing should be concluded from the rest.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.weight == Weight::Error)
    }
}

/// Reads manifests, and outputs of the AWS CLI, each once, as a stream: of what was read, only what an audit needs is kept.
#[must_use]
pub fn load(
    manifests: impl IntoIterator<Item = Source>,
    outputs: impl IntoIterator<Item = Source>,
    options: &Options,
) -> Loaded {
    let mut problems = Vec::new();
    let mut config = Config {
        annotation_prefix: options.annotation_prefix.clone(),
        ..Config::default()
    };
    let objects = kubernetes::load(manifests, options, &mut config, &mut problems);
    let aws = aws::load(outputs, objects.issuers, options, &mut problems);
    let snapshot = Snapshot {
        origin: audit_core::snapshot::Origin::Files,
        cluster: objects.cluster,
        issuer: aws.issuer,
        accounts: aws.accounts.into(),
        control_policies: aws.control_policies,
        ..Snapshot::default()
    };
    Loaded {
        snapshot,
        config,
        places: objects.places,
        problems,
    }
}

#[cfg(test)]
#[path = "../tests/unit/properties.rs"]
mod properties;
#[cfg(test)]
#[path = "../tests/unit/streaming.rs"]
mod streaming;
#[cfg(test)]
#[path = "../tests/support/testing.rs"]
mod testing;
