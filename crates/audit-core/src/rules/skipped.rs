//! The annotation `skip-containers`: how a container is taken out of its list while the others stay.

use super::pods::workloads;
use crate::chain::Chain;
use crate::fix::{self, Fix};
use crate::model::Pod;
use crate::text::quote;
use crate::webhook::annotation;

/// Containers that proxies and operators add to pods, and that call AWS for nobody: whoever skips them means it.
const BYSTANDERS: [&str; 12] = [
    "istio-proxy",
    "istio-init",
    "istio-validation",
    "linkerd-proxy",
    "linkerd-init",
    "linkerd-network-validator",
    "kuma-sidecar",
    "kuma-init",
    "consul-dataplane",
    "cloud-sql-proxy",
    "kube-rbac-proxy",
    "oauth2-proxy",
];

/// The key of the annotation.
#[must_use]
pub fn key(chain: &Chain<'_>) -> String {
    format!("{}/skip-containers", chain.config.annotation_prefix)
}

/// Takes the container that needs credentials out of the list, where only one can be meant, and else says that somebody
/// has to choose.
#[must_use]
pub fn repair(chain: &Chain<'_>, pods: &[&Pod]) -> Fix {
    let (owners, names) = workloads(pods);
    let value = |pod: &Pod| {
        pod.annotation(&chain.config.annotation_prefix, "skip-containers")
            .map(str::to_owned)
    };
    let mut lists: Vec<String> = pods.iter().filter_map(|pod| value(pod)).collect();
    lists.sort();
    lists.dedup();
    let [list] = lists.as_slice() else {
        return by_hand(chain, &names, "the lists");
    };
    let skipped = annotation::record(list);
    let needs = |name: &&String| {
        let mut containers = pods.iter().flat_map(|pod| &pod.containers);
        containers.any(|container| container.name == **name) && !BYSTANDERS.contains(&name.as_str())
    };
    let needing: Vec<&String> = skipped.iter().filter(needs).collect();
    let shown = format!("`{}`", quote(list));
    let [container] = needing.as_slice() else {
        return by_hand(chain, &names, &shown);
    };
    let rest: Vec<&String> = skipped.iter().filter(|name| name != container).collect();
    let rest = annotation::line(&rest);
    let (namespace, key) = (&chain.key.namespace, key(chain));
    let command = if rest.is_empty() {
        fix::drop_metadata(namespace, &owners, "annotations", &key)
    } else {
        fix::replace_annotation(namespace, &owners, &key, list, &rest)
    };
    let edited = if rest.is_empty() {
        format!("remove the annotation `{key}` from the pod templates of {names}")
    } else {
        format!(
            "set the annotation `{key}` of the pod templates of {names} to `{}`",
            quote(&rest)
        )
    };
    command.unwrap_or_else(|| Fix::manual(edited))
}

fn by_hand(chain: &Chain<'_>, names: &str, list: &str) -> Fix {
    Fix::manual(format!(
        "in the pod templates of {names}, remove the containers that call AWS from {list} in the annotation `{}`, and leave \
         the others",
        key(chain)
    ))
}
