//! Manifests, and what the AWS CLI prints, as what an audit reads.
//!
//! Texts go in, a [`Snapshot`] and a [`Config`] come out, and what is wrong with the texts. Nothing here opens a file or reads
//! a clock. Objects are decoded by the same code as the API server's, so that files and a cluster say the same.
//!
//! | module | what is in it |
//! |---|---|
//! | [`source`] | a stream of bytes with a name |
//! | `document` | YAML and JSON: a text as documents, of which each is taken before the next one is read |
//! | `encoding` | UTF-8 and UTF-16 |
//! | `paste` | tables, descriptions and errors in their place, and what to give instead |
//! | `leftover` | what was given and not used |
//! | [`snapshot_manifest`] | the manifest of what `irsa-audit snapshot` wrote |
//! | `captured` | what such a manifest says beside its files |
//! | [`problem`] | what is wrong, where, and what helps |
//! | `kubernetes` | objects: lists taken apart, owners followed, templates in place of pods |
//! | `terraform` | plans: what will be after apply, laid over the objects and the outputs |
//! | `aws` | outputs of the AWS CLI: recognised by shape, each put into its account |
//!
//! # What is proven by absence
//! Unless [`Options::partial`] is set, the objects are the whole cluster, and each of its namespaces has a `default`
//! ServiceAccount. The roles of an account are all there if its `get-account-authorization-details` is, its providers if its
//! `list-open-id-connect-providers` is. Everything else that is missing is unknown. So is what a file may have held that is empty or
//! cannot be read, and what is in a page of a list that was not given. The manifest of a snapshot says of each of its parts whether it is whole.

mod aws;
mod captured;
mod document;
mod encoding;
mod kubernetes;
mod leftover;
mod options;
mod paste;
pub mod problem;
pub mod snapshot_manifest;
pub mod source;
mod terraform;

use std::collections::HashSet;

use audit_core::model::{ManifestPlace, ManifestPlaces, PlannedResources};
use audit_core::snapshot::Cluster;
use audit_core::{Config, Snapshot};

pub use captured::GivenSnapshot;
pub use encoding::{decode, utf8};
pub use options::Options;
pub use problem::{InputProblem, Place, Weight};
pub use snapshot_manifest::{SnapshotManifest, SnapshotManifestError};
pub use source::{SetAside, Source};

/// What texts say.
#[derive(Debug)]
pub struct Loaded {
    /// The observations. Worth nothing where a problem is an error.
    pub snapshot: Snapshot,
    /// The settings, with the `default` `IrsaAuditPolicy` over them.
    pub config: Config,
    /// The files that declare bindings: where the ServiceAccount is; where it is not given, its `IrsaAudit`, a workload that uses it or a Terraform plan.
    pub places: ManifestPlaces,
    /// The resources of Terraform plans that declare what is audited.
    pub resources: PlannedResources,
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

/// Reads manifests, and outputs of the AWS CLI, each once, as a stream: of what was read, only what an audit needs is kept. A text that is
/// given for both, by the same name, may hold both.
#[must_use]
pub fn load(
    manifests: impl IntoIterator<Item = Source>,
    outputs: impl IntoIterator<Item = Source>,
    options: &Options,
) -> Loaded {
    load_planned(manifests, outputs, [], options)
}

/// The same, with Terraform plans (`terraform show -json`) laid over it: the account and the `ServiceAccount`s as they will be after apply.
/// Without a manifest, the plans are a part of a cluster, and what they do not have is unknown.
#[must_use]
pub fn load_planned(
    manifests: impl IntoIterator<Item = Source>,
    outputs: impl IntoIterator<Item = Source>,
    plans: impl IntoIterator<Item = Source>,
    options: &Options,
) -> Loaded {
    let mut problems = Vec::new();
    let plans = terraform::read(plans, &mut problems);
    let mut config = Config {
        annotation_prefix: options.annotation_prefix.clone(),
        ..Config::default()
    };
    let (mut names, mut in_both) = (HashSet::new(), HashSet::new());
    let manifests = manifests.into_iter().inspect(|source| {
        names.insert(source.shown());
    });
    let mut objects = kubernetes::load(manifests, options, &mut config, &mut problems);
    let outputs = outputs.into_iter().inspect(|source| {
        in_both.extend(names.take(&source.shown()));
    });
    let aws = aws::load(outputs, objects.issuers, &plans, options, &mut problems);
    let (of_manifests, of_outputs) = leftover::of_both(objects.leftovers, aws.leftovers, &in_both);
    if objects.is_empty && !plans.is_empty() {
        objects.cluster = Cluster::partial();
    }
    kubernetes::of_leftovers(&mut objects.cluster, &of_manifests, options);
    for page in aws.missing_pages {
        objects.cluster.put_missing_page(page);
    }
    problems.extend(leftover::tell(&[of_manifests, of_outputs].concat()));
    let mut resources = aws.resources;
    kubernetes::lay(
        &mut objects.cluster,
        aws.service_accounts,
        options,
        &mut resources,
    );
    for (key, resource) in &resources.service_accounts {
        if let Some(path) = resource.plan.clone() {
            let place = ManifestPlace { path, line: 1 };
            objects.places.entry(key.clone()).or_insert(place);
        }
    }
    let mut snapshot = Snapshot {
        origin: audit_core::snapshot::Origin::Files,
        cluster: objects.cluster,
        issuer: aws.issuer,
        accounts: aws.accounts.into(),
        control_policies: aws.control_policies,
        ..Snapshot::default()
    };
    if let Some(given) = &options.snapshot {
        given.apply(&mut snapshot, options.now);
        problems.extend(given.problems());
    }
    Loaded {
        snapshot,
        config,
        places: objects.places,
        resources,
        problems: each_once(problems),
    }
}

/// Both sides say the same of a text that neither can read.
fn each_once(problems: Vec<InputProblem>) -> Vec<InputProblem> {
    let mut told = HashSet::new();
    let mut is_new = |problem: &InputProblem| told.insert((problem.place.clone(), problem.message.clone()));
    problems.into_iter().filter(|problem| is_new(problem)).collect()
}

#[cfg(test)]
#[path = "../tests/support/plans.rs"]
mod plans;
#[cfg(test)]
#[path = "../tests/unit/properties.rs"]
mod properties;
#[cfg(test)]
#[path = "../tests/unit/soundness.rs"]
mod soundness;
#[cfg(test)]
#[path = "../tests/unit/streaming.rs"]
mod streaming;
#[cfg(test)]
#[path = "../tests/support/testing.rs"]
mod testing;
