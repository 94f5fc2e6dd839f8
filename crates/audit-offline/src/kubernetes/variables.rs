//! Secrets and ConfigMaps that become variables of containers: which keys they have, never what stands in them.

use std::collections::{BTreeMap, HashMap, HashSet};

use audit_core::model::{EnvFrom, EnvSource, Pod};
use serde_json::Value;

use super::object::Object;

/// Where a Secret has its values, and a ConfigMap its texts; `binaryData` becomes no variable.
const FIELDS: [&str; 2] = ["data", "stringData"];

/// The keys with a value of each Secret and ConfigMap that was given.
#[derive(Debug, Default)]
pub(super) struct Variables {
    keys: BTreeMap<(EnvSource, String), HashMap<String, HashSet<String>>>,
}

impl Variables {
    /// Takes in an object.
    pub(super) fn take(&mut self, source: EnvSource, object: &Object) {
        let maps = FIELDS
            .iter()
            .filter_map(|field| object.value.get(field)?.as_object());
        let keys = maps
            .flatten()
            .filter(|(_, value)| !matches!(value, Value::Null) && value.as_str() != Some(""))
            .map(|(key, _)| key.clone());
        self.keys
            .entry((source, object.namespace.clone()))
            .or_default()
            .insert(object.name.clone(), keys.collect());
    }

    /// Tells the containers of a pod what their `envFrom` and their volumes bring.
    pub(super) fn resolve(&self, pod: &mut Pod) {
        if self.keys.is_empty() {
            return;
        }
        let namespace = pod.namespace.clone();
        let has = |from: &EnvFrom, key: &str| {
            let objects = self.keys.get(&(from.source, namespace.clone()))?;
            Some(objects.get(&from.name)?.contains(key))
        };
        for container in &mut pod.containers {
            container.resolve_env_from(has);
            container.resolve_files(|source, name, key| {
                let objects = self.keys.get(&(source, namespace.clone()))?;
                Some(objects.get(name)?.contains(key))
            });
        }
    }
}
