//! What is kept of manifests while they are read.

use std::collections::VecDeque;
use std::fmt;

use audit_core::model::{Containers, Labels, Pod};
use audit_k8s::prune;
use serde::de::{
    DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer,
};
use serde_json::{Map, Value};

use super::object::{Item, Items, Object, Other, Page};
use crate::Options;
use crate::document::intake::{Fields, Intake, ListOf, Lists};

/// The field of a list with its objects.
const ITEMS: &str = "items";

/// The lists of `aws iam get-account-authorization-details` and `list-roles`: one directory may hold outputs as well.
const OF_OUTPUTS: [&str; 4] = ["RoleDetailList", "UserDetailList", "GroupDetailList", "Roles"];

/// Who wrote which field of an object, in `metadata`: often longer than the rest, and nothing reads it.
const MANAGED_FIELDS: &str = "managedFields";

/// How many of the latest pods are asked for the same labels and containers: those of one template come together.
const NEIGHBORS: usize = 4;

/// Takes objects from manifests.
pub(crate) struct Manifests<'o> {
    options: &'o Options,
    /// What the latest pods have that others may have as well.
    shared: VecDeque<(Labels, Containers)>,
}

impl<'o> Manifests<'o> {
    pub(crate) fn new(options: &'o Options) -> Self {
        Self {
            options,
            shared: VecDeque::with_capacity(NEIGHBORS),
        }
    }

    /// What is kept of a value: of an item of a list of a certain kind, where it is one.
    fn item(&self, value: Value, of: Option<(&str, &str)>) -> Item {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let (version, kind) = match (text("apiVersion"), text("kind"), of) {
            (Some(version), Some(kind), _) => (version, kind),
            // The API server leaves both out in the items of a list.
            (None, None, Some((version, kind))) => (version.to_owned(), kind.to_owned()),
            (None, None, None) => return Item::Nameless(Box::new(value)),
            _ => return Item::Other(Other::of(&value)),
        };
        self.named(value, version, kind)
    }

    /// What is kept of an object, or of a list of objects.
    pub(super) fn named(&self, mut value: Value, version: String, kind: String) -> Item {
        if let Some(other) = Other::substitute(&version, &kind, &value) {
            return Item::Other(other);
        }
        let Some(item_kind) = item_kind(&kind).filter(|_| value.get(ITEMS).is_some()) else {
            return Item::Object(Box::new(Object::read(value, &version, kind, self.options)));
        };
        let page = Page::of(&value);
        let of = (!item_kind.is_empty()).then_some((version.as_str(), item_kind));
        let items = match value.get_mut(ITEMS).map(Value::take) {
            Some(Value::Array(items)) => {
                Items::Some(items.into_iter().map(|item| self.item(item, of)).collect())
            }
            Some(Value::Null) => Items::Some(Vec::new()),
            _ => Items::NoList,
        };
        Item::List {
            version,
            kind,
            items,
            page,
        }
    }

    /// Gives a pod the labels and the containers of another one, where they are the same, so that they are kept once.
    fn share(&mut self, pod: &mut Pod) {
        let labels = self.shared.iter().find(|(labels, _)| *labels == pod.labels);
        let labels = labels.map_or(&pod.labels, |(labels, _)| labels).clone();
        let containers = self
            .shared
            .iter()
            .find(|(_, containers)| *containers == pod.containers);
        let containers = containers
            .map_or(&pod.containers, |(_, containers)| containers)
            .clone();
        (pod.labels, pod.containers) = (labels.clone(), containers.clone());
        self.shared.truncate(NEIGHBORS - 1);
        self.shared.push_front((labels, containers));
    }

    /// What a document is if no list says more of it.
    fn alone(item: Item) -> Item {
        match item {
            Item::Nameless(value) => Item::Other(Other::of(&value)),
            item => item,
        }
    }
}

