//! Objects at the end of YAML that was cut off.
//!
//! JSON without its end is not JSON; YAML without its end often is YAML, and an object without its last fields is another object. It shows
//! only for what an API server printed: it prints fields in the order of their names, and some always. kubectl ends each output with a line
//! break. Of a manifest that was written by hand, nothing shows it: it may end without a line break, and lack what a patch does not change.

use std::collections::BTreeSet;

use serde_json::Value;

use super::manifest::Manifest;
use crate::document::Ending;
use crate::problem::{InputProblem, Place};

/// Whether an object has what an API server prints last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Printed {
    /// It has a `uid` and a `status`, as all of its kind do.
    Whole(&'static str),
    /// It has a `uid` and no `status`, of a kind that always has one.
    NoStatus(&'static str),
    /// The same, and containers mount volumes that it does not have: no API server takes that.
    NoVolumes,
    /// It has a `uid`, and ends with a list of any length.
    EndsWithList,
    /// It was created and has no `uid`. Where others of its text have one, nobody took it out.
    NoUid,
    /// It does not show.
    Unknown,
}

/// Kinds whose `status` an API server always prints, with their group and a field of it that is always set, if there is one.
const WITH_STATUS: [(&str, &str, &str); 8] = [
    ("", "Pod", "/status/phase"),
    ("", "ReplicationController", "/status"),
    ("apps", "DaemonSet", "/status"),
    ("apps", "Deployment", "/status"),
    ("apps", "ReplicaSet", "/status"),
    ("apps", "StatefulSet", "/status"),
    ("batch", "CronJob", "/status"),
    ("batch", "Job", "/status"),
];

impl Printed {
    /// What shows of an object.
    pub(super) fn of(object: &Manifest, is_live: bool) -> Self {
        if !is_live {
            let is_created = !object.text("/metadata/creationTimestamp").is_empty();
            return if is_created { Self::NoUid } else { Self::Unknown };
        }
        let mut kinds = WITH_STATUS.iter();
        let kind = kinds.find(|(group, kind, _)| *group == object.group && *kind == object.kind);
        let Some((_, kind, field)) = kind else {
            let is_of_rbac = object.group == "rbac.authorization.k8s.io";
            return if is_of_rbac {
                Self::EndsWithList
            } else {
                Self::Unknown
            };
        };
        let value = object.value.pointer(field);
        if value.is_some_and(|value| !value.is_null() && value != "") {
            Self::Whole(kind)
        } else if mounts_what_is_not_there(&object.value) {
            Self::NoVolumes
        } else {
            Self::NoStatus(kind)
        }
    }
}

/// Where kinds have the specification of a pod.
const PODS: [&str; 3] = [
    "/spec",
    "/spec/template/spec",
    "/spec/jobTemplate/spec/template/spec",
];

fn mounts_what_is_not_there(object: &Value) -> bool {
    PODS.iter().filter_map(|path| object.pointer(path)).any(|pod| {
        let containers = ["containers", "initContainers"].into_iter();
        let containers = containers.flat_map(|field| list(pod, field));
        let mounts = containers.flat_map(|container| list(container, "volumeMounts"));
        !names(mounts).is_subset(&names(list(pod, "volumes")))
    })
}

fn list<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn names<'v>(values: impl Iterator<Item = &'v Value>) -> BTreeSet<&'v str> {
    values.filter_map(|value| value.get("name")?.as_str()).collect()
}

/// The objects of a text before its last one.
#[derive(Debug, Default)]
pub(super) struct Before {
    text: Option<String>,
    live: usize,
    others: usize,
    /// Kinds of which an object certainly was printed whole.
    whole: BTreeSet<&'static str>,
}

impl Before {
    /// Takes note of an object of a text, in the order of the texts.
    pub(super) fn take(&mut self, place: &Place, printed: Printed, is_live: bool) {
        if self.text.as_deref() != place.source() {
            *self = Self {
                text: place.source().map(str::to_owned),
                ..Self::default()
            };
        }
        if is_live {
            self.live += 1;
        } else {
            self.others += 1;
        }
        if let Printed::Whole(kind) = printed {
            self.whole.insert(kind);
        }
    }

