//! What a word for a resource names: plural, singular and short names, as kubectl takes them.
//!
//! RBAC compares the plural and the group as they are written, so that a question in other words would be answered with a false no.

use std::borrow::Cow;

use audit_core::model::KubernetesExpectation;
use audit_core::text::{quote, quote_list};
use iam_policy::edit_distance;

/// A resource of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKind {
    /// Its API group; empty for the core group.
    pub group: Cow<'static, str>,
    /// Its name in paths and rules.
    pub plural: Cow<'static, str>,
    /// Its name in the singular, in lower case.
    pub singular: Cow<'static, str>,
    /// Short names, such as `po`.
    pub short_names: Vec<Cow<'static, str>>,
    /// Whether it lies in a namespace.
    pub is_namespaced: bool,
    /// Its subresources.
    pub subresources: Vec<Cow<'static, str>>,
}

/// The resources that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKinds {
    /// In the order in which a name without a group is looked up.
    pub kinds: Vec<ApiKind>,
    /// Whether there are no others: the API server said so. Files do not say which resources there are beside Kubernetes' own.
    pub are_all: bool,
}

/// Why a word names no resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    /// No resource has the name.
    #[error("`{word}` is not a resource of {place}{alike}")]
    Unknown {
        /// The word, safe to show.
        word: String,
        /// Where it was looked for.
        place: String,
        /// What looks like it.
        alike: String,
    },
    /// The resource has no such subresource.
    #[error(
        "`{resource}` has no subresource `{word}`; it has {known}. To ask about one object, give its name as the word after the resource"
    )]
    NoSubresource {
        /// The resource.
        resource: String,
        /// The word, safe to show.
        word: String,
        /// Those that it has, safe to show.
        known: String,
    },
}

/// The most names that an error lists.
const SHOWN: usize = 8;

/// Resources that requests and rules name, and that no API server lists: what is impersonated, and who signs.
const VIRTUAL: [(&str, &str); 6] = [
    ("", "users"),
    ("", "groups"),
    ("authentication.k8s.io", "userextras"),
    ("authentication.k8s.io", "uids"),
    ("certificates.k8s.io", "signers"),
    ("policy", "podsecuritypolicies"),
];

impl ApiKinds {
    /// The resources of Kubernetes itself and of irsa-audit.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            kinds: BUILT_IN.iter().map(of_line).collect(),
            are_all: false,
        }
    }

    /// The question in the words of rules: plural and group, and no namespace where the resource lies in none.
    ///
    /// # Errors
    /// [`ResourceError`], where no rule could be about it.
    pub fn resolve(&self, asked: &KubernetesExpectation) -> Result<KubernetesExpectation, ResourceError> {
        let word = asked.resource.to_ascii_lowercase();
        let group = asked.api_group.to_ascii_lowercase();
        let virtual_group = if group.is_empty() {
            None
        } else {
            Some(group.as_str())
        };
        let is_virtual =
            |(of, name): &(&str, &str)| *name == word && virtual_group.is_none_or(|group| group == *of);
        if word.contains('*') || group.contains('*') {
            return Ok(asked.clone());
        }
        let Some(kind) = self.find(&word, &group) else {
            if let Some((group, name)) = VIRTUAL.iter().find(|one| is_virtual(one)) {
                return Ok(KubernetesExpectation {
                    api_group: (*group).to_owned(),
                    resource: (*name).to_owned(),
                    namespace: None,
                    ..asked.clone()
                });
            }
            // Of a group that is not Kubernetes' own, files say nothing: the plural is taken as it is.
            let is_open =
                !self.are_all && !group.is_empty() && !self.kinds.iter().any(|kind| kind.group == group);
            return if is_open {
                Ok(asked.clone())
            } else {
                Err(self.unknown(&word, &group))
            };
        };
        if let Some(subresource) = &asked.subresource {
            has_subresource(kind, subresource)?;
        }
        let is_in_namespace = kind.is_namespaced || kind.plural == "namespaces";
        Ok(KubernetesExpectation {
            api_group: kind.group.clone().into_owned(),
            resource: kind.plural.clone().into_owned(),
            namespace: asked.namespace.clone().filter(|_| is_in_namespace),
            ..asked.clone()
        })
    }

    /// The first resource that has the name: as its plural before others.
    fn find(&self, word: &str, group: &str) -> Option<&ApiKind> {
        let within = || {
            self.kinds
                .iter()
                .filter(|kind| group.is_empty() || kind.group == group)
        };
        within().find(|kind| kind.plural == word).or_else(|| {
            within().find(|kind| kind.singular == word || kind.short_names.iter().any(|name| name == word))
        })
    }

    fn unknown(&self, word: &str, group: &str) -> ResourceError {
        let has_group = self.kinds.iter().any(|kind| kind.group == group);
        let place = match (group, self.are_all) {
            ("", true) => "this cluster".to_owned(),
            ("", false) => "Kubernetes itself, and files do not say which others there are".to_owned(),
            (group, true) if !has_group => format!("this cluster, which has no API group `{}`", quote(group)),
            (group, _) => format!("API group `{}`", quote(group)),
        };
        let within = self
            .kinds
            .iter()
            .filter(|kind| group.is_empty() || kind.group == group);
        let mut near: Vec<(usize, String)> = within
            .map(|kind| (nearness(kind, word), shown(kind)))
            .filter(|(distance, _)| !group.is_empty() || *distance <= 2)
            .collect();
        near.sort();
        let names: Vec<String> = near.into_iter().map(|(_, name)| name).collect();
        let alike = match (names.as_slice(), group, self.are_all) {
            ([], "", false) => {
                ": for another one give plural and group, such as `widgets.example.com`".to_owned()
            }
            ([], ..) => String::new(),
            (names, "", _) => format!("; did you mean {}?", quote_list(names, SHOWN)),
            (names, ..) => format!(", which has {}", quote_list(names, SHOWN)),
        };
        ResourceError::Unknown {
            word: quote(word),
            place,
            alike,
        }
    }
}

