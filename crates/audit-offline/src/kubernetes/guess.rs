//! What a manifest that cannot be read may have held, as far as its name tells.

use audit_core::snapshot::GapKind;

/// Words in the names of files that hold ServiceAccounts.
const ACCOUNTS: [&str; 3] = ["sa", "serviceaccount", "serviceaccounts"];

/// Words in the names of files that hold pods, or what creates pods.
const PODS: [&str; 20] = [
    "pod",
    "pods",
    "po",
    "deploy",
    "deployment",
    "deployments",
    "ds",
    "daemonset",
    "daemonsets",
    "sts",
    "statefulset",
    "statefulsets",
    "rs",
    "replicaset",
    "replicasets",
    "job",
    "jobs",
    "cronjob",
    "cronjobs",
    "workloads",
];

/// Words in the names of files that hold roles and bindings of Kubernetes.
const RBAC: [&str; 9] = [
    "rbac",
    "role",
    "roles",
    "rolebinding",
    "rolebindings",
    "clusterrole",
    "clusterroles",
    "clusterrolebinding",
    "clusterrolebindings",
];

/// Words in the names of files whose objects neither run nor grant anything.
const NEITHER: [&str; 17] = [
    "secret",
    "secrets",
    "cm",
    "configmap",
    "configmaps",
    "namespace",
    "namespaces",
    "ns",
    "service",
    "services",
    "svc",
    "ingress",
    "ingresses",
    "events",
    "nodes",
    "crd",
    "crds",
];

/// Words in the names of directories and files with outputs of the AWS CLI.
const AWS: [&str; 9] = [
    "aws",
    "iam",
    "eks",
    "account",
    "accounts",
    "caller",
    "provider",
    "providers",
    "organizations",
];

/// What a file of this path may have held that cannot be read: by the words of its own name, else by those of its directory, else anything.
pub(super) fn may_have_held(path: &str) -> Vec<GapKind> {
    if is_of_aws(path) {
        return Vec::new();
    }
    let (folder, name) = parts(path);
    let folder = folder.rsplit(['/', '\\']).next().unwrap_or_default();
    [name, folder]
        .into_iter()
        .find_map(by_words)
        .unwrap_or_else(|| GapKind::ALL.to_vec())
}

/// What a file of this path should have held that holds something else: what its own name says.
pub(super) fn should_have_held(path: &str) -> Vec<GapKind> {
    if is_of_aws(path) {
        return Vec::new();
    }
    by_words(parts(path).1).unwrap_or_default()
}

/// Directory and name.
fn parts(path: &str) -> (&str, &str) {
    path.rsplit_once(['/', '\\']).unwrap_or(("", path))
}

/// Whether the file, or its directory, is named after AWS.
fn is_of_aws(path: &str) -> bool {
    let (folder, name) = parts(path);
    let folder = folder.rsplit(['/', '\\']).next().unwrap_or_default();
    [name, folder].into_iter().any(|text| has_any(text, &AWS))
}

fn has_any(text: &str, known: &[&str]) -> bool {
    let lower = text.to_ascii_lowercase();
    let joined = lower
        .replace("service-account", "serviceaccount")
        .replace("service_account", "serviceaccount");
    joined
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| known.contains(&word))
}

/// What words tell; `None` where none of them is known.
fn by_words(text: &str) -> Option<Vec<GapKind>> {
    let has = |known: &[&str]| has_any(text, known);
    let kinds: Vec<GapKind> = [
        (GapKind::ServiceAccounts, has(&ACCOUNTS)),
        (GapKind::Pods, has(&PODS)),
        (GapKind::Rbac, has(&RBAC)),
    ]
    .into_iter()
    .filter_map(|(kind, is_named)| is_named.then_some(kind))
    .collect();
    (!kinds.is_empty() || has(&NEITHER)).then_some(kinds)
}

/// What a list of this kind, such as `PodList`, holds; a `List` may hold anything.
pub(super) fn of_list(kind: &str) -> Vec<GapKind> {
    match kind.strip_suffix("List") {
        Some("") => GapKind::ALL.to_vec(),
        Some(kind) => by_words(kind).unwrap_or_default(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_what_a_file_may_have_held_and_else_anything() {
        use GapKind::{Pods, Rbac, ServiceAccounts};
        for (path, expected) in [
            ("dump/pods.yaml", &[Pods][..]),
            ("shop-pods.json", &[Pods]),
            ("dump/sa.yaml", &[ServiceAccounts]),
            ("dump/service-accounts.yaml", &[ServiceAccounts]),
            ("sa,pods.yaml", &[ServiceAccounts, Pods]),
            ("dump/clusterrolebindings.yaml", &[Rbac]),
            ("dump/pods/shop.yaml", &[Pods]),
            ("dump/secrets.yaml", &[]),
            ("aws/x.json", &[]),
            ("aws/role.json", &[]),
            ("account/x.json", &[]),
            ("dump/all.yaml", &GapKind::ALL),
            ("x.yaml", &GapKind::ALL),
        ] {
            assert_eq!(may_have_held(path), expected, "{path}");
        }
        assert_eq!(should_have_held("dump/pods.yaml"), [Pods]);
        assert_eq!(should_have_held("pods/values.yaml"), []);
        assert_eq!(should_have_held("aws/roles.json"), []);
        assert_eq!(of_list("PodList"), [Pods]);
        assert_eq!(of_list("ServiceAccountList"), [ServiceAccounts]);
        assert_eq!(of_list("List"), GapKind::ALL);
        assert_eq!(of_list("ConfigMapList"), []);
    }
}
