//! An object on its way from the API server's JSON to plain data.

use std::borrow::Cow;

use audit_core::model::NamespacedName;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::list_reader::ListItem;
use crate::prune::{Undecodable, Wire, prune};
use crate::shallow::Shallow;

/// What a list or watch decodes in place of an object: reduced at once, and never an error, because one unreadable
/// object would end the page or the watch that carries it.
#[derive(Debug, Clone)]
pub(crate) struct Watched<W> {
    /// Name, namespace and resourceVersion, which the watcher needs; nothing else, and nothing of an object of a list.
    metadata: ObjectMeta,
    /// The reduced object.
    pub(crate) object: Result<W, Undecodable>,
}

impl<W> Watched<W> {
    /// Which object it is; `None` for one without a name.
    pub(crate) fn id(&self) -> Option<NamespacedName> {
        let name = self.metadata.name.clone()?;
        Some(NamespacedName::new(
            self.metadata.namespace.clone().unwrap_or_default(),
            name,
        ))
    }
}

impl<'de, W: Wire> Deserialize<'de> for Watched<W> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Shallow(object) = Shallow::deserialize(from)?;
        Ok(Self {
            metadata: metadata(&object),
            object: prune(object),
        })
    }
}

impl<W: Wire> ListItem for Watched<W> {
    /// It is reduced as soon as it has come. Of each page, the API server counts all objects that come after it.
    const PAGE: usize = 16 << 20;

    fn read(text: &str) -> serde_json::Result<Self> {
        match W::read(text) {
            Some(object) => Ok(Self {
                metadata: ObjectMeta::default(),
                object: Ok(object),
            }),
            None => serde_json::from_str(text),
        }
    }
}

/// Of an object's metadata, what the watcher needs: name, namespace and resourceVersion.
pub(crate) fn metadata(object: &Value) -> ObjectMeta {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    ObjectMeta {
        name: text("/metadata/name"),
        namespace: text("/metadata/namespace"),
        resource_version: text("/metadata/resourceVersion"),
        ..ObjectMeta::default()
    }
}

impl<W: Wire> Resource for Watched<W> {
    type DynamicType = ();
    type Scope = <W::Resource as Resource>::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        W::Resource::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        W::Resource::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        W::Resource::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        W::Resource::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