/// How far a word is from the names of a resource.
fn nearness(kind: &ApiKind, word: &str) -> usize {
    edit_distance(&kind.plural, word).min(edit_distance(&kind.singular, word))
}

fn shown(kind: &ApiKind) -> String {
    if kind.group.is_empty() {
        kind.plural.clone().into_owned()
    } else {
        format!("{}.{}", kind.plural, kind.group)
    }
}

fn has_subresource(kind: &ApiKind, subresource: &str) -> Result<(), ResourceError> {
    // The kubelet asks for subresources of nodes that no API server lists: `metrics`, `stats`, `log`, `configz` and others.
    let is_open =
        kind.plural == "nodes" || subresource.contains('*') || kind.plural == "certificatesigningrequests";
    if is_open || kind.subresources.iter().any(|known| known == subresource) {
        return Ok(());
    }
    let known = match kind.subresources.as_slice() {
        [] => "none".to_owned(),
        all => quote_list(all, SHOWN),
    };
    Err(ResourceError::NoSubresource {
        resource: shown(kind),
        word: quote(subresource),
        known,
    })
}

/// A line of [`BUILT_IN`].
type Line = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    bool,
    &'static str,
);

fn of_line((group, plural, singular, short_names, is_namespaced, subresources): &Line) -> ApiKind {
    let words = |text: &'static str| text.split_whitespace().map(Cow::Borrowed).collect();
    ApiKind {
        group: Cow::Borrowed(group),
        plural: Cow::Borrowed(plural),
        singular: Cow::Borrowed(singular),
        short_names: words(short_names),
        is_namespaced: *is_namespaced,
        subresources: words(subresources),
    }
}

