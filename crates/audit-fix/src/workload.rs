//! Repairs of workloads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::alternative::{Alternative, Form};
use crate::command::Command;
use crate::fix::Fix;
use crate::repaired::Repaired;
use crate::rollout::Held;
use crate::service_account::ServiceAccountName;
use crate::text::{ascii_json, quote, quote_list};
use crate::yaml;

/// What owns a pod, as somebody would name it to `kubectl rollout restart`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    /// `Deployment`, `StatefulSet`, `DaemonSet`, `Job`, … ; `Pod` where nothing owns it.
    pub kind: SmolStr,
    /// Its name.
    pub name: SmolStr,
}

impl std::fmt::Display for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// The command that makes workloads run as a ServiceAccount.
#[must_use]
pub fn run_as<'a>(account: impl Into<ServiceAccountName<'a>>, workload: &Workload) -> Fix {
    let account = account.into();
    if account.name.starts_with('-') || !is_restartable(workload) {
        return Fix::manual(format!(
            "set `serviceAccountName: {}` in the pod template of {}/{}, and recreate its pods",
            quote(account.name),
            quote(&workload.kind),
            quote(&workload.name)
        ));
    }
    let set = Command::new("kubectl set serviceaccount").option("--namespace", account.namespace);
    let fix = Fix::kubectl(set.argument(target(workload)).argument(account.name));
    let manifest = format!(
        "apiVersion: apps/v1\nkind: {}\nmetadata:\n  name: {}\n  namespace: {}\nspec:\n  template:\n    spec:\n      \
         serviceAccountName: {}\n",
        workload.kind,
        yaml::scalar(&workload.name),
        yaml::scalar(account.namespace),
        yaml::scalar(account.name)
    );
    fix.or_else([Alternative::new(Form::Manifest, manifest)])
}

/// How workloads recreate their pods: by command where there is one, else by hand.
#[must_use]
pub fn restart(namespace: &str, workloads: &[Workload]) -> Option<Fix> {
    let (restartable, others): (Vec<_>, Vec<_>) = workloads.iter().partition(|w| is_restartable(w));
    let (rollouts, others): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|w| w.kind == "Rollout" && !w.name.starts_with('-'));
    let mut commands = Vec::new();
    if !restartable.is_empty() {
        let restart = Command::new("kubectl rollout restart").option("--namespace", namespace);
        commands.push(Fix::kubectl(
            restart.arguments(restartable.iter().map(|w| target(w))),
        ));
    }
    // Of the plugin of Argo Rollouts.
    let restart = |w: &&Workload| {
        let restart = Command::new("kubectl argo rollouts restart").argument(w.name.as_str());
        Fix::kubectl(restart.option("--namespace", namespace))
    };
    commands.extend(rollouts.iter().map(restart));
    let by_hand = recreated_by_hand(namespace, &others);
    let command = commands.into_iter().reduce(Fix::and_then);
    let Some(command) = command else {
        return by_hand.map(|fix| fix.repairs(Repaired::Pods));
    };
    let names = listed(restartable.iter().chain(&rollouts).copied());
    let brief = format!("restart in namespace `{}`: {names}", quote(namespace));
    Some(command.brief(brief).then(by_hand).repairs(Repaired::Pods))
}

/// The most pods that a command names.
const MOST_PODS: usize = 20;

/// The command that deletes these pods of a workload that would not replace them itself, or not for good, and `why` it would not: words
/// that follow its name. Its controller creates them again.
#[must_use]
pub fn delete_pods(namespace: &str, workload: &Workload, why: &str, pods: &[&str]) -> Fix {
    let name = quote(&workload.to_string());
    let why = format!("{name} {why}");
    let is_name = |pod: &&str| !pod.starts_with('-');
    if pods.is_empty() || pods.len() > MOST_PODS || !pods.iter().all(is_name) {
        let fix = Fix::manual(format!(
            "delete the pods of {name} in namespace `{}`, so that its controller recreates them: {why}",
            quote(namespace)
        ));
        return fix.repairs(Repaired::Pods);
    }
    let delete = Command::new("kubectl delete pod").option("--namespace", namespace);
    Fix::kubectl(delete.arguments(pods.iter().copied()))
        .brief(format!(
            "delete the pods of {name}, so that its controller recreates them: {why}"
        ))
        .repairs(Repaired::Pods)
}

