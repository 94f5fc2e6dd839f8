//! What a role lets somebody do to the identities of ServiceAccounts.

use crate::matching::{covers, has_group, has_verb};
use crate::objects::{Rule, Text};
use crate::request::Request;

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

    pub(crate) fn bit(self) -> u8 {
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
pub(crate) struct Powers {
    any: u8,
    named: Vec<(Text, u8)>,
}

impl Powers {
    pub(crate) fn of<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Self {
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

    pub(crate) fn is_empty(&self) -> bool {
        self.any == 0 && self.named.is_empty()
    }

    pub(crate) fn over(&self, service_account: &str) -> u8 {
        let named = self.named.iter().filter(|(name, _)| **name == *service_account);
        named.fold(self.any, |ways, (_, way)| ways | way)
    }
}

/// Whether a rule, with names or without, is about a way.
fn opens(rule: &Rule, way: Way) -> bool {
    way.requests()
        .iter()
        .any(|(verbs, group, resources, subresource)| {
            has_group(rule, group)
                && verbs.iter().any(|verb| has_verb(rule, verb))
                && resources.iter().any(|resource| {
                    let request = Request {
                        namespace: None,
                        api_group: group,
                        resource,
                        subresource,
                        name: "",
                        verb: "",
                    };
                    rule.resources.iter().any(|own| covers(own, &request))
                })
        })
}
