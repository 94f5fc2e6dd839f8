//! How pods come to be as they should: edits of the pod templates where these are what is wrong, and what makes a template reach its
//! pods.
//!
//! A running pod shows what its template said when the pod was created. Where the template itself was seen, it decides: what it says by
//! now needs no edit, only new pods. In a live cluster, whose workloads are not read, a restart follows the edit: the edit changes nothing
//! where it was made before.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::pods::{ToldContainer, named, workloads};
use crate::chain::Chain;
use crate::fix::{self, Fix, FixKind};
use crate::model::{Container, Pod, Workload};
use crate::snapshot::Origin;
use crate::text::{quote, quote_list};

/// Has pods created again: by a restart of their workloads where that replaces them, and else these pods are deleted by name, which their
/// controllers create again. Other pods of a workload are not deleted.
#[must_use]
pub fn restart(chain: &Chain<'_>, pods: &[&Pod]) -> Option<Fix> {
    let namespace = chain.key.namespace.as_str();
    let (all, _) = workloads(pods);
    let why = |workload: &Workload| no_restart(chain, workload);
    let free: Vec<Workload> = all.iter().filter(|one| why(one).is_none()).cloned().collect();
    let by_name = all.iter().filter_map(|workload| {
        let pods = names_of(workload, pods);
        Some(fix::delete_pods(namespace, workload, &why(workload)?, &pods))
    });
    let steps = fix::restart(namespace, &free).into_iter().chain(by_name);
    steps.reduce(Fix::and_then).map(Fix::by_hand_last)
}

/// Why a restart of a workload does not replace its pods, or may be undone: words that follow its name.
fn no_restart(chain: &Chain<'_>, workload: &Workload) -> Option<String> {
    let facts = chain.snapshot.cluster.workload(&chain.key.namespace, workload)?;
    let managed = || {
        let manager = facts.managed_by.as_ref()?;
        let manager = quote(&manager.to_string());
        Some(format!("is managed by {manager}, which may undo a restart"))
    };
    facts.held.map(fix::Held::no_restart).or_else(managed)
}

/// Has workloads create pods from templates that have changed since these were created.
#[must_use]
pub fn catch_up(chain: &Chain<'_>, pods: &[&Pod]) -> Option<Fix> {
    let cluster = &chain.snapshot.cluster;
    let (held, free): (Vec<&Pod>, Vec<&Pod>) = pods
        .iter()
        .copied()
        .partition(|pod| cluster.held(&pod.namespace, &pod.workload).is_some());
    let (_, names) = workloads(&free);
    let restarted = restart(chain, &free);
    let restarted = restarted.map(|fix| match fix.first.kind {
        FixKind::Kubectl => fix.brief(format!(
            "recreate the pods that are older than the pod template of {names}; the template needs no change"
        )),
        FixKind::Manual | FixKind::AwsCli => fix,
    });
    [restarted, roll_out(chain, &held)]
        .into_iter()
        .flatten()
        .reduce(Fix::and_then)
}

/// What has to follow a change of pod templates, where it does not roll out by itself.
fn roll_out(chain: &Chain<'_>, pods: &[&Pod]) -> Option<Fix> {
    let namespace = chain.key.namespace.as_str();
    let (all, _) = workloads(pods);
    let steps = all.iter().filter_map(|workload| {
        let held = chain.snapshot.cluster.held(namespace, workload)?;
        let pods = names_of(workload, pods);
        // What has no pods has none to replace.
        let is_due = held == fix::Held::Paused || !pods.is_empty();
        is_due.then(|| fix::roll_out(namespace, workload, held, &pods))
    });
    steps.reduce(Fix::and_then)
}

/// The pods of a workload by name.
fn names_of<'p>(workload: &Workload, pods: &[&'p Pod]) -> Vec<&'p str> {
    let running = pods.iter().filter(|pod| !pod.is_template());
    let its = running.filter(|pod| *pod.workload == *workload);
    its.map(|pod| &*pod.name).collect()
}

