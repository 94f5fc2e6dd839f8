//! Documents as objects: lists taken apart, and what is no object told.

use audit_core::model::IssuerUrl;
use audit_core::text::quote;
use serde_json::Value;

use crate::aws::shape;
use crate::document::Document;
use crate::problem::{InputProblem, Place};

/// How deep lists may stand in lists; kubectl prints one.
const MAX_LISTS: usize = 8;

/// A Kubernetes object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) place: Place,
    /// The group of its `apiVersion`; empty for the core group.
    pub(super) group: String,
    pub(super) kind: String,
    /// As it stands there; empty where it names none.
    pub(super) namespace: String,
    /// Its name, or what its name is to begin with.
    pub(super) name: String,
    pub(super) value: Value,
}

impl Object {
    /// Its name with its kind, safe to show.
    pub(super) fn shown(&self) -> String {
        let namespace = if self.namespace.is_empty() {
            String::new()
        } else {
            format!("{}/", self.namespace)
        };
        format!(
            "{} `{}`",
            quote(&self.kind),
            quote(&format!("{namespace}{}", self.name))
        )
    }

    /// A text in it.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// What documents hold.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) objects: Vec<Object>,
    /// The issuers in discovery documents of an API server.
    pub(super) issuers: Vec<IssuerUrl>,
}

/// Takes documents apart.
pub(super) fn find(documents: Vec<Document>, problems: &mut Vec<InputProblem>) -> Found {
    let mut found = Found::default();
    for Document { place, value } in documents {
        take(&mut found, place, value, None, MAX_LISTS, problems);
    }
    found
}

/// Takes one document, or one item of a list of a certain kind.
fn take(
    found: &mut Found,
    place: Place,
    mut value: Value,
    of: Option<(&str, &str)>,
    lists: usize,
    problems: &mut Vec<InputProblem>,
) {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let (version, kind) = match (text("apiVersion"), text("kind"), of) {
        (Some(version), Some(kind), _) => (version, kind),
        // The API server leaves both out in the items of a list.
        (None, None, Some((version, kind))) => (version.to_owned(), kind.to_owned()),
        _ => return no_object(found, place, &value, problems),
    };
    let item_kind = kind.strip_suffix("List").filter(|_| value.get("items").is_some());
    if let Some(item_kind) = item_kind {
        match value.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) if lists > 0 => {
                let of = (!item_kind.is_empty()).then_some((version.as_str(), item_kind));
                for item in items {
                    take(found, place.clone(), item, of, lists - 1, problems);
                }
            }
            Some(Value::Null) => {}
            _ => problems.push(InputProblem::error(
                place,
                format!("`items` of {} is no list", quote(&kind)),
            )),
        }
        return;
    }
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
    found.objects.push(Object {
        place,
        group,
        kind,
        namespace,
        name,
        value,
    });
}

/// What is no object may be something else of use, or something that was given in the wrong place.
fn no_object(found: &mut Found, place: Place, value: &Value, problems: &mut Vec<InputProblem>) {
    if let Some(issuer) = shape::discovery(value) {
        match issuer {
            Ok(issuer) => found.issuers.push(issuer),
            Err(error) => problems.push(InputProblem::error(place, error.to_string())),
        }
        return;
    }
    let is_output = shape::is_output(value);
    if is_output && !place.named {
        // One directory may hold both.
        return;
    }
    let message = if is_output {
        "is no Kubernetes object, but an output of the AWS CLI: give it to --aws"
    } else {
        "is no Kubernetes object: it has no `apiVersion` and `kind`"
    };
    problems.push(InputProblem::unusable(place, message));
}