    /// That an object was cut off, which was taken last and with which a text ends. kubectl ends each output with a line break; where there
    /// is one, the status may have been taken out, unless others of the kind have theirs. `shown` is the object, safe to show.
    pub(super) fn cut(
        &self,
        place: &Place,
        shown: &str,
        printed: Printed,
        ending: Ending,
    ) -> Option<InputProblem> {
        let is_open = ending == Ending::Open;
        if printed == Printed::EndsWithList && is_open {
            let message = format!(
                "ends in {shown} without the line break with which kubectl ends its output: the file may have been cut off. Run the command \
                 that wrote it again, or add a line break if it is whole"
            );
            return Some(InputProblem::error(place.clone(), message));
        }
        let field = match printed {
            Printed::NoVolumes => "status",
            Printed::NoStatus(kind) if is_open || self.whole.contains(kind) => "status",
            Printed::NoUid if is_open && self.live > 0 && self.others == 1 => "metadata.uid",
            _ => return None,
        };
        let message = format!(
            "ends in the middle of a YAML document: {shown} has no `{field}`, which the API server prints. The file was cut off: run the \
             command that wrote it again"
        );
        Some(InputProblem::error(place.clone(), message))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;

    const ACCOUNT: &str = "\
apiVersion: v1
kind: ServiceAccount
metadata:
  annotations:
    eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/cart
  creationTimestamp: \"2026-01-01T00:00:00Z\"
  name: cart
  namespace: shop
  uid: a1
";

    const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: cart-0
  namespace: shop
  uid: p1
spec:
  containers:
  - image: cart
    name: app
    volumeMounts:
    - mountPath: /data
      name: data
  serviceAccountName: cart
  volumes:
  - emptyDir: {}
    name: data
status:
  phase: Running
";

    fn is_refused(text: &str) -> bool {
        load_texts(&[text], &[], &options()).has_errors()
    }

    #[test]
    fn a_live_object_that_was_cut_off_is_an_error() {
        let whole = format!("{ACCOUNT}---\n{POD}");
        assert!(!is_refused(&whole) && !is_refused(whole.trim_end()));
        let start = ACCOUNT.len() + POD.find("name: app").unwrap() + "---\nname: app".len();
        let end = whole.find("Running").unwrap();
        for at in start..end {
            let text = &whole[..at];
            assert!(text.ends_with('\n') || is_refused(text), "{text}");
            let another = POD.replace("cart-0", "cart-1");
            assert!(is_refused(&format!("{another}---\n{text}")), "{text}");
        }
        let other_way = format!("{POD}---\n{ACCOUNT}");
        let cut = other_way.rfind("art\n  namespace").unwrap();
        assert!(is_refused(&other_way[..cut]), "its name is not whole");
    }

    #[test]
    fn what_a_whole_object_cannot_be_is_an_error_wherever_it_was_cut() {
        let cut = &POD[..POD.find("  serviceAccountName").unwrap()];
        assert!(is_refused(cut) && !is_refused(POD));
        let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: b, uid: d1}\nspec:\n  template:\n    spec:\n";
        let pod = "      containers:\n      - name: app\n        volumeMounts:\n        - {mountPath: /data, name: data}\n";
        assert!(is_refused(&format!("{deployment}{pod}")));
        let whole = format!("{deployment}{pod}      volumes:\n      - {{emptyDir: {{}}, name: data}}\n");
        assert!(!is_refused(&whole), "somebody took its status out");
    }

    #[test]
    fn roles_and_bindings_of_a_cluster_end_with_a_line_break() {
        let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, namespace: shop, uid: b1}\n\
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}\nsubjects:\n- kind: ServiceAccount\n  name: cart\n  namespace: shop\n";
        assert!(!is_refused(binding));
        assert!(is_refused(&binding[..binding.len() - 1]) && is_refused(&binding[..binding.len() - 5]));
        let by_hand = binding.replace(", uid: b1", "");
        assert!(!is_refused(by_hand.trim_end()));
    }

    #[test]
    fn manifests_may_end_without_a_line_break() {
        let by_hand = |text: &str| {
            let lines = text.lines().filter(|line| !line.contains("uid:"));
            lines.collect::<Vec<_>>().join("\n")
        };
        assert!(!is_refused(&by_hand(ACCOUNT)));
        assert!(!is_refused(&format!(
            "{POD}---\n{}",
            by_hand(ACCOUNT).replace("creationTimestamp", "labels: {} #")
        )));
        assert!(!is_refused(
            &by_hand(&format!("{ACCOUNT}---\n{POD}")).replace("status:\n  phase: Running", "")
        ));
        // Braces are closed.
        let live = r#"{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "b", "uid": "1"}}"#;
        assert!(!is_refused(&format!("{ACCOUNT}---\n{live}")));
        // Somebody took the status out of each.
        let without_status = POD.replace("status:\n  phase: Running\n", "");
        let another = without_status.replace("cart-0", "cart-1");
        assert!(!is_refused(&format!(
            "{ACCOUNT}---\n{another}---\n{without_status}"
        )));
        // Or out of those of one kind.
        let deployment = POD
            .replace(
                "apiVersion: v1\nkind: Pod",
                "apiVersion: apps/v1\nkind: Deployment",
            )
            .replace("phase: Running", "replicas: 1");
        assert!(!is_refused(&format!("{deployment}---\n{without_status}")));
    }
}
