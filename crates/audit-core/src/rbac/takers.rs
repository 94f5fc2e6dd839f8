//! Who else can take the identity of a ServiceAccount.
//!
//! Left out are those who run the cluster anyway, in every cluster: the group `system:masters`, nodes, the controller
//! manager and the scheduler, EKS's own users and groups (`eks:…`), and ServiceAccounts in `kube-system`. Whoever can act
//! as one of these needs no other identity; to list them with every binding would hide the rest.

use std::collections::BTreeSet;

use super::identity::Identity;
use super::request::Request;
use super::store::Rbac;
use crate::model::BindingKey;
use crate::model::rbac::{RoleBinding, Rule, Subject, Text};

/// A way to take an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Ask for a token of it.
    Token,
    /// Run a pod as it.
    Pod,
    /// Let a workload run pods as it.
    Workload,
    /// Get into a pod that runs as it.
    Exec,
    /// Change its annotations.
    Annotation,
    /// Act as it towards Kubernetes.
    Impersonate,
}

impl Way {
    /// All ways.
    pub const ALL: [Self; 6] = [
        Self::Token,
        Self::Pod,
        Self::Workload,
        Self::Exec,
        Self::Annotation,
        Self::Impersonate,
    ];

    /// What it takes, in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "create serviceaccounts/token",
            Self::Pod => "create pods",
            Self::Workload => "write workloads",
            Self::Exec => "exec into pods",
            Self::Annotation => "edit serviceaccounts",
            Self::Impersonate => "impersonate serviceaccounts",
        }
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }

    /// The requests by which it is done: verbs, group, resources, subresource. The API server takes GET for `exec` as well.
    fn requests(
        self,
    ) -> &'static [(
        &'static [&'static str],
        &'static str,
        &'static [&'static str],
        &'static str,
    )] {
        const WRITE: &[&str] = &["create", "update", "patch"];
        match self {
            Self::Token => &[(&["create"], "", &["serviceaccounts"], "token")],
            Self::Pod => &[(&["create"], "", &["pods"], "")],
            Self::Workload => &[
                (
                    WRITE,
                    "apps",
                    &["deployments", "statefulsets", "daemonsets", "replicasets"],
                    "",
                ),
                (WRITE, "batch", &["jobs", "cronjobs"], ""),
                (WRITE, "", &["replicationcontrollers"], ""),
            ],
            Self::Exec => &[(&["create", "get"], "", &["pods"], "exec")],
            Self::Annotation => &[(&["update", "patch"], "", &["serviceaccounts"], "")],
            Self::Impersonate => &[(&["impersonate"], "", &["serviceaccounts"], "")],
        }
    }

    /// Whether the request names the ServiceAccount.
    fn names_it(self) -> bool {
        matches!(self, Self::Token | Self::Annotation | Self::Impersonate)
    }
}

/// The ways that a role opens: to any ServiceAccount, and to those of some names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Powers {
    any: u8,
    named: Vec<(Text, u8)>,
}

impl Powers {
    pub(super) fn of<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Self {
        let mut powers = Self::default();
        for rule in rules {
            for way in Way::ALL {
                // What is limited to named pods or workloads is not counted: whether they run as somebody, it does not say.
                if !opens(rule, way) {
                } else if rule.resource_names.is_empty() {
                    powers.any |= way.bit();
                } else if way.names_it() {
                    powers
                        .named
                        .extend(rule.resource_names.iter().map(|name| (name.clone(), way.bit())));
                }
            }
        }
        powers
    }

    pub(super) fn is_empty(&self) -> bool {
        self.any == 0 && self.named.is_empty()
    }

    fn over(&self, service_account: &str) -> u8 {
        let named = self.named.iter().filter(|(name, _)| **name == *service_account);
        named.fold(self.any, |ways, (_, way)| ways | way)
    }
}

/// Whether a rule, with names or without, is about a way.
fn opens(rule: &Rule, way: Way) -> bool {
    way.requests()
        .iter()
        .any(|(verbs, group, resources, subresource)| {
            super::evaluate::has_group(rule, group)
                && verbs.iter().any(|verb| super::evaluate::has_verb(rule, verb))
                && resources.iter().any(|resource| {
                    let request = Request {
                        namespace: None,
                        api_group: group,
                        resource,
                        subresource,
                        name: "",
                        verb: "",
                    };
                    rule.resources
                        .iter()
                        .any(|own| super::evaluate::covers(own, &request))
                })
        })
}

/// Somebody who can take an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taker<'a> {
    /// Who.
    pub subject: &'a Subject,
    /// By which binding; one of those, where there are several.
    pub binding: &'a RoleBinding,
    /// In which ways.
    pub ways: Vec<Way>,
}

/// Those who can take the identity of a ServiceAccount: how many, and the first few of them.
#[must_use]
pub fn takers<'a>(rbac: &'a Rbac, key: &BindingKey, most: usize) -> (usize, Vec<Taker<'a>>) {
    let own = Identity::of(key);
    let mut seen: BTreeSet<&Subject> = BTreeSet::new();
    let mut shown = Vec::new();
    // Those of its own namespace are the ones that somebody there can do something about.
    for scope in [key.namespace.as_str(), ""] {
        for binding in rbac.risky_in(scope) {
            let ways = rbac
                .powers(&binding.role)
                .map_or(0, |powers| powers.over(&key.service_account));
            if ways == 0 {
                continue;
            }
            for subject in &binding.subjects {
                let is_itself = own.subjects().iter().take(2).any(|itself| itself == subject);
                if is_itself || runs_the_cluster(subject) || !seen.insert(subject) {
                    continue;
                }
                if shown.len() < most {
                    let ways = Way::ALL.into_iter().filter(|way| ways & way.bit() != 0).collect();
                    shown.push(Taker {
                        subject,
                        binding,
                        ways,
                    });
                }
            }
        }
    }
    (seen.len(), shown)
}

/// Whether a subject is a part of every cluster.
fn runs_the_cluster(subject: &Subject) -> bool {
    match subject {
        Subject::ServiceAccount(id) => *id.namespace == *"kube-system",
        Subject::User(name) => {
            matches!(
                &**name,
                "system:kube-controller-manager" | "system:kube-scheduler" | "system:apiserver"
            ) || name.starts_with("system:node:")
                || name.starts_with("eks:")
        }
        Subject::Group(name) => {
            matches!(&**name, "system:masters" | "system:nodes") || name.starts_with("eks:")
        }
    }
}