/// What makes a change of a workload's pod template reach its pods, where it does not by itself.
#[must_use]
pub fn roll_out(namespace: &str, workload: &Workload, held: Held, pods: &[&str]) -> Fix {
    match held {
        Held::Paused => {
            let resume = Command::new("kubectl rollout resume").option("--namespace", namespace);
            Fix::kubectl(resume.argument(target(workload))).brief(format!(
                "resume {}, which is paused: other changes in its template roll out as well",
                quote(&workload.to_string())
            ))
        }
        Held::OnDelete => delete_pods(namespace, workload, &held.no_restart(), pods),
        // The pods below the partition would get the old template again.
        Held::Partition(_) => Fix::manual(format!(
            "lower `spec.updateStrategy.rollingUpdate.partition` of {}, which {}",
            quote(&workload.to_string()),
            held.words()
        )),
    }
}

/// What a person does where no command restarts a workload, kind by kind.
fn recreated_by_hand(namespace: &str, workloads: &[&Workload]) -> Option<Fix> {
    let of_kind = |kind: &'static str| workloads.iter().copied().filter(move |w| w.kind == kind);
    let others = workloads
        .iter()
        .copied()
        .filter(|w| !["CronJob", "Job", "Pod", "DeploymentConfig"].contains(&w.kind.as_str()));
    let steps = [
        ("run `oc rollout latest` for", listed(of_kind("DeploymentConfig"))),
        (
            "delete and recreate these, which no controller recreates:",
            listed(of_kind("Pod")),
        ),
        (
            "delete and recreate these, whose templates cannot be changed:",
            listed(of_kind("Job")),
        ),
        (
            "no restart is needed for the next runs of",
            listed(of_kind("CronJob")),
        ),
        (
            "delete the pods of these, so that their controllers recreate them:",
            listed(others),
        ),
    ];
    let steps = steps.iter().filter(|(_, names)| !names.is_empty());
    let steps: Vec<String> = steps.map(|(words, names)| format!("{words} {names}")).collect();
    let text = || format!("in namespace `{}`: {}", quote(namespace), steps.join("; "));
    (!steps.is_empty()).then(|| Fix::manual(text()))
}

/// Workloads by name.
fn listed<'a>(workloads: impl Iterator<Item = &'a Workload>) -> String {
    let names: Vec<String> = workloads.map(Workload::to_string).collect();
    quote_list(&names, 5)
}

/// The command that takes variables out of containers in the pod templates of workloads, which then recreate their pods;
/// none where `kubectl set env` does not know all of the workloads, or could take a name for a pattern. Other containers
/// keep theirs.
#[must_use]
pub fn unset_env<'a>(
    namespace: &str,
    containers: impl IntoIterator<Item = (&'a Workload, &'a str)>,
    variables: &[&str],
) -> Option<Fix> {
    let changes: Vec<String> = variables.iter().map(|name| format!("{name}-")).collect();
    env(namespace, containers, &changes).map(|fix| fix.repairs(Repaired::Templates))
}

/// The command that sets a variable of containers in the pod templates of workloads, which then recreate their pods; none where
/// [`unset_env`] would give none.
#[must_use]
pub fn set_env<'a>(
    namespace: &str,
    containers: impl IntoIterator<Item = (&'a Workload, &'a str)>,
    variable: &str,
    value: &str,
) -> Option<Fix> {
    env(namespace, containers, &[format!("{variable}={value}")])
}

