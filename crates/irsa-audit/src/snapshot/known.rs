//! What the parts that are there refer to: which roles, workloads and clusters have to be asked for by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use audit_api::DEFAULT_POLICY_NAME;
use audit_core::issuers::{self, IssuerQuestion};
use audit_core::model::{BindingKey, Clusters, EksIssuer, LookedUp, Observed, WorkloadRef};
use audit_core::{Config, Snapshot};
use audit_engine::referenced_roles;
use audit_offline::{Options, SnapshotManifest};
use jiff::Timestamp;
use serde_json::Value;

use super::error::SnapshotError;
use crate::audit::snapshot_files;

/// What is known of the cluster and the accounts by now.
pub struct Known {
    snapshot: Snapshot,
    config: Config,
    now: Timestamp,
    /// Clusters of regions that were asked for and cannot be listed.
    unlisted: BTreeSet<(String, String)>,
}

/// A workload that an `IrsaAudit` expects and that has no pods.
pub type ExpectedWorkload = (BindingKey, WorkloadRef);

/// The accounts that the `default` `IrsaAuditPolicy` of a snapshot allows to look into; all where it does not say.
#[must_use]
pub fn allowed_accounts(directory: &Path) -> Option<BTreeSet<String>> {
    let text = fs::read(directory.join("kubernetes/irsaauditpolicies.json")).ok()?;
    let list: Value = serde_json::from_slice(&text).ok()?;
    let is_default = |policy: &&Value| {
        let name = policy.pointer("/metadata/name");
        name.and_then(Value::as_str) == Some(DEFAULT_POLICY_NAME)
    };
    let policy = list.get("items")?.as_array()?.iter().find(is_default)?;
    let allowed = policy.pointer("/spec/allowedAccounts")?.as_array()?;
    Some(
        allowed
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}

impl Known {
    /// Reads the parts that are there, as an audit would.
    ///
    /// # Errors
    /// When a file is not as it was written.
    pub fn read(directory: &Path, manifest: &SnapshotManifest) -> Result<Option<Self>, SnapshotError> {
        let Some(files) = snapshot_files::read(directory)? else {
            return Ok(None);
        };
        let now = Timestamp::now();
        let options = Options {
            annotation_prefix: manifest.cluster.annotation_prefix.clone(),
            namespace: String::new(),
            namespace_is_assumed: false,
            webhook_namespace: manifest.cluster.webhook_namespace.clone(),
            partial: false,
            issuer: None,
            account: None,
            snapshot: Some(files.given),
            now,
        };
        let loaded = audit_offline::load(files.manifests, files.outputs, &options);
        Ok(Some(Self {
            snapshot: loaded.snapshot,
            config: loaded.config,
            now,
            unlisted: BTreeSet::new(),
        }))
    }

    /// The roles that bindings refer to, by account.
    #[must_use]
    pub fn roles(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut roles: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, _) in self.snapshot.cluster.bindings() {
            for arn in referenced_roles(&self.snapshot, &self.config, key, self.now) {
                let names = roles.entry(arn.account().to_owned()).or_default();
                names.insert(arn.name().to_owned());
            }
        }
        roles
    }

    /// The ServiceAccounts that there are.
    #[must_use]
    pub fn service_accounts(&self) -> BTreeSet<BindingKey> {
        let bindings = self.snapshot.cluster.bindings();
        bindings.map(|(key, _)| key.clone()).collect()
    }

    /// The workloads that are expected and have no pods.
    #[must_use]
    pub fn workloads(&self) -> BTreeSet<ExpectedWorkload> {
        let cluster = &self.snapshot.cluster;
        let expected = cluster.bindings().flat_map(|(key, binding)| {
            let first = binding.request();
            let all = first.map_or(&[][..], |request| &request.workloads);
            all.iter().map(move |workload| (key.clone(), workload.clone()))
        });
        expected
            .filter(|(key, workload)| !cluster.has_pods_of(&key.namespace, workload))
            .filter(|(key, workload)| {
                let found = cluster.looked_up(key, workload);
                matches!(found, None | Some(LookedUp::Unreadable))
            })
            .collect()
    }

    /// The next account and region of which the clusters decide whether an issuer is dead.
    #[must_use]
    pub fn next_region(&self) -> Option<(String, String)> {
        let questions = issuers::questions(&self.snapshot).into_iter();
        let mut regions = questions.filter_map(|question| match question {
            IssuerQuestion::Clusters { account, region } => Some((account, region)),
            IssuerQuestion::Providers { .. } => None,
        });
        regions.find(|(account, region)| {
            let known = self.snapshot.accounts.get(account);
            let known = known.and_then(|account| account.clusters.get(region));
            known
                .and_then(Observed::latest)
                .is_none_or(|clusters| !clusters.is_whole)
                && !self.unlisted.contains(&(account.clone(), region.clone()))
        })
    }

    /// Takes note of the clusters of a region, or that they cannot be listed.
    pub fn put_clusters(&mut self, account: &str, region: &str, issuers: Option<BTreeSet<EksIssuer>>) {
        let Some(issuers) = issuers else {
            self.unlisted.insert((account.to_owned(), region.to_owned()));
            return;
        };
        let clusters = Clusters {
            issuers,
            is_whole: true,
        };
        let slot = self.snapshot.accounts.slot(account);
        slot.clusters
            .insert(region.to_owned(), Observed::known(clusters, self.now));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_default_policy_says_which_accounts_are_allowed() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(allowed_accounts(root.path()), None);
        fs::create_dir(root.path().join("kubernetes")).unwrap();
        for (name, spec, expected) in [
            ("default", json!({"allowedAccounts": ["1"]}), Some(vec!["1"])),
            ("default", json!({"allowedAccounts": []}), Some(Vec::new())),
            ("default", json!({}), None),
            ("other", json!({"allowedAccounts": []}), None),
        ] {
            let list = json!({"items": [{"metadata": {"name": name}, "spec": spec}]});
            let path = root.path().join("kubernetes/irsaauditpolicies.json");
            fs::write(path, list.to_string()).unwrap();
            let expected = expected.map(|ids| ids.into_iter().map(str::to_owned).collect());
            assert_eq!(allowed_accounts(root.path()), expected, "{name} {spec}");
        }
    }
}
