//! The JSON of a plan, or of a state, as resources. Source: Terraform's
//! [JSON output format](https://developer.hashicorp.com/terraform/internals/json-format), which `OpenTofu` shares.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::attributes::Attributes;
use super::configuration::{Configuration, ModulePath};
use super::refused::{self, Refusal};

/// The configuration, and the resources as they will be after apply.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(super) resources: Vec<Resource>,
    pub(super) configuration: Configuration,
    /// What is not so that the plan would be wrong, but should be known.
    pub(super) warnings: Vec<String>,
}

/// A resource instance.
#[derive(Debug)]
pub(super) struct Resource {
    /// Such as `module.irsa.aws_iam_role.this["app"]`.
    pub(super) address: String,
    pub(super) module: ModulePath,
    /// Its address in the configuration of its module, such as `aws_iam_role.this`.
    pub(super) local: String,
    /// Such as `aws_iam_role`.
    pub(super) kind: String,
    /// It was read, and Terraform does not manage it.
    pub(super) is_data: bool,
    /// As it is before apply, where it is in the state.
    pub(super) before: Option<Attributes>,
    /// As it will be after apply; absent where nothing is left of it.
    pub(super) after: Option<Attributes>,
    /// The apply destroys what is before, to create it anew or not.
    pub(super) is_destroyed: bool,
    /// The apply creates it.
    pub(super) is_created: bool,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Document {
    errored: bool,
    complete: Option<bool>,
    resource_changes: Vec<ChangeEntry>,
    deferred_changes: Vec<DeferredEntry>,
    prior_state: Option<State>,
    /// Of a state.
    values: Option<Values>,
    configuration: Configuration,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    values: Option<Values>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Values {
    root_module: Module,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Module {
    address: String,
    resources: Vec<StateEntry>,
    child_modules: Vec<Module>,
}

#[derive(Deserialize)]
struct StateEntry {
    address: String,
    #[serde(default)]
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    values: Value,
    #[serde(default)]
    sensitive_values: Value,
}

#[derive(Deserialize)]
struct DeferredEntry {
    resource_change: ChangeEntry,
}

#[derive(Deserialize)]
struct ChangeEntry {
    address: String,
    #[serde(default)]
    previous_address: Option<String>,
    #[serde(default)]
    module_address: String,
    #[serde(default)]
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    /// An object that an earlier replacement left behind: it has the address of the one that took its place.
    #[serde(default)]
    deposed: Option<String>,
    change: Change,
}

#[derive(Deserialize)]
struct Change {
    actions: Vec<String>,
    #[serde(default)]
    before: Value,
    #[serde(default)]
    after: Value,
    #[serde(default)]
    after_unknown: Value,
    #[serde(default)]
    before_sensitive: Value,
    #[serde(default)]
    after_sensitive: Value,
}

impl Plan {
    /// Reads what `terraform show -json` prints of a plan or of a state.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        refused::check_text(text)?;
        let head = serde_json::from_str(text).map_err(|error| refused::unreadable(&error))?;
        refused::check_head(&head)?;
        let document: Document =
            serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text))
                .map_err(|error| refused::odd(&error.path().to_string(), error.inner()))?;
        Self::of(document)
    }

    fn of(document: Document) -> Result<Self, Refusal> {
        if document.errored {
            return Err(refused::errored());
        }
        let mut warnings = Vec::new();
        if document.complete == Some(false) || !document.deferred_changes.is_empty() {
            warnings.push(
                "is not complete: Terraform leaves some changes to another plan. Audit that plan as well"
                    .to_owned(),
            );
        }
        let deferred = document.deferred_changes.into_iter();
        let deferred = deferred.map(|entry| entry.resource_change);
        let changes: Vec<ChangeEntry> = document.resource_changes.into_iter().chain(deferred).collect();
        let mut covered: BTreeSet<String> = BTreeSet::new();
        let mut resources = Vec::new();
        for entry in changes {
            covered.extend(entry.previous_address.clone());
            covered.insert(entry.address.clone());
            resources.push(Resource::of_change(entry)?);
        }
        let state = document.prior_state.and_then(|state| state.values);
        for values in [state, document.values].into_iter().flatten() {
            let mut found = Vec::new();
            values.root_module.take(&mut found);
            let others = found
                .into_iter()
                .filter(|resource| !covered.contains(&resource.address));
            resources.extend(others);
        }
        Ok(Self {
            resources,
            configuration: document.configuration,
            warnings,
        })
    }

    /// The resources that Terraform manages, or that were read, by their addresses. Of a resource that is replaced, what is left of an
    /// earlier replacement does not count.
    pub(super) fn by_address(&self) -> BTreeMap<&str, &Resource> {
        let there = self.resources.iter().filter(|resource| resource.after.is_some());
        there
            .map(|resource| (resource.address.as_str(), resource))
            .collect()
    }
}

impl Module {
    fn take(self, found: &mut Vec<Resource>) {
        for entry in self.resources {
            let StateEntry {
                address,
                mode,
                kind,
                name,
                values,
                sensitive_values,
            } = entry;
            let after = Attributes::new(&address, values, Value::Null, sensitive_values);
            let is_data = mode == "data";
            found.push(Resource {
                module: ModulePath::parse(&self.address),
                local: local(is_data, &kind, &name),
                address,
                kind,
                is_data,
                before: Some(after.clone()),
                after: Some(after),
                is_destroyed: false,
                is_created: false,
            });
        }
        for child in self.child_modules {
            child.take(found);
        }
    }
}

impl Resource {
    fn of_change(entry: ChangeEntry) -> Result<Self, Refusal> {
        let ChangeEntry {
            address,
            module_address,
            mode,
            kind,
            name,
            deposed,
            change,
            ..
        } = entry;
        let known = ["no-op", "read", "create", "update", "delete", "forget"];
        if let Some(odd) = change
            .actions
            .iter()
            .find(|action| !known.contains(&action.as_str()))
        {
            return Err(refused::odd_action(&address, odd));
        }
        let has = |action: &str| change.actions.iter().any(|own| own == action);
        let is_created = has("create");
        let is_destroyed = has("delete");
        let before = Attributes::new(&address, change.before, Value::Null, change.before_sensitive);
        let after = Attributes::new(
            &address,
            change.after,
            change.after_unknown,
            change.after_sensitive,
        );
        let after = if deposed.is_some() {
            None
        } else if is_created || has("update") || has("no-op") || has("read") {
            Some(after)
        } else if has("forget") {
            // Terraform stops to manage it, and leaves it as it is.
            Some(before.clone())
        } else {
            None
        };
        let is_data = mode == "data";
        Ok(Self {
            module: ModulePath::parse(&module_address),
            local: local(is_data, &kind, &name),
            address,
            kind,
            is_data,
            before: (change.actions != ["create"]).then_some(before),
            after,
            is_destroyed,
            is_created,
        })
    }

    /// What goes away with the apply.
    pub(super) fn destroyed(&self) -> Option<&Attributes> {
        self.before.as_ref().filter(|_| self.is_destroyed)
    }
}

/// The address of a resource in the configuration of its module.
fn local(is_data: bool, kind: &str, name: &str) -> String {
    let prefix = if is_data { "data." } else { "" };
    format!("{prefix}{kind}.{name}")
}
