//! Secrets and ConfigMaps that become variables and files of containers: which keys they have, and of ConfigMaps the profiles of AWS
//! SDKs in them. Never what else is in them.

use std::collections::{BTreeMap, HashMap, HashSet};

use audit_core::model::{Configured, Container, EnvFrom, EnvSource, MountedFile, Pod, SetBy, VolumeKind};
use serde_json::Value;

use super::profiles::{DEFAULT, Profiles};

/// Where a Secret has its values, and a ConfigMap its texts; `binaryData` becomes no variable.
const FIELDS: [&str; 2] = ["data", "stringData"];

/// What a Secret or ConfigMap brings into containers.
#[derive(Debug)]
pub(super) struct Keys {
    /// The keys that have a value.
    keys: HashSet<String>,
    /// Of a ConfigMap, the texts that may be files of profiles, by key.
    files: Vec<(String, String)>,
}

impl Keys {
    /// Reads an object.
    pub(super) fn of(source: EnvSource, object: &Value) -> Self {
        let data = object.get("data").and_then(Value::as_object);
        let texts = data
            .filter(|_| source == EnvSource::ConfigMap)
            .into_iter()
            .flatten()
            .filter_map(|(key, text)| Some((key, text.as_str()?)));
        let files = texts
            .filter(|(_, text)| text.contains('['))
            .map(|(key, text)| (key.clone(), text.to_owned()));
        let maps = FIELDS.iter().filter_map(|field| object.get(field)?.as_object());
        let keys = maps
            .flatten()
            .filter(|(_, value)| !matches!(value, Value::Null) && value.as_str() != Some(""))
            .map(|(key, _)| key.clone());
        Self {
            keys: keys.collect(),
            files: files.collect(),
        }
    }
}

/// The keys with a value of each Secret and ConfigMap that was given.
#[derive(Debug, Default)]
pub(super) struct Variables {
    keys: BTreeMap<(EnvSource, String), HashMap<String, HashSet<String>>>,
    /// The texts of ConfigMaps that may be files of profiles, by namespace, name and key.
    files: HashMap<(String, String, String), String>,
}

impl Variables {
    /// Takes in an object.
    pub(super) fn take(&mut self, source: EnvSource, namespace: &str, name: &str, keys: Keys) {
        for (key, text) in keys.files {
            let id = (namespace.to_owned(), name.to_owned(), key);
            self.files.insert(id, text);
        }
        self.keys
            .entry((source, namespace.to_owned()))
            .or_default()
            .insert(name.to_owned(), keys.keys);
    }

    /// Tells the containers of a pod what their `envFrom` and their volumes bring.
    pub(super) fn resolve(&self, pod: &mut Pod) {
        if self.keys.is_empty() {
            return;
        }
        let namespace = pod.namespace.to_string();
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
            if let Some(configured) = self.configured(&namespace, container) {
                container.configure(configured);
            }
        }
    }

    /// Where a container's profile leads, if every file that may have it was given, and its name is known.
    fn configured(&self, namespace: &str, container: &Container) -> Option<Configured> {
        let read = |file: Option<&MountedFile>, is_config: bool| {
            let Some(file) = file else {
                return Some(Profiles::default());
            };
            let VolumeKind::ConfigMap(name) = &file.volume else {
                return None;
            };
            let id = (namespace.to_owned(), name.clone(), file.key.clone());
            Some(Profiles::read(self.files.get(&id)?, is_config))
        };
        let (config, credentials) = (container.config_file(), container.credentials_file());
        config.or(credentials)?;
        let profiles = read(config, true)?.under(read(credentials, false)?);
        let rarities = container.rarities.as_ref()?;
        let name = match (&rarities.profile, &rarities.profile_name) {
            (_, Some(name)) => name.as_str(),
            (None | Some(SetBy::Nothing), None) => DEFAULT,
            (Some(_), None) => return None,
        };
        Some(profiles.resolve(name))
    }
}