/// The command that makes these changes of variables, container by container.
fn env<'a>(
    namespace: &str,
    containers: impl IntoIterator<Item = (&'a Workload, &'a str)>,
    changes: &[String],
) -> Option<Fix> {
    let mut workloads: BTreeMap<&str, BTreeSet<&Workload>> = BTreeMap::new();
    for (workload, container) in containers {
        let is_name = container.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !is_restartable(workload) || !is_name || container.is_empty() {
            return None;
        }
        workloads.entry(container).or_default().insert(workload);
    }
    let command = |(container, workloads): (&str, BTreeSet<&Workload>)| {
        let set = Command::new("kubectl set env").option("--namespace", namespace);
        let set = set.arguments(workloads.into_iter().map(target));
        Fix::kubectl(set.option("--containers", container).arguments(changes))
    };
    workloads.into_iter().map(command).reduce(Fix::and_then)
}

/// The command that replaces an annotation of the pod templates of workloads, which then recreate their pods, if it still
/// says what it said; none where they may keep their templates elsewhere.
#[must_use]
pub fn replace_annotation(
    namespace: &str,
    workloads: &[Workload],
    key: &str,
    old: &str,
    new: &str,
) -> Option<Fix> {
    let key = key.replace('~', "~0").replace('/', "~1");
    let place = format!("/spec/template/metadata/annotations/{key}");
    let patch = json!([
        { "op": "test", "path": place, "value": old },
        { "op": "replace", "path": place, "value": new }
    ]);
    patched(namespace, workloads, "--type=json", &patch)
}

/// The command that gives the pod templates of workloads a label, and with it their new pods.
#[must_use]
pub fn add_label(namespace: &str, workloads: &[Workload], key: &str, value: &str) -> Option<Fix> {
    let patch = json!({ "spec": { "template": { "metadata": { "labels": { key: value } } } } });
    patched(namespace, workloads, "--type=merge", &patch)
}

/// The command that makes pod templates select Windows nodes.
#[must_use]
pub fn select_windows(namespace: &str, workloads: &[Workload]) -> Option<Fix> {
    let selector = json!({ "kubernetes.io/os": "windows" });
    let patch = json!({ "spec": { "template": { "spec": { "nodeSelector": selector } } } });
    patched(namespace, workloads, "--type=merge", &patch)
}

/// The command that gives pods the token for the Kubernetes API, whatever their ServiceAccount says.
#[must_use]
pub fn automount_token(namespace: &str, workloads: &[Workload]) -> Option<Fix> {
    let patch = json!({ "spec": { "template": { "spec": { "automountServiceAccountToken": true } } } });
    patched(namespace, workloads, "--type=merge", &patch)
}

/// The command that patches workloads, one after the other; none where they may keep their templates elsewhere.
fn patched(namespace: &str, workloads: &[Workload], kind: &'static str, patch: &Value) -> Option<Fix> {
    if workloads.is_empty() || !workloads.iter().all(is_restartable) {
        return None;
    }
    let patch = ascii_json(patch);
    let command = |workload: &Workload| {
        let command = Command::new("kubectl patch").option("--namespace", namespace);
        Fix::kubectl(
            command
                .argument(target(workload))
                .own(kind)
                .option("--patch", &patch),
        )
    };
    let all = workloads.iter().map(command).reduce(Fix::and_then);
    all.map(|fix| fix.repairs(Repaired::Templates))
}

