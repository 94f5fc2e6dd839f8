//! What somebody may have meant by a name that no ServiceAccount has.

use audit_core::model::BindingKey;
use audit_core::snapshot::Cluster;
use audit_core::text::quote;
use iam_policy::edit_distance;

/// So many letters may be wrong.
const WRONG: usize = 2;

/// A sentence that names the ServiceAccount of the pod or workload that has this name, or one whose name is nearly the same.
#[must_use]
pub fn of(cluster: &Cluster, key: &BindingKey) -> Option<String> {
    let name = key.service_account.as_str();
    let is_other = |other: &BindingKey| other.service_account != name;
    let mut nearest: Option<(usize, &BindingKey)> = None;
    let mut of_workload = None;
    for (other, binding) in cluster.in_namespace(&key.namespace) {
        for pod in binding.pods() {
            if *pod.name == *name {
                return Some(format!(
                    "Pod `{}` runs as ServiceAccount `{}`.",
                    quote(name),
                    quote(&other.to_string())
                ));
            }
            if pod.workload.name == name {
                of_workload = Some((other, pod));
            }
        }
        if binding.service_account().is_some() && is_other(other) {
            let distance = edit_distance(&other.service_account, name);
            if distance <= WRONG && nearest.is_none_or(|(least, _)| distance < least) {
                nearest = Some((distance, other));
            }
        }
    }
    if let Some((other, pod)) = of_workload {
        return Some(format!(
            "The pods of `{}` run as ServiceAccount `{}`.",
            quote(&pod.workload.to_string()),
            quote(&other.to_string())
        ));
    }
    nearest.map(|(_, other)| format!("Did you mean `{}`?", quote(&other.to_string())))
}
