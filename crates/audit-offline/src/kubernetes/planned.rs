//! What Terraform plans change of ServiceAccounts.

use audit_core::model::{PlannedResources, ServiceAccount};
use audit_core::snapshot::{Binding, Cluster};

use crate::Options;
use crate::terraform::change::{AccountChange, PlannedAccount};

/// Lays changes over the objects. What plans do not say of a ServiceAccount stays as it is.
pub(crate) fn lay(
    cluster: &mut Cluster,
    changes: Vec<AccountChange>,
    options: &Options,
    resources: &mut PlannedResources,
) {
    for change in changes {
        match change {
            AccountChange::Gone(key) => {
                cluster.remove_service_account(&key);
            }
            AccountChange::Put(planned) => put(cluster, *planned, options, resources),
        }
    }
}

fn put(cluster: &mut Cluster, planned: PlannedAccount, options: &Options, resources: &mut PlannedResources) {
    let PlannedAccount {
        key,
        resource,
        annotations,
        owned,
        gap,
        taken,
        automount_off,
        is_created,
    } = planned;
    let old = cluster.binding(&key).and_then(Binding::service_account);
    let mut account = old
        .filter(|_| !is_created)
        .cloned()
        .unwrap_or_else(|| ServiceAccount {
            key: key.clone(),
            uid: String::new(),
            created: None,
            annotations: std::iter::empty().collect(),
            automount_off: false,
        });
    account.annotations.retain(|name, _| !owned.contains(name));
    account.annotations.extend(ServiceAccount::kept_annotations(
        annotations,
        &options.annotation_prefix,
    ));
    account.automount_off = automount_off.unwrap_or(account.automount_off);
    cluster.put_service_account(account);
    if let Some(gap) = gap {
        cluster.put_undecided_annotation(key.clone(), gap);
    }
    if let Some(taken) = taken {
        cluster.put_taken_annotation(key.clone(), taken);
    }
    resources.service_accounts.insert(key, resource);
}
