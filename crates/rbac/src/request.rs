//! What is asked for, and what an expectation asks for.

use std::collections::HashSet;

/// Kubernetes permissions that a ServiceAccount is expected to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesExpectation {
    /// Verbs, such as `get`.
    pub verbs: Vec<String>,
    /// API group; empty for the core group.
    pub api_group: String,
    /// Resource, in the plural.
    pub resource: String,
    /// Subresource, such as `log`.
    pub subresource: Option<String>,
    /// Names; empty for any.
    pub resource_names: Vec<String>,
    /// Namespace; absent for cluster-scoped resources, or all namespaces.
    pub namespace: Option<String>,
}

/// The attributes of one request, as the API server derives them from its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessRequest<'a> {
    /// The namespace; `None` for cluster-scoped resources, and for all namespaces at once.
    pub namespace: Option<&'a str>,
    /// The API group, the core one empty.
    pub api_group: &'a str,
    /// The resource.
    pub resource: &'a str,
    /// The subresource; empty for none.
    pub subresource: &'a str,
    /// The name; empty for none.
    pub name: &'a str,
    /// The verb.
    pub verb: &'a str,
}

impl AccessRequest<'_> {
    /// Resource and subresource as a rule names them.
    #[must_use]
    pub fn path(&self) -> String {
        path(self.resource, self.subresource)
    }
}

/// Resource and subresource as a rule names them.
#[must_use]
pub fn path(resource: &str, subresource: &str) -> String {
    if subresource.is_empty() {
        resource.to_owned()
    } else {
        format!("{resource}/{subresource}")
    }
}

/// The requests that an expectation stands for: each verb, with each name.
///
/// As the requests really reach the API server, whatever the expectation says: of a resource that lies in no namespace,
/// none names one; a request that creates an object, or deletes many, names none; a single Namespace is asked for in
/// itself.
#[must_use]
pub fn requests(expectation: &KubernetesExpectation) -> Vec<AccessRequest<'_>> {
    let subresource = expectation.subresource.as_deref().unwrap_or_default();
    let (group, resource) = (expectation.api_group.as_str(), expectation.resource.as_str());
    let mut names: Vec<&str> = expectation.resource_names.iter().map(String::as_str).collect();
    if names.is_empty() {
        names.push("");
    }
    let mut requests = Vec::with_capacity(expectation.verbs.len() * names.len());
    let mut seen = HashSet::new();
    for verb in &expectation.verbs {
        for &name in &names {
            let mut request = AccessRequest {
                namespace: expectation
                    .namespace
                    .as_deref()
                    .filter(|namespace| !namespace.is_empty()),
                api_group: group,
                resource,
                subresource,
                name: if names_an_object(verb, subresource) {
                    name
                } else {
                    ""
                },
                verb,
            };
            if is_namespace(group, resource) {
                of_namespace(&mut request);
            } else if is_cluster_scoped(group, resource) {
                request.namespace = None;
            }
            if seen.insert(request) {
                requests.push(request);
            }
        }
    }
    requests
}

/// Whether requests with a verb name the object: its creation does not, that of a subresource does.
fn names_an_object(verb: &str, subresource: &str) -> bool {
    match verb {
        "create" => !subresource.is_empty(),
        "deletecollection" => false,
        _ => true,
    }
}

fn is_namespace(group: &str, resource: &str) -> bool {
    group.is_empty() && resource == "namespaces"
}

/// A request for one Namespace names it twice; one for many, not at all.
fn of_namespace(request: &mut AccessRequest<'_>) {
    if matches!(request.verb, "list" | "watch" | "create" | "deletecollection")
        && request.subresource.is_empty()
    {
        request.namespace = None;
    } else if !request.name.is_empty() {
        request.namespace = Some(request.name);
    } else if let Some(namespace) = request.namespace {
        request.name = namespace;
    }
}

