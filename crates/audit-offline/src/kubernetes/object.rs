//! What is kept of the documents of manifests.

use audit_core::model::{IssuerError, IssuerUrl, Pod};
use audit_core::text::quote;
use audit_k8s::Undecodable;
use serde_json::Value;

use super::content::{self, Content};
use super::cut::Printed;
use super::manifest::Manifest;
use crate::Options;
use crate::aws::shape;
use crate::leftover::Reason;

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
    /// It has a `uid`: an API server printed it.
    pub(super) is_live: bool,
    /// Whether it has what an API server prints last.
    pub(super) printed: Printed,
    /// It names no namespace, and its kind is in namespaces.
    pub(super) is_adrift: bool,
    /// What is in it, or why the API server would refuse it.
    pub(super) content: Result<Content, Undecodable>,
}

impl Object {
    /// Reduces an object.
    pub(super) fn read(value: Value, version: &str, kind: String, options: &Options) -> Self {
        let mut manifest = Manifest::new(value, version, kind);
        let is_live = !manifest.text("/metadata/uid").is_empty();
        let printed = Printed::of(&manifest, is_live);
        let names_none = manifest.namespace.is_empty();
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
            is_live,
            printed,
            is_adrift: is_given && names_none,
            is_given,
            content,
        }
    }

    /// A pod of a cluster, which is reduced already.
    pub(super) fn of_pod(pod: Box<Pod>) -> Self {
        Self {
            group: String::new(),
            kind: "Pod".to_owned(),
            namespace: pod.namespace.to_string(),
            name: pod.name.to_string(),
            is_given: true,
            is_live: true,
            printed: Printed::Whole("Pod"),
            is_adrift: false,
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
        page: Page,
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

/// What the metadata of a list says of further pages (Kubernetes API Concepts, "Retrieving large results sets in chunks").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Another page follows: `metadata.continue` is set.
    pub(super) goes_on: bool,
    /// About how many items follow, where the API server says so.
    pub(super) remaining: Option<u64>,
}

impl Page {
    /// Reads it from a list.
    pub(super) fn of(list: &Value) -> Self {
        let token = list.pointer("/metadata/continue").and_then(Value::as_str);
        Self {
            goes_on: token.is_some_and(|token| !token.is_empty()),
            remaining: list
                .pointer("/metadata/remainingItemCount")
                .and_then(Value::as_u64),
        }
    }
}

/// What is not an object.
#[derive(Debug)]
pub(crate) enum Other {
    /// A discovery document of an API server, with the issuer in it.
    Discovery(Result<IssuerUrl, IssuerError>),
    /// An output of the AWS CLI.
    Output,
    /// What an API server prints in place of objects, and what it is.
    Substitute(Reason),
    Nothing,
}

/// Whether a value begins as kubectl prints a list as YAML, where `items` stands before `kind`, and ends before that.
fn is_cut_list(value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    has("apiVersion") && value.get("items").is_some_and(Value::is_array) && !has("kind")
}

impl Other {
    /// What an API server prints in place of the objects that were asked for: an error, a table for people, or metadata alone.
    pub(super) fn substitute(version: &str, kind: &str, value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let reason = match (version.split_once('/').map_or(version, |(group, _)| group), kind) {
            ("v1", "Status") if text("status") == "Failure" => Reason::told(
                format!("is an error of the API server, `{}`", quote(text("message"))),
                "run the command again with permission to list these objects",
            ),
            ("meta.k8s.io", "Table") => Reason::new(
                "is a table that the API server made for people to read",
                "give the output of `kubectl get … -o yaml`",
            ),
            ("meta.k8s.io", "PartialObjectMetadata" | "PartialObjectMetadataList") => Reason::new(
                "holds only the metadata of objects",
                "give whole objects, as `kubectl get … -o yaml` prints them",
            ),
            _ => return None,
        };
        Some(Self::Substitute(reason))
    }

    /// What a value is.
    pub(super) fn of(value: &Value) -> Self {
        if let Some(issuer) = shape::discovery(value) {
            Self::Discovery(issuer)
        } else if is_cut_list(value) {
            Self::Substitute(Reason::new(
                "is a list without its end",
                "run the command again, and check that it succeeds",
            ))
        } else if shape::is_output(value) {
            Self::Output
        } else {
            Self::Nothing
        }
    }
}