/// Group, plural, singular, short names, whether it lies in a namespace, and subresources, as Kubernetes 1.33 serves them and
/// `kubectl api-resources` prints them; the core group first, which a name without a group means before others.
#[rustfmt::skip]
const BUILT_IN: &[Line] = &[
    ("", "bindings", "binding", "", true, ""),
    ("", "componentstatuses", "componentstatus", "cs", false, ""),
    ("", "configmaps", "configmap", "cm", true, ""),
    ("", "endpoints", "endpoints", "ep", true, ""),
    ("", "events", "event", "ev", true, ""),
    ("", "limitranges", "limitrange", "limits", true, ""),
    ("", "namespaces", "namespace", "ns", false, "finalize status"),
    ("", "nodes", "node", "no", false, "proxy status"),
    ("", "persistentvolumeclaims", "persistentvolumeclaim", "pvc", true, "status"),
    ("", "persistentvolumes", "persistentvolume", "pv", false, "status"),
    ("", "pods", "pod", "po", true, "attach binding ephemeralcontainers eviction exec log portforward proxy resize status"),
    ("", "podtemplates", "podtemplate", "", true, ""),
    ("", "replicationcontrollers", "replicationcontroller", "rc", true, "scale status"),
    ("", "resourcequotas", "resourcequota", "quota", true, "status"),
    ("", "secrets", "secret", "", true, ""),
    ("", "serviceaccounts", "serviceaccount", "sa", true, "token"),
    ("", "services", "service", "svc", true, "proxy status"),
    ("apps", "controllerrevisions", "controllerrevision", "", true, ""),
    ("apps", "daemonsets", "daemonset", "ds", true, "status"),
    ("apps", "deployments", "deployment", "deploy", true, "scale status"),
    ("apps", "replicasets", "replicaset", "rs", true, "scale status"),
    ("apps", "statefulsets", "statefulset", "sts", true, "scale status"),
    ("batch", "cronjobs", "cronjob", "cj", true, "status"),
    ("batch", "jobs", "job", "", true, "status"),
    ("autoscaling", "horizontalpodautoscalers", "horizontalpodautoscaler", "hpa", true, "status"),
    ("networking.k8s.io", "ingressclasses", "ingressclass", "", false, ""),
    ("networking.k8s.io", "ingresses", "ingress", "ing", true, "status"),
    ("networking.k8s.io", "ipaddresses", "ipaddress", "ip", false, ""),
    ("networking.k8s.io", "networkpolicies", "networkpolicy", "netpol", true, ""),
    ("networking.k8s.io", "servicecidrs", "servicecidr", "", false, "status"),
    ("policy", "poddisruptionbudgets", "poddisruptionbudget", "pdb", true, "status"),
    ("rbac.authorization.k8s.io", "clusterrolebindings", "clusterrolebinding", "", false, ""),
    ("rbac.authorization.k8s.io", "clusterroles", "clusterrole", "", false, ""),
    ("rbac.authorization.k8s.io", "rolebindings", "rolebinding", "", true, ""),
    ("rbac.authorization.k8s.io", "roles", "role", "", true, ""),
    ("storage.k8s.io", "csidrivers", "csidriver", "", false, ""),
    ("storage.k8s.io", "csinodes", "csinode", "", false, ""),
    ("storage.k8s.io", "csistoragecapacities", "csistoragecapacity", "", true, ""),
    ("storage.k8s.io", "storageclasses", "storageclass", "sc", false, ""),
    ("storage.k8s.io", "volumeattachments", "volumeattachment", "", false, "status"),
    ("storage.k8s.io", "volumeattributesclasses", "volumeattributesclass", "vac", false, ""),
    ("coordination.k8s.io", "leases", "lease", "", true, ""),
    ("discovery.k8s.io", "endpointslices", "endpointslice", "", true, ""),
    ("events.k8s.io", "events", "event", "ev", true, ""),
    ("scheduling.k8s.io", "priorityclasses", "priorityclass", "pc", false, ""),
    ("node.k8s.io", "runtimeclasses", "runtimeclass", "", false, ""),
    ("certificates.k8s.io", "certificatesigningrequests", "certificatesigningrequest", "csr", false, "approval status"),
    ("certificates.k8s.io", "clustertrustbundles", "clustertrustbundle", "", false, ""),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "mutatingwebhookconfiguration", "", false, ""),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "validatingwebhookconfiguration", "", false, ""),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies", "validatingadmissionpolicy", "", false, "status"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings", "validatingadmissionpolicybinding", "", false, ""),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies", "mutatingadmissionpolicy", "", false, ""),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings", "mutatingadmissionpolicybinding", "", false, ""),
    ("apiextensions.k8s.io", "customresourcedefinitions", "customresourcedefinition", "crd crds", false, "status"),
    ("apiregistration.k8s.io", "apiservices", "apiservice", "", false, "status"),
    ("authentication.k8s.io", "selfsubjectreviews", "selfsubjectreview", "", false, ""),
    ("authentication.k8s.io", "tokenreviews", "tokenreview", "", false, ""),
    ("authorization.k8s.io", "localsubjectaccessreviews", "localsubjectaccessreview", "", true, ""),
    ("authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectaccessreview", "", false, ""),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "selfsubjectrulesreview", "", false, ""),
    ("authorization.k8s.io", "subjectaccessreviews", "subjectaccessreview", "", false, ""),
    ("flowcontrol.apiserver.k8s.io", "flowschemas", "flowschema", "", false, "status"),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", "prioritylevelconfiguration", "", false, "status"),
    ("resource.k8s.io", "deviceclasses", "deviceclass", "", false, ""),
    ("resource.k8s.io", "resourceclaims", "resourceclaim", "", true, "status"),
    ("resource.k8s.io", "resourceclaimtemplates", "resourceclaimtemplate", "", true, ""),
    ("resource.k8s.io", "resourceslices", "resourceslice", "", false, ""),
    ("irsa-audit.dev", "irsaaudits", "irsaaudit", "irsa", true, "status"),
    ("irsa-audit.dev", "irsaauditpolicies", "irsaauditpolicy", "", false, "status"),
    ("irsa-audit.dev", "clusterirsaaudits", "clusterirsaaudit", "", false, "status"),
    ("irsa-audit.dev", "irsaapprovals", "irsaapproval", "", false, "status"),
    ("irsa-audit.dev", "trustpolicychanges", "trustpolicychange", "", false, "status"),
    ("metrics.k8s.io", "nodes", "node", "", false, ""),
    ("metrics.k8s.io", "pods", "pod", "", true, ""),
];

#[cfg(test)]
#[path = "../../tests/unit/can_i/resources.rs"]
mod tests;