impl Intake for Manifests<'_> {
    type Item = Item;

    fn is_list(&self, field: &str) -> bool {
        field == ITEMS || OF_OUTPUTS.contains(&field)
    }

    fn document(&mut self, value: Value) -> Item {
        Self::alone(self.item(value, None))
    }

    fn large(&mut self, fields: Fields, mut lists: Lists<Item>) -> Item {
        let items = lists.remove(ITEMS);
        match (self.item(Value::Object(fields), None), items) {
            (
                Item::List {
                    version, kind, page, ..
                },
                Some(items),
            ) => Item::List {
                version,
                kind,
                items: Items::Some(items),
                page,
            },
            (item, _) => item,
        }
    }

    fn read(&mut self, text: &str, of: Option<&ListOf<'_>>) -> serde_json::Result<(Item, usize)> {
        let mut from = serde_json::Deserializer::from_str(text);
        if of.is_some_and(|of| of.field != ITEMS) {
            serde::Deserialize::deserialize(&mut from).map(|IgnoredAny| ())?;
            return Ok((Item::Other(Other::Nothing), end(from)));
        }
        let whole = |manifests: &Self, value: Value| {
            let list = of.and_then(|of| {
                let text = |name: &str| of.before.get(name).and_then(Value::as_str);
                Some((
                    text("apiVersion")?,
                    item_kind(text("kind")?).filter(|kind| !kind.is_empty())?,
                ))
            });
            let item = manifests.item(value, list);
            if of.is_some() { item } else { Self::alone(item) }
        };
        match Reading(&self.options.annotation_prefix).deserialize(&mut from) {
            Ok(Read::Pod(mut pod)) => {
                self.share(&mut pod);
                Ok((Item::Object(Box::new(Object::of_pod(pod))), end(from)))
            }
            Ok(Read::Value(value)) => Ok((whole(self, value), end(from))),
            Err(error) if error.is_eof() => Err(error),
            // A pod that is not as the API server prints it, or no JSON: the value tells which.
            Err(_) => {
                let mut from = serde_json::Deserializer::from_str(text);
                let value = serde::Deserialize::deserialize(&mut from)?;
                Ok((whole(self, value), end(from)))
            }
        }
    }
}

/// The kind of the items of a list, if it is one's name; empty for a list of all kinds.
pub(super) fn item_kind(kind: &str) -> Option<&str> {
    kind.strip_suffix("List")
}

/// How many bytes were read.
fn end(from: serde_json::Deserializer<serde_json::de::StrRead<'_>>) -> usize {
    from.into_iter::<IgnoredAny>().byte_offset()
}

/// Something of a manifest, as it is read.
enum Read {
    /// A pod of a cluster, reduced while it was read.
    Pod(Box<Pod>),
    /// Anything else, without what nothing reads.
    Value(Value),
}

/// Reads one; the prefix is that of annotations.
#[derive(Clone, Copy)]
struct Reading<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Read;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Read, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = if name == "metadata" {
                map.next_value_seed(Metadata)?
            } else {
                map.next_value()?
            };
            fields.insert(name, value);
            // As the API server and kubectl write it, in the order of the alphabet.
            if fields.len() == 2 && is(&fields, "kind", "Pod") && is(&fields, "apiVersion", "v1") {
                let pod = prune::pod_from(MapAccessDeserializer::new(map), self.0)?;
                let is_whole = !pod.namespace.is_empty() && !pod.name.is_empty();
                return is_whole
                    .then(|| Read::Pod(Box::new(pod)))
                    .ok_or_else(|| serde::de::Error::custom("not a pod of a cluster"));
            }
        }
        Ok(Read::Value(Value::Object(fields)))
    }
}

fn is(fields: &Map<String, Value>, name: &str, text: &str) -> bool {
    fields.get(name).and_then(Value::as_str) == Some(text)
}

/// Reads the `metadata` of an object, without `managedFields`.
struct Metadata;

impl<'de> DeserializeSeed<'de> for Metadata {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Metadata {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("metadata")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == MANAGED_FIELDS {
                map.next_value::<IgnoredAny>()?;
            } else {
                fields.insert(name, map.next_value()?);
            }
        }
        Ok(Value::Object(fields))
    }
}
