//! Whether what a question is about exists. RBAC goes by names alone, so that it answers about a ServiceAccount that nobody has created,
//! which is more often a slip than meant.

use audit_core::fix::Command;
use audit_core::model::BindingKey;
use audit_core::snapshot::{Cluster, GapKind};
use audit_core::text::{quote, quote_list};
use iam_policy::edit_distance;

use super::reply::{Reply, to_do};

/// Whether an object exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It exists.
    There,
    /// It does not exist.
    Absent,
    /// That was not seen.
    Unseen,
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subjects {
    /// The ServiceAccount.
    pub service_account: Presence,
    /// The namespace that is asked about.
    pub namespace: Presence,
}

impl Subjects {
    /// As files say: absence from them proves something only where they hold the whole cluster, and objects of the kind.
    #[must_use]
    pub fn in_files(cluster: &Cluster, key: &BindingKey, namespace: Option<&str>) -> Self {
        let exists = |(_, binding): (_, &audit_core::snapshot::Binding)| binding.service_account().is_some();
        let presence = |is_there: bool, is_any: bool| match (
            is_there,
            is_any && !cluster.may_lack(GapKind::ServiceAccounts),
        ) {
            (true, _) => Presence::There,
            (false, true) => Presence::Absent,
            (false, false) => Presence::Unseen,
        };
        let any_account = cluster.bindings().any(exists);
        let namespace = namespace.map_or(Presence::There, |name| {
            let is_there = cluster.namespace_labels(name).is_some() || cluster.in_namespace(name).any(exists);
            // The namespace of every ServiceAccount is among the Namespaces, if any are given.
            let is_any = cluster.namespace_labels(&key.namespace).is_some();
            presence(is_there, is_any)
        });
        Self {
            service_account: presence(cluster.exists(key), any_account),
            namespace,
        }
    }

    /// The answer where something does not exist.
    #[must_use]
    pub(super) fn answer(
        self,
        cluster: &Cluster,
        key: &BindingKey,
        namespace: Option<&str>,
    ) -> Option<Reply> {
        if self.service_account == Presence::Absent {
            let list =
                Command::new("kubectl get serviceaccounts").option("--namespace", key.namespace.as_str());
            let why = format!(
                "ServiceAccount `{}` does not exist{}",
                quote(&key.to_string()),
                alike(cluster, key)
            );
            let steps = format!("check the name with `{list}`, or create the ServiceAccount first");
            return Some(Reply::no(&why, &to_do(&steps)));
        }
        let namespace = namespace.filter(|_| self.namespace == Presence::Absent)?;
        let why = format!("namespace `{}` does not exist", quote(namespace));
        Some(Reply::no(
            &why,
            &to_do("check the name with `kubectl get namespaces`"),
        ))
    }
}

/// ServiceAccounts that exist and have nearly the name.
fn alike(cluster: &Cluster, key: &BindingKey) -> String {
    let existing = cluster
        .bindings()
        .filter(|(_, binding)| binding.service_account().is_some());
    let (wanted, mut near) = (key.to_string(), Vec::new());
    for (other, _) in existing {
        let distance = edit_distance(&other.to_string(), &wanted);
        if distance <= 2 || other.service_account == key.service_account {
            near.push((distance, other.to_string()));
        }
    }
    near.sort();
    let names: Vec<String> = near.into_iter().map(|(_, name)| name).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", quote_list(&names, 3))
    }
}
