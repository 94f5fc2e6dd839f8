//! What is kept of the documents of manifests.

use audit_core::model::{IssuerError, IssuerUrl, Pod};
use audit_k8s::Undecodable;
use serde_json::Value;

use super::content::{self, Content};
use super::manifest::Manifest;
use crate::Options;
use crate::aws::shape;

/// A Kubernetes object, reduced to what an audit reads.
#[derive(Debug)]
pub(super) struct Object {
    /// The group of its `apiVersion`; empty for the core group.
    pub(super) group: String,
    pub(super) kind: String,
    /// Where it would be created, if its kind is in namespaces; else as it stands there.
    pub(super) namespace: String,
    /// Its name, or what its name is to begin with.
    pub(super) name: String,
    /// Its kind is in namespaces, and it counts as the owner of others.
    pub(super) is_given: bool,
    /// What is in it, or why the API server would refuse it.
    pub(super) content: Result<Content, Undecodable>,
}

impl Object {
    /// Reduces an object.
    pub(super) fn read(value: Value, version: &str, kind: String, options: &Options) -> Self {
        let mut manifest = Manifest::new(value, version, kind);
        let (content, is_given) = content::of(&mut manifest, options);
        let Manifest {
            group,
            kind,
            namespace,
            name,
            ..
        } = manifest;
        Self {
            group,
            kind,
            namespace,
            name,
            is_given,
            content,
        }
    }

    /// A pod of a cluster, which is reduced already.
    pub(super) fn of_pod(pod: Box<Pod>) -> Self {
        Self {
            group: String::new(),
            kind: "Pod".to_owned(),
            namespace: pod.namespace.clone(),
            name: pod.name.to_string(),
            is_given: true,
            content: Ok(Content::Pod(pod)),
        }
    }
}

/// What is kept of a document of a manifest, or of an item of a list in it.
#[derive(Debug)]
pub(crate) enum Item {
    Object(Box<Object>),
    List {
        version: String,
        kind: String,
        items: Items,
    },
    /// An item without `apiVersion` and `kind`, which the list around it may tell.
    Nameless(Box<Value>),
    Other(Other),
}

/// The items of a list.
#[derive(Debug)]
pub(crate) enum Items {
    Some(Vec<Item>),
    /// What should be a list is none.
    NoList,
}

/// What is no object.
#[derive(Debug)]
pub(crate) enum Other {
    /// A discovery document of an API server, with the issuer in it.
    Discovery(Result<IssuerUrl, IssuerError>),
    /// An output of the AWS CLI.
    Output,
    Nothing,
}

impl Other {
    /// What a value is.
    pub(super) fn of(value: &Value) -> Self {
        if let Some(issuer) = shape::discovery(value) {
            Self::Discovery(issuer)
        } else if shape::is_output(value) {
            Self::Output
        } else {
            Self::Nothing
        }
    }
}