/// Whether a resource is known to lie in no namespace. Of resources that somebody has defined, nothing is known.
#[must_use]
pub fn is_cluster_scoped(group: &str, resource: &str) -> bool {
    let resources: &[&str] = match group {
        "" => &["nodes", "namespaces", "persistentvolumes", "componentstatuses"],
        "rbac.authorization.k8s.io" => &["clusterroles", "clusterrolebindings"],
        "storage.k8s.io" => &[
            "storageclasses",
            "volumeattachments",
            "csidrivers",
            "csinodes",
            "volumeattributesclasses",
        ],
        "apiextensions.k8s.io" => &["customresourcedefinitions"],
        "apiregistration.k8s.io" => &["apiservices"],
        "admissionregistration.k8s.io" => &[
            "mutatingwebhookconfigurations",
            "validatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
        ],
        "certificates.k8s.io" => &["certificatesigningrequests", "clustertrustbundles"],
        "networking.k8s.io" => &["ingressclasses", "ipaddresses", "servicecidrs"],
        "scheduling.k8s.io" => &["priorityclasses"],
        "node.k8s.io" => &["runtimeclasses"],
        "flowcontrol.apiserver.k8s.io" => &["flowschemas", "prioritylevelconfigurations"],
        "authentication.k8s.io" => &["tokenreviews", "selfsubjectreviews"],
        "authorization.k8s.io" => &[
            "subjectaccessreviews",
            "selfsubjectaccessreviews",
            "selfsubjectrulesreviews",
        ],
        "resource.k8s.io" => &["deviceclasses", "resourceslices"],
        "metrics.k8s.io" => &["nodes"],
        "irsa-audit.dev" => &["irsaauditpolicies", "clusterirsaaudits"],
        _ => &[],
    };
    resources.contains(&resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation(
        verbs: &[&str],
        resource: &str,
        names: &[&str],
        namespace: Option<&str>,
    ) -> KubernetesExpectation {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let (resource, subresource) = resource
            .split_once('/')
            .map_or((resource, None), |(r, s)| (r, Some(s)));
        KubernetesExpectation {
            verbs: owned(verbs),
            api_group: String::new(),
            resource: resource.to_owned(),
            subresource: subresource.map(str::to_owned),
            resource_names: owned(names),
            namespace: namespace.map(str::to_owned),
        }
    }

    /// Verb, name and namespace of each request.
    fn asked(expectation: &KubernetesExpectation) -> Vec<(&str, &str, Option<&str>)> {
        requests(expectation)
            .into_iter()
            .map(|r| (r.verb, r.name, r.namespace))
            .collect()
    }

    #[test]
    fn each_verb_is_asked_for_each_name_that_its_requests_can_carry() {
        let configs = expectation(
            &["get", "create", "deletecollection"],
            "configmaps",
            &["a", "b"],
            Some("shop"),
        );
        let shop = Some("shop");
        assert_eq!(
            asked(&configs),
            [
                ("get", "a", shop),
                ("get", "b", shop),
                ("create", "", shop),
                ("deletecollection", "", shop)
            ]
        );
        assert_eq!(
            asked(&expectation(&["create"], "pods/exec", &["a"], shop)),
            [("create", "a", shop)]
        );
        assert_eq!(
            asked(&expectation(&["list"], "pods", &[], None)),
            [("list", "", None)]
        );
    }

    #[test]
    fn what_lies_in_no_namespace_is_asked_for_in_none() {
        assert_eq!(
            asked(&expectation(&["get"], "nodes", &[], Some("shop"))),
            [("get", "", None)]
        );
    }

    #[test]
    fn a_namespace_is_asked_for_in_itself() {
        let (shop, a) = (Some("shop"), Some("a"));
        assert_eq!(
            asked(&expectation(&["get"], "namespaces", &[], shop)),
            [("get", "shop", shop)]
        );
        assert_eq!(
            asked(&expectation(&["get"], "namespaces", &["a"], None)),
            [("get", "a", a)]
        );
        assert_eq!(
            asked(&expectation(&["get"], "namespaces", &[], None)),
            [("get", "", None)]
        );
        assert_eq!(
            asked(&expectation(&["list"], "namespaces", &["a"], shop)),
            [("list", "a", None)]
        );
    }
}
