//! Objects at the end of YAML that was cut off.
//!
//! JSON without its end is not JSON; YAML without its end often is YAML, and an object without its last fields is another object. It shows
//! only for what an API server printed: it prints fields in the order of their names, and some always. kubectl ends each output with a line
//! break. Of a manifest that was written by hand, nothing shows it: it may end without a line break, and lack what a patch does not change.

use audit_core::text::quote;

use super::manifest::Manifest;
use super::object::Object;
use crate::problem::{InputProblem, Place};

/// What an object lacks that an API server prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// It has a `uid` and no `status`, of a kind that always has one.
    Status,
    /// It was created and has no `uid`. Where others of its text have one, nobody took it out.
    Uid,
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

/// What an object lacks that the API server has printed for it, if that printed it.
pub(super) fn lack(object: &Manifest, is_live: bool) -> Option<Lack> {
    if !is_live {
        let is_created = !object.text("/metadata/creationTimestamp").is_empty();
        return is_created.then_some(Lack::Uid);
    }
    let of_kind = |(group, kind, _): &&(&str, &str, &str)| *group == object.group && *kind == object.kind;
    let (_, _, field) = WITH_STATUS.iter().find(of_kind)?;
    let is_printed = object
        .value
        .pointer(field)
        .is_some_and(|value| !value.is_null() && value != "");
    (!is_printed).then_some(Lack::Status)
}

/// The objects of a text before its last one.
#[derive(Debug, Default)]
pub(super) struct Before {
    text: Option<String>,
    live: usize,
    others: usize,
}

impl Before {
    /// Takes note of an object of a text, in the order of the texts.
    pub(super) fn take(&mut self, place: &Place, object: &Object) {
        if self.text.as_deref() != place.source() {
            *self = Self {
                text: place.source().map(str::to_owned),
                ..Self::default()
            };
        }
        if object.is_live {
            self.live += 1;
        } else {
            self.others += 1;
        }
    }

    /// That an object was cut off, which was taken last and with which a text ends that has no line break at its end.
    pub(super) fn cut(&self, place: &Place, object: &Object) -> Option<InputProblem> {
        let field = match object.lack? {
            Lack::Status => "status",
            Lack::Uid if self.live > 0 && self.others == 1 => "metadata.uid",
            Lack::Uid => return None,
        };
        let message = format!(
            "ends in the middle of a YAML document: {} `{}` has no `{field}`, which the API server prints. The file was cut off: run the \
             command that wrote it again",
            quote(&object.kind),
            quote(&object.name)
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
        }
        let other_way = format!("{POD}---\n{ACCOUNT}");
        let cut = other_way.rfind("art\n  namespace").unwrap();
        assert!(is_refused(&other_way[..cut]), "its name is not whole");
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
        // Somebody took the status out of each.
        let without_status = POD.replace("status:\n  phase: Running\n", "");
        assert!(!is_refused(&format!("{ACCOUNT}---\n{without_status}")));
    }
}
