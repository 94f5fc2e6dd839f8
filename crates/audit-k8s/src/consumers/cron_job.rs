//! Kubernetes' own `CronJob`: it starts pods when their time comes, and has none between.
//!
//! A suspended one starts none until it is resumed, so that nothing follows from a ServiceAccount that it names in vain.
//!
//! Source: <https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/>.

use audit_core::model::{DEFAULT_SERVICE_ACCOUNT, Explains};

use super::usage::{ConsumerKind, Object, Usage};

pub(super) const KINDS: &[ConsumerKind] = &[ConsumerKind {
    group: "batch",
    kind: "CronJob",
    plural: "cronjobs",
    namespaced: true,
    explains: Explains::Launches,
    reads: &[
        "/spec/jobTemplate/spec/template/spec/serviceAccountName",
        "/spec/suspend",
    ],
    read,
}];

fn read(object: &Object<'_>) -> Vec<Usage> {
    let name = object.text("/spec/jobTemplate/spec/template/spec/serviceAccountName");
    let is_suspended = object
        .value
        .pointer("/spec/suspend")
        .and_then(serde_json::Value::as_bool)
        == Some(true);
    let used = if name.is_empty() {
        DEFAULT_SERVICE_ACCOUNT
    } else {
        name
    };
    let usage = object.own(used).map(Usage::launches);
    let is_certain = !name.is_empty() && !is_suspended;
    usage
        .map(|usage| if is_certain { usage } else { usage.perhaps() })
        .into_iter()
        .collect()
}
