//! The annotation `skip-containers`: how a container is taken out of its list while the others stay.

use super::pods::workloads;
use crate::chain::Chain;
use crate::fix::{self, Fix};
use crate::model::Pod;
use crate::text::quote;
use crate::webhook::annotation;

/// Containers that proxies and operators add to pods, and that do not call AWS: who skips them intends it.
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

/// The command that takes the container that needs credentials out of the list in the templates of pods; none where more than one can be
/// meant, so that a person has to choose.
#[must_use]
pub fn command(chain: &Chain<'_>, pods: &[&Pod]) -> Option<Fix> {
    let (owners, _) = workloads(pods);
    let (namespace, key) = (&chain.key.namespace, key(chain));
    let (list, rest) = shortened(chain, pods)?;
    if rest.is_empty() {
        fix::drop_metadata(namespace, &owners, "annotations", &key)
    } else {
        fix::replace_annotation(namespace, &owners, &key, &list, &rest)
    }
}

/// What a person does in its place.
#[must_use]
pub fn by_hand(chain: &Chain<'_>, pods: &[&Pod]) -> String {
    let (_, names) = workloads(pods);
    let key = key(chain);
    match shortened(chain, pods) {
        Some((_, rest)) if rest.is_empty() => {
            format!("remove the annotation `{key}` from the pod templates of {names}")
        }
        Some((_, rest)) => format!(
            "set the annotation `{key}` of the pod templates of {names} to `{}`",
            quote(&rest)
        ),
        None => {
            let list = match lists(chain, pods).as_slice() {
                [list] => format!("`{}`", quote(list)),
                _ => "the lists".to_owned(),
            };
            format!(
                "in the pod templates of {names}, remove the containers that call AWS from {list} in the annotation `{key}`, and \
                 keep the others"
            )
        }
    }
}

/// The list of pods as it is, and without the one container that can be meant; absent where several can, or where lists differ.
fn shortened(chain: &Chain<'_>, pods: &[&Pod]) -> Option<(String, String)> {
    let lists = lists(chain, pods);
    let [list] = lists.as_slice() else { return None };
    let skipped = annotation::record(list);
    let needs = |name: &&String| {
        let mut containers = pods.iter().flat_map(|pod| &pod.containers);
        containers.any(|container| container.name == **name) && !BYSTANDERS.contains(&name.as_str())
    };
    let needing: Vec<&String> = skipped.iter().filter(needs).collect();
    let [container] = needing.as_slice() else {
        return None;
    };
    let rest: Vec<&String> = skipped.iter().filter(|name| name != container).collect();
    Some((list.clone(), annotation::line(&rest)))
}

/// The lists in the annotations of pods, each once.
fn lists(chain: &Chain<'_>, pods: &[&Pod]) -> Vec<String> {
    let value = |pod: &&Pod| {
        pod.annotation(&chain.config.annotation_prefix, "skip-containers")
            .map(str::to_owned)
    };
    let mut lists: Vec<String> = pods.iter().filter_map(value).collect();
    lists.sort();
    lists.dedup();
    lists
}