/// Changes the templates of pods where the change `is_needed` still for pod and template, and has pods created from them: by a `command`, which names the
/// workloads of the pods that it is given; else `by_hand`, and always so where a controller would overwrite the template.
#[must_use]
pub fn edited(
    chain: &Chain<'_>,
    pods: &[&Pod],
    is_needed: impl Fn(&Pod, &Pod) -> bool,
    command: impl Fn(&[&Pod]) -> Option<Fix>,
    by_hand: impl Fn(&[&Pod]) -> String,
) -> Option<Fix> {
    let cluster = &chain.snapshot.cluster;
    // Of files that hold pods alone, the edit is all.
    let is_seen = |pod: &Pod| {
        (chain.snapshot.origin == Origin::Files && !cluster.is_captured())
            || pod.is_template()
            || cluster.template_of(pod).is_some()
            || cluster.held(&pod.namespace, &pod.workload).is_some()
    };
    let is_past = |pod: &Pod| {
        cluster
            .template_of(pod)
            .is_some_and(|template| !is_needed(pod, template))
    };
    let manager = |pod: &Pod| {
        let facts = cluster.workload(&pod.namespace, &pod.workload)?;
        facts.managed_by.as_ref()
    };
    let (past, due): (Vec<&Pod>, Vec<&Pod>) = pods.iter().copied().partition(|pod| is_past(pod));
    let (owned, free): (Vec<&Pod>, Vec<&Pod>) = due.into_iter().partition(|pod| manager(pod).is_some());
    let edit = (!free.is_empty()).then(|| {
        let follows = roll_out(chain, &free);
        let Some(command) = command(&free) else {
            return Fix::manual(by_hand(&free)).then(follows);
        };
        let unseen: Vec<&Pod> = free.iter().copied().filter(|pod| !is_seen(pod)).collect();
        let restarted = (command.first.kind == FixKind::Kubectl).then(|| restart(chain, &unseen));
        let follows = [follows, restarted.flatten()].into_iter().flatten();
        command.then(follows.reduce(Fix::and_then))
    });
    let at_manager = (!owned.is_empty()).then(|| {
        let mut managers: Vec<String> = owned
            .iter()
            .filter_map(|pod| manager(pod))
            .map(Workload::to_string)
            .collect();
        managers.sort();
        managers.dedup();
        let (_, names) = workloads(&owned);
        Fix::manual(format!(
            "make this change in {}, which manages {names} and overwrites its pod template: {}",
            quote_list(&managers, 3),
            by_hand(&owned)
        ))
    });
    // Commands first, as far as they wait for nothing: a person comes last.
    [edit, catch_up(chain, &past), at_manager]
        .into_iter()
        .flatten()
        .reduce(Fix::and_then)
}

