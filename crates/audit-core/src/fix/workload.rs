//! Repairs of workloads.

use super::{Alternative, Fix, Form, yaml};
use crate::model::{BindingKey, Workload};
use crate::text::{quote, quote_list};

/// The command that makes workloads run as a ServiceAccount.
#[must_use]
pub fn run_as(key: &BindingKey, workload: &Workload) -> Fix {
    if key.service_account.starts_with('-') || !is_restartable(workload) {
        return Fix::manual(format!(
            "set `serviceAccountName: {}` in the pod template of {}/{}, and create its pods anew",
            quote(&key.service_account),
            quote(&workload.kind),
            quote(&workload.name)
        ));
    }
    let fix = Fix::kubectl(&[
        "set",
        "serviceaccount",
        "--namespace",
        &key.namespace,
        &target(workload),
        &key.service_account,
    ]);
    let manifest = format!(
        "apiVersion: apps/v1\nkind: {}\nmetadata:\n  name: {}\n  namespace: {}\nspec:\n  template:\n    spec:\n      \
         serviceAccountName: {}\n",
        workload.kind,
        yaml::scalar(&workload.name),
        yaml::scalar(&key.namespace),
        yaml::scalar(&key.service_account)
    );
    fix.or_else([Alternative::new(Form::Manifest, manifest)])
}

/// The command that makes workloads create their pods anew; a step for a person where `kubectl rollout restart` knows
/// none of them.
#[must_use]
pub fn restart(namespace: &str, workloads: &[Workload]) -> Option<Fix> {
    let (restartable, others): (Vec<_>, Vec<_>) = workloads.iter().partition(|w| is_restartable(w));
    if restartable.is_empty() && others.is_empty() {
        return None;
    }
    let names = |workloads: &[&Workload]| {
        let names: Vec<String> = workloads
            .iter()
            .map(|w| format!("{}/{}", w.kind, w.name))
            .collect();
        quote_list(&names, 5)
    };
    let by_hand = Fix::manual(format!(
        "delete these in namespace `{}`, and let what owns them create them anew: {}",
        quote(namespace),
        names(&others)
    ));
    if restartable.is_empty() {
        return Some(by_hand);
    }
    let targets: Vec<String> = restartable.iter().map(|w| target(w)).collect();
    let mut words = vec!["rollout", "restart", "--namespace", namespace];
    words.extend(targets.iter().map(String::as_str));
    let brief = format!(
        "restart in namespace `{}`: {}",
        quote(namespace),
        names(&restartable)
    );
    Some(Fix::kubectl(&words).brief(brief))
}

/// Whether `kubectl rollout restart` and `kubectl set serviceaccount` both know the kind.
fn is_restartable(workload: &Workload) -> bool {
    matches!(workload.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet")
}

/// A workload as kubectl's `TYPE/NAME`.
fn target(workload: &Workload) -> String {
    format!("{}/{}", workload.kind.to_ascii_lowercase(), workload.name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::FixKind;
    use super::*;

    fn workload(kind: &str, name: &str) -> Workload {
        Workload {
            kind: kind.into(),
            name: name.into(),
        }
    }

    #[test]
    fn a_workload_gets_another_account_by_command_or_in_its_file() {
        let fix = run_as(&BindingKey::new("shop", "no"), &workload("Deployment", "web"));
        assert_eq!(
            fix.text,
            "kubectl set serviceaccount --namespace shop deployment/web no"
        );
        let manifest: Value = serde_saphyr::from_str(&fix.alternatives[0].text).unwrap();
        assert_eq!(
            manifest["spec"]["template"]["spec"],
            json!({ "serviceAccountName": "no" })
        );
    }

    #[test]
    fn only_what_can_be_restarted_is() {
        let all = [
            workload("Deployment", "web"),
            workload("Job", "once"),
            workload("StatefulSet", "db"),
        ];
        let fix = restart("shop", &all).unwrap();
        assert_eq!(fix.kind, FixKind::Kubectl);
        assert_eq!(
            fix.text,
            "kubectl rollout restart --namespace shop deployment/web statefulset/db"
        );
        assert_eq!(
            restart("shop", &[workload("Job", "once")]).unwrap().kind,
            FixKind::Manual
        );
        assert!(restart("shop", &[]).is_none());
    }
}
