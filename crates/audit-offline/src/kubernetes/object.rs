//! Documents as objects: lists taken apart, and what is no object told.

use audit_core::model::{IssuerError, IssuerUrl, Pod};
use audit_core::text::quote;
use audit_k8s::Undecodable;
use serde_json::Value;

use super::content::{self, Content};
use super::intake::{Manifests, item_kind};
use crate::Options;
use crate::aws::shape;
use crate::document::Document;
use crate::problem::{InputProblem, Place};

/// How deep lists may stand in lists; kubectl prints one.
const MAX_LISTS: usize = 8;

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
            name: pod.name.clone(),
            is_given: true,
            content: Ok(Content::Pod(pod)),
        }
    }
}

/// An object as it stands in a manifest.
#[derive(Debug)]
pub(super) struct Manifest {
    /// The group of its `apiVersion`; empty for the core group.
    pub(super) group: String,
    pub(super) kind: String,
    /// As it stands there; empty where it names none.
    pub(super) namespace: String,
    /// Its name, or what its name is to begin with.
    pub(super) name: String,
    pub(super) value: Value,
}

impl Manifest {
    fn new(value: Value, version: &str, kind: String) -> Self {
        let metadata = |name: &str| {
            let text = value
                .get("metadata")
                .and_then(|metadata| metadata.get(name))
                .and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let (namespace, mut name) = (metadata("namespace"), metadata("name"));
        if name.is_empty() {
            name = metadata("generateName");
        }
        let group = version.split_once('/').map_or("", |(group, _)| group).to_owned();
        Self {
            group,
            kind,
            namespace,
            name,
            value,
        }
    }

    /// A text in it.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Gives an object that names no namespace the one where it would be created.
    pub(super) fn settle(&mut self, namespace: &str) {
        if self.namespace.is_empty() {
            namespace.clone_into(&mut self.namespace);
        }
        if let Some(metadata) = self.value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("namespace".to_owned(), self.namespace.clone().into());
            if !self.name.is_empty() {
                metadata.insert("name".to_owned(), self.name.clone().into());
            }
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

/// What documents hold.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) objects: Vec<(Place, Box<Object>)>,
    /// The issuers in discovery documents of an API server.
    pub(super) issuers: Vec<IssuerUrl>,
}

/// Takes documents apart.
pub(super) fn find(
    documents: Vec<Document<Item>>,
    intake: &Manifests<'_>,
    problems: &mut Vec<InputProblem>,
) -> Found {
    let mut finder = Finder {
        found: Found::default(),
        intake,
        problems,
    };
    for Document { place, item } in documents {
        finder.take(&place, item, None, MAX_LISTS);
    }
    finder.found
}

/// Takes items apart.
struct Finder<'f> {
    found: Found,
    intake: &'f Manifests<'f>,
    problems: &'f mut Vec<InputProblem>,
}

impl Finder<'_> {
    /// Takes one document, or one item of a list of a certain kind.
    fn take(&mut self, place: &Place, item: Item, of: Option<(&str, &str)>, lists: usize) {
        match (item, of) {
            (Item::Object(object), _) => self.found.objects.push((place.clone(), object)),
            (Item::List { version, kind, items }, _) => match items {
                Items::Some(items) if lists > 0 || items.is_empty() => {
                    let item_kind = item_kind(&kind).filter(|kind| !kind.is_empty());
                    let of = item_kind.map(|kind| (version.as_str(), kind));
                    for item in items {
                        self.take(place, item, of, lists - 1);
                    }
                }
                _ => self.problems.push(InputProblem::error(
                    place.clone(),
                    format!("`items` of {} is no list", quote(&kind)),
                )),
            },
            (Item::Nameless(value), Some((version, kind))) => {
                let item = self.intake.named(*value, version.to_owned(), kind.to_owned());
                self.take(place, item, None, lists);
            }
            (Item::Nameless(value), None) => self.no_object(place, Other::of(&value)),
            (Item::Other(other), _) => self.no_object(place, other),
        }
    }

    /// What is no object may be something else of use, or something that was given in the wrong place.
    fn no_object(&mut self, place: &Place, other: Other) {
        let message = match other {
            Other::Discovery(Ok(issuer)) => return self.found.issuers.push(issuer),
            Other::Discovery(Err(error)) => {
                let problem = InputProblem::error(place.clone(), error.to_string());
                return self.problems.push(problem);
            }
            // One directory may hold both.
            Other::Output if !place.named => return,
            Other::Output => "is no Kubernetes object, but an output of the AWS CLI: give it to --aws",
            Other::Nothing => "is no Kubernetes object: it has no `apiVersion` and `kind`",
        };
        self.problems.push(InputProblem::unusable(place.clone(), message));
    }
}
