//! How a finding can be repaired, as text that a person pastes.
//!
//! Names and values come from people who may wish the reader ill. A command is only given if what the terminal shows
//! is what the shell gets; otherwise the fix is a step to take by hand, with the values made safe to show.

pub mod hcl;
pub mod provider;
pub mod shell;
pub mod trust;
pub mod yaml;

use crate::model::{BindingKey, Workload};
use crate::text::{quote, quote_list};

/// Where a fix is pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixKind {
    /// A shell with the AWS CLI (and `jq`), with credentials of the role's account.
    AwsCli,
    /// A shell with `kubectl`.
    Kubectl,
    /// Nowhere: a step for a person to take.
    Manual,
}

/// A fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Where it is pasted.
    pub kind: FixKind,
    /// The command, or what to do.
    pub text: String,
    /// The same in words, for where the command is too long.
    pub brief: Option<String>,
}

impl Fix {
    /// A step for a person.
    #[must_use]
    pub fn manual(text: impl Into<String>) -> Self {
        Self {
            kind: FixKind::Manual,
            text: text.into(),
            brief: None,
        }
    }

    /// A command line for the AWS CLI; a step for a person where a word holds characters that a terminal hides.
    #[must_use]
    pub fn aws(words: &[&str]) -> Self {
        Self::command(FixKind::AwsCli, "aws", words)
    }

    /// A command line for kubectl; a step for a person where a word holds characters that a terminal hides.
    #[must_use]
    pub fn kubectl(words: &[&str]) -> Self {
        Self::command(FixKind::Kubectl, "kubectl", words)
    }

    fn command(kind: FixKind, program: &str, words: &[&str]) -> Self {
        if words.iter().all(|word| shell::is_pasteable(word)) {
            return Self {
                kind,
                text: shell::line(program, words),
                brief: None,
            };
        }
        let shown: Vec<String> = words.iter().map(|word| quote(word)).collect();
        Self::manual(format!(
            "a value holds characters that cannot be pasted safely: put it right first. The command would be: {program} {}",
            shown.join(" ")
        ))
    }

    /// Both, one after the other; a command only if both are commands for the same shell.
    #[must_use]
    pub fn and(self, next: &Self) -> Self {
        let separator = match (self.kind, next.kind) {
            (FixKind::Manual, _) | (_, FixKind::Manual) => "; then: ",
            _ => " && ",
        };
        let kind = if self.kind == next.kind {
            self.kind
        } else {
            FixKind::Manual
        };
        Self {
            kind,
            text: format!("{}{separator}{}", self.text, next.text),
            brief: self.brief,
        }
    }

    /// With the same in words.
    #[must_use]
    pub fn brief(mut self, words: impl Into<String>) -> Self {
        self.brief = Some(words.into());
        self
    }
}

/// The command that sets the role annotation of a ServiceAccount.
#[must_use]
pub fn annotate_role(key: &BindingKey, prefix: &str, role_arn: &str) -> Fix {
    annotate(key, &format!("{prefix}/role-arn={role_arn}"))
}

/// The command that takes the audience annotation of a ServiceAccount away.
#[must_use]
pub fn drop_audience(key: &BindingKey, prefix: &str) -> Fix {
    annotate(key, &format!("{prefix}/audience-"))
}

fn annotate(key: &BindingKey, change: &str) -> Fix {
    kubectl_on(key, &["annotate", "serviceaccount"], &["--overwrite", change])
}

/// The command that creates a ServiceAccount.
#[must_use]
pub fn create_service_account(key: &BindingKey) -> Fix {
    kubectl_on(key, &["create", "serviceaccount"], &[])
}

/// A kubectl command on a ServiceAccount, in its namespace.
fn kubectl_on(key: &BindingKey, before: &[&str], after: &[&str]) -> Fix {
    let mut words = before.to_vec();
    words.extend([
        key.service_account.as_str(),
        "--namespace",
        key.namespace.as_str(),
    ]);
    words.extend(after);
    if key.service_account.starts_with('-') {
        // No API server admits such a name, a file may hold it; kubectl would take it for a flag.
        return Fix::manual(format!(
            "`{}` is no name for a ServiceAccount: rename it",
            quote(&key.service_account)
        ));
    }
    Fix::kubectl(&words)
}

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
    Fix::kubectl(&[
        "set",
        "serviceaccount",
        "--namespace",
        &key.namespace,
        &target(workload),
        &key.service_account,
    ])
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
    if restartable.is_empty() {
        return Some(Fix::manual(format!(
            "delete these in namespace `{}`, and let what owns them create them anew: {}",
            quote(namespace),
            names(&others)
        )));
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
    use super::*;

    fn workload(kind: &str, name: &str) -> Workload {
        Workload {
            kind: kind.into(),
            name: name.into(),
        }
    }

    #[test]
    fn commands_are_what_kubectl_takes() {
        let key = BindingKey::new("shop", "cart");
        assert_eq!(
            annotate_role(&key, "eks.amazonaws.com", "arn:aws:iam::111122223333:role/cart").text,
            "kubectl annotate serviceaccount cart --namespace shop --overwrite \
             eks.amazonaws.com/role-arn=arn:aws:iam::111122223333:role/cart"
        );
        assert_eq!(
            drop_audience(&key, "eks.amazonaws.com").text,
            "kubectl annotate serviceaccount cart --namespace shop --overwrite eks.amazonaws.com/audience-"
        );
        assert_eq!(
            create_service_account(&key).text,
            "kubectl create serviceaccount cart --namespace shop"
        );
        assert_eq!(
            run_as(&key, &workload("Deployment", "web")).text,
            "kubectl set serviceaccount --namespace shop deployment/web cart"
        );
    }

    #[test]
    fn hostile_names_give_a_step_in_place_of_a_command() {
        let hidden = BindingKey::new("shop", "cart\n; rm -rf /");
        let flag = BindingKey::new("shop", "--all");
        for key in [&hidden, &flag] {
            for fix in [
                annotate_role(key, "p", "x"),
                create_service_account(key),
                drop_audience(key, "p"),
            ] {
                assert_eq!(fix.kind, FixKind::Manual, "{fix:?}");
                assert!(!fix.text.contains('\n'));
            }
        }
        let arn = annotate_role(&BindingKey::new("shop", "cart"), "p", "arn:\u{202e}x");
        assert_eq!(arn.kind, FixKind::Manual);
        let quoted = annotate_role(&BindingKey::new("shop", "cart"), "p", "a'b $(c)");
        assert!(
            quoted.text.ends_with(r"'p/role-arn=a'\''b $(c)'"),
            "{}",
            quoted.text
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

    #[test]
    fn two_fixes_are_a_command_only_if_both_are() {
        let command = || Fix::kubectl(&["a"]);
        assert_eq!(
            command().and(&command()),
            Fix::kubectl(&["a"]).and(&Fix::kubectl(&["a"]))
        );
        assert_eq!(command().and(&command()).text, "kubectl a && kubectl a");
        assert_eq!(command().and(&Fix::manual("b")).kind, FixKind::Manual);
    }
}