/// As [`edited`], where containers `have` something that is to go.
#[must_use]
pub fn edited_containers<'a, T: Copy>(
    chain: &Chain<'_>,
    told: &[ToldContainer<'a, T>],
    have: impl Fn(&Container) -> bool,
    command: impl Fn(&[ToldContainer<'a, T>]) -> Option<Fix>,
    by_hand: impl Fn(&[ToldContainer<'a, T>]) -> String,
) -> Option<Fix> {
    let mut pods: Vec<&Pod> = told.iter().map(|one| one.pod).collect();
    pods.dedup_by(|one, other| std::ptr::eq(*one, *other));
    let of = |pods: &[&Pod]| -> Vec<ToldContainer<'a, T>> {
        let these: HashSet<*const Pod> = pods.iter().map(|pod| std::ptr::from_ref(*pod)).collect();
        let is_one = |one: &&ToldContainer<'a, T>| these.contains(&std::ptr::from_ref(one.pod));
        told.iter().filter(is_one).copied().collect()
    };
    let mut names: BTreeMap<&Workload, BTreeSet<&str>> = BTreeMap::new();
    for (workload, container) in named(told) {
        names.entry(workload).or_default().insert(container);
    }
    let is_needed = |_: &Pod, template: &Pod| {
        let mut its = names.get(&*template.workload).into_iter().flatten();
        its.any(|name| {
            let mut containers = template.containers.iter();
            let same = containers.find(|container| container.name == *name);
            // What is not in the template, something adds to each new pod.
            same.is_none_or(&have)
        })
    };
    edited(
        chain,
        &pods,
        is_needed,
        |pods| command(&of(pods)),
        |pods| by_hand(&of(pods)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Held, Rarities, SetBy};
    use crate::testing::*;

    /// A container with keys beside its web identity.
    fn with_keys() -> Container {
        let rarities = Rarities {
            access_key: Some(SetBy::Env),
            ..Rarities::default()
        };
        Container {
            rarities: Some(Box::new(rarities)),
            ..injected("app", ROLE)
        }
    }

    /// The fix of the first finding, where the template of the only pod has this container.
    fn fix_of(mut world: World, template: Option<Container>) -> (FixKind, String) {
        if let Some(container) = template {
            let pod = world.snapshot.cluster.binding(&world.key).unwrap().pods()[0].clone();
            let template = changed(Pod::clone(&pod), |pod| pod.containers = vec![container].into());
            world.snapshot.cluster.put_template(template);
        }
        let report = world.audit();
        let fix = report.findings[0].fix.as_ref().unwrap();
        (fix.first.kind, fix.whole())
    }

    fn deployment() -> Workload {
        Workload {
            kind: "Deployment".into(),
            name: "cart".into(),
        }
    }

    fn held(held: Held) -> World {
        let mut world = World::healthy().container(with_keys());
        world.snapshot.cluster.put_held("shop", deployment(), held);
        world
    }

    const EDIT: &str = "kubectl set env --namespace shop deployment/cart --containers app AWS_ACCESS_KEY_ID- \
                        AWS_SECRET_ACCESS_KEY- AWS_SESSION_TOKEN-";
    const RESTART: &str = "kubectl rollout restart --namespace shop deployment/cart";

    #[test]
    fn a_template_that_was_seen_is_edited_only_where_it_must_be() {
        let keys = || World::healthy().container(with_keys());
        assert_eq!(fix_of(keys(), Some(with_keys())).1, EDIT);
        assert_eq!(fix_of(keys(), Some(bare("app"))).1, RESTART);
        assert_eq!(
            fix_of(keys(), None).1,
            format!("{EDIT} && {RESTART}"),
            "the template may have lost the variables before"
        );
        assert_eq!(
            fix_of(keys(), Some(bare("other"))).1,
            EDIT,
            "a restart does not take away what something else adds"
        );
    }

    #[test]
    fn what_does_not_roll_out_by_itself_is_made_to() {
        let resume = "kubectl rollout resume --namespace shop deployment/cart";
        assert_eq!(
            fix_of(held(Held::Paused), Some(with_keys())).1,
            format!("{EDIT} && {resume}")
        );
        assert_eq!(fix_of(held(Held::Paused), Some(bare("app"))).1, resume);
        let delete = "kubectl delete pod --namespace shop cart-1";
        let (_, fix) = fix_of(held(Held::OnDelete), Some(with_keys()));
        assert!(fix.starts_with(&format!("{EDIT} && {}", &delete[..18])), "{fix}");
        let (kind, fix) = fix_of(held(Held::Partition(1)), Some(bare("app")));
        assert!(
            kind == FixKind::Manual && fix.contains("lower `spec.updateStrategy"),
            "{fix}"
        );
    }

    #[test]
    fn a_template_that_a_controller_writes_is_changed_there() {
        let managed = |container: Container| {
            let mut world = World::healthy().container(container);
            let manager = Workload {
                kind: "Prometheus".into(),
                name: "k8s".into(),
            };
            world.snapshot.cluster.put_manager("shop", deployment(), manager);
            world
        };
        let (kind, fix) = fix_of(managed(with_keys()), Some(with_keys()));
        assert_eq!(kind, FixKind::Manual);
        assert!(
            fix.contains("in `Prometheus/k8s`, which manages `Deployment/cart`"),
            "{fix}"
        );
        let (_, fix) = fix_of(managed(bare("app")), None);
        assert!(fix.starts_with("kubectl delete pod --namespace shop "), "{fix}");
    }

    #[test]
    fn only_the_pods_that_must_be_recreated_are_deleted() {
        let mut world = World::healthy().pod(|pod| pod.name = "cart-well".into());
        let key = world.key.clone();
        world.snapshot.cluster.put_pod(Pod {
            name: "cart-ill".into(),
            ..pod(&key, "cart", bare("app"))
        });
        world
            .snapshot
            .cluster
            .put_held("shop", deployment(), Held::Partition(1));
        assert_eq!(
            fix_of(world, None).1,
            "kubectl delete pod --namespace shop cart-ill"
        );
    }
}