/// The command that takes a label or an annotation out of the pod templates of workloads, which then recreate their pods; none where
/// they may keep their templates elsewhere. A merge patch succeeds where the key is gone already, a JSON patch does not.
#[must_use]
pub fn drop_metadata(namespace: &str, workloads: &[Workload], field: &str, key: &str) -> Option<Fix> {
    let patch = json!({ "spec": { "template": { "metadata": { field: { key: Value::Null } } } } });
    patched(namespace, workloads, "--type=merge", &patch)
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
    use serde_json::Value;

    use super::*;
    use crate::FixKind;

    fn account<'a>(namespace: &'a str, name: &'a str) -> ServiceAccountName<'a> {
        ServiceAccountName { namespace, name }
    }

    fn workload(kind: &str, name: &str) -> Workload {
        Workload {
            kind: kind.into(),
            name: name.into(),
        }
    }

    #[test]
    fn a_workload_gets_another_account_by_command_or_in_its_file() {
        let fix = run_as(account("shop", "no"), &workload("Deployment", "web"));
        assert_eq!(
            fix.first.text,
            "kubectl set serviceaccount --namespace shop deployment/web no"
        );
        let manifest: Value = serde_saphyr::from_str(&fix.first.alternatives[0].text).unwrap();
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
        assert_eq!(fix.first.kind, FixKind::Kubectl);
        assert_eq!(
            fix.first.text,
            "kubectl rollout restart --namespace shop deployment/web statefulset/db"
        );
        assert_eq!(
            restart("shop", &[workload("Job", "once")]).unwrap().first.kind,
            FixKind::Manual
        );
        assert!(restart("shop", &[]).is_none());
    }

    #[test]
    fn what_no_command_restarts_is_told_kind_by_kind() {
        let kinds = ["CronJob", "Job", "Pod", "DeploymentConfig", "Kafka"];
        let all: Vec<Workload> = kinds.iter().map(|kind| workload(kind, "x")).collect();
        let text = restart("shop", &all).unwrap().first.text;
        for words in [
            "for the next runs of `CronJob/x`",
            "cannot be changed: `Job/x`",
            "no controller recreates: `Pod/x`",
            "oc rollout latest` for `DeploymentConfig/x`",
            "so that their controllers recreate them: `Kafka/x`",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let mixed = restart(
            "shop",
            &[
                workload("Rollout", "web"),
                workload("Deployment", "api"),
                workload("Pod", "x"),
            ],
        );
        let mixed = mixed.unwrap();
        assert_eq!(
            mixed.parts()[0].text,
            "kubectl rollout restart --namespace shop deployment/api && kubectl argo rollouts restart web --namespace \
             shop"
        );
        let kinds: Vec<FixKind> = mixed.steps().map(|step| step.kind).collect();
        assert_eq!(kinds, [FixKind::Kubectl, FixKind::Kubectl, FixKind::Manual]);
    }

    #[test]
    fn templates_are_changed_by_command_where_kubectl_knows_them() {
        let both = [workload("Deployment", "web"), workload("StatefulSet", "db")];
        let of = |container: &'static str| both.iter().map(move |workload| (workload, container));
        let env = unset_env("shop", of("app").chain(of("b").take(1)), &["AWS_PROFILE"]).unwrap();
        assert_eq!(
            env.whole(),
            "kubectl set env --namespace shop deployment/web statefulset/db --containers app AWS_PROFILE- && kubectl set \
             env --namespace shop deployment/web --containers b AWS_PROFILE-"
        );
        assert!(
            unset_env("shop", of("a*"), &["X"]).is_none(),
            "kubectl would take it for a pattern"
        );
        let label = drop_metadata("shop", &both[..1], "labels", "eks.amazonaws.com/skip").unwrap();
        assert_eq!(label.first.kind, FixKind::Kubectl);
        assert!(
            label
                .first
                .text
                .contains(r#""metadata":{"labels":{"eks.amazonaws.com/skip":null}}"#),
            "{}",
            label.first.text
        );
        let job = [workload("Deployment", "web"), workload("Job", "once")];
        assert!(unset_env("shop", job.iter().map(|workload| (workload, "app")), &["X"]).is_none());
        assert!(drop_metadata("shop", &job, "labels", "x").is_none());
        assert!(unset_env("shop", [], &["X"]).is_none());
        let edit = replace_annotation("shop", &both[..1], "a/skip", "x,y", "y").unwrap();
        assert!(
            edit.first.text.contains(
                r#"{"op":"test","path":"/spec/template/metadata/annotations/a~1skip","value":"x,y"}"#
            )
        );
        assert!(drop_metadata("shop", &[], "labels", "x").is_none());
    }
}
