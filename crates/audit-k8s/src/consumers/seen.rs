//! An object of any kind of the table on its way from the API server's JSON.

use std::borrow::Cow;

use audit_core::model::NamespacedName;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::DynamicResourceScope;
use kube::core::discovery::ApiResource;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::list_reader::ListItem;
use crate::shallow::Shallow;
use crate::watched::metadata;

/// What is read of an object: its name, `spec`, and `status`, by which it shows that it has ended. The kind's own function
/// reduces it further as soon as it leaves the watch.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Name, namespace and resourceVersion, which the watcher needs; nothing else.
    metadata: ObjectMeta,
    pub(super) value: Value,
}

impl Seen {
    /// Which object it is.
    pub(super) fn id(&self) -> NamespacedName {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        NamespacedName::new(text(&self.metadata.namespace), text(&self.metadata.name))
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Shallow(mut object) = Shallow::deserialize(from)?;
        let metadata = metadata(&object);
        let mut take = |field: &str| object.get_mut(field).map(Value::take).unwrap_or_default();
        let mut value = Map::new();
        value.insert("spec".to_owned(), take("spec"));
        value.insert("status".to_owned(), take("status"));
        let name = |text: &Option<String>| text.clone().unwrap_or_default().into();
        let names = [
            ("name".to_owned(), name(&metadata.name)),
            ("namespace".to_owned(), name(&metadata.namespace)),
        ];
        value.insert("metadata".to_owned(), Value::Object(names.into_iter().collect()));
        Ok(Self {
            metadata,
            value: Value::Object(value),
        })
    }
}

impl ListItem for Seen {}

impl Resource for Seen {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
