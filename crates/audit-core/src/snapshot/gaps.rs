//! What files may lack of the cluster that they describe, where something shows that they do: a file that could not be read, a page of a
//! list that was not given, a value that a Terraform plan does not give. A live cluster has no such gaps: its watches list everything.

use std::collections::{BTreeMap, BTreeSet};

use super::{Binding, Cluster};
use crate::model::{BindingKey, PlanGap, TakenAnnotation};

/// Objects whose absence from the files proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapKind {
    /// `ServiceAccount`.
    ServiceAccounts,
    /// `Pod`, and the workloads that create pods.
    Pods,
    /// The kinds of `rbac.authorization.k8s.io`.
    Rbac,
}

impl GapKind {
    /// All of them: what a file of unknown content may have held.
    pub const ALL: [Self; 3] = [Self::ServiceAccounts, Self::Pods, Self::Rbac];
}

/// What may be missing, with the reasons, and what was assumed because a file does not say it.
#[derive(Debug, Clone, Default)]
pub(super) struct Gaps {
    reasons: BTreeMap<GapKind, BTreeSet<String>>,
    assumed_namespace: BTreeSet<BindingKey>,
    only_namespace: Option<String>,
    shows_defaults: bool,
    missing_pages: BTreeSet<String>,
    is_captured: bool,
    undecided_annotations: BTreeMap<BindingKey, PlanGap>,
    taken_annotations: BTreeMap<BindingKey, TakenAnnotation>,
}

impl Cluster {
    /// Takes note that objects of a kind may exist that no file holds. `reason` is a main clause that is safe to show, such as
    /// "`pods.yaml` is empty".
    pub fn put_gap(&mut self, kind: GapKind, reason: String) {
        self.gaps.reasons.entry(kind).or_default().insert(reason);
    }

    /// Why objects of a kind may be missing; empty where nothing shows that they may.
    #[must_use]
    pub fn gap(&self, kind: GapKind) -> Option<&BTreeSet<String>> {
        self.gaps.reasons.get(&kind)
    }

    /// Takes note that a page of a list is missing. `page` is a noun that is safe to show, such as "a page of the `PodList` in `pods.json`".
    pub fn put_missing_page(&mut self, page: String) {
        self.gaps.missing_pages.insert(page);
    }

    /// The pages of lists that are missing.
    #[must_use]
    pub fn missing_pages(&self) -> &BTreeSet<String> {
        &self.gaps.missing_pages
    }

    /// Whether the absence of an object of a kind proves nothing.
    #[must_use]
    pub fn may_lack(&self, kind: GapKind) -> bool {
        self.is_partial || self.gap(kind).is_some()
    }

    /// Whether pods may run as a ServiceAccount that exists, and were not seen.
    #[must_use]
    pub fn may_have_unseen_pods(&self, binding: &Binding) -> bool {
        binding.service_account().is_some() && self.gap(GapKind::Pods).is_some()
    }

    /// Takes note that the files are those of a snapshot of the cluster: they hold what a live audit lists, and so no workloads.
    pub fn set_captured(&mut self) {
        self.gaps.is_captured = true;
    }

    /// Whether workloads were not looked at, as in a live audit: that a file lacks one says nothing.
    #[must_use]
    pub fn is_captured(&self) -> bool {
        self.gaps.is_captured
    }

    /// Takes note that ServiceAccounts, pods and what uses them were listed in one namespace alone.
    pub fn set_only_namespace(&mut self, namespace: Option<String>) {
        self.gaps.only_namespace = namespace;
    }

    /// The only namespace of which the ServiceAccounts were listed; `None` where all were.
    #[must_use]
    pub fn only_namespace(&self) -> Option<&str> {
        self.gaps.only_namespace.as_deref()
    }

    /// Takes note that files hold the ServiceAccount `default` of some namespace. Kubernetes creates one in each: where a namespace that has
    /// pods has no ServiceAccount at all, those of that namespace were not listed.
    pub fn set_shows_defaults(&mut self) {
        self.gaps.shows_defaults = true;
    }

    /// Whether the ServiceAccounts of a namespace were listed, so that what is not there does not exist.
    #[must_use]
    pub fn lists_namespace(&self, namespace: &str) -> bool {
        if self.only_namespace().is_some_and(|only| only != namespace) {
            return false;
        }
        // One that was listed has a UID: the others go without saying.
        let has_any = |namespace: &str| {
            let accounts = self.in_namespace(namespace);
            let mut accounts = accounts.filter_map(|(_, binding)| binding.service_account());
            accounts.any(|account| !account.uid.is_empty())
        };
        // With that of `kube-system`, all namespaces were listed, and one without a pod may not exist.
        let is_absent = || has_any("kube-system") && self.pods_in(namespace).next().is_none();
        !self.gaps.shows_defaults || has_any(namespace) || is_absent()
    }

    /// Whether the absence of a ServiceAccount from a namespace proves nothing.
    #[must_use]
    pub fn may_lack_accounts_of(&self, namespace: &str) -> bool {
        self.may_lack(GapKind::ServiceAccounts) || !self.lists_namespace(namespace)
    }

    /// Takes note that a manifest of this ServiceAccount, or of what runs as it, names no namespace, so that its namespace is assumed.
    pub fn put_assumed_namespace(&mut self, key: BindingKey) {
        self.gaps.assumed_namespace.insert(key);
    }

    /// Whether the namespace of a ServiceAccount is assumed and not read from a manifest.
    #[must_use]
    pub fn has_assumed_namespace(&self, key: &BindingKey) -> bool {
        self.gaps.assumed_namespace.contains(key)
    }

    /// Takes note that a Terraform plan sets the annotations that the webhook reads, and does not give them.
    pub fn put_undecided_annotation(&mut self, key: BindingKey, gap: PlanGap) {
        self.gaps.undecided_annotations.insert(key, gap);
    }

    /// Why it is unknown what the annotations of a ServiceAccount ask for; absent where they were seen.
    #[must_use]
    pub fn undecided_annotation(&self, key: &BindingKey) -> Option<&PlanGap> {
        self.gaps.undecided_annotations.get(key)
    }

    /// Takes note that the role annotation of a ServiceAccount was not read but taken from the role that its expression refers to.
    pub fn put_taken_annotation(&mut self, key: BindingKey, taken: TakenAnnotation) {
        self.gaps.taken_annotations.insert(key, taken);
    }

    /// From which role the annotation of a ServiceAccount was taken; absent where it was read.
    #[must_use]
    pub fn taken_annotation(&self, key: &BindingKey) -> Option<&TakenAnnotation> {
        self.gaps.taken_annotations.get(key)
    }
}
